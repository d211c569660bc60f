#include "broker/api/names.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace penstock::api {

namespace {

constexpr std::size_t name_chars_max = 64;

bool is_letter(char byte) {
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
}

bool is_name_char(char byte) {
    return is_letter(byte) || (byte >= '0' && byte <= '9') || byte == '-' || byte == '_';
}

// How many whole words of ASCII `text` begins with, in bytes.
std::size_t ascii_words(std::string_view text) {
    constexpr std::uint64_t high_bits = 0x8080808080808080U;
    std::size_t bytes = 0;
    std::uint64_t word = 0;
    while (text.size() - bytes >= sizeof(word)) {
        std::memcpy(&word, text.data() + bytes, sizeof(word));
        if ((word & high_bits) != 0) break;
        bytes += sizeof(word);
    }
    return bytes;
}

// Length of the UTF-8 sequence at the start of `text`, 0 when malformed.
std::size_t utf8_sequence(std::string_view text) {
    const auto at = [&](std::size_t index) {
        return static_cast<unsigned char>(text[index]);
    };
    const unsigned char lead = at(0);
    if (lead < 0x80) return 1;
    std::size_t length = 0;
    unsigned char second_min = 0x80;
    unsigned char second_max = 0xBF;
    if (lead >= 0xC2 && lead <= 0xDF) length = 2;
    if (lead >= 0xE0 && lead <= 0xEF) length = 3;
    if (lead >= 0xF0 && lead <= 0xF4) length = 4;
    if (lead == 0xE0) second_min = 0xA0;
    if (lead == 0xED) second_max = 0x9F;
    if (lead == 0xF0) second_min = 0x90;
    if (lead == 0xF4) second_max = 0x8F;
    if (length == 0 || text.size() < length) return 0;
    if (at(1) < second_min || at(1) > second_max) return 0;
    for (std::size_t index = 2; index < length; ++index) {
        if (at(index) < 0x80 || at(index) > 0xBF) return 0;
    }
    return length;
}

}  // namespace

bool valid_name(std::string_view name) {
    return !name.empty() && name.size() <= name_chars_max && is_letter(name.front()) &&
           std::all_of(name.begin(), name.end(), is_name_char);
}

std::string automatic_dead_letter_name(std::string_view topic, std::string_view subscription) {
    std::string name(topic);
    name.append(".").append(subscription).append(".dlq");
    return name;
}

bool valid_utf8(std::string_view text) {
    while (!text.empty()) {
        text.remove_prefix(ascii_words(text));
        if (text.empty()) return true;
        const std::size_t length = utf8_sequence(text);
        if (length == 0) return false;
        text.remove_prefix(length);
    }
    return true;
}

}  // namespace penstock::api
