// BodyFrame: one entry with the bodies somebody holds, as it travels in a snapshot. A body that the
// sender cannot read is said to be lost, so that a snapshot does not fail for it. FrameReader puts
// frames together from chunks. Values; the grammar is drawn in body_frame.cpp.
#pragma once

#include "broker/base/error.h"
#include "broker/replication/snapshot/manifest.h"
#include "broker/storage/log/log_store.h"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::replication {

struct BodyFrame {
    LiveEntry listed;             // what the sender's rows hold of it
    storage::EntryRecord record;  // without its set; other bodies, and lost ones, are absent
    std::uint32_t lost = 0;       // listed bodies that the sender cannot read
};

// Of a record as the log store has it.
std::string encode_frame(const LiveEntry& listed, const storage::StoredEntry& entry);

// Of a record that the log store does not have, or cannot read.
std::string encode_lost_frame(const LiveEntry& listed);

class FrameReader {
  public:
    // Gives each frame that is complete now. Error{damaged}: these bytes are no frames; nothing may
    // be fed after it.
    using Visit = std::function<void(BodyFrame&&)>;
    Result<void> feed(std::string_view bytes, const Visit& visit);

    [[nodiscard]] std::uint32_t frames() const { return frames_; }

    // Bytes of the frame that has begun.
    [[nodiscard]] std::size_t pending() const { return pending_.size(); }

    // Bytes of all frames before it.
    [[nodiscard]] std::uint64_t whole_bytes() const { return whole_bytes_; }

    void forget_pending() { pending_.clear(); }

  private:
    std::string pending_;
    std::uint32_t frames_ = 0;
    std::uint64_t whole_bytes_ = 0;
};

}  // namespace penstock::replication
