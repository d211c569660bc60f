#include "tests/replication/raft_game.h"

#include "tests/replication/etcd_raft/engine_under_test.h"

#include <iterator>

namespace penstock::replication::testing {

namespace {

constexpr std::uint64_t faults_ms = 8'000;
constexpr std::uint64_t healing_ms = 12'000;
constexpr std::uint64_t step_ms = 20;
constexpr std::uint64_t nodes_ever_max = 9;

class Run {
  public:
    explicit Run(std::uint64_t seed) : cluster_(library(), seed) {
        cluster_.found(3);
        changes_members_ = cluster_.chance(2) == 0;
        cluster_.tells_of_crashes = cluster_.chance(3) != 0;
    }

    Ran play() {
        cluster_.world().crash_permille = 3;
        while (cluster_.now_ms() < faults_ms && cluster_.violations().empty()) step();
        heal();
        const std::uint64_t end = faults_ms + healing_ms;
        while (cluster_.now_ms() < end && cluster_.violations().empty()) {
            if (cluster_.now_ms() < end - 5'000) use();
            revive();
            cluster_.run(step_ms);
        }
        if (cluster_.violations().empty()) judge();
        ran_.violations = cluster_.violations();
        ran_.acknowledged = cluster_.world().referee.acknowledged_count();
        ran_.reads = cluster_.world().referee.confirmed_reads();
        ran_.trace = cluster_.world().referee.trace();
        for (const auto& [id, node] : cluster_.nodes()) {
            if (!node->up()) continue;
            ran_.installed += node->log().counters().snapshots_installed;
            ran_.reread += node->log().counters().entries_reread;
        }
        return ran_;
    }

  private:
    void step() {
        use();
        if (cluster_.chance(20) == 0) disturb();
        if (changes_members_ && cluster_.chance(10) == 0) change();
        if (cluster_.chance(8) == 0) revive();
        cluster_.run(step_ms);
    }

    // Clients: everybody is asked, only the leader takes anything. Clocks differ by a second.
    void use() {
        for (const auto& [id, node] : cluster_.nodes()) {
            if (!node->up()) continue;
            const auto time_ms = static_cast<TimeMs>(100'000 + cluster_.now_ms() + 500 * id.value +
                                                     cluster_.chance(50));
            for (std::uint64_t left = cluster_.chance(4); left > 0; --left) node->propose(time_ms);
            if (cluster_.chance(3) == 0) node->read();
            node->run();
        }
    }

    SimulatedReplica& any() {
        auto at = cluster_.nodes().begin();
        std::advance(at, static_cast<long>(cluster_.chance(cluster_.nodes().size())));
        return *at->second;
    }

    void disturb() {
        cluster_.heal();
        switch (cluster_.chance(9)) {
            case 0:
                cluster_.isolate(any().id());
                break;
            case 1:
                cut_some();
                break;
            case 2:
                cluster_.weather = {30, 20, 10, 200};
                break;
            case 3:
                crash(any());
                break;
            case 4:
                for (const auto& [id, node] : cluster_.nodes()) crash(*node);
                break;
            case 5:
                if (auto* leader = cluster_.leader()) (void)leader->log().transfer(any().id());
                break;
            case 6:
                if (auto* leader = cluster_.leader()) cluster_.isolate(leader->id());
                break;
            case 7:
                if (auto* leader = cluster_.leader()) crash(*leader);
                break;
            default:
                cluster_.weather = {5, 5, 5, 40};
                break;
        }
    }

    void cut_some() {
        for (const auto& [from, sender] : cluster_.nodes()) {
            for (const auto& [to, receiver] : cluster_.nodes()) {
                if (cluster_.chance(10) < 3) cluster_.cut(from, to);
            }
        }
    }

    void crash(SimulatedReplica& node) {
        if (!node.up()) return;
        cluster_.crash(node);
        ++ran_.crashes;
    }

    void change() {
        SimulatedReplica* leader = cluster_.leader();
        if (leader == nullptr) return;
        const Members members = leader->log().members();
        MembershipChange change{MembershipChange::Kind::remove, any().id()};
        if (!members.learners.empty() && cluster_.chance(3) != 0) {
            change = {MembershipChange::Kind::promote, members.learners.front()};
        } else if (members.voters.size() + members.learners.size() < 5 &&
                   next_id_ <= nodes_ever_max && cluster_.chance(2) == 0) {
            change = {MembershipChange::Kind::add_learner, NodeId{next_id_}};
        }
        if (!leader->log().change(change)) return;
        ++ran_.changes;
        if (change.kind == MembershipChange::Kind::add_learner) {
            cluster_.add(NodeId{next_id_++}, RaftOrigin::joining);
        }
        leader->run();
    }

    void revive() {
        for (const auto& [id, node] : cluster_.nodes()) {
            if (!node->up()) node->restart();
        }
    }

    void heal() {
        cluster_.heal();
        cluster_.world().crash_permille = 0;
        revive();
    }

    // The members of the newest configuration have all there is.
    void judge() {
        ClusterReferee& referee = cluster_.world().referee;
        SimulatedReplica* leader = cluster_.leader();
        if (leader == nullptr) return referee.violation("nobody leads after healing");
        const Members members = leader->log().members();
        for (const auto& [id, node] : cluster_.nodes()) {
            if (members.has(id) && node->rows().applied < referee.highest()) {
                referee.violation("node " + std::to_string(id.value) + " stays behind at " +
                                  std::to_string(node->rows().applied));
            }
        }
        referee.finish();
    }

    SimulatedCluster cluster_;
    bool changes_members_ = false;
    std::uint64_t next_id_ = 4;
    Ran ran_;
};

}  // namespace

Ran play(std::uint64_t seed) {
    Run run(seed);
    return run.play();
}

}  // namespace penstock::replication::testing
