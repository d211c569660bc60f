// Failure: why a command did not do what was asked, in words for people, and its exit code.
// Values, any thread.
#pragma once

#include "broker/base/error.h"

#include <string>
#include <string_view>

namespace penstock::cli {

// Exit codes of every client command; documented, never changed.
enum ExitCode {
    exit_ok = 0,
    exit_failure = 1,
    exit_usage = 2,
    exit_not_found = 3,
    exit_conflict = 4,
    exit_denied = 5,
    exit_timeout = 6,  // also: nothing received with --fail-empty
};

struct Failure {
    int exit_code = exit_failure;
    std::string what;
    std::string code;  // the server's stable code; may be empty
    std::string next;  // what to try; may be empty
};

Failure usage_failure(std::string what, std::string next = {});

// The server could not be asked.
Failure failure_of(const Error& error, std::string_view server);

// The server refused: problem+json, or anything else it sent.
Failure failure_of(unsigned status, std::string_view body);

}  // namespace penstock::cli
