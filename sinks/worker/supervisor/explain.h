// One clear line for a process that could not be started: what is wrong and what to do. Pure but
// for looking at the program's file.
#pragma once

#include "sinks/worker/control.h"
#include "sinks/worker/supervisor/report.h"

#include <cstdint>
#include <string>

namespace penstock::sinks::worker::supervisor {

// What of an order is needed after its start.
struct StartedAs {
    std::string program;
    std::string folder;
    std::uint32_t user = 0;  // 0: the server's own
};

std::string explain(const Report& failure, const StartedAs& started);

// The machine is short of something: no fault of the order, worth another try.
bool is_shortage(int code);

}  // namespace penstock::sinks::worker::supervisor
