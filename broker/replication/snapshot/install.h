// SnapshotInstall: takes a received snapshot into use: the set's log begins behind it with the
// bodies that came, its rows are those that came. Owned by the node, broker thread only.
//
// On a running node: begin(), which is remembered over a crash; then the engine is asked. When it
// has no use for the snapshot: revoke(). Else the set's rows are closed, nothing of the set is
// appended or applied, and step() is called until it is done, with LogStore::sync() after each.
//
// At a start: for each of marked_sets() the store is opened with nothing_needed, the rows stay
// closed, and resume() says whether to go on or that the snapshot was given up. Everything is done
// again from the first step: each may be done twice.
#pragma once

#include "broker/replication/snapshot/body_frame.h"
#include "broker/replication/snapshot/incoming.h"
#include "broker/storage/log/log_store.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace penstock::replication {

class SnapshotInstall {
  public:
    // By begin() and resume() alone.
    SnapshotInstall(Incoming incoming, SnapshotManifest manifest)
        : incoming_(std::move(incoming)), manifest_(std::move(manifest)) {}

    // Of what a complete SnapshotSink left.
    static Result<std::unique_ptr<SnapshotInstall>> begin(Disk& disk,
                                                          const std::string& data_folder,
                                                          const SnapshotManifest& manifest);

    // Nothing: the log has overtaken the snapshot, or goes on behind it; it was given up.
    static Result<std::unique_ptr<SnapshotInstall>> resume(Disk& disk,
                                                           const std::string& data_folder,
                                                           SetId set,
                                                           const storage::LogStore& store);

    // As if begin() had not been called; what was received stays.
    Result<void> revoke();

    // One bounded step, of about so many bytes; true: sync the store, then call again.
    Result<bool> step(storage::LogStore& store, std::uint64_t bytes_max = 4ULL << 20);

    // The next step changes the log store.
    [[nodiscard]] bool needs_store() const {
        return phase_ == Phase::log || phase_ == Phase::bodies;
    }

    // A step that does not; true: call again.
    Result<bool> step_on_disk();

    [[nodiscard]] const SnapshotManifest& manifest() const { return manifest_; }

  private:
    enum class Phase : std::uint8_t { log, bodies, rows, unmark, clear, done };

    void replace_log(storage::LogStore& store) const;
    Result<void> put_bodies(storage::LogStore& store, std::uint64_t bytes_max);
    Result<void> open_bodies();
    Result<void> swap_rows();
    Result<void> put_old_rows_aside();

    Incoming incoming_;
    SnapshotManifest manifest_;
    Phase phase_ = Phase::log;
    std::uint32_t part_ = 0;
    std::unique_ptr<File> file_;  // of the range at hand
    std::uint64_t bytes_ = 0;
    std::uint64_t read_ = 0;
    FrameReader frames_;
};

}  // namespace penstock::replication
