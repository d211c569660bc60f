// Limits of the Lua worker: what a script may use up and how large things may grow. Values, any
// thread.
#pragma once

#include <cstddef>
#include <cstdint>

namespace penstock::lua {

// What one message (and one load of a script) may cost; set by the command line.
struct Limits {
    std::size_t memory_bytes = 16 << 20;  // of one Lua state; its messages' bodies come on top
    std::int64_t instructions = 50'000'000;
    std::int64_t cpu_ms = 10'000;  // processor time, so waiting for http and kv is free
};

inline constexpr int hook_instructions = 10'000;  // between two looks at the budget

inline constexpr std::size_t json_depth_max = 32;
inline constexpr std::size_t json_bytes_max = 2 << 20;       // of one encoded value
inline constexpr std::size_t pattern_bytes_max = 256;        // of a text pattern
inline constexpr std::size_t pattern_subject_max = 1 << 20;  // of a text searched by pattern

inline constexpr std::size_t outputs_per_message_max = 100;
inline constexpr std::size_t output_bytes_max = 1 << 20;  // of one published body or result
inline constexpr std::size_t output_bytes_per_message_max = 1 << 20;  // together
inline constexpr std::size_t kv_key_bytes_max = 256;
inline constexpr std::size_t kv_value_bytes_max = 64 * 1024;
inline constexpr std::size_t kv_writes_per_message_max = 100;
inline constexpr std::size_t kv_write_bytes_per_message_max = 1 << 20;
inline constexpr std::size_t kv_reads_per_message_max = 1'000;
inline constexpr std::uint64_t calls_per_message_max = 1'000;
inline constexpr std::size_t request_bytes_max = 1 << 20;         // body of one ctx.http call
inline constexpr std::size_t request_head_bytes_max = 32 * 1024;  // its method, url and headers
inline constexpr std::size_t output_head_bytes_max = 16 * 1024;   // of one published, all but body
inline constexpr std::size_t log_lines_max = 1'000;               // of one message, of one load
inline constexpr std::size_t log_line_bytes_max = 8 * 1024;
inline constexpr std::size_t error_bytes_max = 4 * 1024;
inline constexpr std::size_t batch_messages_max = 16;
inline constexpr std::size_t idle_coroutines_max = 64;  // kept for the next message

// A message whose call the server has not answered this long after the message's deadline is given
// up: nobody waits for it any more.
inline constexpr std::int64_t unanswered_ms_max = 60'000;

// A state this old that has served this many messages is made anew when nothing runs in it: what a
// script keeps between messages is a cache and may vanish.
inline constexpr std::int64_t state_age_max_us = 300'000'000;
inline constexpr std::uint64_t state_uses_min = 1'024;

}  // namespace penstock::lua
