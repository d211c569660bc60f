#include "sinks/process/runtime_wire.h"

#include "sinks/worker/protocol.h"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include <algorithm>

namespace penstock::sinks::process {
namespace {

namespace json = boost::json;

constexpr std::string_view lambda_prefix = "/2018-06-01/runtime";
constexpr std::string_view scf_prefix = "/runtime";
constexpr std::string_view invocation = "/invocation/";

using Kind = RuntimeCall::Kind;

// The part behind "/invocation/" of a POST, which Lambda writes as ID/verb and SCF as verb alone.
void read_outcome(std::string_view rest, RuntimeCall& call) {
    if (call.family == RuntimeFamily::lambda) {
        const std::size_t slash = rest.find('/');
        if (slash == std::string_view::npos || slash == 0) return;
        call.id = rest.substr(0, slash);
        rest.remove_prefix(slash + 1);
    }
    if (rest == "response") call.kind = Kind::response;
    if (rest == "error") call.kind = Kind::error;
}

// `text` on one line: what is shown to people never breaks a log.
std::string one_line(std::string_view text) {
    std::string line(text.substr(0, text.find_first_of("\r\n")));
    std::replace_if(
        line.begin(), line.end(), [](char letter) { return letter >= 0 && letter < ' '; }, ' ');
    return line;
}

std::string text_of(const json::object& object, std::string_view name) {
    const json::value* member = object.if_contains({name.data(), name.size()});
    if (member == nullptr || !member->is_string()) return {};
    return std::string(member->get_string());
}

// The stack: an array of lines, or one text.
std::string trace_of(const json::object& object, std::string_view name) {
    const json::value* member = object.if_contains({name.data(), name.size()});
    if (member == nullptr || !member->is_array()) return text_of(object, name);
    std::string trace;
    for (const json::value& line : member->get_array()) {
        if (!line.is_string()) continue;
        if (!trace.empty()) trace += '\n';
        trace += std::string_view(line.get_string().data(), line.get_string().size());
    }
    return trace;
}

std::string whole_answer(std::string_view status, std::string_view headers, std::string_view body) {
    std::string answer;
    answer.reserve(128 + headers.size() + body.size());
    answer += "HTTP/1.1 ";
    answer += status;
    answer += "\r\nContent-Type: application/json\r\nContent-Length: ";
    answer += std::to_string(body.size());
    answer += "\r\n";
    answer += headers;
    answer += "\r\n";
    answer += body;
    return answer;
}

std::string_view status_text(unsigned status) {
    switch (status) {
        case 404:
            return "404 Not Found";
        case 413:
            return "413 Payload Too Large";
        default:
            return "400 Bad Request";
    }
}

}  // namespace

RuntimeCall parse_runtime_call(std::string_view method, std::string_view target) {
    RuntimeCall call;
    std::string_view path = target.substr(0, target.find('?'));
    const bool lambda = path.starts_with(lambda_prefix);
    if (!lambda && !path.starts_with(scf_prefix)) return call;
    call.family = lambda ? RuntimeFamily::lambda : RuntimeFamily::scf;
    path.remove_prefix(lambda ? lambda_prefix.size() : scf_prefix.size());
    if (method == "GET") {
        if (path == "/invocation/next") call.kind = Kind::next;
        return call;
    }
    if (method != "POST") return call;
    if (lambda && path == "/init/error") call.kind = Kind::init_error;
    if (!lambda && path == "/init/ready") call.kind = Kind::ready;
    if (path.starts_with(invocation)) read_outcome(path.substr(invocation.size()), call);
    return call;
}

std::string RuntimeError::line() const {
    if (type.empty()) return one_line(message);
    return message.empty() ? one_line(type) : one_line(type + ": " + message);
}

RuntimeError parse_runtime_error(std::string_view body, std::string_view type_header) {
    RuntimeError error;
    boost::system::error_code ec;
    const json::value parsed = json::parse({body.data(), body.size()}, ec);
    if (!ec && parsed.is_object()) {
        const json::object& object = parsed.get_object();
        error.type = text_of(object, "errorType");
        error.message = text_of(object, "errorMessage");
        error.trace = trace_of(object, "stackTrace");
        if (error.trace.empty()) error.trace = trace_of(object, "trace");
    }
    if (error.type.empty()) error.type = type_header;
    if (error.message.empty() && error.type.empty()) {
        error.message = body.empty() ? "the program reported an error without a text" : body;
    }
    return error;
}

std::string accepted_answer() {
    return whole_answer("202 Accepted", {}, R"({"status":"OK"})");
}

std::string refused_answer(unsigned status, std::string_view type, std::string_view message) {
    std::string body = R"({"errorMessage":)";
    worker::append_text(body, message);
    body += R"(,"errorType":)";
    worker::append_text(body, type);
    body += '}';
    return whole_answer(status_text(status), {}, body);
}

std::string next_answer(RuntimeFamily family, const RuntimeHead& head, std::string_view event) {
    std::string headers;
    if (family == RuntimeFamily::lambda) {
        headers = "Lambda-Runtime-Aws-Request-Id: " + head.request_id +
                  "\r\nLambda-Runtime-Deadline-Ms: " + std::to_string(head.deadline_ms) +
                  "\r\nLambda-Runtime-Invoked-Function-Arn: " + head.function_arn + "\r\n";
    } else {
        headers = "request_id: " + head.request_id +
                  "\r\nmemory_limit_in_mb: " + std::to_string(head.memory_mib) +
                  "\r\ntime_limit_in_ms: " + std::to_string(head.timeout_ms) + "\r\n";
    }
    return whole_answer("200 OK", headers, event);
}

}  // namespace penstock::sinks::process
