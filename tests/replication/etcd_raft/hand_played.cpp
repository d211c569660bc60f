#include "tests/replication/etcd_raft/hand_played.h"

#include <gtest/gtest.h>

namespace penstock::replication::testing {

namespace {

constexpr std::uint32_t past_every_time_out = 20;
constexpr int rounds_max = 100;

}  // namespace

EngineOptions hand_options() {
    EngineOptions options;
    options.message_bytes_max = 0;  // an entry a message
    options.inflight_messages_max = 8;
    options.log_level = LogLevel::warn;
    return options;
}

HandPlayed::HandPlayed(std::uint64_t voters, std::uint64_t others, Faults faults) {
    Members members;
    for (std::uint64_t id = 1; id <= voters; ++id) members.voters.emplace_back(id);
    for (std::uint64_t id = 1; id <= voters + others; ++id) {
        replicas_.push_back(std::make_unique<Replica>(NodeId{id}, *this, hand_options(), faults));
        if (id <= voters) replicas_.back()->found(members);
        replicas_.back()->start();
    }
}

void HandPlayed::deliver() {
    for (int round = 0; !mail.empty(); ++round) {
        if (round == rounds_max) return complain("messages go on for ever");
        const auto packets = std::exchange(mail, {});
        for (const Packet& packet : packets) {
            if (cuts_.count({packet.message.from, packet.message.to}) > 0) continue;
            if (withheld && withheld(packet)) continue;
            Replica& to = node(packet.message.to.value);
            if (!to.up()) continue;
            delivered.push_back(packet);
            to.receive(packet);
            to.settle();
        }
    }
}

void HandPlayed::cut(std::uint64_t from, std::uint64_t to, bool is_cut) {
    for (const auto& pair :
         {std::pair{NodeId{from}, NodeId{to}}, std::pair{NodeId{to}, NodeId{from}}}) {
        if (is_cut) {
            cuts_.insert(pair);
        } else {
            cuts_.erase(pair);
        }
    }
}

void HandPlayed::isolate(std::uint64_t id, bool is_cut) {
    for (std::uint64_t other = 1; other <= replicas_.size(); ++other)
        if (other != id) cut(id, other, is_cut);
}

bool HandPlayed::elect(std::uint64_t id) {
    for (auto& replica : replicas_) {
        if (!replica->up() || replica->node() == NodeId{id}) continue;
        replica->input.quiesced_ticks = past_every_time_out;
        replica->settle();
    }
    // A rival of a later term refuses once, which teaches the term.
    for (int tries = 0; tries < 2 && !engine(id).leads(); ++tries) {
        node(id).input.campaign = true;
        node(id).settle();
        deliver();
    }
    return engine(id).leads();
}

void HandPlayed::tick(std::uint64_t id, std::uint32_t ticks) {
    for (std::uint32_t done = 0; done < ticks; ++done) {
        node(id).input.ticks = 1;
        node(id).settle();
        deliver();
    }
}

void HandPlayed::propose(std::uint64_t id, const std::string& payload) {
    node(id).propose(payload);
    node(id).settle();
    deliver();
}

bool HandPlayed::change(std::uint64_t id, MembershipChange::Kind kind, std::uint64_t node_id) {
    auto bytes = engine(id).make_change({kind, NodeId{node_id}});
    if (!bytes) return false;
    node(id).propose(std::move(*bytes), EntryKind::membership);
    node(id).settle();
    deliver();
    return true;
}

std::string HandPlayed::log_of(std::uint64_t id) {
    std::string text;
    for (const StoredEntry& entry : node(id).disk().log)
        text += (text.empty() ? "" : " ") + (entry.payload ? *entry.payload : "-") + "@" +
                std::to_string(entry.term);
    return text;
}

void HandPlayed::leads(NodeId node, std::uint64_t term) {
    const auto known = leaders_.emplace(term, node).first;
    if (known->second != node) complain("two leaders in one term");
}

void HandPlayed::answered(NodeId node, const ReadState& read) {
    reads[node.value].push_back(read);
}

void HandPlayed::complain(const std::string& what) {
    ADD_FAILURE() << what;
}

}  // namespace penstock::replication::testing
