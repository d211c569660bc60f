// Shared bodies: those whose bytes lie elsewhere in the segment of their entry, as another set's
// copy of the message. share_bodies() on the broker thread; SharedBodies on any, one at a time.
#pragma once

#include "broker/storage/log/entry_view.h"
#include "broker/storage/log/recent_bodies.h"
#include "broker/storage/log/segment.h"
#include "broker/storage/log/staged_record.h"

#include <cstdint>
#include <optional>
#include <string_view>

namespace penstock::storage {

// An entry that is about to be written at `offset`: bodies that `recent` knows are left out of its
// record, the others are noted there. Gives the bytes that were left out.
std::uint64_t share_bodies(StagedRecord& record, std::uint64_t offset, RecentBodies& recent);

// Reads the shared bodies of a segment, which must outlive it. A view holds until the next one.
class SharedBodies {
  public:
    SharedBodies(const Segment& segment, BodySource::Wait wait);

    // As FileWindow::read_around().
    void read_around() { window_.read_around(); }

    // As FileWindow::refused().
    [[nodiscard]] bool refused() const { return window_.refused(); }

    // As they are there, right or not. Error{damaged}: that is no place in the file.
    Result<std::string_view> bytes(const BodySlot& slot);

    // Error{damaged} also when they do not match their checksum.
    Result<std::string_view> read(const BodySlot& slot);

    // As read(), when none that lies close to it is wanted.
    Result<std::string_view> read_last(const BodySlot& slot);

    // Adds to the view's damaged bodies those of the entry that are shared and do not match.
    Result<void> check(EntryView& view);

  private:
    [[nodiscard]] std::optional<Error> misplaced(const BodySlot& slot) const;
    [[nodiscard]] Result<std::string_view> verified(const BodySlot& slot,
                                                    const Result<std::string_view>& bytes) const;

    const Segment* segment_;
    FileWindow window_;
};

}  // namespace penstock::storage
