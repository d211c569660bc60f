// ClosedLog: the log of a set that is not here: its replica has left the node, or is being
// replaced. Leads nothing, takes nothing, holds nothing; what is asked of it ends at once. Broker
// thread only.
#pragma once

#include "broker/replication/log.h"

#include <utility>
#include <vector>

namespace penstock::replication {

class ClosedLog final : public Log {
  public:
    explicit ClosedLog(SetId set) : set_(set) {}

    [[nodiscard]] SetId set() const override { return set_; }

    bool propose(Proposal /*proposal*/) override { return false; }

    void read(std::uint64_t token) override { asked_.push_back({token, false}); }

    void cycle() override {}

    std::vector<Committed> take_committed() override { return {}; }

    std::vector<Ended> take_ended() override { return std::exchange(asked_, {}); }

    std::vector<ConfirmedRead> take_reads() override { return {}; }

    [[nodiscard]] bool busy() const override { return !asked_.empty(); }

    [[nodiscard]] Leadership leadership() const override { return {}; }

    [[nodiscard]] LogIndex committed() const override { return 0; }

    [[nodiscard]] LogIndex droppable_to(LogIndex /*flushed*/) const override { return 0; }

    Result<void> replay(LogIndex /*applied*/, const Visit& /*visit*/) const override { return {}; }

  private:
    SetId set_;
    std::vector<Ended> asked_;
};

}  // namespace penstock::replication
