// Replicas of a set that hold different things: who is in the minority serves nothing more.
#include "tests/cluster/world.h"
#include "tests/node/requests.h"

#include <gtest/gtest.h>

namespace penstock::cluster::testing {
namespace {

using penstock::testing::create_queue;
using penstock::testing::receive;
using penstock::testing::send;

constexpr SetId data{1};

MemberRules one_set() {
    MemberRules rules;
    rules.data_sets = 1;
    return rules;
}

// What no entry did: on this member alone the queues are as if nothing had ever been sent.
void lose_messages(Member& member) {
    node::HostedSet& set = *member.node().hosted(data);
    model::RowBatch others;
    set.row_store().scan("", "\x7f", [&](std::string_view key, std::string_view value) {
        if (key.front() == 'h' || key.front() == 'l') return true;
        others.push_back({model::RowWrite::Kind::put, std::string(key), std::string(value)});
        return true;
    });
    auto rows = storage::make_memory_rows();
    EXPECT_TRUE(rows->apply(std::move(others), set.applied()).has_value());
    set.reopen(std::move(rows));
}

bool shown_as_differing(World& world, std::uint64_t asked, std::uint64_t node) {
    const auto view = world.ask(asked, api::GetCluster{});
    if (!view) return false;
    for (const api::ReplicaView& replica : view->sets.at(data.value).replicas) {
        if (replica.node == node) return replica.differs;
    }
    return false;
}

TEST(Agreement, AFollowerThatHoldsSomethingElseStopsWithinSecondsAndForGood) {
    World world(31, 3, one_set());
    world.found();
    ASSERT_TRUE(world.ask(1, create_queue("q")).has_value());
    ASSERT_TRUE(world.ask(1, send("q", {"a", "b", "c"})).has_value());
    world.run(1'000);
    const std::uint64_t wrong = world.leader(data) % 3 + 1;
    lose_messages(world.member(wrong));
    const auto got = world.ask(world.leader(data), receive("q"));
    ASSERT_TRUE(got.has_value());
    ASSERT_EQ(got->messages.size(), 1U);
    ASSERT_TRUE(world.run_until([&] { return !world.member(wrong).up(); }, 4'000));
    ASSERT_EQ(world.deaths().size(), 1U);
    EXPECT_NE(world.deaths()[0].find("set 1 as of entry"), std::string::npos) << world.deaths()[0];
    EXPECT_NE(world.deaths()[0].find("must not be served"), std::string::npos);
    EXPECT_TRUE(shown_as_differing(world, world.leader(data), wrong));
    world.start(wrong);
    ASSERT_EQ(world.deaths().size(), 2U);
    EXPECT_NE(world.deaths()[1].find("does not start"), std::string::npos);
    EXPECT_NE(world.deaths()[1].find("add an empty one"), std::string::npos) << world.deaths()[1];
}

TEST(Agreement, ALeaderThatHoldsSomethingElseIsReplacedAndTheRightAnswersCome) {
    World world(32, 3, one_set());
    world.found();
    ASSERT_TRUE(world.ask(1, create_queue("q")).has_value());
    ASSERT_TRUE(world.ask(1, send("q", {"a"})).has_value());
    world.run(1'000);
    const std::uint64_t wrong = world.leader(data);
    lose_messages(world.member(wrong));
    // The wrong leader finds nothing to give, its followers would have.
    ASSERT_TRUE(world.ask(wrong, send("q", {"b"})).has_value());
    ASSERT_TRUE(world.run_until([&] { return !world.member(wrong).up(); }, 4'000));
    const std::uint64_t right = wrong % 3 + 1;
    ASSERT_TRUE(world.run_until([&] { return world.all_led(); }, 2'000));
    const auto got = world.ask(right, receive("q", 16));
    ASSERT_TRUE(got.has_value()) << got.error().detail;
    EXPECT_EQ(got->messages.size(), 2U);
}

TEST(Agreement, TwoThatDifferWithoutAThirdSaySoAndTheLeaderGoesOn) {
    World world(33, 3, one_set());
    world.found();
    ASSERT_TRUE(world.ask(1, create_queue("q")).has_value());
    ASSERT_TRUE(world.ask(1, send("q", {"a"})).has_value());
    world.run(1'000);
    const std::uint64_t leader = world.leader(data);
    const std::uint64_t wrong = leader % 3 + 1;
    world.crash(wrong % 3 + 1);
    lose_messages(world.member(wrong));
    ASSERT_TRUE(world.ask(leader, receive("q")).has_value());
    ASSERT_TRUE(world.ask(leader, send("q", {"b"})).has_value());
    world.run(6'000);
    EXPECT_TRUE(world.deaths().empty());
    EXPECT_TRUE(shown_as_differing(world, leader, wrong));
    EXPECT_TRUE(world.ask(leader, send("q", {"c"})).has_value());
    // The third one decides.
    world.start(wrong % 3 + 1);
    ASSERT_TRUE(world.run_until([&] { return !world.member(wrong).up(); }, 6'000));
    EXPECT_EQ(world.deaths().size(), 1U);
}

TEST(Agreement, ReplicasThatAgreeAreNeverStoppedByRestartsAndFlushes) {
    MemberRules rules = one_set();
    rules.flush_age_ms = 300;
    World world(34, 3, rules);
    world.found();
    ASSERT_TRUE(world.ask(1, create_queue("q")).has_value());
    for (std::uint64_t round = 0; round < 9; ++round) {
        const std::uint64_t victim = 1 + round % 3;
        for (int at = 0; at < 5; ++at) {
            EXPECT_TRUE(world.ask(victim % 3 + 1, send("q", {"x"})).has_value()) << round;
            world.run(200);
        }
        world.crash(victim);
        world.run(700);
        world.start(victim);
    }
    world.run(5'000);
    EXPECT_TRUE(world.deaths().empty()) << world.deaths().front();
    for (std::uint64_t id = 1; id <= 3; ++id) {
        EXPECT_FALSE(shown_as_differing(world, world.leader(data), id)) << id;
    }
}

}  // namespace
}  // namespace penstock::cluster::testing
