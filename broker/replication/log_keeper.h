// LogKeeper: where a set's log begins. Applied entries are kept for followers that are behind, up
// to so many bytes; beyond that the log begins later, but never behind the snapshot that a follower
// would need then. Owned by RaftLog, broker thread.
#pragma once

#include "broker/replication/log.h"
#include "broker/storage/log/log_store.h"

#include <cstdint>

namespace penstock::replication {

class LogKeeper {
  public:
    LogKeeper(SetId set, const storage::LogStore& store, LogIndex before, std::uint64_t keep_bytes)
        : set_(set), store_(store), keep_bytes_(keep_bytes), before_(before), through_(before) {}

    // Index of the last entry before the log.
    [[nodiscard]] LogIndex before() const { return before_; }

    // The rows are durable up to `applied`.
    void flushed(LogIndex applied);

    // Moves the beginning on as far as bytes allow, at least behind `unwanted` (0: none), and in no
    // case behind `limit`; true when it moved.
    bool advance(LogIndex limit, LogIndex unwanted = 0);

    // More is kept than should be: only `limit` of advance() is in the way.
    [[nodiscard]] bool surplus() const { return bytes_ > keep_bytes_; }

    // The log was replaced: it begins behind `before`.
    void restart(LogIndex before);

  private:
    SetId set_;
    const storage::LogStore& store_;
    std::uint64_t keep_bytes_;
    LogIndex before_;
    LogIndex through_;         // entries behind before_ and up to here are counted
    std::uint64_t bytes_ = 0;  // of those
};

}  // namespace penstock::replication
