// Sentences that people read when a function fails: always the subscription, the message where
// there is one, what happened and what to do. Pure functions, any thread.
#pragma once

#include "broker/api/dispatch.h"
#include "sinks/worker/launcher.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::sinks::worker {

// "events/score".
std::string shown_name(const api::Target& target);

// "events/score: message 71"; without a message the name alone.
std::string shown_place(const api::Target& target, const api::Delivery* delivery);

// "/usr/bin/python3 worker.py", cut to something that fits into a line.
std::string shown_command(const std::vector<std::string>& command);

// "1.5 s", "250 ms".
std::string shown_time(std::int64_t time_ms);

// "exited with status 1", "was ended by signal 11 (Segmentation fault)", "ran out of memory", ...
std::string shown_end(const ProcessEnd& end);

// ": KeyError: 'amount'", the last line of what a process wrote; empty if it wrote nothing.
std::string last_words(std::string_view output);

// "; then: penstock sub resume events/score": what brings a disabled subscription back.
std::string then_resume(const api::Target& target);

// True when an end says that the program can never run as it is configured: exit status 78, 126 or
// 127, or it could not be started for a reason that waiting does not mend.
bool is_configuration(const ProcessEnd& end);

// The sentence for it; the subscription is disabled with it.
std::string configuration_problem(const api::Target& target,
                                  const std::vector<std::string>& command,
                                  const ProcessEnd& end);

// Text of a function made fit for a line: control bytes and what is not UTF-8 become blanks, at
// most `bytes_max` bytes, no half characters.
std::string one_line(std::string_view text, std::size_t bytes_max);

}  // namespace penstock::sinks::worker
