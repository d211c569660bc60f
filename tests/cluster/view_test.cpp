#include "broker/cluster/view.h"

#include "broker/cluster/words.h"

#include <gtest/gtest.h>

namespace penstock::testing {

namespace {

api::SetView set_as(std::uint64_t leader,
                    std::uint64_t term,
                    std::uint64_t match_of_1,
                    std::uint64_t match_of_2) {
    api::SetView set;
    set.set = 4;
    set.leader = leader;
    set.term = term;
    set.committed = 90;
    set.objects = 7;
    set.replicas = {{1, true, match_of_1}, {2, true, match_of_2}};
    return set;
}

TEST(ClusterView, WhatNodesAreNotConfiguredAlikeInIsToldInWords) {
    const cluster::NodeSettings here{1'048'576, true};
    EXPECT_EQ(cluster::difference(here, here), "");
    EXPECT_EQ(cluster::difference({16'777'216, true}, here),
              "limits.message_size_max is 16777216 there, 1048576 here");
    EXPECT_EQ(cluster::difference({1'048'576, false}, here),
              "encryption.mode is \"off\" there, \"on\" here");
    EXPECT_EQ(cluster::difference({65'536, false}, here),
              "limits.message_size_max is 65536 there, 1048576 here; "
              "encryption.mode is \"off\" there, \"on\" here");
    EXPECT_EQ(cluster::difference({}, here), "") << "a build that does not say";
}

TEST(ClusterView, AnAnswerWithoutSettingsIsThatOfABuildWithoutThem) {
    cluster::ViewAnswer answer{{set_as(2, 3, 88, 90)}, {1'048'576, true}};
    const auto whole = cluster::decode_viewed(cluster::encode_answer(answer));
    ASSERT_TRUE(whole.has_value());
    EXPECT_EQ(whole->sets.at(0).term, 3U);
    EXPECT_EQ(whole->settings.message_bytes_max, 1'048'576U);
    EXPECT_TRUE(whole->settings.seals);
    const std::string with = cluster::encode_answer(answer);
    answer.settings = {};
    const std::string without = cluster::encode_answer(answer);
    EXPECT_LT(without.size(), with.size());
    const auto bare = cluster::decode_viewed(without);
    ASSERT_TRUE(bare.has_value());
    EXPECT_EQ(bare->sets.at(0).term, 3U);
    EXPECT_EQ(bare->settings.message_bytes_max, 0U);
    EXPECT_FALSE(cluster::decode_viewed(with + "x").has_value());
}

TEST(ClusterView, ALeaderIsBelievedAboutItsReplicas) {
    std::vector<api::SetView> whole = {set_as(2, 3, 0, 0)};
    cluster::merge_sets(whole, {set_as(2, 3, 88, 90)}, 2);
    EXPECT_EQ(whole[0].replicas[0].match, 88U);
    EXPECT_EQ(whole[0].replicas[1].match, 90U);
}

TEST(ClusterView, AFollowerDoesNotReplaceWhatTheLeaderTold) {
    std::vector<api::SetView> whole = {set_as(1, 3, 90, 88)};
    cluster::merge_sets(whole, {set_as(1, 3, 0, 0)}, 2);
    EXPECT_EQ(whole[0].replicas[1].match, 88U);
}

TEST(ClusterView, OfTwoWhoThinkTheyLeadTheLaterTermCounts) {
    std::vector<api::SetView> whole = {set_as(1, 3, 90, 88)};
    cluster::merge_sets(whole, {set_as(2, 4, 50, 91)}, 2);
    EXPECT_EQ(whole[0].leader, 2U);
    cluster::merge_sets(whole, {set_as(1, 3, 90, 88)}, 1);
    EXPECT_EQ(whole[0].leader, 2U);
    EXPECT_EQ(whole[0].term, 4U);
}

TEST(ClusterView, WithoutAnAnswerOfTheLeaderItIsNamedAndItsReplicasAreUnknown) {
    std::vector<api::SetView> whole = {set_as(0, 0, 0, 0)};
    cluster::merge_sets(whole, {set_as(2, 5, 0, 0)}, 1);
    EXPECT_EQ(whole[0].leader, 2U);
    EXPECT_EQ(whole[0].replicas[0].match, 0U);
}

TEST(ClusterView, WhatIsAppliedAndHowManyObjectsThereAreIsTheAskedNodesOwn) {
    std::vector<api::SetView> whole = {set_as(2, 3, 0, 0)};
    whole[0].applied = 60;
    api::SetView told = set_as(2, 3, 88, 90);
    told.objects = 0;
    told.applied = 90;
    cluster::merge_sets(whole, {told}, 2);
    EXPECT_EQ(whole[0].applied, 60U);
    EXPECT_EQ(whole[0].objects, 7U);
}

TEST(ClusterView, SetsThatAreNotPlacedAreLeftOut) {
    std::vector<api::SetView> whole;
    cluster::merge_sets(whole, {set_as(2, 3, 88, 90)}, 2);
    EXPECT_TRUE(whole.empty());
}

}  // namespace

}  // namespace penstock::testing
