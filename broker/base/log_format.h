// How log_line() writes: text for people, or one JSON object a line for collectors. Set once at the
// start, before other threads log.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace penstock {

enum class LogFormat : std::uint8_t { text, json };

void set_log_format(LogFormat format);

// The members of a JSON line but for time and level: the room, a member for each `name=value` of
// the event (quotes around the value taken off), and the other words as "message". Whatever the
// event holds, the result is valid JSON. Pure.
std::string log_members(std::string_view room, std::string_view event);

}  // namespace penstock
