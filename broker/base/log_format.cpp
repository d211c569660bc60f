#include "broker/base/log_format.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <set>

namespace penstock {

namespace {

// Members every line has: an event cannot stand in their place.
constexpr std::array<std::string_view, 4> taken_names = {"time", "level", "room", "message"};
constexpr unsigned char first_printable = 0x20;
constexpr unsigned char first_of_several = 0x80;

// Bytes of the UTF-8 letter that begins here; 0: none does. Overlong forms and halves of pairs are
// let through: they harm nobody who reads a log.
std::size_t letter_bytes(std::string_view text) {
    const auto lead = static_cast<unsigned char>(text.front());
    std::size_t bytes = 0;
    if (lead >= 0xC2 && lead <= 0xDF) bytes = 2;
    if (lead >= 0xE0 && lead <= 0xEF) bytes = 3;
    if (lead >= 0xF0 && lead <= 0xF4) bytes = 4;
    if (bytes == 0 || bytes > text.size()) return 0;
    const auto goes_on = [](char byte) {
        return (static_cast<unsigned char>(byte) & 0xC0U) == 0x80U;
    };
    const std::string_view rest = text.substr(1, bytes - 1);
    return std::all_of(rest.begin(), rest.end(), goes_on) ? bytes : 0;
}

void append_escape(std::string& out, unsigned char byte) {
    std::array<char, 8> escape{};
    std::snprintf(escape.data(), escape.size(), "\\u%04x", static_cast<unsigned>(byte));
    out += escape.data();
}

std::string quoted(std::string_view text) {
    std::string out = "\"";
    while (!text.empty()) {
        const auto byte = static_cast<unsigned char>(text.front());
        std::size_t used = 1;
        if (byte >= first_of_several) {
            used = letter_bytes(text);
            out += used == 0 ? "\\ufffd" : text.substr(0, used);
            used = std::max<std::size_t>(used, 1);
        } else if (byte == '"' || byte == '\\') {
            out += '\\';
            out += text.front();
        } else if (byte < first_printable || byte == 0x7F) {
            append_escape(out, byte);
        } else {
            out += text.front();
        }
        text.remove_prefix(used);
    }
    return out + "\"";
}

bool is_name(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char letter) {
        return (letter >= 'a' && letter <= 'z') || (letter >= '0' && letter <= '9') ||
               letter == '_';
    });
}

// The first word of `event`, with what stands in quotes behind its '='; taken off the event.
std::string_view take_word(std::string_view& event) {
    std::size_t end = event.find(' ');
    const std::size_t equals = event.find("=\"");
    if (equals != std::string_view::npos && equals < end) {
        const std::size_t close = event.find('"', equals + 2);
        end = close == std::string_view::npos ? close : close + 1;
    }
    const std::string_view word = event.substr(0, end);
    event.remove_prefix(word.size());
    return word;
}

std::string_view unquoted(std::string_view value) {
    const bool in_quotes = value.size() >= 2 && value.front() == '"' && value.back() == '"';
    return in_quotes ? value.substr(1, value.size() - 2) : value;
}

}  // namespace

std::string log_members(std::string_view room, std::string_view event) {
    std::string out = "\"room\":" + quoted(room);
    std::string message;
    std::set<std::string_view> names(taken_names.begin(), taken_names.end());
    while (!event.empty()) {
        const std::string_view word = take_word(event);
        event.remove_prefix(std::min(event.size(), event.find_first_not_of(' ')));
        const std::size_t equals = word.find('=');
        const std::string_view name = word.substr(0, equals);
        if (equals != std::string_view::npos && is_name(name) && names.insert(name).second) {
            out += "," + quoted(name) + ":" + quoted(unquoted(word.substr(equals + 1)));
        } else if (!word.empty()) {
            message += (message.empty() ? "" : " ") + std::string(word);
        }
    }
    if (!message.empty()) out += ",\"message\":" + quoted(message);
    return out;
}

}  // namespace penstock
