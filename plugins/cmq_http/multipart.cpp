#include "plugins/cmq_http/multipart.h"

#include "broker/base/letters.h"

#include <string>
#include <utility>

namespace penstock::plugins::cmq {

namespace {

constexpr std::size_t boundary_chars_max = 70;  // RFC 2046, 5.1.1

std::string_view unpadded(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}

// What stands before the next `mark`, cut off `text` together with it; nothing: there is none.
std::optional<std::string_view> cut_before(std::string_view& text, std::string_view mark) {
    const auto at = text.find(mark);
    if (at == std::string_view::npos) return std::nullopt;
    const auto head = text.substr(0, at);
    text.remove_prefix(at + mark.size());
    return head;
}

// The same, up to the end where there is none.
std::string_view cut(std::string_view& text, std::string_view mark) {
    if (const auto head = cut_before(text, mark)) return *head;
    return std::exchange(text, {});
}

// The option `name` behind a header's value, as in `form-data; name="a"`.
std::optional<std::string_view> option_of(std::string_view value, std::string_view name) {
    cut(value, ";");
    while (!value.empty()) {
        auto given = cut(value, ";");
        if (!same_letters(unpadded(cut(given, "=")), name)) continue;
        given = unpadded(given);
        const bool quoted = given.size() > 1 && given.front() == '"' && given.back() == '"';
        return quoted ? given.substr(1, given.size() - 2) : given;
    }
    return std::nullopt;
}

std::string_view field_name(std::string_view headers) {
    while (!headers.empty()) {
        auto header = cut(headers, "\r\n");
        if (!same_letters(unpadded(cut(header, ":")), "content-disposition")) continue;
        const bool file = option_of(header, "filename").has_value();
        return file ? std::string_view() : option_of(header, "name").value_or(std::string_view());
    }
    return {};
}

}  // namespace

std::string_view boundary_of(std::string_view content_type) {
    std::string_view type = content_type;
    if (!same_letters(unpadded(cut(type, ";")), "multipart/form-data")) return {};
    const auto boundary = option_of(content_type, "boundary").value_or(std::string_view());
    return boundary.size() <= boundary_chars_max ? boundary : std::string_view();
}

std::optional<std::vector<Part>> read_parts(std::string_view body,
                                            std::string_view boundary,
                                            std::size_t parts_max) {
    const std::string mark = "\r\n--" + std::string(boundary);
    const std::string_view first = std::string_view(mark).substr(2);  // may begin the body
    if (body.starts_with(first)) {
        body.remove_prefix(first.size());
    } else if (!cut_before(body, mark)) {
        return std::nullopt;
    }
    std::vector<Part> parts;
    while (!body.starts_with("--")) {
        const auto rest = cut_before(body, "\r\n");
        if (!rest || !unpadded(*rest).empty() || parts.size() == parts_max) return std::nullopt;
        const auto headers = cut_before(body, "\r\n\r\n");
        const auto value = cut_before(body, mark);
        const bool whole = headers && value && headers->find(mark) == std::string_view::npos;
        if (!whole) return std::nullopt;
        parts.push_back({field_name(*headers), *value});
    }
    return parts;
}

}  // namespace penstock::plugins::cmq
