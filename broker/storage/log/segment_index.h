// SegmentIndex: where the entries of one segment are, per set: the range, sizes, and a sample of
// offsets so close that every entry begins within sample_spacing behind one. Void entries of an
// ended suffix are cut out; the first entry behind a cut is always a sample, so that a walk from a
// sample never meets a void entry first. Body records have gaps between them. A value; while its
// segment is written to it belongs to the broker thread and knows every entry exactly.
#pragma once

#include "broker/model/ids.h"

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

namespace penstock::storage {

inline constexpr std::uint64_t sample_spacing = 64ULL << 10;

struct Sample {
    model::LogIndex index = 0;
    std::uint64_t offset = 0;
    friend bool operator==(const Sample&, const Sample&) = default;
};

struct SetSummary {
    model::LogIndex first = 0;
    model::LogIndex last = 0;
    std::uint64_t entries = 0;     // void ones included
    std::uint64_t bodies = 0;      // void ones included
    std::uint64_t body_bytes = 0;  // void ones included
    friend bool operator==(const SetSummary&, const SetSummary&) = default;
};

struct SetIndex {
    SetSummary summary;
    std::vector<Sample> samples;
    bool cut = false;  // the next entry begins a run behind void ones

    // The last sample at or before `index`; nothing when there is none.
    [[nodiscard]] const Sample* floor(model::LogIndex index) const;
};

// Offsets of the entries of one set, each divided by record_alignment, in runs without a gap.
class ExactOffsets {
  public:
    void add(model::LogIndex index, std::uint64_t offset);
    void cut(model::LogIndex from);

    // Of that entry; nothing: it is not there.
    [[nodiscard]] std::optional<std::uint64_t> at(model::LogIndex index) const;

    // Of the first entry at or behind `index`.
    [[nodiscard]] std::optional<std::uint64_t> from(model::LogIndex index) const;

  private:
    struct Run {
        model::LogIndex first = 0;
        std::size_t at = 0;  // of its first offset
    };

    // The run that `index` lies in or behind; runs_.size(): before all of them.
    [[nodiscard]] std::size_t run_of(model::LogIndex index) const;
    [[nodiscard]] std::size_t length(std::size_t run) const;

    std::vector<Run> runs_;
    std::vector<std::uint32_t> offsets_;
};

struct IndexedEntry {
    model::SetId set;
    model::LogIndex index = 0;
    std::uint64_t offset = 0;
    std::uint64_t bodies = 0;
    std::uint64_t body_bytes = 0;
};

class SegmentIndex {
  public:
    // Entries come in file order. One at or below the set's last index ends the suffix from there.
    void add(const IndexedEntry& entry);
    void cut(model::SetId set, model::LogIndex from);  // from 0: all

    // Takes a set as a footer tells it.
    void insert(model::SetId set, SetIndex index) { sets_[set] = std::move(index); }

    // Where to begin looking for an entry: its own offset while exact(), else one at most
    // sample_spacing before where it would be. Nothing: no such entry.
    [[nodiscard]] std::optional<std::uint64_t> start(model::SetId set, model::LogIndex index) const;

    // Where to begin walking over the entries from `index` on, which may have gaps.
    [[nodiscard]] std::optional<std::uint64_t> walk_from(model::SetId set,
                                                         model::LogIndex index) const;

    // False for an entry whose place lies in an ended suffix.
    [[nodiscard]] bool live(model::SetId set, model::LogIndex index, std::uint64_t offset) const;

    [[nodiscard]] const std::map<model::SetId, SetIndex>& sets() const { return sets_; }

    // Keep every entry's offset from now on (a segment that is written to).
    void keep_exact() { exact_ = true; }

    void forget_exact();

  private:
    std::map<model::SetId, SetIndex> sets_;
    std::map<model::SetId, ExactOffsets> offsets_;
    bool exact_ = false;
};

}  // namespace penstock::storage
