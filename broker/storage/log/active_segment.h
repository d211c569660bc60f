// ActiveSegment: the one segment that is written to. Owned by the store, broker thread only; the
// Segment it shares is read by any thread, below what was synced. Any error of a write or sync is
// final.
#pragma once

#include "broker/storage/log/recent_bodies.h"
#include "broker/storage/log/segment.h"
#include "broker/storage/log/segment_index.h"
#include "broker/storage/log/staged_record.h"

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <span>
#include <vector>

namespace penstock::storage {

// How far behind the head of a write the next one tells which sets were touched: damage of up to
// this length is known for what it is, whatever it hits.
inline constexpr std::uint64_t recent_bytes = 8ULL << 10;

// The kinds of facts of a set, and the offset of the last write with any of them (0: none).
struct TouchedFacts {
    std::uint16_t kinds = 0;
    std::uint64_t offset = 0;
};

using TouchedSets = std::map<SetId, TouchedFacts>;

void touch(TouchedSets& sets, SetId set, Tag tag, std::uint64_t offset);

TouchedSets touched_by(std::span<const StagedRecord> records, std::uint64_t offset);

// The sets that the last writes touched, summed up as writes come and go: each write asks for it.
class RecentWrites {
  public:
    void note(std::uint64_t offset, TouchedSets sets);

    // Offset from which touched() tells all.
    [[nodiscard]] std::uint64_t from(std::uint64_t next_offset) const;

    [[nodiscard]] const TouchedSets& touched() const { return touched_; }

  private:
    struct Write {
        std::uint64_t offset = 0;
        TouchedSets sets;
    };

    // How many of the writes touched a set, and how many of them had each kind of facts.
    struct Counts {
        std::uint32_t writes = 0;
        std::array<std::uint32_t, 16> of_kind{};
    };

    void forget_first();

    std::deque<Write> writes_;
    std::map<SetId, Counts> counts_;
    TouchedSets touched_;
};

class ActiveSegment {
  public:
    // What a segment holds that is gone on with.
    struct Content {
        SegmentIndex index;
        std::uint64_t tail = 0;
        std::uint64_t writes = 0;
        RecentWrites recent;
    };

    // `zero_ahead`: LogStoreOptions::zero_ahead, where small writes come.
    ActiveSegment(std::shared_ptr<Segment> segment, Content content, std::uint64_t zero_ahead = 0)
        : segment_(std::move(segment)), content_(std::move(content)), zero_ahead_(zero_ahead) {}

    // How many of the records, from the first on, one write here can take.
    [[nodiscard]] std::size_t fitting(std::span<const StagedRecord> records) const;

    // What write() is about to write: bodies that this segment has of another set lately are left
    // out of the records, which say where they are. Gives the bytes that were left out.
    std::uint64_t share(std::span<StagedRecord> records);

    // One write and one sync. Notes the entries in the index and the facts.
    Result<void> write(std::span<StagedRecord> records, FactsBySet& facts);

    // Writes the footer and syncs it; gives the footer's offset. Nothing may be written after it.
    Result<std::uint64_t> seal(const FactsBySet& facts);

    [[nodiscard]] const std::shared_ptr<Segment>& segment() const { return segment_; }

    [[nodiscard]] const SegmentIndex& index() const { return content_.index; }

    [[nodiscard]] std::uint64_t number() const { return segment_->name().number; }

    [[nodiscard]] std::uint64_t tail() const { return content_.tail; }

  private:
    // Writes zeros, not durable yet, behind where a write of so many bytes will end: there are
    // zeros already, but the file system has to note the first write of each block.
    Result<void> write_zeros(std::uint64_t write_bytes);

    // Puts the records at the tail; gives the offset of the first one.
    Result<std::uint64_t> put(std::span<StagedRecord> records, const FactsBySet& facts);

    std::shared_ptr<Segment> segment_;
    Content content_;
    RecentBodies recent_bodies_;
    std::uint64_t zero_ahead_;
    std::uint64_t zeroed_to_ = 0;  // blocks up to here have been written to
};

}  // namespace penstock::storage
