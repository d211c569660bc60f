#include "broker/replication/peer_frame.h"

#include "broker/base/bytes.h"
#include "broker/base/check.h"

#include <limits>
#include <utility>

namespace penstock::replication {

namespace {

enum class WireKind : std::uint8_t { own = 0, commands = 1, membership = 2 };

constexpr std::uint8_t reject_flag = 1;

WireKind wire_kind(const RaftEntry& entry) {
    if (entry.kind == EntryKind::membership) return WireKind::membership;
    return entry.bytes == 0 ? WireKind::own : WireKind::commands;
}

Error malformed(const std::string& what) {
    return error(Errc::damaged, "a frame of a peer " + what);
}

// One entry behind those that are there already.
std::string read_entry(Reader& reader, PeerFrame& frame) {
    const std::uint8_t kind = reader.u8();
    RaftEntry entry;
    entry.term = reader.varint();
    entry.index = frame.message.index + frame.entries.size() + 1;
    if (kind > static_cast<std::uint8_t>(WireKind::membership)) return "has an unknown entry kind";
    if (static_cast<WireKind>(kind) != WireKind::own) {
        const std::string_view bytes = reader.bytes();
        if (!reader.ok()) return "ends early";
        if (bytes.empty() || bytes.size() > std::numeric_limits<std::uint32_t>::max()) {
            return "has an entry of an impossible length";
        }
        if (static_cast<WireKind>(kind) == WireKind::commands && !decode_payload(bytes)) {
            return "has an entry that cannot be read";
        }
        auto payload = std::make_shared<const Payload>(std::string(bytes));
        entry.bytes = static_cast<std::uint32_t>(bytes.size());
        entry.payload = payload.get();
        if (static_cast<WireKind>(kind) == WireKind::membership) {
            entry.kind = EntryKind::membership;
            entry.payload = payload->bytes.data();
        }
        frame.payloads.push_back(std::move(payload));
    }
    frame.entries.push_back(entry);
    return reader.ok() ? "" : "ends early";
}

std::string read_entries(Reader& reader, PeerFrame& frame) {
    const std::size_t count = reader.count(2);
    if (count > entries_per_frame_max) return "has too many entries";
    frame.entries.reserve(count);
    for (std::size_t at = 0; at < count; ++at) {
        if (std::string wrong = read_entry(reader, frame); !wrong.empty()) return wrong;
    }
    return {};
}

std::string read_snapshot(Reader& reader, PeerFrame& frame) {
    frame.point.point.term = reader.varint();
    frame.point.point.index = reader.varint();
    frame.snapshot.index = frame.point.point.index;
    frame.snapshot.time_ms = reader.i64();
    frame.snapshot.conf_state = reader.text();
    const std::string_view manifest = reader.bytes();
    if (!reader.ok()) return "ends early";
    if (manifest.size() > offered_manifest_bytes_max) return "has a manifest beyond all bounds";
    frame.snapshot.manifest = manifest;
    auto members = decode_members(frame.snapshot.conf_state);
    if (!members) return "offers a snapshot of nobody";
    frame.point.members = std::move(*members);
    return {};
}

void write_entries(Writer& writer,
                   std::span<const RaftEntry> entries,
                   std::span<const std::string_view> payloads) {
    writer.varint(entries.size());
    for (std::size_t at = 0; at < entries.size(); ++at) {
        const WireKind kind = wire_kind(entries[at]);
        writer.u8(static_cast<std::uint8_t>(kind));
        writer.varint(entries[at].term);
        if (kind != WireKind::own) writer.bytes(payloads[at]);
    }
}

}  // namespace

Message PeerFrame::view() const {
    Message out = message;
    out.entries = entries;
    out.context = context;
    if (message.type == MessageType::snapshot) out.snapshot = &point;
    return out;
}

std::string encode_frame(SetId set,
                         const Message& message,
                         std::span<const std::string_view> payloads,
                         const HeldSnapshot* snapshot) {
    check(payloads.size() == message.entries.size(), "a payload per entry");
    std::size_t total = 96 + message.context.size();
    for (const std::string_view payload : payloads) total += 24 + payload.size();
    std::string out;
    out.reserve(total);
    Writer writer(out);
    writer.u8(frame_level);
    writer.u16(set.value);
    writer.u8(static_cast<std::uint8_t>(message.type));
    writer.u8(message.reject ? reject_flag : 0);
    for (const std::uint64_t number : {message.to.value,
                                       message.from.value,
                                       message.term,
                                       message.log_term,
                                       message.index,
                                       message.commit,
                                       message.reject_hint}) {
        writer.varint(number);
    }
    writer.bytes(message.context);
    if (message.type == MessageType::append) write_entries(writer, message.entries, payloads);
    if (message.type == MessageType::snapshot) {
        writer.varint(message.snapshot->point.term);
        writer.varint(message.snapshot->point.index);
        writer.i64(snapshot->time_ms);
        writer.bytes(snapshot->conf_state);
        writer.bytes(snapshot->manifest);
    }
    return out;
}

std::optional<SetId> frame_set(std::string_view bytes) {
    Reader reader(bytes);
    if (reader.u8() != frame_level) return std::nullopt;
    const SetId set{reader.u16()};
    if (!reader.ok() || set.value >= (1U << model::set_bits)) return std::nullopt;
    return set;
}

Result<PeerFrame> decode_frame(std::string_view bytes) {
    const auto set = frame_set(bytes);
    if (!set) return malformed("is of an unknown level or set");
    Reader reader(bytes.substr(3));
    PeerFrame frame;
    frame.set = *set;
    const std::uint8_t type = reader.u8();
    const std::uint8_t flags = reader.u8();
    if (!reader.ok() || !is_known(static_cast<MessageType>(type)))
        return malformed("is of an unknown type");
    if (flags > reject_flag) return malformed("has unknown flags");
    Message& message = frame.message;
    message.type = static_cast<MessageType>(type);
    message.reject = flags == reject_flag;
    message.to = NodeId{reader.varint()};
    message.from = NodeId{reader.varint()};
    message.term = reader.varint();
    message.log_term = reader.varint();
    message.index = reader.varint();
    message.commit = reader.varint();
    message.reject_hint = reader.varint();
    const std::string_view context = reader.bytes();
    if (context.size() > message_context_max) return malformed("has a long context");
    frame.context = context;
    std::string wrong;
    if (message.type == MessageType::append) wrong = read_entries(reader, frame);
    if (message.type == MessageType::snapshot) wrong = read_snapshot(reader, frame);
    if (wrong.empty() && !reader.done()) wrong = "does not end where it should";
    if (!wrong.empty()) return malformed(wrong);
    return frame;
}

}  // namespace penstock::replication
