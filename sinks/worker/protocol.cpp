// Frames to a worker, written by hand: they are made once a message.
#include "sinks/worker/protocol.h"

#include "broker/base/base64.h"
#include "broker/base/instant.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

namespace penstock::sinks::worker {
namespace {

constexpr std::string_view replacement = "\xEF\xBF\xBD";  // U+FFFD

unsigned char byte_at(std::string_view text, std::size_t at) {
    return static_cast<unsigned char>(text[at]);
}

bool continues(std::string_view text, std::size_t at) {
    return at < text.size() && (byte_at(text, at) & 0xC0U) == 0x80U;
}

// Length of the well-formed sequence of several bytes at `at` (Unicode 15, table 3-7), or 0.
std::size_t sequence(std::string_view text, std::size_t at) {
    const unsigned char lead = byte_at(text, at);
    if (lead < 0xC2U || lead > 0xF4U || !continues(text, at + 1)) return 0;
    if (lead < 0xE0U) return 2;
    const unsigned char second = byte_at(text, at + 1);
    if (!continues(text, at + 2)) return 0;
    if (lead < 0xF0U) {
        const bool overlong = lead == 0xE0U && second < 0xA0U;
        const bool surrogate = lead == 0xEDU && second > 0x9FU;
        return overlong || surrogate ? 0 : 3;
    }
    const bool overlong = lead == 0xF0U && second < 0x90U;
    const bool beyond = lead == 0xF4U && second > 0x8FU;
    return overlong || beyond || !continues(text, at + 3) ? 0 : 4;
}

// Gives the bytes written.
std::size_t put_escape(char* out, unsigned char byte) {
    const auto letter = [&](char escaped) -> std::size_t {
        out[0] = '\\';
        out[1] = escaped;
        return 2;
    };
    switch (byte) {
        case '\n':
            return letter('n');
        case '\r':
            return letter('r');
        case '\t':
            return letter('t');
        default:
            break;
    }
    constexpr std::string_view digits = "0123456789abcdef";
    const std::array<char, 6> escape{'\\', 'u', '0', '0', digits[byte >> 4U], digits[byte & 0xFU]};
    std::copy(escape.begin(), escape.end(), out);
    return escape.size();
}

constexpr std::array<bool, 256> plain_bytes() {
    std::array<bool, 256> plain{};
    for (std::size_t byte = 0x20; byte < 0x80; ++byte) plain[byte] = byte != '"' && byte != '\\';
    return plain;
}

constexpr std::size_t word_bytes = 8;

// How many of the next eight bytes need no escape, seen at once. Little-endian.
std::size_t plain_run(const char* text) {
    constexpr std::uint64_t ones = 0x0101'0101'0101'0101ULL;
    constexpr std::uint64_t tops = 0x8080'8080'8080'8080ULL;
    std::uint64_t word = 0;
    std::memcpy(&word, text, sizeof(word));
    const auto zero = [&](std::uint64_t bytes) {
        return (bytes - ones) & ~bytes & tops;
    };
    // A byte after a marked one may be marked wrongly; only the first counts.
    const std::uint64_t marks = (word & tops) | ((word - ones * 0x20) & ~word & tops) |
                                zero(word ^ (ones * '"')) | zero(word ^ (ones * '\\'));
    return marks == 0 ? word_bytes : static_cast<std::size_t>(std::countr_zero(marks)) / 8;
}

void append_member(std::string& out, std::string_view before, std::string_view text) {
    out.append(before);
    append_text(out, text);
}

void append_event(std::string& out, const Event& event) {
    append_member(out, R"({"id":)", event.id);
    append_member(out, R"(,"topic":)", event.topic);
    append_member(out, R"(,"subscription":)", event.subscription);
    out += R"(,"tags":[)";
    for (std::size_t at = 0; at < event.tags.size(); ++at)
        append_member(out, at == 0 ? "" : ",", event.tags[at]);
    append_member(out, R"(],"routing_key":)", event.routing_key);
    append_member(out, R"(,"ordering_key":)", event.ordering_key);
    out += R"(,"attempt":)" + std::to_string(event.attempt);
    append_member(out, R"(,"publish_time":)", format_instant(event.published_ms));
    out += R"(,"headers":{)";
    for (std::size_t at = 0; at < event.headers.size(); ++at) {
        append_member(out, at == 0 ? "" : ",", event.headers[at].first);
        append_member(out, ":", event.headers[at].second);
    }
    append_member(out, R"(},"content_type":)", event.content_type);
    out.push_back(',');
    append_bytes(out, "body", event.body);
    if (!event.replay.empty()) append_member(out, R"(,"replay":)", event.replay);
    out.push_back('}');
}

std::size_t room_for(const Event& event) {
    return event.body.size() + event.body.size() / 8 + 512;
}

// Behind the text that begins at `at`, a quote.
std::size_t behind_text(std::string_view frame, std::size_t at) {
    for (;;) {
        at = frame.find('"', at + 1);
        if (at == std::string_view::npos) return frame.size();
        const std::size_t last = frame.find_last_not_of('\\', at - 1);
        if ((at - last) % 2 == 1) return at + 1;
    }
}

}  // namespace

// By way of a buffer: JSON within JSON has a quote every few bytes.
bool append_text(std::string& out, std::string_view text) {
    static constexpr std::array<bool, 256> plain = plain_bytes();
    constexpr std::size_t longest_piece = 16;
    std::array<char, 512> buffer;
    std::size_t used = 0;
    bool well_formed = true;
    buffer[used++] = '"';
    for (std::size_t at = 0; at < text.size();) {
        if (used + longest_piece > buffer.size()) {
            out.append(buffer.data(), used);
            used = 0;
        }
        if (text.size() - at >= word_bytes) {
            const std::size_t count = plain_run(text.data() + at);
            std::memcpy(buffer.data() + used, text.data() + at, word_bytes);
            used += count;
            at += count;
            if (count == word_bytes) continue;
        }
        const unsigned char byte = byte_at(text, at);
        if (plain[byte]) {
            buffer[used++] = text[at++];
            continue;
        }
        if (byte == '"' || byte == '\\') {
            buffer[used++] = '\\';
            buffer[used++] = text[at++];
            continue;
        }
        if (byte < 0x80U) {
            used += put_escape(buffer.data() + used, byte);
            ++at;
            continue;
        }
        const std::size_t length = sequence(text, at);
        well_formed = well_formed && length > 0;
        const std::string_view piece = length > 0 ? text.substr(at, length) : replacement;
        used += piece.copy(buffer.data() + used, piece.size());
        at += std::max<std::size_t>(length, 1);
    }
    buffer[used++] = '"';
    out.append(buffer.data(), used);
    return well_formed;
}

bool is_utf8(std::string_view bytes) {
    for (std::size_t at = 0; at < bytes.size();) {
        std::uint64_t word = 0x80;
        if (bytes.size() - at >= sizeof(word)) std::memcpy(&word, bytes.data() + at, sizeof(word));
        if ((word & 0x8080'8080'8080'8080ULL) == 0) {
            at += sizeof(word);
            continue;
        }
        const std::size_t length = byte_at(bytes, at) < 0x80U ? 1 : sequence(bytes, at);
        if (length == 0) return false;
        at += length;
    }
    return true;
}

void append_bytes(std::string& out, std::string_view name, std::string_view bytes) {
    out.push_back('"');
    out.append(name);
    const std::size_t before = out.size();
    if (is_utf8(bytes)) {
        append_member(out, "\":", bytes);
        // Control bytes grow sixfold, base64 by a third.
        if (out.size() - before < 2 * bytes.size() + 64) return;
        out.resize(before);
    }
    out += "_base64\":\"";
    out += encode_base64(bytes);
    out.push_back('"');
}

std::string encode_event(const Event& event) {
    std::string out;
    out.reserve(room_for(event));
    append_event(out, event);
    return out;
}

std::string event_frame(std::string_view id,
                        const Event& event,
                        std::int64_t deadline_ms,
                        std::string_view role) {
    std::string out;
    out.reserve(room_for(event));
    append_member(out, R"({"id":)", id);
    out += R"(,"type":"event")";
    if (!role.empty()) append_member(out, R"(,"role":)", role);
    out += R"(,"event":)";
    append_event(out, event);
    out += R"(,"deadline_ms":)" + std::to_string(deadline_ms) + "}";
    return out;
}

std::string script_frame(const Script& script) {
    std::string out;
    append_member(out, R"({"type":"script","role":)", script.role);
    out += R"(,"version":)" + std::to_string(script.version);
    append_member(out, R"(,"code":)", script.code);
    if (!script.name.empty()) append_member(out, R"(,"name":)", script.name);
    out.push_back('}');
    return out;
}

std::string result_frame(std::uint64_t call, std::string_view members) {
    std::string out = R"({"type":"result","call":)" + std::to_string(call) + R"(,"ok":true)";
    if (!members.empty()) out.push_back(',');
    out.append(members);
    out.push_back('}');
    return out;
}

std::string failed_result_frame(std::uint64_t call, std::string_view error) {
    std::string out = R"({"type":"result","call":)" + std::to_string(call) + R"(,"ok":false)";
    append_member(out, R"(,"error":)", error);
    out.push_back('}');
    return out;
}

std::size_t bytes_besides(const Publish& publish) {
    std::size_t bytes = publish.topic.size() + publish.queue.size() + publish.routing_key.size() +
                        publish.ordering_key.size() + publish.content_type.size();
    for (const std::string& tag : publish.tags) bytes += sizeof(tag) + tag.size();
    return bytes;
}

std::size_t count_values(std::string_view frame, std::size_t most) {
    std::size_t count = 1;
    for (std::size_t at = 0; at < frame.size() && count <= most;) {
        const char letter = frame[at];
        if (letter == '"') {
            at = behind_text(frame, at);
            continue;
        }
        count += letter == ',' || letter == '[' || letter == '{' || letter == ':' ? 1 : 0;
        ++at;
    }
    return count;
}

}  // namespace penstock::sinks::worker
