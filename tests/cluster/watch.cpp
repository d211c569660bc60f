#include "tests/cluster/watch.h"

#include "broker/base/hash.h"
#include "broker/replication/raft_log.h"

#include <algorithm>
#include <utility>

namespace penstock::cluster::testing {

namespace {

constexpr std::size_t states_kept = 4'096;  // of a set: nobody is further behind for long

std::string name(NodeId node) {
    return "node " + std::to_string(node.value);
}

}  // namespace

void Watch::begins(NodeId member) {
    std::erase_if(applied_, [member](const auto& one) { return one.first.first == member; });
}

void Watch::look(Member& member) {
    if (const std::uint64_t early = member.take_early_answers(); early > 0) {
        complaints_.push_back(name(member.id()) + " answers before its log is on the disk");
    }
    for (std::uint16_t number = 0; number <= member.data_sets(); ++number) {
        if (node::HostedSet* set = member.node().hosted(SetId{number})) {
            look_at_set(member.id(), *set);
        }
        look_at_replica(member, SetId{number});
    }
}

// A replica is given up only by who is no voter any more: until then its disk counts.
void Watch::look_at_replica(Member& member, SetId set) {
    const std::pair at{member.id(), set};
    if (member.node().hosted(set) != nullptr) {
        holds_[at] = member.lives();
        return;
    }
    const auto held = holds_.find(at);
    if (held == holds_.end() || held->second != member.lives()) return;
    holds_.erase(held);
    const std::vector<NodeId>& voters = voters_[set].nodes;
    if (std::find(voters.begin(), voters.end(), member.id()) == voters.end()) return;
    complaints_.push_back(name(member.id()) + " gives set " + std::to_string(set.value) +
                          " up and is a voter of it");
}

void Watch::look_at_set(NodeId member, node::HostedSet& set) {
    const std::string where = "set " + std::to_string(set.set().value);
    const replication::Leadership leadership = set.log().leadership();
    if (leadership.leading) {
        const auto [known, fresh] = leaders_.try_emplace({set.set(), leadership.term}, member);
        if (!fresh && known->second != member) {
            complaints_.push_back(where + " has two leaders in term " +
                                  std::to_string(leadership.term));
        }
        Voters& voters = voters_[set.set()];
        const auto* log = dynamic_cast<const replication::RaftLog*>(&set.log());
        if (log != nullptr && leadership.term >= voters.term) {
            voters = {leadership.term, log->members().voters};
        }
    }
    model::LogIndex& before = applied_[{member, set.set()}];
    const model::LogIndex applied = set.applied();
    if (applied == before || applied == 0) return;
    before = applied;
    const std::uint64_t hash = set.progress().state_hash;
    trace_ = mix64(trace_ ^ mix64(hash + member.value * 64 + set.set().value) ^ applied);
    auto& states = states_[set.set()];
    const auto [known, fresh] = states.try_emplace(applied, State{hash, member});
    if (!fresh && known->second.hash != hash) {
        complaints_.push_back(where + " at " + std::to_string(applied) + " differs between " +
                              name(known->second.seen_at) + " and " + name(member));
    }
    if (states.size() > states_kept) states.erase(states.begin());
}

}  // namespace penstock::cluster::testing
