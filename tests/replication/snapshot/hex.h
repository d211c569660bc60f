// Bytes as text, for comparing them with literals. A pure function.
#pragma once

#include <string>
#include <string_view>

namespace penstock::replication::testing {

inline std::string hex(std::string_view bytes) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string text;
    for (const char byte : bytes) {
        const auto value = static_cast<unsigned char>(byte);
        text.push_back(digits[value >> 4U]);
        text.push_back(digits[value & 0xFU]);
    }
    return text;
}

}  // namespace penstock::replication::testing
