// Log: the seam between a node and the way its sets agree. LocalLog (one node) appends, syncs and
// commits; RaftLog and the simulator's log implement the same contract suite. One Log per set; the
// sets of a disk share one LogStore, whose single sync() per loop turn serves all of them.
//
// A turn: propose() and read() any number of times on every set -> cycle() on every set ->
// LogStore::sync() once -> take_committed(), take_ended(), take_reads() on every set. Broker thread
// only.
#pragma once

#include "broker/base/error.h"
#include "broker/model/ids.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::replication {

using model::LogIndex;
using model::NodeId;
using model::SetId;
using model::TimeMs;

struct Proposal {
    std::uint64_t token = 0;  // the proposer's, not 0; comes back exactly once
    TimeMs time_ms = 0;       // leader's clock; the entry gets max(previous entry's time, this)
    std::string commands;     // model::encode_commands
    std::vector<std::string> bodies;
};

// An entry read back. Views live during the visit, or until the next cycle().
struct ReplayedEntry {
    std::uint64_t term = 0;
    LogIndex index = 0;
    TimeMs time_ms = 0;
    std::string_view commands;             // empty: the engine's own entry, no command at all
    std::vector<std::string_view> bodies;  // by ordinal; empty view: gone, held by nobody
};

struct Committed {
    std::uint64_t token = 0;  // 0: not proposed here, or not since this log was opened
    std::uint64_t term = 0;
    LogIndex index = 0;
    TimeMs time_ms = 0;
    std::optional<ReplayedEntry> content;  // with token 0; who proposed an entry has it still
    std::string conf_state;  // not empty: the membership from this entry on, to be kept with it
};

// A proposal that will not come back as committed.
struct Ended {
    std::uint64_t token = 0;
    bool appended = false;  // it may still be committed, as somebody else's: outcome unknown
};

struct Leadership {
    bool leading = false;    // this node leads, and has committed an entry of its term
    NodeId leader;           // as far as known here; 0: nobody
    std::uint64_t term = 0;  // 0: never asked
};

// A read that may be answered from rows that have applied `index`.
struct ConfirmedRead {
    std::uint64_t token = 0;
    LogIndex index = 0;
};

class Log {
  public:
    virtual ~Log() = default;

    [[nodiscard]] virtual SetId set() const = 0;

    // Takes one entry; false when this node may not propose now (not the leader, or too much is
    // under way): it has no effect, ever.
    virtual bool propose(Proposal proposal) = 0;

    // Asks that this node leads still. It comes back by take_reads(), or by take_ended().
    virtual void read(std::uint64_t token) = 0;

    // Stages in the LogStore what the turn's sync must make durable.
    virtual void cycle() = 0;

    // Entries that are durable and committed since the last call, in log order, each once. Only
    // after the turn's LogStore::sync() has succeeded.
    virtual std::vector<Committed> take_committed() = 0;

    // Proposals and reads that came to nothing since the last call.
    virtual std::vector<Ended> take_ended() = 0;

    virtual std::vector<ConfirmedRead> take_reads() = 0;

    // True when another turn is needed at once.
    [[nodiscard]] virtual bool busy() const = 0;

    [[nodiscard]] virtual Leadership leadership() const = 0;

    // Index of the last committed entry.
    [[nodiscard]] virtual LogIndex committed() const = 0;

    // What may be dropped or rewritten of the log on the disk, now that the rows are durable up to
    // `flushed`: nothing behind this index.
    [[nodiscard]] virtual LogIndex droppable_to(LogIndex flushed) const = 0;

    // Visits the committed entries behind `applied` in order, verified. Error{damaged} when the log
    // does not reach back to, or not up to, `applied`: rows and log are not of one node. A log
    // whose engine hands them out by take_committed() visits none.
    using Visit = std::function<void(const ReplayedEntry&)>;
    virtual Result<void> replay(LogIndex applied, const Visit& visit) const = 0;
};

}  // namespace penstock::replication
