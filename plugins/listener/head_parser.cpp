#include "plugins/listener/head_parser.h"

#include <algorithm>
#include <array>

namespace penstock::plugins {

namespace {

constexpr std::size_t method_chars_max = 16;
constexpr std::size_t length_digits_max = 18;

constexpr unsigned ok = 0;
constexpr unsigned bad_request = 400;
constexpr unsigned payload_too_large = 413;
constexpr unsigned target_too_long = 414;
constexpr unsigned unsupported_coding = 415;
constexpr unsigned expectation_failed = 417;
constexpr unsigned too_many_headers = 431;
constexpr unsigned version_unknown = 505;

// The characters of a token (RFC 9110, 5.6.2).
constexpr std::array<bool, 256> token_table() {
    std::array<bool, 256> table{};
    for (unsigned byte = '0'; byte <= '9'; ++byte) table[byte] = true;
    for (unsigned byte = 'a'; byte <= 'z'; ++byte) table[byte] = true;
    for (unsigned byte = 'A'; byte <= 'Z'; ++byte) table[byte] = true;
    for (const char byte : std::string_view("!#$%&'*+-.^_`|~")) {
        table[static_cast<unsigned char>(byte)] = true;
    }
    return table;
}

constexpr auto token_chars = token_table();

bool is_token(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char byte) {
        return token_chars[static_cast<unsigned char>(byte)];
    });
}

bool is_field_value(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char byte) {
        const auto code = static_cast<unsigned char>(byte);
        return (code >= 0x20 && code != 0x7F) || code == '\t';
    });
}

bool is_target(std::string_view text) {
    return !text.empty() && text.front() == '/' &&
           std::all_of(text.begin(), text.end(), [](char byte) {
               return byte > 0x20 && byte < 0x7F && byte != '#';
           });
}

// As text does, be it wrong.
bool may_begin(char byte) {
    return (byte >= ' ' && byte <= '~') || byte == '\r' || byte == '\n';
}

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}

bool equal_ignoring_case(std::string_view text, std::string_view lower) {
    return text.size() == lower.size() && lower_case(text) == lower;
}

// "METHOD SP target SP HTTP/1.x" with exactly one blank between the parts.
unsigned parse_request_line(std::string_view line,
                            const HttpLimits& limits,
                            HttpRequest& request,
                            Framing& framing) {
    const auto first = line.find(' ');
    const auto last = line.rfind(' ');
    if (first == std::string_view::npos || last == first) return bad_request;
    const auto method = line.substr(0, first);
    const auto target = line.substr(first + 1, last - first - 1);
    const auto version = line.substr(last + 1);
    if (method.size() > method_chars_max || !is_token(method)) return bad_request;
    if (version != "HTTP/1.1" && version != "HTTP/1.0") {
        return version.starts_with("HTTP/") ? version_unknown : bad_request;
    }
    if (!is_target(target)) return bad_request;
    framing.http_1_0 = version == "HTTP/1.0";
    framing.keep_alive = !framing.http_1_0;
    request.method = method;
    const auto mark = target.find('?');
    request.path = target.substr(0, mark);
    if (target.size() > limits.target_bytes_max) return target_too_long;
    if (mark != std::string_view::npos) request.query = target.substr(mark + 1);
    return ok;
}

// What the headers said about framing, each at most once.
struct Seen {
    bool host = false;
    bool length = false;
    bool transfer_coding = false;
    bool content_coding = false;
    bool expect = false;
};

unsigned take_length(std::string_view value, Framing& framing, Seen& seen) {
    const bool digits = !value.empty() && std::all_of(value.begin(), value.end(), [](char byte) {
        return byte >= '0' && byte <= '9';
    });
    if (seen.length || !digits || value.size() > length_digits_max) return bad_request;
    seen.length = true;
    for (const char digit : value) {
        framing.body_bytes = framing.body_bytes * 10 + static_cast<unsigned>(digit - '0');
    }
    return ok;
}

void take_connection(std::string_view value, Framing& framing) {
    while (!value.empty()) {
        const auto comma = value.find(',');
        const auto option = trimmed(value.substr(0, comma));
        if (equal_ignoring_case(option, "close")) framing.keep_alive = false;
        if (framing.http_1_0 && equal_ignoring_case(option, "keep-alive"))
            framing.keep_alive = true;
        if (comma == std::string_view::npos) return;
        value.remove_prefix(comma + 1);
    }
}

// Acts on the headers the listener itself obeys; `name` in lower case.
unsigned obey(std::string_view name,
              std::string_view value,
              HttpRequest& request,
              Framing& framing,
              Seen& seen) {
    if (name == "content-length") return take_length(value, framing, seen);
    if (name == "transfer-encoding") {
        if (seen.transfer_coding || framing.http_1_0) return bad_request;
        seen.transfer_coding = true;
        framing.chunked = equal_ignoring_case(value, "chunked");
        return framing.chunked ? ok : bad_request;
    }
    if (name == "host") {
        if (seen.host) return bad_request;
        seen.host = true;
        request.host = value;
    }
    if (name == "connection") take_connection(value, framing);
    if (name == "content-encoding") {
        seen.content_coding = seen.content_coding || !equal_ignoring_case(value, "identity");
    }
    if (name == "expect") {
        seen.expect = true;
        framing.expect_continue = equal_ignoring_case(value, "100-continue");
    }
    return ok;
}

unsigned parse_header(std::string_view line, HttpRequest& request, Framing& framing, Seen& seen) {
    const auto colon = line.find(':');
    // A folded line begins with a blank, which no token holds; neither may one stand before ':'.
    if (colon == std::string_view::npos || !is_token(line.substr(0, colon))) return bad_request;
    const auto value = trimmed(line.substr(colon + 1));
    if (!is_field_value(value)) return bad_request;
    auto& header = request.headers.emplace_back(lower_case(line.substr(0, colon)), value);
    return obey(header.first, value, request, framing, seen);
}

// What can only be judged when all headers are known. Framing faults come before size.
unsigned judge(const HttpLimits& limits, const Framing& framing, const Seen& seen) {
    if (seen.transfer_coding && seen.length) return bad_request;
    if (!seen.host && !framing.http_1_0) return bad_request;
    if (seen.content_coding) return unsupported_coding;
    if (seen.expect && !framing.expect_continue) return expectation_failed;
    if (framing.body_bytes > limits.body_bytes_max) return payload_too_large;
    return ok;
}

}  // namespace

std::string lower_case(std::string_view text) {
    std::string out(text);
    for (char& byte : out) {
        if (byte >= 'A' && byte <= 'Z') byte = static_cast<char>(byte + ('a' - 'A'));
    }
    return out;
}

HeadScan scan_head(std::string_view bytes, std::size_t seen) {
    HeadScan scan;
    // Who speaks TLS here is told at once, not when the time for a head is over.
    scan.malformed = !bytes.empty() && !may_begin(bytes.front());
    if (scan.malformed) return scan;
    for (auto at = bytes.find('\n', seen); at != std::string_view::npos;
         at = bytes.find('\n', at + 1)) {
        scan.malformed = at == 0 || bytes[at - 1] != '\r';
        if (scan.malformed) break;
        if (at == 1 || bytes[at - 2] == '\n') {
            scan.bytes = at + 1;
            break;
        }
    }
    return scan;
}

unsigned parse_head(std::string_view head,
                    const HttpLimits& limits,
                    HttpRequest& request,
                    Framing& framing) {
    Seen seen;
    bool first = true;
    while (true) {
        const auto end = head.find('\n');
        if (end == std::string_view::npos || end == 0 || head[end - 1] != '\r') return bad_request;
        const auto line = head.substr(0, end - 1);
        head.remove_prefix(end + 1);
        if (line.find('\r') != std::string_view::npos) return bad_request;
        if (line.empty()) break;
        if (!first && request.headers.size() == limits.headers_max) return too_many_headers;
        const unsigned status = first ? parse_request_line(line, limits, request, framing)
                                      : parse_header(line, request, framing, seen);
        if (status != ok) return status;
        first = false;
    }
    if (first || !head.empty()) return bad_request;
    return judge(limits, framing, seen);
}

}  // namespace penstock::plugins
