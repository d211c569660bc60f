// Replicas that come by a snapshot: what they hold, what goes on meanwhile, and what a disk that
// fails does to it.
#include "tests/cluster/world.h"
#include "tests/node/requests.h"

#include <gtest/gtest.h>

namespace penstock::cluster::testing {
namespace {

using penstock::testing::create_queue;
using penstock::testing::receive;
using penstock::testing::send;

constexpr SetId first_set{1};
constexpr SetId second_set{2};

MemberRules little_log() {
    MemberRules rules;
    rules.data_sets = 2;
    rules.flush_age_ms = 200;
    rules.keep_bytes = 64U << 10;
    return rules;
}

// A node was away while each set's log went on further than is kept for it.
struct Behind {
    explicit Behind(MemberRules rules, std::uint64_t seed = 11) : world(seed, 3, std::move(rules)) {
        world.found();
        check(world.ask(1, create_queue("one")).has_value(), "a queue");
        check(world.ask(1, create_queue("two")).has_value(), "another");
        check(world.set_of("one") != world.set_of("two"), "each set has one");
        away = world.bystander(first_set);
        check(away != world.leader(second_set), "it leads nothing");
        world.crash(away);
        other = away % 3 + 1;
        for (int at = 0; at < messages; ++at) {
            for (const char* queue : {"one", "two"}) {
                const auto sent = world.ask(other, send(queue, {std::string(4'096, 'x')}));
                check(sent.has_value(), "a message");
            }
        }
        world.run(3'000);
    }

    [[nodiscard]] bool has_all(SetId set) {
        const std::uint64_t leader = world.leader(set);
        if (leader == 0 || !world.member(away).up()) return false;
        return applied(away, set) == applied(leader, set) && applied(away, set) > 0;
    }

    [[nodiscard]] model::LogIndex applied(std::uint64_t id, SetId set) {
        const node::HostedSet* hosted = world.member(id).node().hosted(set);
        return hosted == nullptr ? 0 : hosted->applied();
    }

    [[nodiscard]] bool caught_up(std::int64_t at_most_ms = 60'000) {
        return world.run_until([&] { return has_all(first_set) && has_all(second_set); },
                               at_most_ms);
    }

    // Only the node that was away and one more are left: what it holds is what there is.
    [[nodiscard]] std::size_t drained(const std::string& queue) {
        std::size_t got = 0;
        for (int empty = 0; empty < 2;) {
            const auto batch = world.ask(away, receive(queue, 16, 1));
            if (!batch || batch->messages.empty()) ++empty;
            if (batch) got += batch->messages.size();
        }
        return got;
    }

    static constexpr int messages = 120;
    World world;
    std::uint64_t away = 0;
    std::uint64_t other = 0;
};

TEST(ClusterSnapshots, WhoIsTooFarBehindGetsASnapshotAndHasEverything) {
    Behind behind(little_log());
    behind.world.start(behind.away);
    ASSERT_TRUE(behind.caught_up());
    EXPECT_EQ(behind.world.member(behind.away).snapshots().installed, 2U);
    EXPECT_TRUE(behind.world.differences().empty());
    EXPECT_TRUE(behind.world.deaths().empty());
    // The bodies came too: the others are gone but for one, and this node leads.
    behind.world.crash(behind.other);
    behind.world.run_until([&] { return behind.world.all_led(); });
    EXPECT_EQ(behind.drained("one"), 120U);
    EXPECT_EQ(behind.drained("two"), 120U);
}

TEST(ClusterSnapshots, ASetThatIsInstalledHoldsUpNoOther) {
    MemberRules rules = little_log();
    rules.snapshot_bytes_per_s = 256U << 10;
    Behind behind(rules);
    behind.world.start(behind.away);
    // One set is closed, and stays so for a while: 480 KiB at that rate.
    const auto closed = [&](SetId set) {
        return behind.world.member(behind.away).node().hosted(set) != nullptr &&
               behind.applied(behind.away, set) == 0 &&
               behind.world.member(behind.away).node().hosted(set)->leader().value == 0;
    };
    behind.world.run(1'000);
    ASSERT_TRUE(
        behind.world.run_until([&] { return closed(first_set) != closed(second_set); }, 60'000));
    const SetId open = closed(first_set) ? second_set : first_set;
    const SetId shut = closed(first_set) ? first_set : second_set;
    const model::LogIndex names = behind.applied(behind.away, model::names_set);
    ASSERT_TRUE(behind.world.ask(behind.other, create_queue("meanwhile")).has_value());
    // The node serves, by those that have the set.
    EXPECT_TRUE(behind.world.ask(behind.away, send("one", {"a"})).has_value());
    EXPECT_TRUE(behind.world.ask(behind.away, send("two", {"b"})).has_value());
    EXPECT_GT(behind.applied(behind.away, model::names_set), names);
    EXPECT_TRUE(closed(shut)) << "set " << open.value << " is the other one";
    ASSERT_TRUE(behind.caught_up());
    EXPECT_TRUE(behind.world.differences().empty());
    EXPECT_TRUE(behind.world.deaths().empty());
}

TEST(ClusterSnapshots, WhoDiesAtAnyMomentOfAnInstallationGoesOnWithIt) {
    MemberRules rules = little_log();
    rules.snapshot_bytes_per_s = 1U << 20;
    Behind behind(rules);
    for (int at = 1; at <= 40; ++at) {
        behind.world.start(behind.away);
        behind.world.run(at * 37 % 997);
        behind.world.crash(behind.away);
        ASSERT_TRUE(behind.world.deaths().empty()) << behind.world.deaths().front();
    }
    behind.world.start(behind.away);
    ASSERT_TRUE(behind.caught_up());
    EXPECT_TRUE(behind.world.differences().empty());
    EXPECT_TRUE(behind.world.deaths().empty());
}

TEST(ClusterSnapshots, WhoDiesWhileItFetchesIsOfferedTheSnapshotAsSoonAsItIsBack) {
    MemberRules rules = little_log();
    rules.snapshot_bytes_per_s = 256U << 10;
    Behind behind(rules);
    behind.world.start(behind.away);
    behind.world.run(1'000);
    ASSERT_EQ(behind.world.member(behind.away).snapshots().installed, 0U);
    behind.world.crash(behind.away);
    behind.world.start(behind.away);
    const auto has_both = [&] {
        return !behind.world.deaths().empty() ||
               behind.world.member(behind.away).snapshots().installed == 2;
    };
    EXPECT_TRUE(behind.world.run_until(has_both, 20'000));
    ASSERT_TRUE(behind.world.deaths().empty()) << behind.world.deaths().front();
    EXPECT_TRUE(behind.caught_up());
}

// Written meanwhile: many times what is kept of the log, each time a reason for another snapshot.
TEST(ClusterSnapshots, AFetchThatTakesLongIsNotBegunAnewForWhatIsWrittenMeanwhile) {
    MemberRules rules = little_log();
    rules.snapshot_bytes_per_s = 128U << 10;
    Behind behind(rules);
    behind.world.start(behind.away);
    const auto installed = [&] {
        return behind.world.member(behind.away).snapshots().installed;
    };
    for (int at = 0; at < 1'200 && installed() < 2; ++at) {
        const auto sent = behind.world.ask(behind.other, send("one", {std::string(4'096, 'y')}));
        ASSERT_TRUE(sent.has_value()) << sent.error().detail;
        behind.world.run(100);
    }
    EXPECT_EQ(installed(), 2U);
    ASSERT_TRUE(behind.caught_up());
    EXPECT_TRUE(behind.world.differences().empty());
    EXPECT_TRUE(behind.world.deaths().empty());
}

TEST(ClusterSnapshots, ADiskThatIsFullPutsAFetchOffAndTheNodeServesOn) {
    Behind behind(little_log());
    behind.world.member(behind.away).snapshot_disk().fill(true);
    behind.world.start(behind.away);
    behind.world.run(15'000);
    EXPECT_GT(behind.world.member(behind.away).snapshot_disk().refused(), 1U);
    EXPECT_TRUE(behind.world.deaths().empty());
    EXPECT_EQ(behind.world.member(behind.away).snapshots().installed, 0U);
    EXPECT_TRUE(behind.world.ask(behind.away, send("one", {"a"})).has_value());
    behind.world.member(behind.away).snapshot_disk().fill(false);
    ASSERT_TRUE(behind.caught_up());
    EXPECT_TRUE(behind.world.differences().empty());
}

TEST(ClusterSnapshots, ASnapshotThatCannotBeMadeIsMadeLaterAndNobodyStops) {
    MemberRules rules = little_log();
    Behind behind(rules);
    const auto fill = [&](bool full) {
        for (const auto& [id, member] : behind.world.members()) member->snapshot_disk().fill(full);
    };
    fill(true);
    const std::uint64_t leader = behind.world.leader(first_set);
    const auto more = [&] {
        for (int at = 0; at < 60; ++at) {
            const auto sent =
                behind.world.ask(behind.other, send("one", {std::string(4'096, 'y')}));
            ASSERT_TRUE(sent.has_value());
        }
    };
    more();
    behind.world.run(2'000);
    EXPECT_GT(behind.world.member(leader).snapshots().make_failed, 0U);
    EXPECT_TRUE(behind.world.deaths().empty());
    const std::uint64_t made = behind.world.member(leader).snapshots().made;
    fill(false);
    behind.world.run(40'000);
    EXPECT_GT(behind.world.member(leader).snapshots().made, made);
    behind.world.start(behind.away);
    ASSERT_TRUE(behind.caught_up());
}

}  // namespace
}  // namespace penstock::cluster::testing
