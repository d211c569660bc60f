// Member: one whole node of a simulated cluster: Node, ClusterNode, a disk in memory, rows that
// survive as of their last flush, and a dispatcher that only writes down what it is handed. Lives
// through crashes; what it is told in between is lost. Owned by World, one test, one thread.
#pragma once

#include "broker/cluster/cluster_node.h"
#include "broker/cluster/recovery.h"
#include "broker/node/node.h"
#include "broker/node/offload.h"
#include "tests/cluster/failing_disk.h"
#include "tests/support/manual_clock.h"
#include "tests/support/memory_disk.h"
#include "tests/support/simulated_peers.h"
#include "tests/support/stepped_node.h"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace penstock::cluster::testing {

using penstock::testing::Asked;
using penstock::testing::ManualClock;
using penstock::testing::MemoryDisk;
using penstock::testing::RecordedDeliveries;
using penstock::testing::SimulatedNetwork;

// A member's own clock: its time of day is another one than the others'.
class OwnClock final : public Clock {
  public:
    OwnClock(const ManualClock& common, std::int64_t ahead_ms)
        : common_(common), ahead_ms_(ahead_ms) {}

    [[nodiscard]] std::int64_t wall_ms() const override { return common_.wall_ms() + ahead_ms_; }

    [[nodiscard]] std::int64_t steady_us() const override { return common_.steady_us(); }

  private:
    const ManualClock& common_;
    std::int64_t ahead_ms_;
};

// What all members of a cluster begin with.
struct MemberRules {
    std::vector<PeerAddress> peers;
    std::uint16_t data_sets = 2;
    std::uint32_t flush_age_ms = 1'000'000'000;  // a restart replays all of the log
    bool dispatches = false;                     // grants credit for every subscription
    std::int64_t replace_after_us = 1'800'000'000;
    std::uint64_t keep_bytes = 1ULL << 30;   // of the log, for followers
    std::uint64_t snapshot_bytes_per_s = 0;  // no limit
    Ack ack = Ack::all;
    std::int64_t slow_sync_us = 500'000;
    std::int64_t skew_ms = 0;  // of the clocks of two members with neighbouring numbers
};

class Member {
  public:
    Member(NodeId id,
           const ManualClock& clock,
           SimulatedNetwork& network,
           const MemberRules& rules);
    ~Member();
    Member(const Member&) = delete;
    Member& operator=(const Member&) = delete;

    [[nodiscard]] NodeId id() const { return id_; }

    [[nodiscard]] bool up() const { return node_ != nullptr; }

    // How often it began.
    [[nodiscard]] std::uint64_t lives() const { return lives_; }

    [[nodiscard]] std::uint16_t data_sets() const { return rules_.data_sets; }

    // Answers since the last call that said yes while its log was not on the disk.
    std::uint64_t take_early_answers() { return std::exchange(early_answers_, 0); }

    // From what the disk holds. What went wrong, if anything did.
    Result<void> start();

    // The power fails: what was not synced is forgotten, nothing more is answered.
    void crash(std::uint64_t seed);

    // Its disk is replaced by an empty one. Only while it is down.
    void wipe();

    // Its disk as it is now, and the disk as it was then: a machine's image that is put back, once.
    // Only while it is down.
    void keep_image();
    void put_image_back();

    // `penstock cluster recover`. Only while it is down.
    Result<Recovered> recover();

    // The thread hangs (a slow sync, SIGSTOP) until then.
    void hang_until(std::int64_t steady_us) { hangs_until_us_ = steady_us; }

    // Its disk stops after so many changes, which ends the node in the middle of a turn.
    void break_disk(std::uint64_t after) {
        disk_.stop_after(after);
        breaks_ = true;
    }

    [[nodiscard]] bool breaks() const { return breaks_; }

    // Something of a snapshot is on its disk.
    [[nodiscard]] bool fetches() const;

    // From now on its disk takes so long for whatever a turn writes; 0: no time.
    void slow_disk(std::int64_t each_turn_us) { slow_us_ = each_turn_us; }

    // It is told that it stops soon.
    void leave(std::function<void()> done) { cluster_->leave(std::move(done)); }

    // Steps until nothing is left to do at this moment; the error that ended the node.
    Result<void> run();

    // Monotonic time at which run() has something to do.
    [[nodiscard]] std::int64_t next_wake_us() const;

    template <class R>
    Asked<R> ask(R request) {
        Asked<R> asked;
        // A client whose node died hears no more.
        auto answer = [outcome = asked.outcome, life = life_, this](std::any any) {
            if (life != lives_) return;
            check(!outcome->has_value(), "answered once");
            outcome->emplace(std::any_cast<typename Asked<R>::Outcome>(std::move(any)));
            if (outcome->value() && disk_.has_unsynced("data/log/")) ++early_answers_;
        };
        const api::Principal principal{"simulation", true};
        asked.cancellation =
            node_->call(principal, api::Request(std::move(request)), {}, std::move(answer));
        return asked;
    }

    [[nodiscard]] node::Node& node() { return *node_; }

    // What its ways in know of the rates of queues and topics; of this life.
    [[nodiscard]] const api::OwnRates& own_rates() const { return *own_rates_; }

    // Turns of its nodes, and changes of its disk, in all its lives.
    [[nodiscard]] std::uint64_t turns() const { return turns_; }

    [[nodiscard]] std::uint64_t disk_operations() const { return disk_.operations(); }

    [[nodiscard]] MemoryDisk& disk() { return disk_; }

    // What snapshots are written to.
    [[nodiscard]] FailingDisk& snapshot_disk() { return snapshot_disk_; }

    [[nodiscard]] SnapshotCounters snapshots() const { return cluster_->snapshots(); }

    [[nodiscard]] const RepairCounters& repairs() const { return cluster_->repairs(); }

    [[nodiscard]] RecordedDeliveries& deliveries() { return deliveries_; }

    // As this node sees it.
    [[nodiscard]] NodeId leader_of(SetId set);
    [[nodiscard]] bool leads(SetId set);

    // Grants credit for targets that have come.
    void dispatch();

  private:
    Result<std::unique_ptr<storage::RowStore>> open_rows(const std::string& path);
    [[nodiscard]] node::OpenRows opener();

    NodeId id_;
    OwnClock clock_;
    SimulatedNetwork& network_;
    MemberRules rules_;
    MemoryDisk disk_;
    FailingDisk snapshot_disk_{disk_};
    std::map<std::string, storage::MemoryRowsImage> rows_;
    std::unique_ptr<MemoryDisk> old_disk_;
    std::map<std::string, storage::MemoryRowsImage> old_rows_;
    SeededRandom random_;
    node::Offload offload_{node::Offload::Kind::stepped};
    RecordedDeliveries deliveries_;
    std::map<model::SubscriptionNo, bool> granted_;
    std::unique_ptr<api::OwnRates> own_rates_ = std::make_unique<api::OwnRates>();
    std::unique_ptr<ClusterNode> cluster_;
    std::unique_ptr<node::Node> node_;
    std::uint64_t life_ = 0;
    std::uint64_t lives_ = 0;
    std::uint64_t turns_ = 0;
    std::uint64_t early_answers_ = 0;
    std::int64_t hangs_until_us_ = 0;
    std::int64_t slow_us_ = 0;
    bool breaks_ = false;
};

}  // namespace penstock::cluster::testing
