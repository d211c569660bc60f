// Simulation: the life of one set from a seed, in virtual time: 20 s of lost, doubled, late and
// reordered messages, one-way cuts, splits, isolated leaders, crashes at four points of the write,
// power cuts of all, transfers and changes of the members; then 8 s to recover. Elections are
// driven from the seed, so a seed repeats exactly. One thread, one engine library.
#pragma once

#include "broker/base/random.h"
#include "tests/replication/etcd_raft/referee.h"
#include "tests/replication/etcd_raft/replica.h"

#include <memory>
#include <queue>
#include <set>
#include <utility>
#include <vector>

namespace penstock::replication::testing {

struct Plan {
    std::uint64_t founders = 3;  // voters of the first day
    bool changes = false;        // members come and go
    bool promotes = true;        // learners become voters
    Faults faults = {};
};

// What happened, to see that a run was worth its time.
struct Tally {
    std::uint64_t applied = 0;
    std::uint64_t crashes = 0;
    std::uint64_t leaders = 0;
    std::uint64_t reads = 0;
    std::uint64_t changes = 0;
    std::uint64_t transfers = 0;
    std::uint64_t snapshots = 0;
    std::uint64_t cold_reads = 0;
    std::uint64_t messages = 0;
};

class Simulation final : public World {
  public:
    Simulation(std::uint64_t seed, const Plan& plan);
    void run();

    [[nodiscard]] const std::vector<std::string>& complaints() const {
        return referee_.complaints();
    }

    [[nodiscard]] std::uint64_t trace() const { return trace_; }

    [[nodiscard]] const Tally& tally() const { return tally_; }

    void send(const Packet& packet) override;
    void leads(NodeId node, std::uint64_t term) override;
    void applied(NodeId node, const Rows& rows) override;
    void answered(NodeId node, const ReadState& read) override;
    void complain(const std::string& what) override;

    std::uint64_t below(std::uint64_t bound) override { return random_.below(bound); }

  private:
    enum class What : std::uint8_t { deliver, tick, restart, trouble, clients };

    struct Event {
        std::uint64_t time;
        std::uint64_t number;
        What what;
        std::size_t node;
        std::shared_ptr<const Packet> packet;

        bool operator<(const Event& other) const {
            return std::pair(time, number) > std::pair(other.time, other.number);
        }
    };

    struct Host {
        std::unique_ptr<Replica> replica;
        std::uint64_t time_out = 10;
        std::uint64_t elapsed = 0;
        bool retired = false;  // switched off for good
    };

    bool chance(std::uint64_t of_ten_thousand) { return below(10'000) < of_ten_thousand; }

    void later(std::uint64_t delay, What what, std::size_t node);
    std::size_t add_host();
    void start(std::size_t node);
    void stop(std::size_t node);
    void act(const Event& event);
    void deliver(const Event& event);
    void tick(std::size_t node);
    void wake(std::size_t node);
    void keep_house(Replica& replica);
    void trouble();
    void cut_links();
    void retire_strangers();
    void clients();
    void change_members(Replica& leader);
    bool propose_change(Replica& leader, const MembershipChange& change);
    void transfer();
    void heal();
    void check_recovery();

    Plan plan_;
    SeededRandom random_;
    Referee referee_;
    std::vector<Host> hosts_;  // by node id, from 1
    std::priority_queue<Event> events_;
    std::set<std::pair<NodeId, NodeId>> cuts_;
    std::uint64_t now_ = 0;
    std::uint64_t numbers_ = 0;
    std::uint64_t proposals_ = 0;
    std::uint64_t drops_ = 0;  // of ten thousand
    std::uint64_t doubles_ = 0;
    std::uint64_t delay_max_ = 10;
    bool healed_ = false;
    LogIndex goal_ = 0;
    std::uint64_t trace_ = 1;
    Tally tally_;
};

}  // namespace penstock::replication::testing
