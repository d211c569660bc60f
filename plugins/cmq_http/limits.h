// What CMQ allows of a message and of a call, over HTTP and TCP alike (cmq-api.md 2.4, 2.5, 7.5).
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace penstock::plugins::cmq {

inline constexpr std::size_t batch_items_max = 16;
inline constexpr std::size_t tags_max = 5;              // of a message, or a filter's
inline constexpr std::int64_t tag_characters_max = 16;  // at least 1
inline constexpr std::int64_t key_bytes_max = 64;       // of a routing, binding or ordering key
inline constexpr std::ptrdiff_t key_dots_max = 15;
inline constexpr std::int64_t polling_wait_s_max = 30;
inline constexpr std::int64_t visibility_s_max = 43'200;

// Of UTF-8.
inline std::int64_t characters_of(std::string_view utf8) {
    return std::count_if(utf8.begin(), utf8.end(), [](char byte) {
        return (static_cast<unsigned char>(byte) & 0xC0U) != 0x80U;
    });
}

// Of a routing or binding key.
inline bool has_too_many_dots(std::string_view key) {
    return std::count(key.begin(), key.end(), '.') > key_dots_max;
}

}  // namespace penstock::plugins::cmq
