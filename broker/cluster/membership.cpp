#include "broker/cluster/membership.h"

#include "broker/base/log.h"

#include <algorithm>
#include <string>

namespace penstock::cluster {

namespace {

using Kind = replication::MembershipChange::Kind;

// A node that has just come to lead keeps leading for a while: set-ups that flap help nobody.
constexpr std::int64_t lead_at_least_us = 5'000'000;

// Who takes over hands out again what is not settled: so that endpoints get nothing twice, what is
// on its way may come to its end; for a slow one nobody waits.
constexpr std::int64_t rest_us = 500'000;  // each time; longer than from one look to the next
constexpr std::int64_t rest_us_max = 2'000'000;
constexpr model::LogIndex close_enough = 100;  // entries a learner may lack when it is promoted

bool has(const std::vector<NodeId>& nodes, NodeId node) {
    return std::find(nodes.begin(), nodes.end(), node) != nodes.end();
}

// It has all there is and answers.
bool is_ready(const replication::RaftLog& log, NodeId node) {
    const auto progress = log.progress(node);
    return progress && progress->recently_active && progress->match >= log.committed();
}

void log_change(const replication::RaftLog& log, const replication::MembershipChange& change) {
    const char* what = change.kind == Kind::add_learner ? "add_learner"
                       : change.kind == Kind::promote   ? "promote"
                                                        : "remove";
    log_line(LogLevel::info,
             "cluster",
             "event=membership set=" + std::to_string(log.set().value) + " change=" + what +
                 " node=" + std::to_string(change.node.value));
}

void log_transfer(const replication::RaftLog& log, NodeId to) {
    log_line(LogLevel::info,
             "cluster",
             "event=transfer set=" + std::to_string(log.set().value) +
                 " to=" + std::to_string(to.value));
}

}  // namespace

std::optional<replication::MembershipChange> next_change(const replication::RaftLog& log,
                                                         const model::SetInfo& wanted) {
    const replication::Members& members = log.members();
    const std::vector<NodeId> voters = wanted_voters(wanted);
    bool joining = false;
    bool expected = false;
    for (const NodeId learner : members.learners) {
        if (!has(wanted.replicas, learner)) {
            return replication::MembershipChange{Kind::remove, learner};
        }
        if (!has(voters, learner)) continue;
        expected = true;
        const auto progress = log.progress(learner);
        if (!progress || !progress->recently_active) continue;
        if (progress->match + close_enough >= log.committed()) {
            return replication::MembershipChange{Kind::promote, learner};
        }
        joining = true;
    }
    // One joins at a time; who died meanwhile, perhaps for ever, keeps nobody else from it.
    if (joining) return {};
    for (const NodeId node : wanted.replicas) {
        if (!members.has(node)) return replication::MembershipChange{Kind::add_learner, node};
    }
    // Nobody leaves before who takes the place votes.
    if (expected) return {};
    for (const NodeId voter : members.voters) {
        if (!has(wanted.replicas, voter) && voter != log.self()) {
            return replication::MembershipChange{Kind::remove, voter};
        }
    }
    return {};
}

void Membership::hand_over(replication::RaftLog& log,
                           NodeId to,
                           const Rest& rest,
                           std::int64_t now_us) {
    Led& led = led_.try_emplace(log.set(), Led{now_us}).first->second;
    if (now_us < led.since_us + lead_at_least_us || !is_ready(log, to)) return;
    if (now_us > led.rests_until_us) led.rests_since_us = now_us;
    led.rests_until_us = now_us + rest_us;
    const bool rests = rest(log.set(), led.rests_until_us);
    if (!rests && now_us < led.rests_since_us + rest_us_max) return;
    // Whether it can be handed over or not, it rests no longer, and is not asked again at once.
    led = Led{now_us};
    if (auto handed = log.transfer(to); !handed) return;
    ++counters_.transfers;
    log_transfer(log, to);
}

// A node that left in this term comes back in a later one only.
void Membership::lead_anew(replication::RaftLog& log) {
    const auto successor = log.successor();
    if (!successor || !log.transfer(*successor)) return;
    ++counters_.transfers;
    log_transfer(log, *successor);
}

void Membership::tend(replication::RaftLog& log,
                      const model::SetInfo& wanted,
                      const Fit& fit,
                      const Rest& rest,
                      std::int64_t now_us) {
    if (!log.leadership().leading) {
        led_.erase(log.set());
        return;
    }
    if (const auto change = next_change(log, wanted)) {
        if (change->kind == Kind::add_learner && log.left_in_this_term(change->node)) {
            return lead_anew(log);
        }
        if (auto proposed = log.change(*change)) {
            ++counters_.changes;
            log_change(log, *change);
        }
        return;
    }
    const NodeId preferred = wanted.replicas.front();
    const bool leaves = !has(wanted.replicas, self_);
    // Who is to leave waits for nobody who may be gone for ever.
    const bool awaited = !leaves || (fit(preferred) && is_ready(log, preferred));
    if (awaited && preferred != self_ && log.members().is_voter(preferred)) {
        if (fit(preferred)) hand_over(log, preferred, rest, now_us);
        return;
    }
    led_.try_emplace(log.set(), Led{now_us});
    if (!leaves) return;
    const auto successor = log.successor();
    if (successor && fit(*successor)) hand_over(log, *successor, rest, now_us);
}

}  // namespace penstock::cluster
