// Log: the seam between a node and the way its sets agree. LocalLog (one node) appends, syncs and
// commits; RaftLog and the simulator's log implement the same contract suite. One Log per set; the
// sets of a disk share one LogStore, whose single sync() per loop turn serves all of them.
//
// A turn: propose() any number of entries on every set -> LogStore::sync() once ->
// take_committed(). Broker thread only.
#pragma once

#include "broker/base/error.h"
#include "broker/model/ids.h"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::replication {

using model::LogIndex;
using model::SetId;
using model::TimeMs;

struct Proposal {
    std::uint64_t token = 0;  // the proposer's; comes back with the committed entry
    TimeMs time_ms = 0;       // leader's clock; the entry gets max(previous entry's time, this)
    std::string commands;     // model::encode_commands
    std::vector<std::string> bodies;
};

struct Committed {
    std::uint64_t token = 0;
    std::uint64_t term = 0;
    LogIndex index = 0;
    TimeMs time_ms = 0;
};

// An entry of the log read back, for replay. Views live during the visit only.
struct ReplayedEntry {
    std::uint64_t term = 0;
    LogIndex index = 0;
    TimeMs time_ms = 0;
    std::string_view commands;
    std::vector<std::string_view> bodies;  // by ordinal; empty view: gone, held by nobody
};

class Log {
  public:
    virtual ~Log() = default;

    [[nodiscard]] virtual SetId set() const = 0;

    // Stages one entry; false when this node may not propose now (not the leader).
    virtual bool propose(Proposal proposal) = 0;

    // Proposals that are durable and committed since the last call, in log order, each once. Only
    // after the turn's LogStore::sync() has succeeded.
    virtual std::vector<Committed> take_committed() = 0;

    // Index of the last committed entry.
    [[nodiscard]] virtual LogIndex committed() const = 0;

    // Visits the committed entries behind `applied` in order, verified. Error{damaged} when the log
    // does not reach back to, or not up to, `applied`: rows and log are not of one node.
    using Visit = std::function<void(const ReplayedEntry&)>;
    virtual Result<void> replay(LogIndex applied, const Visit& visit) const = 0;
};

}  // namespace penstock::replication
