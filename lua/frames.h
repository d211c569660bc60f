// Frames from penstock-lua to the server, each with its line end, appended to what goes out next.
// Pure functions, any thread.
#pragma once

#include "lua/run.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace penstock::lua {

void append_log(std::string& out,
                std::string_view id,
                std::string_view level,
                std::string_view text);

void append_loaded(std::string& out, const sinks::worker::Script& script, std::string_view error);

void append_call(std::string& out,
                 std::string_view id,
                 std::uint64_t number,
                 const Request& request);

// What the message publishes, then its answer; an accepted one carries all of the run's effects.
void append_outcome(std::string& out, std::string_view id, const Run& run, const Outcome& outcome);

}  // namespace penstock::lua
