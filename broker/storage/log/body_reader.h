// BodyReader: reads bodies one after the other, each verified: the header of its entry for its
// place, the entry's head, the body. Neighbours, bodies of one entry or of entries that follow each
// other, share what was found, verified and read for the first of them. A value for one reading, on
// one thread, any. Find all bodies of a reading before the first is read: one that is written
// meanwhile could be taken for damage. Errors: as BodySource::read.
#pragma once

#include "broker/storage/log/segment.h"
#include "broker/storage/log/shared_bodies.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace penstock::storage {

class BodyReader {
  public:
    explicit BodyReader(BodySource::Wait wait) : wait_(wait) {}

    // Whether the next body wanted is a neighbour, as far as is known: then more is read at once.
    enum class Next : std::uint8_t { elsewhere, neighbour };

    Result<BodySource::Body> read(const BodySource& source, Next next = Next::elsewhere);

  private:
    // Puts the scanner on the entry and verifies its head.
    Result<void> find_entry(const BodySource& source);
    void go_to(const BodySource& source);

    // A body of that entry, whose bytes are elsewhere in its segment.
    Result<BodySource::Body> read_shared(const BodySlot& slot, Next next);
    [[nodiscard]] bool is_at(MessageId message) const;

    BodySource::Wait wait_;
    std::shared_ptr<const Segment> segment_;
    std::optional<RecordScanner> scanner_;
    std::optional<SharedBodies> shared_;
    bool found_ = false;            // the scanner is on an entry, whose head is `head_`
    std::uint64_t found_from_ = 0;  // looked for from there, it was the first
    std::string head_;
};

}  // namespace penstock::storage
