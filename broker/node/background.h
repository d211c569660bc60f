// Background: the node's slow work, in bounded slices behind each turn: recounting live bodies
// after a start, reclaiming segments, flushing rows, scrubbing, watching the disk's space. Owned by
// the Node, broker thread only. An error is final: the caller stops the process.
#pragma once

#include "broker/base/clock.h"
#include "broker/node/hosted_set.h"
#include "broker/node/options.h"
#include "broker/storage/log/log_store.h"

#include <cstdint>
#include <set>
#include <utility>
#include <vector>

namespace penstock::node {

class Background final : public storage::LiveBodies {
  public:
    Background(storage::LogStore& store, const Clock& clock, const NodeOptions& options);

    // A set that has been opened. Of those that are there before the first run() the live bodies
    // are counted; a later one begins without any.
    void add(HostedSet& set);

    // Before the set goes.
    void remove(model::SetId set);

    // Bodies nobody holds any longer, from a turn's effects.
    void release(HostedSet& data, const std::vector<model::Release>& releases);

    // The disk's space as of at most 200 ms ago, or a little less written.
    [[nodiscard]] storage::SpaceLevel space() const { return space_; }

    void look_at_space();

    // One turn's share; true while the recount wants more turns.
    Result<bool> run();

    // Entries of which a scrub has found something damaged since the last call.
    using Places = std::set<std::pair<model::SetId, model::LogIndex>>;

    Places take_damaged() { return std::exchange(damaged_, {}); }

    // When run() wants to be called again at the latest.
    [[nodiscard]] std::int64_t next_us() const;

    [[nodiscard]] model::LogIndex droppable_to(model::SetId set) const override;
    [[nodiscard]] std::vector<std::uint32_t> live_ordinals(model::SetId set,
                                                           model::LogIndex index) const override;

  private:
    bool recount();
    Result<void> reclaim(std::int64_t now_us);
    Result<void> flush(std::int64_t now_us);
    Result<void> scrub(std::int64_t now_us);
    [[nodiscard]] const HostedSet* find(model::SetId set) const;

    std::vector<HostedSet*> sets_;
    storage::LogStore& store_;
    const Clock& clock_;
    const NodeOptions& options_;

    // The recount runs over the data sets' entries as they were at the start; entries behind them
    // are counted by the store as they come.
    struct Recount {
        HostedSet* set = nullptr;
        model::LogIndex next = 1;
        model::LogIndex last = 0;
    };

    std::vector<Recount> counting_;  // the last one first
    bool counted_ = false;

    storage::SpaceLevel space_;
    std::int64_t space_seen_us_;
    std::uint64_t space_seen_bytes_ = 0;  // of logged_bytes_

    // Unflushed rows that start a flush. It doubles with each: a busy run that is cut short leaves
    // no more to be redone than it has done itself, and starts after crashes in a row stay short.
    std::uint64_t flush_row_bytes_;
    std::uint64_t logged_bytes_ = 0;  // since the last flush began
    Places damaged_;
    bool released_ = true;
    std::int64_t flushed_us_;
    std::int64_t reclaimed_us_;
    std::int64_t scrubbed_us_;
};

}  // namespace penstock::node
