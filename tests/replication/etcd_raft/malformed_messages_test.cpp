// R12 by chance: random messages, most of them wrong in one way or another, at an engine in every
// role. A panic of the core would end this program. And what is late, not wrong.
#include "broker/base/random.h"
#include "tests/replication/etcd_raft/hand_played.h"

#include <gtest/gtest.h>

namespace penstock::replication::testing {
namespace {

constexpr std::uint64_t messages = 40'000;
constexpr int messages_each = 1'000;

class Void final : public World {
  public:
    explicit Void(std::uint64_t seed) : random(seed) {}

    void send(const Packet&) override { ++sent; }

    void leads(NodeId, std::uint64_t) override { ++led; }

    void applied(NodeId, const Rows&) override { ++applied_entries; }

    void answered(NodeId, const ReadState&) override {}

    void complain(const std::string& what) override { complaint = what; }

    std::uint64_t below(std::uint64_t bound) override { return random.below(bound); }

    SeededRandom random;
    std::string complaint;
    std::uint64_t sent = 0;
    std::uint64_t led = 0;
    std::uint64_t applied_entries = 0;
};

// Rarely far off, mostly near what the engine has.
std::uint64_t near(Void& world, std::uint64_t value) {
    if (world.below(50) == 0) return world.random.next();
    const std::uint64_t shifted = value + world.below(5);
    return shifted < 2 ? 0 : shifted - 2;
}

RaftEntry random_entry(Void& world, const Packet& packet, Payload& payload) {
    RaftEntry entry;
    entry.index = packet.message.index + packet.entries.size() + 1;
    if (world.below(20) == 0) ++entry.index;
    entry.term = world.below(4) == 0 ? near(world, packet.message.term) : packet.message.log_term;
    entry.kind = static_cast<EntryKind>(world.below(20) == 0 ? 1 + world.below(2) : 0);
    if (world.below(3) > 0) {
        payload = std::make_shared<const std::string>(world.random.fill(1 + world.below(20)));
        entry.bytes = static_cast<std::uint32_t>(payload->size());
        entry.payload = payload->data();
    }
    return entry;
}

Packet random_packet(Void& world, Engine& engine) {
    Packet packet;
    Message& message = packet.message;
    message.type = static_cast<MessageType>(world.below(20));
    message.reject = world.below(3) == 0;
    message.to = NodeId{world.below(30) == 0 ? world.below(4) : 1};
    message.from = NodeId{world.below(30) == 0 ? world.below(4) : 2 + world.below(2)};
    message.term = near(world, engine.term());
    message.log_term = near(world, engine.term());
    message.index = near(world, engine.last());
    message.commit = world.below(3) == 0 ? near(world, engine.commit()) : 0;
    message.reject_hint = near(world, engine.last());
    if (world.below(4) == 0)
        packet.context = world.below(2) == 0 ? "CampaignTransfer" : world.random.fill(24);
    if (message.type == MessageType::append || world.below(30) == 0) {
        for (std::uint64_t left = world.below(4); left > 0; --left) {
            Payload payload;
            packet.entries.push_back(random_entry(world, packet, payload));
            packet.payloads.push_back(payload);
        }
    }
    if (message.type == MessageType::snapshot || world.below(30) == 0) {
        packet.snapshot =
            SnapshotPoint{{near(world, engine.term()), near(world, engine.last())}, {}};
        for (std::uint64_t id = world.below(3); id <= 3; ++id)
            packet.snapshot->members.voters.emplace_back(id);
    }
    return packet;
}

// What a friendly peer would answer, so that elections are won and entries committed.
Packet friendly_packet(Engine& engine) {
    Packet packet;
    Message& message = packet.message;
    message.to = NodeId{1};
    message.from = NodeId{2};
    message.term = engine.term() + (engine.role() == Role::pre_candidate ? 1 : 0);
    message.type = MessageType::append_answer;
    if (engine.role() == Role::pre_candidate) message.type = MessageType::pre_vote_answer;
    if (engine.role() == Role::candidate) message.type = MessageType::vote_answer;
    if (engine.role() == Role::leader) message.index = engine.last();
    return packet;
}

struct Met {
    std::uint64_t messages = 0;
    std::uint64_t refused = 0;
    std::uint64_t sent = 0;
    std::uint64_t led = 0;
    std::uint64_t applied = 0;
};

// One engine, until it stops over what it was told (a log it never had, a change that is none) or
// has had its messages.
void play(std::uint64_t seed, Met& met) {
    EngineOptions options = hand_options();
    options.log_level = LogLevel::error;
    Void world(seed);
    Replica replica(NodeId{1}, world, options, {});
    replica.found({{NodeId{1}, NodeId{2}, NodeId{3}}, {}});
    replica.start();
    for (int count = 0; count < messages_each && replica.up() && world.complaint.empty(); ++count) {
        const bool is_friendly = replica.engine().role() != Role::follower && world.below(3) > 0;
        replica.receive(is_friendly ? friendly_packet(replica.engine())
                                    : random_packet(world, replica.engine()));
        replica.input.ticks = world.below(20) == 0 ? 1 : 0;
        replica.input.campaign = world.below(20) == 0;
        if (world.below(10) == 0) replica.propose("a proposal");
        replica.settle();
        ++met.messages;
    }
    met.refused += replica.refused();
    met.sent += world.sent;
    met.led += world.led;
    met.applied += world.applied_entries;
}

TEST(MalformedMessages, R12RandomOnesNeverReachTheCoreInAWayItPanics) {
    Met met;
    for (std::uint64_t seed = 1; met.messages < messages; ++seed) play(seed, met);
    EXPECT_GT(met.refused, 1'000U);
    EXPECT_GT(met.sent, 1'000U);
    EXPECT_GT(met.led, 100U);
    EXPECT_GT(met.applied, 1'000U);
}

Message commit_told(std::uint64_t to, std::uint64_t term) {
    Message heartbeat;
    heartbeat.type = MessageType::heartbeat;
    heartbeat.to = NodeId{to};
    heartbeat.from = NodeId{1};
    heartbeat.term = term;
    heartbeat.commit = 99;
    return heartbeat;
}

// A leader of before may speak of what this node held before it left the set and came back.
TEST(MalformedMessages, R12WhatADeposedLeaderCountsOnIsNotMissed) {
    HandPlayed set(3);
    ASSERT_TRUE(set.elect(1));
    Engine& engine = set.engine(2);
    ASSERT_GT(engine.term(), 1U);
    const Message heartbeat = commit_told(2, engine.term() - 1);
    EngineInput input;
    input.advance = true;
    input.messages = {&heartbeat, 1};
    static_cast<void>(engine.cycle(input));
    EXPECT_EQ(engine.gone(), Engine::Gone::no);
}

TEST(MalformedMessages, R12WhoDoesNotKnowTheMembersYetMissesNothing) {
    HandPlayed set(3, 1);
    ASSERT_TRUE(set.elect(1));
    Engine& engine = set.engine(4);
    const Message heartbeat = commit_told(4, set.engine(1).term());
    EngineInput input;
    input.messages = {&heartbeat, 1};
    EXPECT_EQ(engine.cycle(input).messages_refused, 1U);
    EXPECT_EQ(engine.gone(), Engine::Gone::no);
}

}  // namespace
}  // namespace penstock::replication::testing
