#include "plugins/listener/response_writer.h"

#include <boost/beast/http/status.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <ctime>

namespace penstock::plugins {

namespace {

constexpr unsigned no_content = 204;
constexpr unsigned not_modified = 304;

bool is_printable(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char byte) {
        const auto code = static_cast<unsigned char>(byte);
        return code >= 0x20 && code != 0x7F;
    });
}

std::string_view reason_phrase(unsigned status) {
    namespace http = boost::beast::http;
    const auto phrase = http::obsolete_reason(http::int_to_status(status));
    return {phrase.data(), phrase.size()};
}

void append_header(std::string& out, std::string_view name, std::string_view value) {
    if (name.empty() || !is_printable(name) || !is_printable(value)) return;
    out.append(name).append(": ").append(value).append("\r\n");
}

// A stream to a caller of HTTP/1.0 ends with the connection.
void append_length(std::string& out, const HttpResponse& response, const ResponseFrame& frame) {
    if (response.stream == nullptr) {
        append_header(out, "Content-Length", std::to_string(response.body.size()));
    } else if (!frame.http_1_0) {
        append_header(out, "Transfer-Encoding", "chunked");
    }
}

}  // namespace

std::string http_date(std::int64_t unix_seconds) {
    const auto seconds = static_cast<std::time_t>(unix_seconds);
    std::tm parts{};
    gmtime_r(&seconds, &parts);
    constexpr std::array<std::string_view, 7> days{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    constexpr std::array<std::string_view, 12> months{
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    // Names by hand: strftime would follow the process's locale.
    std::array<char, 32> rest{};
    std::string out(days.at(static_cast<std::size_t>(parts.tm_wday)));
    out.append(rest.data(), std::strftime(rest.data(), rest.size(), ", %d ", &parts));
    out.append(months.at(static_cast<std::size_t>(parts.tm_mon)));
    out.append(rest.data(), std::strftime(rest.data(), rest.size(), " %Y %H:%M:%S GMT", &parts));
    return out;
}

void append_head(std::string& out, const HttpResponse& response, const ResponseFrame& frame) {
    out.append("HTTP/1.1 ").append(std::to_string(response.status)).append(" ");
    out.append(reason_phrase(response.status)).append("\r\n");
    append_header(out, "Date", frame.date);
    if (response.status != no_content && response.status != not_modified) {
        if (!response.content_type.empty()) {
            append_header(out, "Content-Type", response.content_type);
        }
        append_length(out, response, frame);
    }
    if (!frame.keep_alive) out.append("Connection: close\r\n");
    if (frame.keep_alive && frame.http_1_0) out.append("Connection: keep-alive\r\n");
    for (const auto& [name, value] : response.headers) append_header(out, name, value);
    out.append("\r\n");
}

std::string chunk(std::string_view piece) {
    std::array<char, 16> digits{};
    const auto end =
        std::to_chars(digits.data(), digits.data() + digits.size(), piece.size(), 16).ptr;
    std::string out(digits.data(), end);
    out.append("\r\n").append(piece).append("\r\n");
    return out;
}

HttpResponse problem(unsigned status, std::string_view detail) {
    HttpResponse response;
    response.status = status;
    response.content_type = "application/problem+json";
    response.body.append("{\"title\":\"").append(reason_phrase(status));
    response.body.append("\",\"status\":").append(std::to_string(status));
    response.body.append(",\"code\":\"").append(refusal_code(status));
    response.body.append("\",\"detail\":\"").append(detail).append("\"}");
    return response;
}

}  // namespace penstock::plugins
