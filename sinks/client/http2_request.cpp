#include "sinks/client/http2_request.h"

#include "broker/base/letters.h"

#include <algorithm>
#include <array>

namespace penstock::sinks::client {
namespace {

constexpr std::string_view line_end = "\r\n";

template <std::size_t Count>
bool is_one_of(std::string_view name, const std::array<std::string_view, Count>& names) {
    return std::any_of(names.begin(), names.end(), [name](std::string_view one) {
        return same_letters(name, one);
    });
}

// RFC 9113, 8.2.2.
constexpr std::array<std::string_view, 6> of_the_connection{
    "connection", "keep-alive", "proxy-connection", "te", "transfer-encoding", "upgrade"};

constexpr std::array<std::string_view, 3> constant_fields{"accept", "content-type", "user-agent"};

// Cuts off the text before the next line end; empty when there is none.
std::optional<std::string_view> take_line(std::string_view& text) {
    const std::size_t end = text.find(line_end);
    if (end == std::string_view::npos) return {};
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end + line_end.size());
    return line;
}

}  // namespace

std::optional<RequestHead> read_request_head(std::string_view text) {
    RequestHead head;
    const auto first = take_line(text);
    if (!first) return {};
    const std::size_t space = first->find(' ');
    const std::size_t last = first->rfind(' ');
    if (space == std::string_view::npos || space == last) return {};
    head.method = first->substr(0, space);
    head.target = first->substr(space + 1, last - space - 1);
    for (;;) {
        const auto line = take_line(text);
        if (!line) return {};
        if (line->empty()) break;
        const std::size_t colon = line->find(':');
        if (colon == std::string_view::npos || colon == 0) return {};
        const std::string_view name = line->substr(0, colon);
        std::string_view value = line->substr(colon + 1);
        value.remove_prefix(std::min(value.find_first_not_of(" \t"), value.size()));
        value = value.substr(0, value.find_last_not_of(" \t") + 1);
        if (same_letters(name, "host")) {
            head.authority = value;
        } else if (!is_one_of(name, of_the_connection)) {
            head.fields.push_back({name, value});
        }
    }
    head.rest = text;
    return head;
}

bool may_be_indexed(std::string_view name) {
    return is_one_of(name, constant_fields);
}

}  // namespace penstock::sinks::client
