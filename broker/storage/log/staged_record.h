// StagedRecord: a record that waits for the next sync. It keeps the strings of its entry, so that
// they go to the file by one gathering write and are never copied. Values, broker thread only.
#pragma once

#include "broker/storage/log/record_format.h"
#include "broker/storage/log/set_facts.h"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::storage {

inline constexpr std::size_t all_inline = ~std::size_t{0};

struct StagedRecord {
    Tag tag = Tag::entry;
    SetId set;
    LogIndex index = 0;
    std::uint64_t term = 0;
    TimeMs time_ms = 0;
    std::uint64_t bytes = 0;         // with alignment
    std::uint64_t body_bytes = 0;    // of `bodies` as they were staged
    std::uint64_t shared_bytes = 0;  // of them that are elsewhere in the segment, and empty here
    std::uint32_t slots = 0;         // bodies of the entry, those left behind by a rewrite included
    std::uint32_t present = 0;       // of these that are there, here or apart
    HardState hard_state;            // tag hard_state
    std::string conf_state;          // tag conf_state
    std::string head;                // header and head, all of a small record
    std::string commands;
    std::vector<std::string> bodies;
    std::vector<StagedRecord> apart;  // one or none: the record with its large bodies

    [[nodiscard]] std::uint64_t unaligned_bytes() const {
        return head.size() + commands.size() + body_bytes - shared_bytes;
    }
};

// An entry, or with that tag a body record. Bodies from `apart_from` bytes up are put into a record
// of their own; the entry must be told by point_apart() where that was written.
StagedRecord stage_entry(EntryRecord entry,
                         Tag tag = Tag::entry,
                         std::size_t apart_from = all_inline);

// Encodes an entry's record once its facts, commands and bodies are in `staged`; `head` has a slot
// for each body.
void finish_entry(StagedRecord& staged, EntryHead head);

StagedRecord stage_hard_state(SetId set, const HardState& state);
StagedRecord stage_conf_state(SetId set, std::string_view state);
StagedRecord stage_end_of_suffix(SetId set, LogIndex from);
StagedRecord stage_start(Tag tag, SetId set, LogStart start);  // tag start, replaced or dropped

// The facts of all sets, as a new segment begins with them.
std::vector<StagedRecord> stage_facts(const FactsBySet& facts);

// What the record says of its set.
void apply_facts(const StagedRecord& record, FactsBySet& facts);

// The bytes of one write, in place order. Views into the records and into `head`.
struct GatheredWrite {
    std::string head;
    std::vector<std::string_view> parts;
    std::uint64_t bytes = 0;
};

struct WritePlace {
    SegmentName segment;
    std::uint64_t offset = 0;
    std::uint64_t number = 0;  // of the write in its segment, from 1
};

// Seals the records for their place.
GatheredWrite gather(std::span<StagedRecord> records,
                     const WritePlace& place,
                     std::uint64_t recent_from,
                     std::vector<RecentRow> recent);

}  // namespace penstock::storage
