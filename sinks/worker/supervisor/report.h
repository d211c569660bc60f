// What a child or its keeper tells the supervisor over the socket that exec closes: the step that
// failed, or how the program ended. Values and one send; sent between processes of one program, so
// there is no version.
#pragma once

#include "broker/base/error.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace penstock::sinks::worker::supervisor {

// In the order in which a child takes them.
enum class Step : std::uint8_t {
    session = 1,
    cgroup = 2,
    namespaces = 3,
    limits = 4,
    folder = 5,
    files = 6,
    user = 7,
    parent = 8,
    privileges = 9,
    landlock = 10,
    seccomp = 11,
    exec = 12,
};

struct Report {
    enum class Kind : std::uint8_t { failed = 1, ended = 2 };
    Kind kind = Kind::failed;
    Step step = Step::exec;    // failed
    std::int32_t code = 0;     // failed: errno; ended: as waitpid gives it
    std::uint64_t cpu_us = 0;  // ended
    std::string detail;        // failed: what errno does not tell
};

void send_report(int socket, const Report& report);
Result<Report> read_report(std::string_view bytes);

}  // namespace penstock::sinks::worker::supervisor
