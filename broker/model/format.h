// Format levels: which forms of entries, and with them of rows, a build can write and read. The
// first byte of an entry's commands is its level. A set is at the highest level of an entry that it
// has applied; its leader writes no higher one until it was told that every replica can read it. A
// build that meets a level above its own stops instead of guessing. Pure functions, any thread.
//
// A later build that adds a command or a row raises `most` by one and writes the new form only from
// that level on. The level of a released form never changes.
#pragma once

#include "broker/model/command.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::model {

// Both ends included.
struct FormatLevels {
    std::uint16_t least = 1;
    std::uint16_t most = 1;
};

// From which level on there is the command GiveBack.
inline constexpr std::uint16_t give_back_level = 2;

// From which level on queues and topics may have a rate of their own (messages_per_s).
inline constexpr std::uint16_t own_rate_level = 3;

// From which level on what is consumed leaves a queue with its rewind window, behind a backlog too:
// no new form, but an entry comes to other rows than with builds of before.
inline constexpr std::uint16_t rewind_end_level = 4;

// Of this build.
[[nodiscard]] FormatLevels known_formats();

// The tag that a kind of command, known by its first tag, has on the disk at a level; and back.
// Beside known_formats() all that tells builds of different levels apart.
[[nodiscard]] std::uint8_t written_tag(std::uint8_t tag, std::uint16_t level);
[[nodiscard]] std::uint8_t read_tag(std::uint8_t written, std::uint16_t level);

// As encode_commands() in command.h, in the form of a level that this build knows.
std::string encode_commands_at(const std::vector<Command>& commands, std::uint16_t level);

// The level of encoded commands; 0: they are empty.
[[nodiscard]] std::uint16_t format_of(std::string_view commands);

// What `what` cannot be read for, and what to do; for level `level` above this build's.
[[nodiscard]] std::string too_new(const std::string& what, std::uint16_t level);

}  // namespace penstock::model
