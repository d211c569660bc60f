// Bodies that lie apart from their entry, in a segment of large bodies: finding and reading them.
// What an entry's slot says decides: a record apart counts only if the entry with its set and index
// says its segment, length and checksum. Finding: broker thread; read_apart() and
// ApartRange::find() on any, the latter on one at a time.
#pragma once

#include "broker/storage/log/record_format.h"
#include "broker/storage/log/segment.h"
#include "broker/storage/log/store_state.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace penstock::storage {

// Where the record with the entry's large bodies is, if it has any. May open its segment.
ApartPlace find_apart(StoreState& state, SetId set, LogIndex index);

using FindApart = std::function<ApartPlace(SetId, LogIndex)>;

// A slot of an entry that is apart, and where the entry is itself.
struct ApartSlot {
    const Segment& segment;
    std::uint64_t offset = 0;  // of the entry's record
    MessageId message;
    BodySlot slot;
};

// The verified bytes. Error{damaged}: they are not there, or do not match. Error{not_found}: they
// are gone, held by nobody. Error{unavailable}: as BodySource::read.
Result<BodySource::Body> read_apart(const ApartSlot& slot,
                                    const ApartPlace& place,
                                    BodySource::Wait wait);

// The ordinals that the entry has in the large segment of that number; none: there is no such
// entry, or it has none there. Nothing: the entry's record cannot be read.
Result<std::optional<std::vector<std::uint32_t>>> ordinals_apart(StoreState& state,
                                                                 SetId set,
                                                                 LogIndex index,
                                                                 std::uint64_t number);

// Those of them that somebody holds; of an entry that cannot be read, all that somebody holds.
Result<std::vector<std::uint32_t>> held_apart(
    StoreState& state, SetId set, LogIndex index, std::uint64_t number, const LiveBodies& live);

// Where the large bodies of a set's entries from `first` to `last` are, as it was when this was
// made: holds while the set is pinned. Opens their segments one at a time.
class ApartRange {
  public:
    ApartRange(const StoreState& state, SetId set, LogIndex first, LogIndex last);

    ApartPlace find(LogIndex index);

  private:
    struct File {
        SegmentName name;
        std::uint64_t bytes = 0;
    };

    StoreFiles files_;
    std::vector<std::pair<LargePlace, File>> places_;  // ascending
    LogIndex gone_to_ = 0;
    std::shared_ptr<const Segment> open_;
};

}  // namespace penstock::storage
