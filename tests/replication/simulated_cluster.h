// SimulatedCluster: the replicas of one set, the network between them and the time that passes, all
// from one seed. One thread; a run repeats exactly.
#pragma once

#include "tests/replication/simulated_replica.h"

#include <cstdint>
#include <map>
#include <memory>
#include <queue>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace penstock::replication::testing {

inline constexpr std::uint64_t tick_ms = 30;

// Small bounds, so that everything that depends on them happens all the time.
RaftOptions small_options();

struct NetworkWeather {
    std::uint64_t drop_percent = 0;
    std::uint64_t twice_percent = 0;
    std::uint64_t astray_percent = 0;  // come to another node as well
    std::uint64_t delay_ms_max = 5;
};

class SimulatedCluster {
  public:
    SimulatedCluster(const EngineLibrary& library,
                     std::uint64_t seed,
                     RaftOptions options = small_options());

    // Nodes 1 to `count`, as the first members of a new set.
    void found(std::uint64_t count);

    // Another node, which starts as told; ids are never used again.
    SimulatedReplica& add(NodeId id, RaftOrigin origin);
    SimulatedReplica& take_in(std::unique_ptr<SimulatedReplica> node, RaftOrigin origin);

    // Time passes.
    void run(std::uint64_t milliseconds);

    // Until a node leads, at most so long; null: none does.
    SimulatedReplica* run_to_leader(std::uint64_t milliseconds = 5'000);

    [[nodiscard]] SimulatedReplica& node(std::uint64_t id) { return *nodes_.at(NodeId{id}); }

    [[nodiscard]] std::map<NodeId, std::unique_ptr<SimulatedReplica>>& nodes() { return nodes_; }

    // The leader of the highest term, or null.
    [[nodiscard]] SimulatedReplica* leader();

    void cut(NodeId from, NodeId to) { cuts_.insert({from, to}); }

    void isolate(NodeId node);
    void heal();

    NetworkWeather weather;
    bool tells_of_crashes = true;  // peers are told that a connection is gone
    bool serves_snapshots = true;

    // Stops a node; its peers may learn of it at once.
    void crash(SimulatedReplica& node);

    void restart(SimulatedReplica& node) { node.restart(); }

    // Gone for good, with its disk.
    void destroy(NodeId id) { nodes_.erase(id); }

    [[nodiscard]] std::uint64_t now_ms() const { return now_; }

    [[nodiscard]] std::uint64_t frames_sent(NodeId from) const {
        const auto found = frames_.find(from);
        return found == frames_.end() ? 0 : found->second;
    }

    [[nodiscard]] SimulatedWorld& world() { return world_; }

    [[nodiscard]] std::uint64_t chance(std::uint64_t of) { return world_.random.below(of); }

    [[nodiscard]] const std::vector<std::string>& violations() const {
        return world_.referee.violations();
    }

  private:
    enum class Happening : std::uint8_t { tick, frame, lost, fetched };

    struct Event {
        std::uint64_t at = 0;
        std::uint64_t order = 0;
        Happening what = Happening::tick;
        NodeId node;
        NodeId peer;
        std::string bytes;
        bool astray = false;  // a frame that is not for this node and set
        SnapshotOffer offer;

        friend bool operator<(const Event& left, const Event& right) {
            return std::pair(left.at, left.order) > std::pair(right.at, right.order);
        }
    };

    static Event happening(Happening what, NodeId node, NodeId peer = {});
    void later(std::uint64_t delay, Event event);
    void take(Event event);
    void deliver(NodeId from, NodeId to, std::string frame);
    void lead_astray(Event copy, NodeId to);
    void hear(SimulatedReplica& node, const Event& event);
    void fetch(SimulatedReplica& node, SnapshotOffer offer);
    void after_run(SimulatedReplica& node);
    void told_of(NodeId crashed);

    [[nodiscard]] bool reaches(NodeId from, NodeId to) const { return !cuts_.contains({from, to}); }

    SimulatedWorld world_;
    std::map<NodeId, std::unique_ptr<SimulatedReplica>> nodes_;
    std::set<std::pair<NodeId, NodeId>> cuts_;
    std::map<NodeId, std::uint64_t> frames_;
    std::priority_queue<Event> events_;
    std::uint64_t now_ = 0;
    std::uint64_t order_ = 0;
};

}  // namespace penstock::replication::testing
