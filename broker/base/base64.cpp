#include "broker/base/base64.h"

#include <cstddef>
#include <cstdint>

namespace penstock {

namespace {

constexpr std::string_view alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

constexpr std::uint32_t no_digit = 64;

std::uint32_t digit_of(char letter) {
    const auto at = alphabet.find(letter);
    return at == std::string_view::npos ? no_digit : static_cast<std::uint32_t>(at);
}

// Reads four letters of which the last `padding` are '='; nothing when a letter is foreign.
std::optional<std::uint32_t> group_of(std::string_view letters, std::size_t padding) {
    std::uint32_t group = 0;
    for (std::size_t at = 0; at < 4; ++at) {
        const std::uint32_t digit = at < 4 - padding ? digit_of(letters[at]) : 0;
        if (digit == no_digit) return std::nullopt;
        group = (group << 6) | digit;
    }
    return group;
}

}  // namespace

std::string encode_base64(std::string_view bytes) {
    std::string out;
    out.reserve((bytes.size() + 2) / 3 * 4);
    for (std::size_t at = 0; at < bytes.size(); at += 3) {
        const std::string_view part = bytes.substr(at, 3);
        std::uint32_t group = 0;
        for (std::size_t byte = 0; byte < 3; ++byte) {
            group <<= 8;
            if (byte < part.size()) group |= static_cast<unsigned char>(part[byte]);
        }
        out.push_back(alphabet[group >> 18]);
        out.push_back(alphabet[(group >> 12) & 63]);
        out.push_back(part.size() > 1 ? alphabet[(group >> 6) & 63] : '=');
        out.push_back(part.size() > 2 ? alphabet[group & 63] : '=');
    }
    return out;
}

std::optional<std::string> decode_base64(std::string_view text) {
    if (text.size() % 4 != 0) return std::nullopt;
    std::string out;
    out.reserve(text.size() / 4 * 3);
    for (std::size_t at = 0; at < text.size(); at += 4) {
        const std::string_view letters = text.substr(at, 4);
        std::size_t padding = 0;
        if (at + 4 == text.size()) padding = letters.ends_with("==") ? 2 : letters.ends_with("=");
        const auto group = group_of(letters, padding);
        if (!group) return std::nullopt;
        const std::uint32_t unused = (1U << (8 * padding)) - 1;
        if ((*group & unused) != 0) return std::nullopt;
        for (std::size_t byte = 0; byte < 3 - padding; ++byte) {
            out.push_back(static_cast<char>((*group >> (16 - 8 * byte)) & 0xFF));
        }
    }
    return out;
}

}  // namespace penstock
