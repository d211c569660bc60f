// Catalog: which segment holds which entries, for all sets of a store: in memory the summaries of
// the footers only. The ranges of a set's segments never overlap; a newer segment cuts the older
// ones. Owned by the store, broker thread only.
#pragma once

#include "broker/storage/log/segment_format.h"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace penstock::storage {

// Where a record of a large segment is.
struct LargePlace {
    model::LogIndex index = 0;
    std::uint64_t offset = 0;
};

struct SegmentInfo {
    SegmentName name;
    std::uint64_t bytes = 0;
    std::uint64_t footer = 0;                            // 0: written to
    std::map<model::SetId, SetSummary> sets;             // as the footer says
    std::map<model::SetId, model::LogIndex> void_after;  // as the manifest says, at start

    std::map<model::SetId, std::uint64_t> live;  // bodies somebody holds
    bool distrusted = false;  // more was released than counted: look before deleting
    bool keep = false;        // holds records that cannot be read: never rewritten

    // Of a segment of large bodies: all its records, ascending. There are few of them.
    std::map<model::SetId, std::vector<LargePlace>> places;
    std::map<model::SetId, std::uint64_t> released;  // bodies of these entries, large or not
    std::uint64_t look_from = 0;  // how many of them must be before it is looked at again

    [[nodiscard]] std::uint64_t live_bodies() const;
    [[nodiscard]] std::uint64_t released_bodies() const;

    // Nothing: `places` has no record of that entry.
    [[nodiscard]] const LargePlace* place_of(model::SetId set, model::LogIndex index) const;
};

// What the samples of a large segment's index say: each of its records is one.
void take_index(SegmentInfo& info, const SegmentIndex& index);

class Catalog {
  public:
    // Segments are added in the order of their numbers. Gives the entry.
    SegmentInfo& add(SegmentInfo info);

    // The segment that is written to takes an entry.
    void extend(model::SetId set, model::LogIndex index, std::uint64_t number);

    // The set's entries from `from` on are void.
    void cut(model::SetId set, model::LogIndex from);

    // All of the set is void, and held by nobody.
    void clear(model::SetId set);

    void remove(std::uint64_t number);

    // The segment was rewritten: it holds these now.
    void replace(const SegmentInfo& info);

    // The part of a segment that holds entries of one set.
    struct Place {
        model::LogIndex first = 0;
        model::LogIndex last = 0;
        std::uint64_t number = 0;
    };

    [[nodiscard]] std::optional<Place> place_of(model::SetId set, model::LogIndex index) const;

    // The place of the index, or the next one behind it.
    [[nodiscard]] std::optional<Place> next_place(model::SetId set, model::LogIndex index) const;

    [[nodiscard]] SegmentInfo* info_of(model::SetId set, model::LogIndex index);

    // The last index of the set in that segment that is not void; 0: none.
    [[nodiscard]] model::LogIndex last_in(model::SetId set, std::uint64_t number) const;

    // The last index of the set that is not void, in any segment; 0: none.
    [[nodiscard]] model::LogIndex last_of(model::SetId set) const;

    // What ended suffixes leave void in segments that say otherwise.
    [[nodiscard]] std::vector<ManifestTrim> trims() const;

    // The lowest index from which on nothing was dropped or rewritten; `last` + 1 when there is no
    // entry.
    [[nodiscard]] model::LogIndex first_whole(model::SetId set, model::LogIndex last) const;

    [[nodiscard]] std::map<std::uint64_t, SegmentInfo>& segments() { return segments_; }

    [[nodiscard]] const std::map<std::uint64_t, SegmentInfo>& segments() const { return segments_; }

  private:
    struct Piece {
        model::LogIndex last = 0;
        std::uint64_t number = 0;
    };

    using Pieces = std::map<model::LogIndex, Piece>;  // by first index

    void remove_pieces(std::uint64_t number);

    std::map<std::uint64_t, SegmentInfo> segments_;
    std::map<model::SetId, Pieces> pieces_;
};

}  // namespace penstock::storage
