// What clients and the dispatcher of a cluster may rely on, one promise a test.
#include "broker/core/names_query.h"
#include "tests/cluster/world.h"
#include "tests/node/requests.h"

#include <gtest/gtest.h>

#include <set>

namespace penstock::cluster::testing {
namespace {

using penstock::testing::create_queue;
using penstock::testing::publish;
using penstock::testing::receive;
using penstock::testing::remove;
using penstock::testing::send;
using penstock::testing::subscribe;

constexpr SetId data{1};

MemberRules one_set() {
    MemberRules rules;
    rules.data_sets = 1;
    return rules;
}

// What comes out of a queue until nothing does, by asking `id`.
std::multiset<std::string> drain(World& world, std::uint64_t id, const std::string& queue) {
    std::multiset<std::string> bodies;
    for (int empty = 0; empty < 2;) {
        const auto got = world.ask(id, receive(queue, 16, 1));
        if (!got || got->messages.empty()) ++empty;
        if (!got) continue;
        for (const auto& message : got->messages) bodies.insert(message.payload);
    }
    return bodies;
}

void begin_to_hand_over(World& world, SetId set, std::uint64_t to) {
    auto& log = world.member(world.leader(set)).node().hosted(set)->log();
    ASSERT_TRUE(dynamic_cast<replication::RaftLog&>(log).transfer(NodeId{to}).has_value());
}

void hand_over(World& world, SetId set, std::uint64_t to) {
    begin_to_hand_over(world, set, to);
    ASSERT_TRUE(world.run_until([&] { return world.leader(set) == to; }));
}

TEST(Cluster, WhatOneNodeMadeEveryNodeUsesAtOnce) {
    World world;
    world.found();
    // Until each set is led by the node that should lead it.
    world.run(15'000);
    world.network.set_weather({1'000, 30'000, 0});
    for (std::uint64_t at = 0; at < 12; ++at) {
        const std::string name = "q" + std::to_string(at);
        const auto made = world.ask(1 + at % 3, create_queue(name));
        ASSERT_TRUE(made.has_value()) << name << ": " << made.error().detail;
        std::vector<Asked<api::SendMessages>> asked;
        for (std::uint64_t id = 1; id <= 3; ++id) {
            asked.push_back(world.member(id).ask(send(name, {"body"})));
        }
        world.run(1'000);
        for (std::uint64_t id = 1; id <= 3; ++id) {
            ASSERT_TRUE(asked[id - 1].answered()) << name << " through node " << id;
            EXPECT_TRUE((*asked[id - 1]).has_value())
                << name << " through node " << id << ": " << asked[id - 1]->error().detail;
        }
    }
    EXPECT_TRUE(world.differences().empty());
}

TEST(Cluster, ANodeThatLeadsNothingServesEverything) {
    World world(3, 3, one_set());
    world.found();
    ASSERT_TRUE(world.ask(1, create_queue("q")).has_value());
    const std::uint64_t node = world.bystander(data);
    ASSERT_NE(node, 0U);
    const auto sent = world.ask(node, send("q", {"one"}));
    ASSERT_TRUE(sent.has_value());
    const auto got = world.ask(node, receive("q"));
    ASSERT_TRUE(got.has_value());
    ASSERT_EQ(got->messages.size(), 1U);
    EXPECT_EQ(got->messages[0].id, sent->ids[0]);
    const auto removed = world.ask(node, remove("q", {got->messages[0].receipt}));
    ASSERT_TRUE(removed.has_value());
    EXPECT_EQ(removed->removed, std::vector<bool>{true});
    auto poll = world.member(node).ask(receive("q", 1, 5));
    world.run(1'000);
    EXPECT_FALSE(poll.answered());
    ASSERT_TRUE(world.ask(world.leader(data), send("q", {"two"})).has_value());
    world.run(100);
    ASSERT_TRUE(poll.answered());
    ASSERT_TRUE((*poll).has_value());
    EXPECT_EQ((*poll)->messages.at(0).payload, "two");
}

TEST(Cluster, ALongPollGoesOnWhereTheQueueIsLedNow) {
    World world(4, 3, one_set());
    world.found();
    ASSERT_TRUE(world.ask(1, create_queue("q")).has_value());
    const std::uint64_t first = world.leader(data);
    auto here = world.member(first).ask(receive("q", 1, 25));
    auto there = world.member(first % 3 + 1).ask(receive("q", 1, 25));
    world.run(1'000);
    api::ChangeCluster transfer;
    transfer.what = api::ChangeCluster::What::transfer;
    transfer.set = data.value;
    transfer.node = (first + 1) % 3 + 1;
    ASSERT_TRUE(world.ask(1, transfer).has_value());
    ASSERT_TRUE(world.run_until([&] { return world.leader(data) == transfer.node; }, 20'000));
    world.run(500);
    EXPECT_FALSE(here.answered()) << (here->has_value() ? "" : here->error().detail);
    EXPECT_FALSE(there.answered()) << (there->has_value() ? "" : there->error().detail);
    ASSERT_TRUE(world.ask(first, send("q", {"one", "two"})).has_value());
    world.run(200);
    for (auto* poll : {&here, &there}) {
        ASSERT_TRUE(poll->answered());
        ASSERT_TRUE((*poll)->has_value()) << (*poll)->error().detail;
        EXPECT_EQ((*poll)->value().messages.size(), 1U);
    }
}

// While a leader hands over, it drops what is proposed: the lease of who waits with the send that
// it waits for.
TEST(Cluster, ALongPollOutlivesASendThatIsDropped) {
    World world(6, 3, one_set());
    world.found();
    ASSERT_TRUE(world.ask(1, create_queue("q")).has_value());
    world.run(10'000);  // whoever is to lead does
    const std::uint64_t first = world.leader(data);
    auto poll = world.member(first).ask(receive("q", 1, 25));
    world.run(1'000);
    begin_to_hand_over(world, data, first % 3 + 1);
    EXPECT_FALSE(world.ask(first, send("q", {"dropped"})).has_value());
    ASSERT_TRUE(world.run_until([&] { return world.leader(data) == first % 3 + 1; }));
    world.run(500);
    ASSERT_FALSE(poll.answered());
    ASSERT_TRUE(world.ask(first, send("q", {"taken"})).has_value());
    world.run(200);
    ASSERT_TRUE(poll.answered());
    ASSERT_TRUE((*poll).has_value()) << (*poll).error().detail;
    ASSERT_EQ((*poll)->messages.size(), 1U);
    EXPECT_EQ((*poll)->messages[0].payload, "taken");
}

// It waits where its client asked, not with the leader of before: that one may be about to stop.
TEST(Cluster, ALongPollByAnotherNodeOutlivesTheLeaderThatStops) {
    for (const std::uint64_t step : {1, 2}) {
        World world(7, 3, one_set());
        world.found();
        ASSERT_TRUE(world.ask(1, create_queue("q")).has_value());
        world.run(10'000);  // whoever is to lead does
        const std::uint64_t first = world.leader(data);
        const std::uint64_t asked = first % 3 + 1;
        const std::uint64_t next = step == 1 ? asked : asked % 3 + 1;
        auto poll = world.member(asked).ask(receive("q", 1, 25));
        auto empty = world.member(asked).ask(receive("q", 1, 10));
        world.run(6'000);
        hand_over(world, data, next);
        world.run(500);
        world.crash(first);
        world.run(2'000);
        ASSERT_FALSE(poll.answered());
        ASSERT_FALSE(empty.answered());
        // In whole seconds, of which the last has begun.
        ASSERT_TRUE(world.run_until([&] { return empty.answered(); }, 2'600));
        ASSERT_TRUE((*empty).has_value()) << (*empty).error().detail;
        EXPECT_TRUE((*empty)->messages.empty());
        ASSERT_FALSE(poll.answered());
        ASSERT_TRUE(world.ask(asked, send("q", {"one"})).has_value());
        world.run(200);
        ASSERT_TRUE(poll.answered());
        ASSERT_TRUE((*poll).has_value()) << (*poll).error().detail;
        EXPECT_EQ((*poll)->messages.size(), 1U);
    }
}

// The old leader hangs while another one is elected; nobody tells it when it wakes.
struct Deposed {
    Deposed() : world(5, 3, one_set()) {
        world.found();
        check(world.ask(1, create_queue("q")).has_value(), "a queue");
        old = world.leader(data);
        check(world.run_until([&] { return world.leader(model::names_set) != 0; }), "names");
        world.isolate(old);
        const std::int64_t wakes_us = world.clock.steady_us() + 4'000'000;
        world.member(old).hang_until(wakes_us);
        check(world.run_until([&] { return others_lead(data) && others_lead(model::names_set); }),
              "another leads");
        fresh = old % 3 + 1;
        check(world.ask(fresh, send("q", {"fresh"})).has_value(), "written elsewhere");
        check(world.ask(fresh, create_queue("made-elsewhere")).has_value(), "made elsewhere");
        check(world.clock.steady_us() < wakes_us, "it hangs still");
        world.member(old).hang_until(0);
    }

    bool others_lead(SetId set) {
        for (std::uint64_t id = 1; id <= 3; ++id) {
            if (id != old && world.member(id).leads(set)) return true;
        }
        return false;
    }

    World world;
    std::uint64_t old = 0;
    std::uint64_t fresh = 0;
};

TEST(Cluster, ADeposedLeaderDoesNotShowAnOldQueue) {
    Deposed deposed;
    const auto seen = deposed.world.ask(deposed.old, api::GetQueue{"q"}, 12'000);
    ASSERT_FALSE(seen.has_value());
    EXPECT_NE(seen.error().detail, "never answered");
}

TEST(Cluster, ADeposedLeaderDoesNotSayAQueueIsEmpty) {
    Deposed deposed;
    const auto seen = deposed.world.ask(deposed.old, receive("q"), 12'000);
    ASSERT_FALSE(seen.has_value());
    EXPECT_NE(seen.error().detail, "never answered");
}

TEST(Cluster, ADeposedLeaderDoesNotSayThereIsNoSuchQueue) {
    Deposed deposed;
    const auto seen = deposed.world.ask(deposed.old, send("made-elsewhere", {"x"}), 12'000);
    ASSERT_FALSE(seen.has_value());
    EXPECT_NE(seen.error().reason, model::Reason::queue_not_found);
    EXPECT_NE(seen.error().detail, "never answered");
}

TEST(Cluster, ADeposedLeaderDoesNotListOldNames) {
    Deposed deposed;
    const auto seen = deposed.world.ask(deposed.old, api::ListQueues{}, 12'000);
    if (seen) {
        EXPECT_EQ(seen->total, 2U);
    }
}

void kill_in_the_middle_of_a_create(SetId victim_set) {
    for (std::int64_t pause = 0; pause < 12; ++pause) {
        World world(static_cast<std::uint64_t>(pause) + 11, 3, one_set());
        world.found();
        const std::uint64_t victim = world.leader(victim_set);
        const std::uint64_t asker = victim % 3 + 1;
        auto asked = world.member(asker).ask(create_queue("q"));
        world.run(pause);
        world.crash(victim);
        ASSERT_TRUE(world.run_until([&] { return asked.answered(); }, 12'000)) << pause;
        ASSERT_TRUE(world.run_until([&] { return world.all_led(); })) << pause;
        world.run(5'000);
        const auto left = core::unfinished_names(world.member(asker).node().names_set().rows());
        EXPECT_TRUE(left.empty()) << "half made after " << pause << " ms";
        const auto again = world.ask(asker, create_queue("q"));
        const bool there = again || again.error().reason == model::Reason::queue_exists;
        EXPECT_TRUE(there) << pause << ": " << (again ? "" : again.error().detail);
        EXPECT_TRUE(world.ask(asker, send("q", {"x"})).has_value()) << pause;
    }
}

TEST(Cluster, ACreateCutShortByItsSetsLeaderIsFinishedOrUndone) {
    kill_in_the_middle_of_a_create(data);
}

TEST(Cluster, ACreateCutShortByTheLeaderOfNamesIsFinishedOrUndone) {
    kill_in_the_middle_of_a_create(model::names_set);
}

TEST(Cluster, WhatWaitsWhileNobodyLeadsIsServedAfterTheElection) {
    World world(7, 3, one_set());
    world.found();
    ASSERT_TRUE(world.ask(1, create_queue("q")).has_value());
    const std::uint64_t victim = world.leader(data);
    world.crash(victim);
    world.run(2);
    auto asked = world.member(victim % 3 + 1).ask(send("q", {"patient"}));
    ASSERT_TRUE(world.run_until([&] { return asked.answered(); }, 5'000));
    EXPECT_TRUE((*asked).has_value()) << asked->error().detail;
}

TEST(Cluster, AnUnknownOutcomeSaysSoAndADedupKeyMakesTheRetrySafe) {
    int unknown = 0;
    for (std::int64_t pause = 0; pause < 12; ++pause) {
        World world(static_cast<std::uint64_t>(pause) + 40, 3, one_set());
        world.found();
        ASSERT_TRUE(world.ask(1, create_queue("q")).has_value());
        const std::uint64_t victim = world.leader(data);
        const std::uint64_t asker = victim % 3 + 1;
        auto keyed = send("q", {"keyed"});
        keyed.dedup_key = "key";
        auto first = world.member(asker).ask(send("q", {"plain"}));
        auto second = world.member(asker).ask(keyed);
        world.run(pause);
        world.crash(victim);
        ASSERT_TRUE(world.run_until([&] { return first.answered() && second.answered(); }, 12'000));
        EXPECT_TRUE((*second).has_value()) << pause << ": " << second->error().detail;
        const auto found = drain(world, asker, "q");
        EXPECT_EQ(found.count("keyed"), 1U) << pause;
        if (*first) {
            EXPECT_EQ(found.count("plain"), 1U) << pause;
        } else if (first->error().reason == model::Reason::unknown_outcome) {
            ++unknown;
            EXPECT_LE(found.count("plain"), 1U) << pause;
        } else {
            EXPECT_EQ(found.count("plain"), 0U) << pause;
        }
    }
    EXPECT_GT(unknown, 0);
}

TEST(Cluster, APowerCutOfAllLosesNothing) {
    for (const std::uint32_t flush_age_ms : {1'000'000'000U, 300U}) {
        MemberRules rules;
        rules.flush_age_ms = flush_age_ms;
        World world(9, 3, rules);
        world.found();
        ASSERT_TRUE(world.ask(1, create_queue("q")).has_value());
        for (int at = 0; at < 20; ++at) {
            ASSERT_TRUE(world.ask(1 + at % 3, send("q", {std::to_string(at)})).has_value());
            world.run(50);
        }
        for (std::uint64_t id = 1; id <= 3; ++id) world.crash(id);
        for (std::uint64_t id = 1; id <= 3; ++id) world.start(id);
        ASSERT_TRUE(world.run_until([&] { return world.all_led(); }));
        EXPECT_EQ(drain(world, 2, "q").size(), 20U);
        EXPECT_TRUE(world.differences().empty());
        EXPECT_TRUE(world.deaths().empty());
    }
}

api::Dispatch::Settlement settlement(const api::Delivery& delivery, model::Verdict verdict) {
    const bool ok = verdict == model::Verdict::accepted;
    api::Dispatch::Settlement made;
    made.subscription = delivery.subscription;
    made.items = {{delivery.sequence,
                   delivery.generation,
                   verdict,
                   ok ? model::Failure::none : model::Failure::status,
                   static_cast<std::uint16_t>(ok ? 200 : 500),
                   0,
                   "",
                   ""}};
    return made;
}

TEST(Cluster, DeliveriesMoveToTheNewLeaderWithTheirAttempts) {
    MemberRules rules = one_set();
    rules.dispatches = true;
    World world(13, 3, rules);
    world.found();
    ASSERT_TRUE(world.ask(1, api::CreateTopic{"news", {}}).has_value());
    auto request = subscribe("news", "hook");
    request.spec.retry = model::custom_retry({1'000, 1'000, 1'000});
    ASSERT_TRUE(world.ask(2, request).has_value());
    ASSERT_TRUE(world.ask(3, publish("news", {"a", "b"})).has_value());
    world.run(100);
    const std::uint64_t old = world.leader(data);
    const auto first = world.member(old).deliveries().take();
    ASSERT_EQ(first.size(), 2U);
    world.member(old).node().settle(settlement(first[0], model::Verdict::retry), {});
    world.run(100);
    world.isolate(old);
    ASSERT_TRUE(world.run_until([&] {
        const std::uint64_t now = world.leader(data);
        return now != 0 && now != old;
    }));
    world.run(3'000);
    EXPECT_TRUE(world.member(old).deliveries().targets.empty());
    const std::uint64_t fresh = world.leader(data);
    const auto again = world.member(fresh).deliveries().take();
    ASSERT_EQ(again.size(), 2U);
    for (const api::Delivery& delivery : again) {
        EXPECT_EQ(delivery.attempt, delivery.payload == "a" ? 2U : 1U);
        world.member(fresh).node().settle(settlement(delivery, model::Verdict::accepted), {});
    }
    world.network.heal_all();
    world.run(10'000);
    for (const auto& [id, member] : world.members()) {
        EXPECT_TRUE(member->deliveries().take().empty()) << "pushed again by " << id.value;
        EXPECT_EQ(member->deliveries().targets.size(), member->leads(data) ? 1U : 0U);
    }
}

}  // namespace
}  // namespace penstock::cluster::testing
