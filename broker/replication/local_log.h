// LocalLog: the Log of a set with one replica: an entry is committed when its sync has returned.
// Writes the records Raft will use (term 1, a hard state once). Broker thread only.
#pragma once

#include "broker/replication/log.h"
#include "broker/storage/log/log_store.h"

#include <vector>

namespace penstock::replication {

class LocalLog final : public Log {
  public:
    // `store` outlives the log. `last_time_ms` is the time of the last applied entry (0: new set);
    // entries of the log that wait for replay may be later, and time goes on from the latest. A new
    // set's hard state is staged here and durable with the first sync.
    LocalLog(SetId set, storage::LogStore& store, TimeMs last_time_ms);

    [[nodiscard]] SetId set() const override { return set_; }

    bool propose(Proposal proposal) override;
    void read(std::uint64_t token) override;

    void cycle() override;

    std::vector<Committed> take_committed() override;

    std::vector<Ended> take_ended() override { return {}; }

    std::vector<ConfirmedRead> take_reads() override;

    // A read asked for after the turn's were taken waits for the next turn.
    [[nodiscard]] bool busy() const override { return !asked_.empty(); }

    // A sole voter without a number always leads.
    [[nodiscard]] Leadership leadership() const override { return {true, {}, term_}; }

    [[nodiscard]] LogIndex committed() const override;

    [[nodiscard]] LogIndex droppable_to(LogIndex flushed) const override { return flushed; }

    Result<void> replay(LogIndex applied, const Visit& visit) const override;

  private:
    SetId set_;
    storage::LogStore& store_;
    std::uint64_t term_;
    TimeMs last_time_ms_;
    LogIndex next_index_;
    std::vector<Committed> staged_;
    std::vector<std::uint64_t> asked_;  // reads since the last cycle
    std::vector<std::uint64_t> reads_;
};

}  // namespace penstock::replication
