// Bytes as hexadecimal text, for golden bytes that a reviewer can read. Pure functions, any thread.
#pragma once

#include <string>
#include <string_view>

namespace penstock::model::testing {

inline std::string to_hex(std::string_view bytes) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string out;
    for (const char byte : bytes) {
        out.push_back(digits[static_cast<unsigned char>(byte) >> 4]);
        out.push_back(digits[static_cast<unsigned char>(byte) & 15]);
    }
    return out;
}

}  // namespace penstock::model::testing
