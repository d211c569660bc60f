// PartCheck: what has come of one part of a snapshot, and whether it is right. A value, broker
// thread.
#pragma once

#include "broker/replication/snapshot/body_frame.h"
#include "broker/replication/snapshot/manifest.h"

#include <cstdint>
#include <string_view>

namespace penstock::replication {

class PartCheck {
  public:
    PartCheck(const SnapshotManifest& manifest, std::uint32_t part);

    // Error{damaged}: these bytes do not belong to the part; it must begin anew.
    Result<void> feed(std::string_view bytes);

    // All of it is there, and matches its checksum.
    [[nodiscard]] bool complete() const;

    // What to ask the source for next.
    [[nodiscard]] std::uint64_t offset() const;

    // Bytes up to which a copy that was cut off can be trusted; goes on from there.
    std::uint64_t keep_whole();

    [[nodiscard]] std::uint32_t lost() const { return lost_; }

  private:
    [[nodiscard]] bool full() const;

    bool is_file_;
    SnapshotFile file_;
    BodyRange range_;
    std::uint64_t bytes_ = 0;
    std::uint32_t checksum_ = 0;
    FrameReader frames_;
    LogIndex last_ = 0;
    std::uint32_t lost_ = 0;
};

}  // namespace penstock::replication
