// What a build does that meets a format level above its own.
#include "broker/model/format.h"
#include "tests/cluster/world.h"
#include "tests/node/requests.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace penstock::cluster::testing {
namespace {

constexpr SetId data{1};

TEST(Levels, AnEntryOfALevelThatABuildDoesNotKnowStopsItWithAClearLine) {
    MemberRules rules;
    rules.data_sets = 1;
    rules.flush_age_ms = 100;
    World world(61, 3, rules);
    world.found();
    ASSERT_TRUE(world.ask(1, penstock::testing::create_queue("q")).has_value());
    const auto at_own_level = [](const auto& member) {
        return member.second->node().hosted(data)->format() == model::known_formats().most;
    };
    ASSERT_TRUE(world.run_until(
        [&] { return std::all_of(world.members().begin(), world.members().end(), at_own_level); },
        5'000));
    // As a later build would.
    const std::uint64_t leader = world.leader(data);
    world.member(leader).node().hosted(data)->raise_format(3);
    ASSERT_TRUE(world.run_until([&] { return world.deaths().size() == 2; }, 3'000));
    for (const std::string& death : world.deaths()) {
        EXPECT_NE(death.find("of set 1 has format level 3, this build knows 1 to 2: upgrade this "
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
    EXPECT_NE(world.deaths()[2].find("set 1 in this folder has format level 3"), std::string::npos)
        << world.deaths()[2];
}

}  // namespace
}  // namespace penstock::cluster::testing
