#include "broker/storage/log/staged_record.h"

#include "broker/base/bytes.h"
#include "broker/base/check.h"
#include "broker/base/hash.h"
#include "broker/base/planted.h"

#include <algorithm>
#include <array>
#include <utility>

namespace penstock::storage {

namespace {

constexpr std::array<char, record_alignment> zeros{};

StagedRecord stage_small(Tag tag,
                         SetId set,
                         LogIndex index,
                         std::uint64_t term,
                         TimeMs time_ms,
                         std::string_view payload) {
    StagedRecord staged;
    staged.tag = tag;
    staged.set = set;
    staged.index = index;
    staged.term = term;
    staged.time_ms = time_ms;
    RecordHeader header;
    header.tag = tag;
    header.set = set;
    header.index = index;
    header.term = term;
    header.time_ms = time_ms;
    staged.head = encode_small(header, payload);
    staged.bytes = staged.head.size();
    return staged;
}

StagedRecord stage_place(const EntryRecord& entry, Tag tag) {
    StagedRecord staged;
    staged.tag = tag;
    staged.set = entry.set;
    staged.index = entry.index;
    staged.term = entry.term;
    staged.time_ms = entry.time_ms;
    return staged;
}

void take_body(StagedRecord& staged, std::string body) {
    staged.body_bytes += body.size();
    staged.bodies.push_back(std::move(body));
}

// The record of the bodies that the head says are apart.
StagedRecord stage_apart(EntryRecord& entry, const EntryHead& head) {
    StagedRecord staged = stage_place(entry, Tag::apart);
    EntryHead own;
    own.commands_checksum = crc32c({});
    own.bodies.resize(head.bodies.size());
    for (std::size_t ordinal = 0; ordinal < head.bodies.size(); ++ordinal) {
        if (!head.bodies[ordinal].apart) continue;
        own.bodies[ordinal] = head.bodies[ordinal];
        own.bodies[ordinal].apart = false;
        ++staged.present;
        take_body(staged, std::move(entry.bodies[ordinal]));
    }
    finish_entry(staged, std::move(own));
    return staged;
}

}  // namespace

void finish_entry(StagedRecord& staged, EntryHead head) {
    check(staged.commands.size() + staged.body_bytes <= payload_bytes_max,
          "an entry is longer than its record allows");
    RecordHeader header;
    header.tag = staged.tag;
    header.set = staged.set;
    header.index = staged.index;
    header.term = staged.term;
    header.time_ms = staged.time_ms;
    staged.slots = static_cast<std::uint32_t>(head.bodies.size());
    staged.head = encode_entry(header, std::move(head));
    staged.bytes = aligned(staged.unaligned_bytes());
}

StagedRecord stage_entry(EntryRecord entry, Tag tag, std::size_t apart_from) {
    StagedRecord staged = stage_place(entry, tag);
    EntryHead head;
    head.commands_bytes = static_cast<std::uint32_t>(entry.commands.size());
    head.commands_checksum = crc32c(entry.commands);
    head.kind = static_cast<std::uint32_t>(entry.kind);
    head.bodies.reserve(entry.bodies.size());
    for (std::uint32_t ordinal = 0; ordinal < entry.bodies.size(); ++ordinal) {
        BodySlot slot;
        slot.present = !std::binary_search(entry.absent.begin(), entry.absent.end(), ordinal);
        if (slot.present) {
            std::string& body = entry.bodies[ordinal];
            slot.length = static_cast<std::uint32_t>(body.size());
            slot.checksum = crc32c(body);
            slot.apart = body.size() >= apart_from;
            ++staged.present;
            if (!slot.apart) take_body(staged, std::move(body));
        }
        head.bodies.push_back(slot);
    }
    const bool any_apart = staged.present > staged.bodies.size();
    if (any_apart) staged.apart.push_back(stage_apart(entry, head));
    staged.commands = std::move(entry.commands);
    finish_entry(staged, std::move(head));
    return staged;
}

StagedRecord stage_hard_state(SetId set, const HardState& state) {
    std::string payload;
    Writer writer(payload);
    writer.u64(state.vote);
    writer.u64(state.commit);
    StagedRecord staged = stage_small(Tag::hard_state, set, 0, state.term, 0, payload);
    staged.hard_state = state;
    return staged;
}

StagedRecord stage_conf_state(SetId set, std::string_view state) {
    StagedRecord staged = stage_small(Tag::conf_state, set, 0, 0, 0, state);
    staged.conf_state = state;
    return staged;
}

StagedRecord stage_end_of_suffix(SetId set, LogIndex from) {
    return stage_small(Tag::end_of_suffix, set, from, 0, 0, {});
}

StagedRecord stage_start(Tag tag, SetId set, LogStart start) {
    return stage_small(tag, set, start.index, start.term, 0, {});
}

std::vector<StagedRecord> stage_facts(const FactsBySet& facts) {
    std::vector<StagedRecord> staged;
    for (const auto& [set, known] : facts) {
        staged.push_back(
            stage_small(Tag::position, set, known.last, known.last_term, known.last_time_ms, {}));
        if (known.hard_state != HardState{}) {
            staged.push_back(stage_hard_state(set, known.hard_state));
        }
        if (!known.conf_state.empty()) staged.push_back(stage_conf_state(set, known.conf_state));
        if (known.start != LogStart{}) {
            staged.push_back(stage_start(Tag::start, set, known.start));
        }
    }
    return staged;
}

void apply_facts(const StagedRecord& record, FactsBySet& by_set) {
    if (record.tag == Tag::dropped) {
        by_set.erase(record.set);
        return;
    }
    SetFacts& facts = by_set[record.set];
    if (record.tag == Tag::start || record.tag == Tag::replaced) {
        facts.start = {record.index, record.term};
    }
    if (record.tag == Tag::hard_state) facts.hard_state = record.hard_state;
    if (record.tag == Tag::conf_state) facts.conf_state = record.conf_state;
    if (record.tag == Tag::end_of_suffix) facts.last = record.index - 1;
    if (record.tag == Tag::entry || record.tag == Tag::position || record.tag == Tag::replaced) {
        facts.last = planted(K31) ? std::max(facts.last, record.index) : record.index;
        facts.last_term = record.term;
        facts.last_time_ms = record.time_ms;
    }
}

GatheredWrite gather(std::span<StagedRecord> records,
                     const WritePlace& place,
                     std::uint64_t recent_from,
                     std::vector<RecentRow> recent) {
    WriteHead head;
    head.recent_from = recent_from;
    head.recent = std::move(recent);
    head.rows.reserve(records.size());
    std::size_t bodies = 0;
    for (const StagedRecord& record : records) {
        head.rows.push_back({record.tag, record.set, record.slots, record.index});
        head.bytes += record.bytes;
        bodies += record.bodies.size();
    }
    GatheredWrite write;
    write.head = encode_write(place.number, head);
    seal_header(write.head.data(), place.segment, place.offset);
    write.parts.reserve(1 + 3 * records.size() + bodies);
    write.parts.emplace_back(write.head);
    std::uint64_t offset = place.offset + write.head.size();
    for (StagedRecord& record : records) {
        seal_header(record.head.data(), place.segment, offset);
        write.parts.emplace_back(record.head);
        write.parts.emplace_back(record.commands);
        for (const std::string& body : record.bodies) write.parts.emplace_back(body);
        write.parts.emplace_back(zeros.data(), record.bytes - record.unaligned_bytes());
        offset += record.bytes;
    }
    write.bytes = offset - place.offset;
    return write;
}

}  // namespace penstock::storage
