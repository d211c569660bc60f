// The wire of the two runtime APIs, AWS Lambda's and Tencent SCF's: which request means what, and
// the bytes of the answers. Values and pure functions, any thread; nonsense is Call::Kind::unknown.
//
//                    Lambda, behind /2018-06-01/runtime          SCF, behind /runtime
//   next event       GET  /invocation/next                       GET  /invocation/next
//   answer           POST /invocation/ID/response                POST /invocation/response
//   failure          POST /invocation/ID/error                   POST /invocation/error
//   start-up         POST /init/error                            POST /init/ready
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace penstock::sinks::process {

enum class RuntimeFamily : std::uint8_t { lambda, scf };

// What one request asks for.
struct RuntimeCall {
    enum class Kind : std::uint8_t { next, response, error, ready, init_error, unknown };
    Kind kind = Kind::unknown;
    RuntimeFamily family = RuntimeFamily::lambda;
    std::string id;  // Lambda's response and error
};

// A query behind the path means nothing.
RuntimeCall parse_runtime_call(std::string_view method, std::string_view target);

// What a program reports as its failure: the body {errorMessage, errorType, stackTrace | trace}
// or any other text, and the header Lambda-Runtime-Function-Error-Type (empty: none).
struct RuntimeError {
    std::string type;
    std::string message;
    std::string trace;  // one line an entry

    [[nodiscard]] bool permanent() const { return type.starts_with("Permanent"); }

    [[nodiscard]] std::string line() const;  // "TYPE: MESSAGE", one line
};

RuntimeError parse_runtime_error(std::string_view body, std::string_view type_header);

// ---- answers, whole -----------------------------------------------------------------------------

// 202, as both families answer what they take.
std::string accepted_answer();

// {"errorMessage":...,"errorType":...} with that status.
std::string refused_answer(unsigned status, std::string_view type, std::string_view message);

// The answer to a `next`: what the headers say, then the event.
struct RuntimeHead {
    std::string request_id;
    std::string function_arn;      // Lambda
    std::int64_t deadline_ms = 0;  // Lambda: Unix time
    std::uint32_t memory_mib = 0;  // SCF
    std::uint32_t timeout_ms = 0;  // SCF
};

std::string next_answer(RuntimeFamily family, const RuntimeHead& head, std::string_view event);

}  // namespace penstock::sinks::process
