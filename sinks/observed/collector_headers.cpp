#include "sinks/observed/collector_headers.h"

#include <boost/algorithm/string/case_conv.hpp>
#include <boost/algorithm/string/trim.hpp>
#include <boost/url/pct_string_view.hpp>

#include <algorithm>
#include <array>
#include <cctype>

namespace penstock::sinks::observed {

namespace {

constexpr std::array<std::string_view, 5> own_headers{
    "content-length", "content-type", "host", "transfer-encoding", "user-agent"};

bool is_token(std::string_view name) {
    static constexpr std::string_view marks = "!#$%&'*+-.^_`|~";
    return !name.empty() && std::all_of(name.begin(), name.end(), [](char letter) {
        return std::isalnum(static_cast<unsigned char>(letter)) != 0 ||
               marks.find(letter) != std::string_view::npos;
    });
}

bool is_field_value(std::string_view value) {
    return std::all_of(value.begin(), value.end(), [](char letter) {
        return static_cast<unsigned char>(letter) >= ' ' && letter != '\x7f';
    });
}

Result<std::string> header_line(std::string_view item) {
    const std::size_t sign = item.find('=');
    if (sign == std::string_view::npos)
        return error(Errc::invalid, "an entry has no '=': write name=value,name=value");
    const std::string name = boost::trim_copy(std::string(item.substr(0, sign)));
    if (!is_token(name)) return error(Errc::invalid, "'" + name + "' is no name of a header");
    const std::string known = boost::to_lower_copy(name);
    if (std::find(own_headers.begin(), own_headers.end(), known) != own_headers.end())
        return error(Errc::invalid, name + " is set by the exporter itself");
    const std::string text = boost::trim_copy(std::string(item.substr(sign + 1)));
    const auto encoded = boost::urls::make_pct_string_view(text);
    if (!encoded) return error(Errc::invalid, "the value of " + name + " has a broken %-escape");
    std::string value;
    (*encoded).decode({}, boost::urls::string_token::assign_to(value));
    if (!is_field_value(value))
        return error(Errc::invalid, "the value of " + name + " has control bytes");
    return "\r\n" + name + ": " + value;
}

}  // namespace

Result<std::string> collector_headers(std::string_view text) {
    std::string lines;
    std::size_t count = 0;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find(','), text.size());
        const std::string item = boost::trim_copy(std::string(text.substr(0, end)));
        text.remove_prefix(std::min(end + 1, text.size()));
        if (item.empty()) continue;
        if (++count > collector_headers_max) {
            return error(Errc::invalid,
                         "more than " + std::to_string(collector_headers_max) + " headers");
        }
        auto line = header_line(item);
        if (!line) return line.error();
        lines += *line;
    }
    return lines;
}

}  // namespace penstock::sinks::observed
