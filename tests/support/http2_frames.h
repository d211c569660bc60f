// Frames of HTTP/2 (RFC 9113, 4.1 and 6) and the little of HPACK (RFC 7541) that answers take, as
// bytes, so that a test can send wrong ones too. Pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace penstock::testing::http2 {

enum Type : std::uint8_t {
    data = 0,
    headers = 1,
    priority = 2,
    rst_stream = 3,
    settings = 4,
    push_promise = 5,
    ping = 6,
    goaway = 7,
    window_update = 8,
    continuation = 9
};

enum Flag : std::uint8_t { none = 0, ack = 1, end_stream = 1, end_headers = 4 };

enum Code : std::uint32_t {
    no_error = 0,
    protocol_error = 1,
    internal_error = 2,
    refused_stream = 7,
    cancel = 8,
    enhance_your_calm = 11,
    http_1_1_required = 13
};

enum Setting : std::uint16_t { max_concurrent_streams = 3, initial_window_size = 4 };

inline std::string number(std::uint64_t value, unsigned bytes) {
    std::string text;
    for (unsigned at = bytes; at > 0; --at) text += static_cast<char>(value >> (8 * (at - 1)));
    return text;
}

inline std::uint32_t read_number(std::string_view text) {
    std::uint32_t value = 0;
    for (const char byte : text) value = value << 8U | static_cast<unsigned char>(byte);
    return value;
}

inline std::string frame(std::uint8_t type,
                         std::uint8_t flags,
                         std::uint32_t stream,
                         std::string_view payload = {}) {
    return number(payload.size(), 3) + static_cast<char>(type) + static_cast<char>(flags) +
           number(stream, 4) + std::string(payload);
}

inline std::string settings_frame(std::vector<std::pair<Setting, std::uint32_t>> values = {}) {
    std::string payload;
    for (const auto& [name, value] : values) payload += number(name, 2) + number(value, 4);
    return frame(settings, none, 0, payload);
}

inline std::string field(std::string_view name, std::string_view value) {
    return std::string(1, '\0') + static_cast<char>(name.size()) + std::string(name) +
           static_cast<char>(value.size()) + std::string(value);
}

inline std::string head(std::string_view status,
                        const std::vector<std::pair<std::string, std::string>>& fields = {}) {
    std::string block = field(":status", status);
    for (const auto& [name, value] : fields) block += field(name, value);
    return block;
}

// A whole answer.
inline std::string answer(std::uint32_t stream,
                          std::string_view status = "200",
                          std::string_view body = {}) {
    if (body.empty()) return frame(headers, end_headers | end_stream, stream, head(status));
    return frame(headers, end_headers, stream, head(status)) +
           frame(data, end_stream, stream, body);
}

inline std::string rst_frame(std::uint32_t stream, std::uint32_t code) {
    return frame(rst_stream, none, stream, number(code, 4));
}

inline std::string goaway_frame(std::uint32_t last_stream, std::uint32_t code = no_error) {
    return frame(goaway, none, 0, number(last_stream, 4) + number(code, 4));
}

inline std::string repeated(const std::string& text, std::size_t times) {
    std::string all;
    for (std::size_t at = 0; at < times; ++at) all += text;
    return all;
}

}  // namespace penstock::testing::http2
