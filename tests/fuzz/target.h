// What a fuzz target is: one_input() runs its parsers over some bytes and aborts where a rule of
// theirs is broken; seeds() gives bytes to begin with. Compiled by clang with libFuzzer and the
// sanitizers; driver.cpp is the rest of the program.
#pragma once

#include "broker/base/check.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::fuzz {

void one_input(std::string_view bytes);

// Well-formed ones and broken ones; the driver makes more of both.
std::vector<std::string> seeds();

// Takes the first byte: which of `count` parsers the rest is for.
inline unsigned take_choice(std::string_view& bytes, unsigned count) {
    if (bytes.empty()) return 0;
    const auto first = static_cast<unsigned char>(bytes.front());
    bytes.remove_prefix(1);
    return first % count;
}

// `bytes` for the parser of that number.
inline std::string chosen(unsigned choice, std::string_view bytes) {
    std::string all(1, static_cast<char>(choice));
    all.append(bytes);
    return all;
}

// A number that decides where to cut `bytes` in two; the same for the same bytes.
inline std::size_t some_cut(std::string_view bytes) {
    std::size_t sum = 0;
    for (const char byte : bytes) sum = sum * 31 + static_cast<unsigned char>(byte);
    return bytes.empty() ? 0 : sum % bytes.size();
}

}  // namespace penstock::fuzz
