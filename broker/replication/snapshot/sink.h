// SnapshotSink: receives a snapshot into incoming/, part by part, and checks it. What was received
// stays over a restart: the next sink for the same manifest goes on with it; one for another clears
// it away first. Owned by the node; any thread, one at a time: it waits for the disk. An error of
// the disk ends it; damaged bytes only begin their part anew.
#pragma once

#include "broker/replication/snapshot/incoming.h"
#include "broker/replication/snapshot/part_check.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

namespace penstock::replication {

class SnapshotSink {
  public:
    SnapshotSink(Disk& disk, const std::string& data_folder, SnapshotManifest manifest);

    // One bounded step of work on this node's own disk; true: call again before anything else.
    Result<bool> step();

    struct Wanted {
        std::uint32_t part = 0;
        std::uint64_t offset = 0;
        friend bool operator==(const Wanted&, const Wanted&) = default;
    };

    // What to fetch next; nothing: step() has work to do, or the snapshot is complete.
    [[nodiscard]] std::optional<Wanted> wanted() const;

    // The chunk at wanted(). Error{damaged}: it is not what the manifest promises; the part begins
    // anew. How often is the caller's to bound.
    Result<void> take(std::string_view bytes);

    // Everything is here, checked and durable.
    [[nodiscard]] bool complete() const { return phase_ == Phase::complete; }

    [[nodiscard]] const SnapshotManifest& manifest() const { return manifest_; }

    // Bodies the sender could not read, so far.
    [[nodiscard]] std::uint64_t lost_bodies() const { return lost_; }

    [[nodiscard]] std::uint64_t received_bytes() const { return received_; }

  private:
    enum class Phase : std::uint8_t { look, clear, next_part, read_again, receive, complete };

    Result<void> look();
    Result<void> next_part();
    Result<void> read_again();
    Result<void> finish_part();
    Result<void> begin_anew();
    [[nodiscard]] std::string partial_path() const;

    Incoming incoming_;
    SnapshotManifest manifest_;
    Phase phase_ = Phase::look;
    std::uint32_t part_ = 0;
    std::optional<PartCheck> check_;
    std::unique_ptr<File> file_;  // of the part that is coming
    std::uint64_t bytes_ = 0;     // of it
    std::uint64_t read_ = 0;      // of these: read again after a restart
    std::uint64_t synced_ = 0;    // of these
    std::uint64_t lost_ = 0;
    std::uint64_t received_ = 0;
};

}  // namespace penstock::replication
