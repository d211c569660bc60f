// A segment is a file header (segment_format.cpp) and then writes, one behind the other:
//
//   write    = record{tag write} record*          what one call of write_at() carries
//   record   = header head rest padding           padding: zeros up to a multiple of 8
//   header   = "PnRc"           magic
//              u8  version      1
//              u8  tag
//              u16 set
//              u64 index        of the log; of a write: its number
//              u64 term
//              i64 time_ms
//              u32 payload      bytes of head and rest
//              u32 head         bytes of head
//              u32 checksum     CRC32C of head
//              u32 checksum     CRC32C of the bytes above, then u64 segment number,
//                               u32 generation, u64 offset of the record in the file
//
//   head of an entry  = u32 commands bytes, u32 CRC32C of commands, u32 bodies, u32 kind, slot*
//                       (kind 0: the core's commands, 1: a change of the members)
//   slot              = u32 offset from the record's start, u32 bytes, u32 CRC32C, u32 key id,
//                       u8 codec, u8 present (0: no, 1: here, 2: apart, 3: shared), u16 zero
//                       (apart: instead of the offset the number of the segment that has the
//                       record of tag apart, same set and index, with the body in this slot;
//                       shared: the offset is from the file's start, the bytes there are another
//                       entry's body, void by now or not)
//   rest of an entry  = commands body*
//   head of a write   = u64 bytes of its records, u64 offset from which recent tells all,
//                       u32 rows, u32 recent rows, row*, recent*
//   row               = u8 tag, u8 zero, u16 set, u32 bodies, u64 index
//   recent            = u16 kinds of facts (1 hard state, 2 conf state, 4 start, 8 replaced or
//                       dropped), u16 set, u32 offset of the last write with any fact of the set,
//                       divided by 8 (0: none), u64 last index
//   head of a hard state = u64 vote, u64 commit          (term in the header)
//   head of a conf state = opaque
//   a body record is as an entry, and a record apart without commands and other bodies;
//   start, replaced and dropped are headers alone (index and term)
//   head of a footer     : segment_format.cpp
//
// All numbers are little-endian. A record of another version, tag, codec or key id is damaged.
#include "broker/storage/log/record_format.h"

#include "broker/base/bytes.h"
#include "broker/base/check.h"
#include "broker/base/hash.h"

#include <array>

namespace penstock::storage {

namespace {

constexpr std::uint8_t record_version = 1;
constexpr std::size_t checksummed_bytes = header_bytes - sizeof(std::uint32_t);
constexpr std::size_t head_checksum_at = header_bytes - 2 * sizeof(std::uint32_t);
constexpr std::size_t payload_bytes_at = head_checksum_at - 2 * sizeof(std::uint32_t);
constexpr std::size_t slot_length_at = 4;
constexpr std::size_t slot_present_at = 17;
constexpr std::uint8_t present_here = 1;
constexpr std::uint8_t present_apart = 2;
constexpr std::uint8_t present_shared = 3;

std::uint32_t header_checksum(std::string_view header, SegmentName segment, std::uint64_t offset) {
    std::array<char, 20> place{};
    for (std::size_t at = 0; at < 8; ++at) {
        place[at] = static_cast<char>(segment.number >> (8 * at));
        place[12 + at] = static_cast<char>(offset >> (8 * at));
    }
    for (std::size_t at = 0; at < 4; ++at) {
        place[8 + at] = static_cast<char>(segment.generation >> (8 * at));
    }
    const std::uint32_t content = crc32c(header.substr(0, checksummed_bytes));
    return crc32c({place.data(), place.size()}, content);
}

// What stands before the slots, and where the bodies begin behind the header.
struct EntryHeadFixed {
    std::uint32_t commands_bytes = 0;
    std::uint32_t commands_checksum = 0;
    std::uint32_t bodies = 0;
    std::uint32_t kind = 0;
    std::uint64_t bodies_from = 0;
};

std::optional<EntryHeadFixed> read_fixed(std::string_view head, std::uint32_t payload_bytes) {
    Reader reader(head);
    EntryHeadFixed found;
    found.commands_bytes = reader.u32();
    found.commands_checksum = reader.u32();
    found.bodies = reader.u32();
    found.kind = reader.u32();
    if (!reader.ok() || found.bodies > model::bodies_per_entry_max) return std::nullopt;
    if (found.kind >= entry_kinds) return std::nullopt;
    if (head.size() != entry_head_bytes(found.bodies)) return std::nullopt;
    found.bodies_from = head.size() + std::uint64_t{found.commands_bytes};
    if (found.bodies_from > payload_bytes) return std::nullopt;
    return found;
}

BodySlot read_slot(Reader& reader) {
    BodySlot slot;
    slot.offset = reader.u32();
    slot.length = reader.u32();
    slot.checksum = reader.u32();
    slot.key_id = reader.u32();
    slot.codec = reader.u8();
    const std::uint8_t present = reader.u8();
    slot.present = present != 0;
    slot.apart = present == present_apart;
    slot.shared = present == present_shared;
    reader.u16();
    return slot;
}

bool slot_fits(const BodySlot& slot, std::uint64_t bodies_from, std::uint32_t payload_bytes) {
    if (!slot.is_inline()) return true;
    return slot.offset >= header_bytes + bodies_from &&
           std::uint64_t{slot.offset} + slot.length <= header_bytes + std::uint64_t{payload_bytes};
}

std::uint8_t present_of(const BodySlot& slot) {
    if (!slot.present) return 0;
    if (slot.shared) return present_shared;
    return slot.apart ? present_apart : present_here;
}

std::size_t slot_at(std::size_t ordinal) {
    return header_bytes + entry_head_bytes(ordinal);
}

void put_u32(std::string& bytes, std::size_t at, std::uint32_t value) {
    for (std::size_t byte = 0; byte < sizeof value; ++byte) {
        bytes[at + byte] = static_cast<char>(value >> (8 * byte));
    }
}

std::uint32_t u32_at(std::string_view bytes, std::size_t at) {
    return Reader(bytes.substr(at, sizeof(std::uint32_t))).u32();
}

void put_head_checksum(std::string& record) {
    put_u32(record, head_checksum_at, crc32c(std::string_view(record).substr(header_bytes)));
}

}  // namespace

void append_header(std::string& out, const RecordHeader& header) {
    Writer writer(out);
    writer.raw(record_magic);
    writer.u8(record_version);
    writer.u8(static_cast<std::uint8_t>(header.tag));
    writer.u16(header.set.value);
    writer.u64(header.index);
    writer.u64(header.term);
    writer.i64(header.time_ms);
    writer.u32(header.payload_bytes);
    writer.u32(header.head_bytes);
    writer.u32(header.head_checksum);
    writer.u32(0);
}

void seal_header(char* header, SegmentName segment, std::uint64_t offset) {
    const std::uint32_t checksum = header_checksum({header, header_bytes}, segment, offset);
    for (std::size_t at = 0; at < sizeof checksum; ++at) {
        header[checksummed_bytes + at] = static_cast<char>(checksum >> (8 * at));
    }
}

std::optional<RecordHeader> read_header(std::string_view bytes,
                                        SegmentName segment,
                                        std::uint64_t offset) {
    if (bytes.size() < header_bytes || !bytes.starts_with(record_magic)) return std::nullopt;
    Reader reader(bytes.substr(record_magic.size(), header_bytes - record_magic.size()));
    RecordHeader header;
    const std::uint8_t version = reader.u8();
    const std::uint8_t tag = reader.u8();
    header.tag = static_cast<Tag>(tag);
    header.set = model::SetId{reader.u16()};
    header.index = reader.u64();
    header.term = reader.u64();
    header.time_ms = reader.i64();
    header.payload_bytes = reader.u32();
    header.head_bytes = reader.u32();
    header.head_checksum = reader.u32();
    if (reader.u32() != header_checksum(bytes, segment, offset)) return std::nullopt;
    const bool known = version == record_version && tag >= static_cast<std::uint8_t>(Tag::write) &&
                       tag <= static_cast<std::uint8_t>(Tag::apart);
    if (!known || header.head_bytes > header.payload_bytes) return std::nullopt;
    return header;
}

bool head_matches(const RecordHeader& header, std::string_view payload) {
    return payload.size() >= header.head_bytes &&
           crc32c(payload.substr(0, header.head_bytes)) == header.head_checksum;
}

void append_entry_head(std::string& out, const EntryHead& head) {
    Writer writer(out);
    writer.u32(head.commands_bytes);
    writer.u32(head.commands_checksum);
    writer.u32(static_cast<std::uint32_t>(head.bodies.size()));
    writer.u32(head.kind);
    for (const BodySlot& slot : head.bodies) {
        writer.u32(slot.offset);
        writer.u32(slot.length);
        writer.u32(slot.checksum);
        writer.u32(slot.key_id);
        writer.u8(slot.codec);
        writer.u8(present_of(slot));
        writer.u16(0);
    }
}

std::optional<EntryHead> read_entry_head(std::string_view head, std::uint32_t payload_bytes) {
    const auto fixed = read_fixed(head, payload_bytes);
    if (!fixed) return std::nullopt;
    EntryHead found;
    found.commands_bytes = fixed->commands_bytes;
    found.commands_checksum = fixed->commands_checksum;
    found.kind = fixed->kind;
    found.bodies.reserve(fixed->bodies);
    Reader reader(head.substr(entry_head_fixed_bytes));
    for (std::uint32_t at = 0; at < fixed->bodies; ++at) {
        const BodySlot slot = read_slot(reader);
        if (!slot_fits(slot, fixed->bodies_from, payload_bytes)) return std::nullopt;
        found.bodies.push_back(slot);
    }
    return found;
}

std::optional<BodySlot> read_body_slot(std::string_view head,
                                       std::uint32_t payload_bytes,
                                       std::uint32_t ordinal) {
    const auto fixed = read_fixed(head, payload_bytes);
    if (!fixed) return std::nullopt;
    if (ordinal >= fixed->bodies) return BodySlot{};
    Reader reader(head.substr(entry_head_bytes(ordinal)));
    const BodySlot slot = read_slot(reader);
    if (!slot_fits(slot, fixed->bodies_from, payload_bytes)) return std::nullopt;
    return slot;
}

std::string encode_entry(const RecordHeader& facts, EntryHead head) {
    RecordHeader header = facts;
    if (!has_bodies(header.tag)) header.tag = Tag::entry;
    header.head_bytes = static_cast<std::uint32_t>(entry_head_bytes(head.bodies.size()));
    std::uint64_t end = header_bytes + header.head_bytes + std::uint64_t{head.commands_bytes};
    for (BodySlot& slot : head.bodies) {
        if (!slot.is_inline()) continue;
        check(end <= payload_bytes_max, "an entry's record is longer than its format allows");
        slot.offset = static_cast<std::uint32_t>(end);
        end += slot.length;
    }
    check(end <= payload_bytes_max, "an entry's record is longer than its format allows");
    header.payload_bytes = static_cast<std::uint32_t>(end - header_bytes);
    std::string out;
    out.reserve(header_bytes + header.head_bytes);
    std::string head_text;
    head_text.reserve(header.head_bytes);
    append_entry_head(head_text, head);
    header.head_checksum = crc32c(head_text);
    append_header(out, header);
    out.append(head_text);
    return out;
}

void point_apart(std::string& record, std::uint32_t segment) {
    for (std::size_t at = slot_at(0); at + body_slot_bytes <= record.size();
         at += body_slot_bytes) {
        const auto present = static_cast<std::uint8_t>(record[at + slot_present_at]);
        if (present == present_apart) put_u32(record, at, segment);
    }
    put_head_checksum(record);
}

BodySlot encoded_slot(std::string_view record, std::uint32_t ordinal) {
    Reader reader(record.substr(slot_at(ordinal), body_slot_bytes));
    return read_slot(reader);
}

void point_shared(std::string& record, const std::vector<std::uint32_t>& places) {
    const std::uint32_t commands_bytes = u32_at(record, header_bytes);
    auto end = static_cast<std::uint32_t>(record.size() + commands_bytes);
    for (std::size_t ordinal = 0; ordinal < places.size(); ++ordinal) {
        const std::size_t at = slot_at(ordinal);
        if (static_cast<std::uint8_t>(record[at + slot_present_at]) != present_here) continue;
        if (places[ordinal] != 0) {
            put_u32(record, at, places[ordinal]);
            record[at + slot_present_at] = static_cast<char>(present_shared);
        } else {
            put_u32(record, at, end);
            end += u32_at(record, at + slot_length_at);
        }
    }
    put_u32(record, payload_bytes_at, end - static_cast<std::uint32_t>(header_bytes));
    put_head_checksum(record);
}

std::uint16_t facts_of(Tag tag) {
    switch (tag) {
        case Tag::hard_state:
            return facts_hard_state;
        case Tag::conf_state:
            return facts_conf_state;
        case Tag::start:
            return facts_start;
        case Tag::replaced:
        case Tag::dropped:
            return facts_voided;
        default:
            return 0;
    }
}

std::string encode_write(std::uint64_t number, const WriteHead& head) {
    std::string payload;
    payload.reserve(write_head_fixed_bytes +
                    write_row_bytes * (head.rows.size() + head.recent.size()));
    Writer writer(payload);
    writer.u64(head.bytes);
    writer.u64(head.recent_from);
    writer.u32(static_cast<std::uint32_t>(head.rows.size()));
    writer.u32(static_cast<std::uint32_t>(head.recent.size()));
    for (const WriteRow& row : head.rows) {
        writer.u8(static_cast<std::uint8_t>(row.tag));
        writer.u8(0);
        writer.u16(row.set.value);
        writer.u32(row.bodies);
        writer.u64(row.index);
    }
    for (const RecentRow& row : head.recent) {
        writer.u16(row.facts);
        writer.u16(row.set.value);
        writer.u32(static_cast<std::uint32_t>(row.facts_at / record_alignment));
        writer.u64(row.last);
    }
    RecordHeader header;
    header.tag = Tag::write;
    header.index = number;
    return encode_small(header, payload);
}

std::optional<WriteHead> read_write_head(std::string_view payload) {
    Reader reader(payload);
    WriteHead head;
    head.bytes = reader.u64();
    head.recent_from = reader.u64();
    const std::uint64_t rows = reader.u32();
    const std::uint64_t recent = reader.u32();
    if (!reader.ok() || reader.left() != write_row_bytes * (rows + recent)) return std::nullopt;
    head.rows.reserve(rows);
    for (std::uint64_t at = 0; at < rows; ++at) {
        WriteRow row;
        row.tag = static_cast<Tag>(reader.u8());
        reader.u8();
        row.set = model::SetId{reader.u16()};
        row.bodies = reader.u32();
        row.index = reader.u64();
        head.rows.push_back(row);
    }
    head.recent.reserve(recent);
    for (std::uint64_t at = 0; at < recent; ++at) {
        RecentRow row;
        row.facts = reader.u16();
        row.set = model::SetId{reader.u16()};
        row.facts_at = reader.u32() * record_alignment;
        row.last = reader.u64();
        head.recent.push_back(row);
    }
    return head;
}

std::string encode_small(RecordHeader header, std::string_view payload) {
    check(payload.size() <= payload_bytes_max, "a record is longer than its format allows");
    header.payload_bytes = static_cast<std::uint32_t>(payload.size());
    header.head_bytes = header.payload_bytes;
    header.head_checksum = crc32c(payload);
    std::string out;
    out.reserve(record_bytes(payload.size()));
    append_header(out, header);
    out.append(payload);
    out.resize(record_bytes(payload.size()), '\0');
    return out;
}

}  // namespace penstock::storage
