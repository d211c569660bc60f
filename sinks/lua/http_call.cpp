#include "sinks/lua/http_call.h"

#include "broker/base/base64.h"
#include "broker/base/letters.h"
#include "sinks/worker/protocol.h"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <array>
#include <cctype>
#include <map>
#include <optional>
#include <utility>

namespace penstock::sinks::lua {
namespace {

namespace json = boost::json;

constexpr std::string_view idempotency_header = "idempotency-key";
constexpr std::array<std::string_view, 5> own_headers = {
    "host", "content-length", "connection", "transfer-encoding", "expect"};

bool is_token(std::string_view text) {
    constexpr std::string_view marks = "!#$%&'*+-.^_`|~";
    return !text.empty() && std::all_of(text.begin(), text.end(), [&](char letter) {
        const auto byte = static_cast<unsigned char>(letter);
        return std::isalnum(byte) != 0 || marks.find(letter) != std::string_view::npos;
    });
}

std::string text_of(const json::object& call, std::string_view name) {
    const json::value* member = call.if_contains({name.data(), name.size()});
    if (member == nullptr || !member->is_string()) return {};
    return std::string(member->get_string());
}

std::optional<std::int64_t> number_of(const json::object& call, std::string_view name) {
    const json::value* member = call.if_contains({name.data(), name.size()});
    if (member == nullptr) return {};
    boost::system::error_code ec;
    const auto number = member->to_number<std::int64_t>(ec);
    if (ec) return {};
    return number;
}

bool is_allowed(const client::Url& url, const std::vector<std::string>& allowed) {
    const std::string with_port = url.host + ':' + std::to_string(url.port);
    return std::any_of(allowed.begin(), allowed.end(), [&](const std::string& entry) {
        const std::string host = lowered(entry);
        return host == "*" || host == url.host || host == with_port;
    });
}

// The script's headers, with what is missing; names stay as they were written.
Result<std::string> header_lines(const json::object& call, const HttpCallContext& context) {
    std::string lines;
    bool has_key = false;
    const json::value* headers = call.if_contains("headers");
    if (headers != nullptr && headers->is_object()) {
        const json::object& object = headers->get_object();
        if (object.size() > http_call_headers_max) return error(Errc::invalid, "too many headers");
        for (const auto& [key, value] : object) {
            const std::string_view name(key.data(), key.size());
            const std::string small = lowered(name);
            if (!is_token(name)) return error(Errc::invalid, "a header's name is no token");
            if (std::count(own_headers.begin(), own_headers.end(), small) > 0) continue;
            const std::string text =
                value.is_string() ? std::string(value.get_string()) : json::serialize(value);
            if (text.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos) {
                return error(Errc::invalid, "the header " + small + " has a line break in it");
            }
            has_key = has_key || small == idempotency_header;
            lines += std::string(name) + ": " + text + "\r\n";
        }
    }
    if (!has_key) {
        const auto ordinal = number_of(call, "idempotency");
        lines += "Idempotency-Key: " + context.idempotency + '-' +
                 std::to_string(ordinal ? static_cast<std::uint64_t>(*ordinal) : context.ordinal) +
                 "\r\n";
    }
    if (lines.size() > http_call_head_bytes_max) return error(Errc::invalid, "headers too long");
    return lines;
}

Result<std::string> body_of(const json::object& call) {
    if (!call.contains("body_base64")) return text_of(call, "body");
    auto bytes = decode_base64(text_of(call, "body_base64"));
    if (!bytes) return error(Errc::invalid, "body_base64 is no base64");
    return std::move(*bytes);
}

std::uint32_t timeout_of(const json::object& call, const HttpCallContext& context) {
    const std::int64_t wish = number_of(call, "timeout_ms").value_or(http_call_timeout_ms);
    return static_cast<std::uint32_t>(
        std::clamp<std::int64_t>(std::min(wish, context.remaining_ms), 1, 300'000));
}

void append_headers(std::string& members, const client::HttpAnswer& answer) {
    // Repeated headers are one value, as RFC 9110 (5.3) lets them be.
    std::map<std::string_view, std::string> joined;
    for (const auto& [name, value] : answer.headers) {
        std::string& text = joined[name];
        if (!text.empty()) text += ", ";
        text += value;
    }
    members += R"("headers":{)";
    for (const auto& [name, value] : joined) {
        if (members.back() != '{') members += ',';
        worker::append_text(members, name);
        members += ':';
        worker::append_text(members, value);
    }
    members += '}';
}

}  // namespace

Result<HttpCallRequest> read_http_call(std::string_view arguments, const HttpCallContext& context) {
    boost::system::error_code ec;
    const json::value parsed = json::parse({arguments.data(), arguments.size()}, ec);
    if (ec || !parsed.is_object()) return error(Errc::invalid, "the call is no JSON object");
    const json::object& call = parsed.get_object();

    HttpCallRequest request;
    Result<client::Url> url = client::parse_url(text_of(call, "url"));
    if (!url) return url.error();
    request.url = std::move(*url);
    if (!is_allowed(request.url, *context.allowed)) {
        return error(Errc::invalid,
                     "this function may not ask the host " + request.url.host +
                         ": its http_allow list does not have it");
    }
    const std::string method = call.contains("method") ? text_of(call, "method") : "GET";
    if (!is_token(method)) return error(Errc::invalid, "the method is no token");
    Result<std::string> headers = header_lines(call, context);
    if (!headers) return headers.error();
    Result<std::string> body = body_of(call);
    if (!body) return body.error();
    request.body = std::move(*body);
    request.timeout_ms = timeout_of(call, context);
    request.head = method + ' ' + request.url.target +
                   " HTTP/1.1\r\nHost: " + request.url.authority + "\r\n" + *headers +
                   "Content-Length: " + std::to_string(request.body.size()) + "\r\n\r\n";
    return request;
}

std::string http_result(std::uint64_t call, const client::Exchange& exchange) {
    if (exchange.ending != client::Ending::answered) {
        const bool silent = exchange.detail.empty();
        return worker::failed_result_frame(call, silent ? "no answer" : exchange.detail);
    }
    if (!exchange.complete) {
        return worker::failed_result_frame(call, "the answer is incomplete or longer than 1 MiB");
    }
    std::string members = R"("status":)" + std::to_string(exchange.answer.status) + ',';
    append_headers(members, exchange.answer);
    members += ',';
    worker::append_bytes(members, "body", exchange.answer.body);
    return worker::result_frame(call, members);
}

}  // namespace penstock::sinks::lua
