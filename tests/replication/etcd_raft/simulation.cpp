#include "tests/replication/etcd_raft/simulation.h"

#include "broker/base/hash.h"

#include <algorithm>

namespace penstock::replication::testing {

namespace {

constexpr std::uint64_t trouble_ends = 20'000;
constexpr std::uint64_t goal_at = 27'500;
constexpr std::uint64_t end = 28'000;
constexpr std::uint64_t election_ticks = 10;
constexpr std::size_t members_wanted_max = 5;
constexpr int turns_max = 50;
constexpr std::uint64_t crash_chance = 8;  // of ten thousand turns

EngineOptions options() {
    EngineOptions options;
    options.election_ticks = election_ticks;
    options.inflight_messages_max = 8;
    options.message_bytes_max = 256;
    options.uncommitted_bytes_max = 1U << 20;
    options.committed_bytes_max = 512;
    options.log_level = LogLevel::error;
    return options;
}

std::uint64_t mix(std::uint64_t hash, std::uint64_t value) {
    return mix64(hash ^ (mix64(value) + 0x9E3779B97F4A7C15ULL));
}

}  // namespace

Simulation::Simulation(std::uint64_t seed, const Plan& plan) : plan_(plan), random_(seed) {
    Members founders;
    for (std::uint64_t id = 1; id <= plan_.founders; ++id) founders.voters.emplace_back(id);
    for (std::uint64_t id = 1; id <= plan_.founders; ++id) {
        const std::size_t node = add_host();
        hosts_[node].replica->found(founders);
        start(node);
    }
    later(200, What::trouble, 0);
    later(300, What::clients, 0);
}

void Simulation::run() {
    while (!events_.empty() && complaints().empty()) {
        const Event event = events_.top();
        events_.pop();
        now_ = event.time;
        if (now_ > end) break;
        if (now_ > trouble_ends && !healed_) heal();
        if (now_ > goal_at && goal_ == 0) goal_ = referee_.highest().applied.index;
        act(event);
    }
    if (complaints().empty()) check_recovery();
    for (const Host& host : hosts_) tally_.cold_reads += host.replica->cold_reads();
}

void Simulation::later(std::uint64_t delay, What what, std::size_t node) {
    events_.push({now_ + delay, ++numbers_, what, node, nullptr});
}

std::size_t Simulation::add_host() {
    const NodeId id{hosts_.size() + 1};
    hosts_.push_back({std::make_unique<Replica>(id, *this, options(), plan_.faults)});
    later(below(10), What::tick, hosts_.size() - 1);
    return hosts_.size() - 1;
}

void Simulation::start(std::size_t node) {
    Host& host = hosts_[node];
    host.elapsed = 0;
    host.time_out = election_ticks + below(election_ticks);
    host.replica->start();
}

void Simulation::stop(std::size_t node) {
    hosts_[node].replica->crash();
    ++tally_.crashes;
    later(50 + below(1'500), What::restart, node);
}

void Simulation::act(const Event& event) {
    switch (event.what) {
        case What::deliver:
            return deliver(event);
        case What::tick:
            return tick(event.node);
        case What::restart:
            if (!hosts_[event.node].retired && !hosts_[event.node].replica->up()) start(event.node);
            return;
        case What::trouble:
            return trouble();
        case What::clients:
            return clients();
    }
}

void Simulation::send(const Packet& packet) {
    const Message& message = packet.message;
    ++tally_.messages;
    if (message.type == MessageType::snapshot) ++tally_.snapshots;
    trace_ = mix(trace_, static_cast<std::uint64_t>(message.type));
    trace_ = mix(trace_, message.to.value * 64 + message.from.value);
    trace_ = mix(trace_, message.term);
    trace_ = mix(trace_, message.index * 31 + message.commit + packet.entries.size());
    if (cuts_.count({message.from, message.to}) > 0 || chance(drops_)) return;
    const auto shared = std::make_shared<const Packet>(packet);
    const std::size_t to = message.to.value - 1;
    if (to >= hosts_.size()) return;
    events_.push({now_ + 1 + below(delay_max_), ++numbers_, What::deliver, to, shared});
    if (chance(doubles_))
        events_.push({now_ + 1 + below(delay_max_ * 5), ++numbers_, What::deliver, to, shared});
}

void Simulation::deliver(const Event& event) {
    Host& host = hosts_[event.node];
    if (!host.replica->up()) return;
    const MessageType type = event.packet->message.type;
    const bool from_leader = type == MessageType::append || type == MessageType::heartbeat ||
                             type == MessageType::snapshot;
    if (from_leader) host.elapsed = 0;
    host.replica->receive(*event.packet);
    if (below(4) > 0) wake(event.node);  // else it waits for more, as during a sync
}

void Simulation::tick(std::size_t node) {
    Host& host = hosts_[node];
    if (host.retired) return;
    later(8 + below(5), What::tick, node);
    if (!host.replica->up()) return;
    EngineInput& input = host.replica->input;
    if (host.replica->engine().leads()) {
        input.ticks = 1;
    } else {
        input.quiesced_ticks = 1;
        if (++host.elapsed >= host.time_out) {
            host.elapsed = 0;
            host.time_out = election_ticks + below(election_ticks);
            input.campaign = true;
        }
    }
    wake(node);
}

void Simulation::wake(std::size_t node) {
    Replica& replica = *hosts_[node].replica;
    for (int turns = 0; turns < turns_max && replica.up() && complaints().empty(); ++turns) {
        CrashPoint crash_at = CrashPoint::none;
        if (!healed_ && chance(crash_chance)) crash_at = static_cast<CrashPoint>(1 + below(4));
        if (!replica.turn(crash_at)) break;
        keep_house(replica);
    }
    if (replica.up()) return;
    if (replica.lost_log())
        return complain("node " + std::to_string(node + 1) + " has lost what it had confirmed");
    hosts_[node].retired = replica.removed();
    if (!hosts_[node].retired) stop(node);
}

void Simulation::keep_house(Replica& replica) {
    const LogIndex applied = replica.rows().applied.index;
    if (chance(500)) replica.flush_rows();
    if (applied > replica.disk().snapshot.applied.index + 20 && chance(1'000))
        replica.make_snapshot(below(30));
    const LogIndex reached = replica.engine().applied();
    if (chance(3'000) && reached > 5) replica.trim(reached - below(5));
}

void Simulation::trouble() {
    later(100 + below(1'500), What::trouble, 0);
    if (healed_) return;
    cuts_.clear();
    drops_ = doubles_ = 0;
    delay_max_ = 10;
    retire_strangers();
    const std::uint64_t kind = below(9);
    if (kind <= 3) return cut_links();
    if (kind == 4) {
        drops_ = 3'000;
        doubles_ = 2'000;
        delay_max_ = 200;
    } else if (kind == 5) {
        const std::size_t victim = below(hosts_.size());
        if (hosts_[victim].replica->up()) stop(victim);
    } else if (kind == 6) {
        for (std::size_t node = 0; node < hosts_.size(); ++node)
            if (hosts_[node].replica->up()) stop(node);
    } else if (kind == 7) {
        transfer();
    }
}

// One node alone; links cut one way at random; two halves; the leader alone.
void Simulation::cut_links() {
    const std::uint64_t kind = below(4);
    const std::size_t victim = below(hosts_.size());
    for (std::size_t from = 0; from < hosts_.size(); ++from) {
        for (std::size_t to = 0; to < hosts_.size(); ++to) {
            const auto leads = [&](std::size_t node) {
                Replica& replica = *hosts_[node].replica;
                return replica.up() && replica.engine().leads();
            };
            const bool is_cut = (kind == 0 && (from == victim || to == victim)) ||
                                (kind == 1 && chance(3'000)) || (kind == 2 && from % 2 != to % 2) ||
                                (kind == 3 && (leads(from) || leads(to)));
            if (is_cut && from != to) cuts_.insert({NodeId{from + 1}, NodeId{to + 1}});
        }
    }
}

// Nodes that are no members (any more) are switched off some day.
void Simulation::retire_strangers() {
    for (std::size_t node = plan_.founders; node < hosts_.size(); ++node) {
        Host& host = hosts_[node];
        if (host.retired || referee_.highest().members.has(NodeId{node + 1}) || below(4) > 0)
            continue;
        host.retired = true;
        host.replica->crash();
    }
}

void Simulation::clients() {
    later(5 + below(40), What::clients, 0);
    for (std::size_t node = 0; node < hosts_.size(); ++node) {
        Replica& replica = *hosts_[node].replica;
        if (!replica.up() || !replica.engine().leads()) continue;
        if (plan_.changes && !healed_ && chance(400)) {
            change_members(replica);
        } else {
            for (std::uint64_t count = 1 + below(3); count > 0; --count) {
                std::string payload = std::to_string(++proposals_) + ":";
                payload.append(below(100), static_cast<char>('a' + proposals_ % 26));
                replica.propose(std::move(payload));
            }
        }
        if (below(2) == 0) referee_.asked(replica.engine().read());
        wake(node);
    }
}

void Simulation::change_members(Replica& leader) {
    const Members members = leader.engine().members();
    if (members.voters.size() + members.learners.size() < members_wanted_max && below(2) == 0) {
        const MembershipChange change{MembershipChange::Kind::add_learner,
                                      NodeId{hosts_.size() + 1}};
        if (propose_change(leader, change)) start(add_host());
        return;
    }
    if (plan_.promotes && !members.learners.empty() && below(3) > 0) {
        const NodeId learner = members.learners[below(members.learners.size())];
        const auto progress = leader.engine().progress(learner);
        if (!progress || progress->match + 20 < leader.engine().commit()) return;
        propose_change(leader, {MembershipChange::Kind::promote, learner});
        return;
    }
    const auto& some =
        members.learners.empty() || below(2) == 0 ? members.voters : members.learners;
    propose_change(leader, {MembershipChange::Kind::remove, some[below(some.size())]});
}

bool Simulation::propose_change(Replica& leader, const MembershipChange& change) {
    auto payload = leader.engine().make_change(change);
    if (!payload) return false;
    leader.propose(std::move(*payload), EntryKind::membership);
    ++tally_.changes;
    return true;
}

void Simulation::transfer() {
    for (std::size_t node = 0; node < hosts_.size(); ++node) {
        Replica& replica = *hosts_[node].replica;
        if (!replica.up() || !replica.engine().leads()) continue;
        const auto& voters = replica.engine().members().voters;
        if (replica.engine().transfer(voters[below(voters.size())])) ++tally_.transfers;
        wake(node);
        return;
    }
}

void Simulation::heal() {
    healed_ = true;
    cuts_.clear();
    drops_ = doubles_ = 0;
    delay_max_ = 5;
}

void Simulation::check_recovery() {
    if (goal_ <= 1) complain("nothing was ever applied");
    for (const NodeId node : referee_.highest().members.voters) {
        const LogIndex applied = hosts_[node.value - 1].replica->rows().applied.index;
        if (applied < goal_)
            complain("no progress after healing: node " + std::to_string(node.value) + " is at " +
                     std::to_string(applied) + " of " + std::to_string(goal_));
    }
}

void Simulation::leads(NodeId node, std::uint64_t term) {
    ++tally_.leaders;
    referee_.leads(node, term);
}

void Simulation::applied(NodeId node, const Rows& rows) {
    ++tally_.applied;
    trace_ = mix(trace_, rows.hash);
    referee_.applied(node, rows);
}

void Simulation::answered(NodeId node, const ReadState& read) {
    ++tally_.reads;
    referee_.answered(node, read);
}

void Simulation::complain(const std::string& what) {
    referee_.complain("at " + std::to_string(now_) + " ms: " + what);
}

}  // namespace penstock::replication::testing
