// HandPlayed: a few replicas whose every message the test delivers, holds back or drops. One
// thread; what a replica complains of fails the test.
#pragma once

#include "tests/replication/etcd_raft/replica.h"

#include <functional>
#include <map>
#include <set>
#include <utility>
#include <vector>

namespace penstock::replication::testing {

EngineOptions hand_options();

class HandPlayed final : public World {
  public:
    // Nodes 1 to `voters` found a set; the next `others` know nobody yet.
    explicit HandPlayed(std::uint64_t voters, std::uint64_t others = 0, Faults faults = {});

    Replica& node(std::uint64_t id) { return *replicas_.at(id - 1); }

    Engine& engine(std::uint64_t id) { return node(id).engine(); }

    // Delivers until no message is left. Those between nodes that are cut off from each other, and
    // those `withheld` says yes to, are dropped.
    void deliver();
    std::function<bool(const Packet&)> withheld;
    void cut(std::uint64_t from, std::uint64_t to, bool is_cut = true);
    void isolate(std::uint64_t id, bool is_cut = true);

    // Lets time-outs pass and `id` stand; true when it leads.
    bool elect(std::uint64_t id);
    void tick(std::uint64_t id, std::uint32_t ticks = 1);
    void propose(std::uint64_t id, const std::string& payload);
    bool change(std::uint64_t id, MembershipChange::Kind kind, std::uint64_t node);

    // The payloads `id` has in its log from index 2 on; "-": an entry of the engine's own.
    std::string log_of(std::uint64_t id);

    std::vector<Packet> mail;       // sent and not delivered
    std::vector<Packet> delivered;  // for tests that look
    std::map<std::uint64_t, std::vector<ReadState>> reads;

    void send(const Packet& packet) override { mail.push_back(packet); }

    void leads(NodeId node, std::uint64_t term) override;

    void applied(NodeId, const Rows&) override {}

    void answered(NodeId node, const ReadState& read) override;
    void complain(const std::string& what) override;

    std::uint64_t below(std::uint64_t bound) override { return bound - 1; }

  private:
    std::vector<std::unique_ptr<Replica>> replicas_;
    std::set<std::pair<NodeId, NodeId>> cuts_;
    std::map<std::uint64_t, NodeId> leaders_;
};

}  // namespace penstock::replication::testing
