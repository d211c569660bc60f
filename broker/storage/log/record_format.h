// The byte grammar of records: headers, the heads of entries and writes. A header's checksum covers
// the place of the record too (segment, offset), so that bytes found anywhere else are no record.
// Pure functions, any thread; a record that does not decode is damaged. The grammar is drawn in
// record_format.cpp.
#pragma once

#include "broker/model/ids.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::storage {

// Which file: the number orders segments, the generation counts how often it was rewritten. No two
// segments have one number, also not where one of them is of large bodies.
struct SegmentName {
    std::uint64_t number = 0;
    std::uint32_t generation = 0;
    bool large = false;
    friend auto operator<=>(const SegmentName&, const SegmentName&) = default;
};

enum class Tag : std::uint8_t {
    write = 1,      // opens what one write carries and lists it
    entry,          // an entry of a set: commands and bodies
    hard_state,     // Raft's durable facts of a set
    conf_state,     // the members of a set, opaque
    end_of_suffix,  // the set's entries from `index` on are void
    position,       // the set's last entry, repeated at the start of a segment
    footer,         // what a sealed segment holds
    body_record,    // an entry at or below its log's start, kept for its bodies
    start,          // the set's log begins behind this entry
    replaced,       // all of the set before this record is void, its log begins behind this entry
    dropped,        // as before, and its facts are forgotten
    apart,          // bodies of an entry that lie apart from it, in a segment of large bodies
};

// What begins like an entry: commands and bodies.
constexpr bool has_bodies(Tag tag) {
    return tag == Tag::entry || tag == Tag::body_record || tag == Tag::apart;
}

// All of the set before such a record is void.
constexpr bool voids_set(Tag tag) {
    return tag == Tag::replaced || tag == Tag::dropped;
}

struct RecordHeader {
    Tag tag = Tag::write;
    model::SetId set;
    std::uint64_t index = 0;
    std::uint64_t term = 0;
    model::TimeMs time_ms = 0;
    std::uint32_t payload_bytes = 0;
    std::uint32_t head_bytes = 0;  // the part of the payload that `head_checksum` covers
    std::uint32_t head_checksum = 0;
};

inline constexpr std::string_view record_magic = "PnRc";
inline constexpr std::size_t header_bytes = 48;
inline constexpr std::uint64_t record_alignment = 8;
inline constexpr std::uint64_t payload_bytes_max = 0xFFFF'FF00;

constexpr std::uint64_t aligned(std::uint64_t bytes) {
    return (bytes + record_alignment - 1) / record_alignment * record_alignment;
}

constexpr std::uint64_t record_bytes(std::uint64_t payload_bytes) {
    return aligned(header_bytes + payload_bytes);
}

// Appends the header with room for its own checksum, which seal_header() fills in once the place
// of the record is known.
void append_header(std::string& out, const RecordHeader& header);
void seal_header(char* header, SegmentName segment, std::uint64_t offset);

// Nothing when the first header_bytes of `bytes` are no header of this place.
std::optional<RecordHeader> read_header(std::string_view bytes,
                                        SegmentName segment,
                                        std::uint64_t offset);

// True when `payload` begins with the head that the header promises.
bool head_matches(const RecordHeader& header, std::string_view payload);

// One body of an entry: where its bytes are, and how to check them.
struct BodySlot {
    // From the start of the record; shared: of the file; apart: the number of the segment.
    std::uint32_t offset = 0;
    std::uint32_t length = 0;
    std::uint32_t checksum = 0;
    std::uint32_t key_id = 0;  // 0: not sealed
    std::uint8_t codec = 0;    // 0: raw
    bool present = false;      // false: rewritten away, held by nobody
    bool apart = false;        // in another segment, in the record of this entry there
    bool shared = false;       // elsewhere in this segment, among the bytes of another entry

    [[nodiscard]] bool is_inline() const { return present && !apart && !shared; }
};

inline constexpr std::size_t entry_head_fixed_bytes = 16;
inline constexpr std::size_t body_slot_bytes = 20;

constexpr std::size_t entry_head_bytes(std::size_t bodies) {
    return entry_head_fixed_bytes + body_slot_bytes * bodies;
}

inline constexpr std::uint32_t entry_kinds = 2;

struct EntryHead {
    std::uint32_t commands_bytes = 0;
    std::uint32_t commands_checksum = 0;
    std::uint32_t kind = 0;  // EntryKind
    std::vector<BodySlot> bodies;
};

void append_entry_head(std::string& out, const EntryHead& head);

// Nothing when the head is no head of an entry whose payload has `payload_bytes`.
std::optional<EntryHead> read_entry_head(std::string_view head, std::uint32_t payload_bytes);

// One slot of it alone, for who wants one body of many: not present when the entry has no such
// ordinal; nothing as above, but of the other slots nothing is looked at.
std::optional<BodySlot> read_body_slot(std::string_view head,
                                       std::uint32_t payload_bytes,
                                       std::uint32_t ordinal);

// The record's bytes of an entry (or, as `facts` say, of a body record) without alignment: header
// and head, sealed but for the place; commands and bodies follow it in this order.
std::string encode_entry(const RecordHeader& facts, EntryHead head);

// Says in all slots of encode_entry()'s result that are apart which segment they are in.
void point_apart(std::string& record, std::uint32_t segment);

// One slot of encode_entry()'s result.
BodySlot encoded_slot(std::string_view record, std::uint32_t ordinal);

// Says in encode_entry()'s result which bodies are elsewhere in the segment: by ordinal where in
// the file; 0: as before. What stays in the record moves up.
void point_shared(std::string& record, const std::vector<std::uint32_t>& places);

// What one write carries: enough to know what was lost when a record of it is damaged.
struct WriteRow {
    Tag tag = Tag::entry;
    model::SetId set;
    std::uint32_t bodies = 0;
    std::uint64_t index = 0;
    friend bool operator==(const WriteRow&, const WriteRow&) = default;
};

// The kinds of facts that writes carried, as bits.
enum Facts : std::uint16_t {
    facts_hard_state = 1,
    facts_conf_state = 2,
    facts_start = 4,
    facts_voided = 8,
};

// Those of a record; 0: it is no fact.
std::uint16_t facts_of(Tag tag);

// A set that writes shortly before this one touched: enough to know what was lost when the head of
// such a write is damaged.
struct RecentRow {
    model::SetId set;
    std::uint16_t facts = 0;     // kinds of facts these writes had
    std::uint64_t facts_at = 0;  // offset of the last one with any; 0: none
    std::uint64_t last = 0;      // index of the set's last entry
    friend bool operator==(const RecentRow&, const RecentRow&) = default;
};

struct WriteHead {
    std::uint64_t bytes = 0;        // of the records behind it
    std::uint64_t recent_from = 0;  // `recent` tells of all that was written from this offset on
    std::vector<WriteRow> rows;
    std::vector<RecentRow> recent;
};

inline constexpr std::size_t write_head_fixed_bytes = 24;
inline constexpr std::size_t write_row_bytes = 16;

constexpr std::uint64_t write_record_bytes(std::size_t rows_and_recent) {
    return record_bytes(write_head_fixed_bytes + write_row_bytes * rows_and_recent);
}

std::string encode_write(std::uint64_t number, const WriteHead& head);
std::optional<WriteHead> read_write_head(std::string_view payload);

// The small records, whose payload is all head.
std::string encode_small(RecordHeader header, std::string_view payload);

}  // namespace penstock::storage
