// LogKeeper: where a set's log begins. Applied entries are kept for followers that are behind, up
// to so many bytes; beyond that the log begins later, but never behind the snapshot that a follower
// would need then. Owned by RaftLog, broker thread.
#pragma once

#include "broker/model/ids.h"

#include <cstddef>
#include <cstdint>
#include <deque>

namespace penstock::replication {

using model::LogIndex;

class LogKeeper {
  public:
    // `before`: the index of the last entry before the log.
    LogKeeper(LogIndex before, std::uint64_t keep_bytes)
        : keep_bytes_(keep_bytes), before_(before), through_(before) {}

    // Index of the last entry before the log.
    [[nodiscard]] LogIndex before() const { return before_; }

    // The log has this entry of so many bytes now, and none behind it; told of each, ascending but
    // for a suffix that is replaced.
    void add(LogIndex index, std::uint64_t bytes);

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
    // Entries behind the run before; sizes of entries alone would need memory for each of them.
    struct Run {
        LogIndex last = 0;
        std::uint64_t bytes = 0;
    };

    [[nodiscard]] bool fits(const Run& run, std::uint64_t bytes) const;
    void cut(LogIndex from);
    void count(const Run& run);

    std::uint64_t keep_bytes_;
    LogIndex before_;
    LogIndex through_;         // the rows are durable up to here
    std::deque<Run> durable_;  // behind before_, all of them up to through_
    std::deque<Run> open_;     // behind those
    std::uint64_t bytes_ = 0;  // of durable_
};

}  // namespace penstock::replication
