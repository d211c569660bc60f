// EntryWindow: the last entries of a set's log, in memory: what the engine refers to by address.
// What leaves it lives on for two more cycles, as messages made from it may still be on their way
// out. Owned by RaftLog, broker thread.
#pragma once

#include "broker/replication/entry_payload.h"
#include "broker/replication/etcd_raft/types.h"

#include <cstdint>
#include <deque>
#include <vector>

namespace penstock::replication {

struct WindowEntry {
    std::uint64_t term = 0;
    EntryKind kind = EntryKind::normal;
    TimeMs time_ms = 0;
    PayloadPtr payload;  // null: the engine's own entry; of a membership entry the engine's bytes
    std::uint64_t end = 0;  // the window's to fill: the charges up to and with it

    [[nodiscard]] std::uint64_t charge() const;
};

class EntryWindow {
  public:
    // Empty, behind `before`.
    explicit EntryWindow(LogIndex before) : before_(before) {}

    [[nodiscard]] LogIndex first() const { return before_ + 1; }

    [[nodiscard]] LogIndex last() const { return before_ + entries_.size(); }

    [[nodiscard]] std::uint64_t bytes() const { return bytes_; }

    // Of those behind `index`.
    [[nodiscard]] std::uint64_t bytes_behind(LogIndex index) const;

    // Null: not in the window.
    [[nodiscard]] const WindowEntry* find(LogIndex index) const;

    // At last() + 1, or at an earlier index, which ends the suffix from there on. An index before
    // the window empties it.
    void append(LogIndex index, WindowEntry entry);

    void drop_through(LogIndex index);

    // Forgets all: the log begins behind `before`.
    void restart(LogIndex before);

    // The last index to drop for at most `bytes_max` to stay, not beyond `limit`; 0: none.
    [[nodiscard]] LogIndex surplus(std::uint64_t bytes_max, LogIndex limit) const;

    // Keeps something for as long as what left the window.
    void keep(PayloadPtr payload);

    // A cycle begins.
    void next_generation();

  private:
    void retire(WindowEntry& entry);

    LogIndex before_;
    std::uint64_t bytes_ = 0;
    std::deque<WindowEntry> entries_;
    std::vector<PayloadPtr> retired_;
    std::vector<PayloadPtr> retired_before_;
};

}  // namespace penstock::replication
