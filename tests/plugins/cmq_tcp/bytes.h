// bytes("00 00 0b"): bytes from their hexadecimal digits; blanks do not count, 'text' in single
// quotes stands for itself. So that tests show what is on the wire.
#pragma once

#include <cctype>
#include <string>
#include <string_view>

namespace penstock::testing {

inline std::string bytes(std::string_view shown) {
    std::string out;
    std::string digits;
    bool quoted = false;
    for (const char c : shown) {
        if (c == '\'') {
            quoted = !quoted;
        } else if (quoted) {
            out.push_back(c);
        } else if (std::isxdigit(static_cast<unsigned char>(c)) != 0) {
            digits.push_back(c);
            if (digits.size() < 2) continue;
            out.push_back(static_cast<char>(std::stoi(digits, nullptr, 16)));
            digits.clear();
        }
    }
    return out;
}

}  // namespace penstock::testing
