#include "tests/cluster/planted.h"

#include <utility>

namespace penstock::cluster::testing {

namespace {

using replication::Log;

// A log that believes its own leadership: reads are confirmed by nobody.
class StaleReads final : public Log {
  public:
    StaleReads(std::unique_ptr<Log> real, model::LogIndex applied)
        : real_(std::move(real)), applied_(applied) {}

    [[nodiscard]] model::SetId set() const override { return real_->set(); }

    bool propose(replication::Proposal proposal) override {
        return real_->propose(std::move(proposal));
    }

    void read(std::uint64_t token) override {
        if (!leadership().leading) return real_->read(token);
        reads_.push_back({token, 0});
    }

    void cycle() override { real_->cycle(); }

    std::vector<replication::Committed> take_committed() override {
        auto committed = real_->take_committed();
        if (!committed.empty()) applied_ = committed.back().index;
        return committed;
    }

    std::vector<replication::Ended> take_ended() override { return real_->take_ended(); }

    std::vector<replication::ConfirmedRead> take_reads() override {
        auto reads = real_->take_reads();
        for (auto& read : std::exchange(reads_, {})) reads.push_back({read.token, applied_});
        return reads;
    }

    [[nodiscard]] bool busy() const override { return !reads_.empty() || real_->busy(); }

    [[nodiscard]] replication::Leadership leadership() const override {
        return real_->leadership();
    }

    [[nodiscard]] model::LogIndex committed() const override { return real_->committed(); }

    [[nodiscard]] model::LogIndex droppable_to(model::LogIndex flushed) const override {
        return real_->droppable_to(flushed);
    }

    Result<void> replay(model::LogIndex applied, const Visit& visit) const override {
        return real_->replay(applied, visit);
    }

  private:
    std::unique_ptr<Log> real_;
    model::LogIndex applied_;
    std::vector<replication::ConfirmedRead> reads_;
};

}  // namespace

Result<std::unique_ptr<Log>> PlantedNode::open_log(node::HostedSet& set, storage::LogStore& store) {
    auto log = ClusterNode::open_log(set, store);
    if (!log || plant_ != Plant::stale_reads) return log;
    const model::LogIndex applied = set.progress().applied;
    return std::unique_ptr<Log>(std::make_unique<StaleReads>(std::move(*log), applied));
}

}  // namespace penstock::cluster::testing
