//   frame   = u32 length of payload, u32 CRC32C of payload, payload
//   payload = u8 version 1, u64 index, u64 term, i64 time_ms, u8 kind,
//             varint length, commands; varint bodies, body*
//   body    = u8 state, and if it is held: varint length, bytes
//   state   = 0 not held, 1 held, 2 held but cannot be read by the sender
//
// All numbers are little-endian.
#include "broker/replication/snapshot/body_frame.h"

#include "broker/base/bytes.h"
#include "broker/base/hash.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace penstock::replication {

namespace {

constexpr std::uint8_t version = 1;
constexpr std::size_t frame_head_bytes = 8;
constexpr std::uint32_t payload_bytes_max = 64U << 20;  // far above what an entry may have

enum class BodyState : std::uint8_t { absent, held, lost };

std::string framed(std::string_view payload) {
    std::string frame;
    frame.reserve(frame_head_bytes + payload.size());
    Writer writer(frame);
    writer.u32(static_cast<std::uint32_t>(payload.size()));
    writer.u32(crc32c(payload));
    writer.raw(payload);
    return frame;
}

void put_head(Writer& writer, LogIndex index, std::uint64_t term, TimeMs time_ms) {
    writer.u8(version);
    writer.u64(index);
    writer.u64(term);
    writer.i64(time_ms);
}

bool read_body(Reader& reader, std::uint32_t ordinal, BodyFrame& frame) {
    const std::uint8_t state = reader.u8();
    if (state > static_cast<std::uint8_t>(BodyState::lost)) return false;
    std::string body;
    if (state == static_cast<std::uint8_t>(BodyState::held)) {
        body = reader.text();
    } else {
        frame.record.absent.push_back(ordinal);
    }
    if (state != static_cast<std::uint8_t>(BodyState::absent)) {
        frame.listed.ordinals.push_back(ordinal);
    }
    if (state == static_cast<std::uint8_t>(BodyState::lost)) ++frame.lost;
    frame.record.bodies.push_back(std::move(body));
    return true;
}

std::optional<BodyFrame> read_payload(std::string_view payload) {
    Reader reader(payload);
    BodyFrame frame;
    if (reader.u8() != version) return std::nullopt;
    frame.record.index = reader.u64();
    frame.record.term = reader.u64();
    frame.record.time_ms = reader.i64();
    const std::uint8_t kind = reader.u8();
    if (kind > static_cast<std::uint8_t>(storage::EntryKind::membership)) return std::nullopt;
    frame.record.kind = static_cast<storage::EntryKind>(kind);
    frame.record.commands = reader.text();
    const std::size_t bodies = reader.count(1);
    if (bodies > model::bodies_per_entry_max) return std::nullopt;
    frame.record.bodies.reserve(bodies);
    for (std::uint32_t ordinal = 0; ordinal < bodies; ++ordinal) {
        if (!read_body(reader, ordinal, frame)) return std::nullopt;
    }
    if (!reader.done()) return std::nullopt;
    frame.listed.index = frame.record.index;
    return frame;
}

}  // namespace

std::string encode_frame(const LiveEntry& listed, const storage::StoredEntry& entry) {
    std::string payload;
    Writer writer(payload);
    put_head(writer, entry.index, entry.term, entry.time_ms);
    writer.u8(static_cast<std::uint8_t>(entry.kind));
    writer.bytes(entry.commands);
    // Rows may hold an ordinal that the record never had only when one of them is damaged.
    const std::size_t known = listed.ordinals.empty() ? 0 : listed.ordinals.back() + 1;
    const std::size_t bodies = std::max(entry.bodies.size(), known);
    writer.varint(bodies);
    for (std::uint32_t ordinal = 0; ordinal < bodies; ++ordinal) {
        const bool held =
            std::binary_search(listed.ordinals.begin(), listed.ordinals.end(), ordinal);
        const bool readable = ordinal < entry.bodies.size() && entry.bodies[ordinal].present &&
                              !entry.bodies[ordinal].damaged;
        BodyState state = held ? BodyState::held : BodyState::absent;
        if (held && !readable) state = BodyState::lost;
        writer.u8(static_cast<std::uint8_t>(state));
        if (state == BodyState::held) writer.bytes(entry.bodies[ordinal].bytes);
    }
    return framed(payload);
}

std::string encode_lost_frame(const LiveEntry& listed) {
    storage::StoredEntry nothing;
    nothing.index = listed.index;
    return encode_frame(listed, nothing);
}

Result<void> FrameReader::feed(std::string_view bytes, const Visit& visit) {
    pending_.append(bytes);
    std::size_t at = 0;
    while (pending_.size() - at >= frame_head_bytes) {
        const std::string_view rest = std::string_view(pending_).substr(at);
        Reader head(rest.substr(0, frame_head_bytes));
        const std::uint32_t length = head.u32();
        const std::uint32_t checksum = head.u32();
        if (length > payload_bytes_max) return error(Errc::damaged, "a frame is too long");
        if (rest.size() - frame_head_bytes < length) break;
        const std::string_view payload = rest.substr(frame_head_bytes, length);
        if (crc32c(payload) != checksum) {
            return error(Errc::damaged, "a frame does not match its checksum");
        }
        auto frame = read_payload(payload);
        if (!frame) return error(Errc::damaged, "a frame is malformed");
        at += frame_head_bytes + length;
        ++frames_;
        whole_bytes_ += frame_head_bytes + length;
        visit(std::move(*frame));
    }
    pending_.erase(0, at);
    return {};
}

}  // namespace penstock::replication
