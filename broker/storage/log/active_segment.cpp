#include "broker/storage/log/active_segment.h"

#include "broker/base/planted.h"
#include "broker/storage/log/segment_format.h"
#include "broker/storage/log/shared_bodies.h"

#include <algorithm>
#include <array>
#include <bit>
#include <string_view>
#include <utility>

namespace penstock::storage {

namespace {

// What a file system maps and caches by. Zeros are written block by block: a larger piece makes it
// keep and count its cache in larger ones, each of which a small write then makes dirty as a whole.
constexpr std::uint64_t block_bytes = 4096;
constexpr std::array<char, block_bytes> zeros{};

// Larger writes have more zeros written at once, so that it is one write in some that does it.
constexpr std::uint64_t writes_ahead = 16;
constexpr std::uint64_t ahead_growth_max = 8;  // times LogStoreOptions::zero_ahead

std::uint64_t next_block(std::uint64_t offset) {
    return (offset + block_bytes - 1) / block_bytes * block_bytes;
}

template <class Visit>
void for_each_kind(std::uint16_t kinds, Visit visit) {
    for (unsigned left = kinds; left != 0; left &= left - 1) {
        visit(static_cast<unsigned>(std::countr_zero(left)));
    }
}

}  // namespace

void touch(TouchedSets& sets, SetId set, Tag tag, std::uint64_t offset) {
    TouchedFacts& facts = sets[set];
    const std::uint16_t kind = facts_of(tag);
    if (kind != 0) facts.offset = offset;
    facts.kinds = static_cast<std::uint16_t>(facts.kinds | kind);
}

TouchedSets touched_by(std::span<const StagedRecord> records, std::uint64_t offset) {
    TouchedSets sets;
    for (const StagedRecord& record : records) {
        if (record.tag != Tag::footer) touch(sets, record.set, record.tag, offset);
    }
    return sets;
}

void RecentWrites::note(std::uint64_t offset, TouchedSets sets) {
    // What the next write tells reaches recent_bytes further back than the head of this one.
    while (!writes_.empty() && writes_.front().offset + recent_bytes < offset) forget_first();
    for (const auto& [set, facts] : sets) {
        Counts& counts = counts_[set];
        ++counts.writes;
        TouchedFacts& sum = touched_[set];
        sum.kinds = static_cast<std::uint16_t>(sum.kinds | facts.kinds);
        sum.offset = std::max(sum.offset, facts.offset);
        for_each_kind(facts.kinds, [&](unsigned kind) { ++counts.of_kind[kind]; });
    }
    writes_.push_back({offset, std::move(sets)});
}

void RecentWrites::forget_first() {
    for (const auto& [set, facts] : writes_.front().sets) {
        Counts& counts = counts_[set];
        TouchedFacts& sum = touched_[set];
        for_each_kind(facts.kinds, [&](unsigned kind) {
            if (--counts.of_kind[kind] == 0) {
                sum.kinds = static_cast<std::uint16_t>(sum.kinds & ~(1U << kind));
            }
        });
        // Offsets ascend: the first write was the last one with facts, or others have them.
        if (sum.kinds == 0) sum.offset = 0;
        if (--counts.writes > 0) continue;
        counts_.erase(set);
        touched_.erase(set);
    }
    writes_.pop_front();
}

std::uint64_t RecentWrites::from(std::uint64_t next_offset) const {
    return writes_.empty() ? next_offset : writes_.front().offset;
}

std::size_t ActiveSegment::fitting(std::span<const StagedRecord> records) const {
    std::uint64_t end = content_.tail + write_record_bytes(content_.recent.touched().size());
    std::size_t count = 0;
    for (const StagedRecord& record : records) {
        end += write_row_bytes + record.bytes;
        if (end > segment_->limit()) break;
        ++count;
    }
    // The end of a suffix is durable with what replaces it, or not at all.
    if (count > 0 && records[count - 1].tag == Tag::end_of_suffix) --count;
    return count;
}

std::uint64_t ActiveSegment::share(std::span<StagedRecord> records) {
    const std::size_t rows = records.size() + content_.recent.touched().size();
    std::uint64_t offset = content_.tail + write_record_bytes(rows);
    std::uint64_t shared = 0;
    for (StagedRecord& record : records) {
        shared += share_bodies(record, offset, recent_bodies_);
        offset += record.bytes;
    }
    return shared;
}

Result<void> ActiveSegment::write_zeros(std::uint64_t write_bytes) {
    const std::uint64_t end = content_.tail + write_bytes;
    // A write as long as what would be zeroed gains nothing from it.
    if (write_bytes >= zero_ahead_ || end <= zeroed_to_) return {};
    const std::uint64_t ahead =
        std::clamp(writes_ahead * write_bytes, zero_ahead_, ahead_growth_max * zero_ahead_);
    const std::uint64_t to = std::min(segment_->limit(), next_block(end + ahead));
    for (std::uint64_t at = std::max(next_block(end), zeroed_to_); at < to; at += block_bytes) {
        const std::string_view block(zeros.data(), std::min(block_bytes, to - at));
        if (const auto wrote = segment_->file().write_at(at, {block}); !wrote) return wrote;
    }
    zeroed_to_ = std::max(zeroed_to_, to);
    return {};
}

Result<std::uint64_t> ActiveSegment::put(std::span<StagedRecord> records, const FactsBySet& facts) {
    std::vector<RecentRow> recent;
    for (const auto& [set, touched] : content_.recent.touched()) {
        const auto known = facts.find(set);
        const LogIndex last = known == facts.end() ? 0 : known->second.last;
        recent.push_back({set, touched.kinds, touched.offset, last});
    }
    const std::uint64_t offset = content_.tail;
    const WritePlace place{segment_->name(), offset, content_.writes + 1};
    const std::uint64_t recent_from = content_.recent.from(offset);
    const GatheredWrite write = gather(records, place, recent_from, std::move(recent));
    if (const auto wrote = segment_->file().write_at(offset, write.parts); !wrote) {
        return wrote.error();
    }
    auto synced = segment_->file().sync();
    if (!synced && planted(K6)) synced = segment_->file().sync();
    if (!synced) return synced.error();
    content_.recent.note(offset, touched_by(records, offset));
    content_.tail += write.bytes;
    ++content_.writes;
    return offset + write.head.size();
}

Result<void> ActiveSegment::write(std::span<StagedRecord> records, FactsBySet& facts) {
    std::uint64_t bytes = 0;
    for (const StagedRecord& record : records) bytes += record.bytes;
    if (const auto zeroed = write_zeros(bytes); !zeroed) return zeroed;
    const Result<std::uint64_t> first = put(records, facts);
    if (!first) return first.error();
    recent_bodies_.keep();
    std::uint64_t offset = *first;
    for (const StagedRecord& record : records) {
        if (record.tag == Tag::end_of_suffix) content_.index.cut(record.set, record.index);
        if (voids_set(record.tag)) content_.index.cut(record.set, 0);
        if (has_bodies(record.tag)) {
            content_.index.add(
                {record.set, record.index, offset, record.present, record.body_bytes});
        }
        apply_facts(record, facts);
        offset += record.bytes;
    }
    return {};
}

Result<std::uint64_t> ActiveSegment::seal(const FactsBySet& facts) {
    StagedRecord footer;
    footer.tag = Tag::footer;
    footer.head = encode_footer(content_.index);
    footer.bytes = footer.head.size();
    return put({&footer, 1}, facts);
}

}  // namespace penstock::storage
