// What a build does that meets a format level above its own, and what it does not write before all
// are at its own.
#include "broker/model/format.h"
#include "tests/cluster/world.h"
#include "tests/node/requests.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace penstock::cluster::testing {
namespace {

constexpr SetId data{1};

// Every member's data set is at the level of this build.
bool all_at_own_level(World& world) {
    const auto& members = world.members();
    return std::all_of(members.begin(), members.end(), [](const auto& member) {
        const node::HostedSet* hosted = member.second->node().hosted(data);
        return hosted != nullptr && hosted->format() == model::known_formats().most;
    });
}

TEST(Levels, AnEntryOfALevelThatABuildDoesNotKnowStopsItWithAClearLine) {
    MemberRules rules;
    rules.data_sets = 1;
    rules.flush_age_ms = 100;
    World world(61, 3, rules);
    world.found();
    ASSERT_TRUE(world.ask(1, penstock::testing::create_queue("q")).has_value());
    ASSERT_TRUE(world.run_until([&] { return all_at_own_level(world); }, 10'000));
    // As a later build would.
    const std::uint64_t leader = world.leader(data);
    world.member(leader).node().hosted(data)->raise_format(5);
    ASSERT_TRUE(world.run_until([&] { return world.deaths().size() == 2; }, 3'000));
    for (const std::string& death : world.deaths()) {
        EXPECT_NE(death.find("of set 1 has format level 5, this build knows 1 to 4: upgrade this "
                             "node first"),
                  std::string::npos)
            << death;
    }
    EXPECT_TRUE(world.member(leader).up());
    // What it has written is not for a build of before either.
    world.run(1'000);
    world.crash(leader);
    world.start(leader);
    ASSERT_EQ(world.deaths().size(), 3U);
    EXPECT_NE(world.deaths()[2].find("set 1 in this folder has format level 5"), std::string::npos)
        << world.deaths()[2];
}

// A node of a build of before could not read such a queue or topic, and would stop.
TEST(Levels, ARateOfAQueueOrTopicIsRefusedUntilAllNodesCanReadIt) {
    MemberRules rules;
    rules.data_sets = 1;
    World world(64, 3, rules);
    for (std::uint64_t id = 1; id <= 3; ++id) world.start(id);
    world.run(20);
    ASSERT_TRUE(world.ask(1, api::InitCluster{}).has_value());
    // Who is away may come back as the build that it was: the sets stay at level 1.
    world.crash(3);
    ASSERT_TRUE(world.run_until([&] { return world.all_led(); }));
    api::QueueChange rated;
    rated.messages_per_s = 50;
    const auto early = world.ask(1, penstock::testing::create_queue("q", rated));
    ASSERT_FALSE(early.has_value());
    EXPECT_EQ(early.error().reason, model::Reason::unavailable);
    EXPECT_EQ(early.error().subject, "qps");
    ASSERT_TRUE(world.ask(1, penstock::testing::create_queue("q")).has_value());
    EXPECT_EQ(world.ask(2, api::SetQueue{"q", rated}).error().reason, model::Reason::unavailable);
    EXPECT_EQ(world.ask(1, api::GetQueue{"q"})->attributes.messages_per_s, 0U);
    api::CreateTopic news;
    news.name = "news";
    news.attributes.messages_per_s = 7;
    EXPECT_EQ(world.ask(1, news).error().reason, model::Reason::unavailable);
    news.attributes.messages_per_s = 0;
    ASSERT_TRUE(world.ask(1, news).has_value());
    api::SetTopic change;
    change.name = "news";
    change.messages_per_s = 7;
    EXPECT_EQ(world.ask(2, change).error().reason, model::Reason::unavailable);
    world.start(3);
    ASSERT_TRUE(world.run_until([&] { return all_at_own_level(world); }, 10'000));
    EXPECT_EQ(world.ask(2, api::SetQueue{"q", rated})->attributes.messages_per_s, 50U);
    EXPECT_EQ(world.ask(3, change)->attributes.messages_per_s, 7U);
    EXPECT_TRUE(world.deaths().empty());
    EXPECT_TRUE(world.differences().empty());
}

}  // namespace
}  // namespace penstock::cluster::testing
