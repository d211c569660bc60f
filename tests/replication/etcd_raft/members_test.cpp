// Who may be in a set: the rules of membership without an engine.
#include "broker/replication/etcd_raft/members.h"

#include <gtest/gtest.h>

namespace penstock::replication {
namespace {

using Kind = MembershipChange::Kind;

Members members(std::vector<std::uint64_t> voters, std::vector<std::uint64_t> learners = {}) {
    Members made;
    for (const auto id : voters) made.voters.emplace_back(id);
    for (const auto id : learners) made.learners.emplace_back(id);
    return made;
}

MembershipChange change(Kind kind, std::uint64_t node) {
    return {kind, NodeId{node}};
}

std::string refusal(const Result<Members>& result) {
    return result ? "" : result.error().detail;
}

TEST(Members, AreStoredAsTheseBytes) {
    const std::string bytes("\x01\x02\x01\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0\x01\x03\0\0\0\0\0\0\0",
                            27);
    EXPECT_EQ(encode_members(members({1, 2}, {3})), bytes);
    EXPECT_EQ(*decode_members(bytes), members({1, 2}, {3}));
    EXPECT_EQ(*decode_members(encode_members({})), Members{});
}

TEST(Members, DamagedBytesAreNoMembers) {
    const std::string bytes = encode_members(members({1, 2}, {3}));
    for (std::size_t length = 0; length < bytes.size(); ++length)
        EXPECT_FALSE(decode_members(bytes.substr(0, length))) << length;
    EXPECT_FALSE(decode_members(bytes + "x"));
    EXPECT_FALSE(decode_members("\x02" + bytes.substr(1)));
    EXPECT_FALSE(decode_members(encode_members(members({2, 1}))));
    EXPECT_FALSE(decode_members(encode_members(members({1, 2}, {2}))));
    EXPECT_FALSE(decode_members(encode_members(members({0, 2}))));
}

TEST(Members, R3AChangeIsOneStep) {
    EXPECT_EQ(*members_after(members({1, 2}), change(Kind::add_learner, 3)), members({1, 2}, {3}));
    EXPECT_EQ(*members_after(members({1, 3}, {2}), change(Kind::promote, 2)), members({1, 2, 3}));
    EXPECT_EQ(*members_after(members({1, 2}, {3}), change(Kind::remove, 2)), members({1}, {3}));
    EXPECT_EQ(*members_after(members({1, 2}), change(Kind::remove, 9)), members({1, 2}));
}

TEST(Members, R4TheLastVoterStays) {
    EXPECT_EQ(refusal(members_after(members({1}, {2}), change(Kind::remove, 1))),
              "node 1: no voter would be left");
    EXPECT_EQ(refusal(members_proposed(members({1}, {2}), change(Kind::remove, 1), NodeId{3})),
              "node 1: no voter would be left");
}

TEST(Members, R4VotersNeverShrinkBelowTwo) {
    EXPECT_EQ(refusal(members_proposed(members({1, 2}), change(Kind::remove, 2), NodeId{1})),
              "node 2: fewer than two voters would be left");
    EXPECT_TRUE(members_proposed(members({1, 2, 3}), change(Kind::remove, 2), NodeId{1}));
    EXPECT_TRUE(members_proposed(members({1}, {2}), change(Kind::promote, 2), NodeId{1}));
    EXPECT_TRUE(members_proposed(members({1}, {2}), change(Kind::remove, 2), NodeId{1}));
}

TEST(Members, R6TheLeaderDoesNotRemoveItself) {
    EXPECT_EQ(refusal(members_proposed(members({1, 2, 3}), change(Kind::remove, 1), NodeId{1})),
              "node 1: leads; transfer leadership before removing it");
}

TEST(Members, R7ANodeJoinsAsALearnerFirst) {
    EXPECT_EQ(refusal(members_proposed(members({1, 2}), change(Kind::promote, 3), NodeId{1})),
              "node 3: is no learner; a node joins as one and is promoted later");
    EXPECT_TRUE(members_proposed(members({1, 2}, {3}), change(Kind::promote, 3), NodeId{1}));
}

TEST(Members, ChangesThatChangeNothingAreRefused) {
    EXPECT_FALSE(members_proposed(members({1, 2}, {3}), change(Kind::add_learner, 3), NodeId{1}));
    EXPECT_FALSE(members_proposed(members({1, 2}), change(Kind::add_learner, 2), NodeId{1}));
    EXPECT_FALSE(members_proposed(members({1, 2}), change(Kind::remove, 3), NodeId{1}));
    EXPECT_FALSE(members_proposed(members({1, 2}), change(Kind::add_learner, 0), NodeId{1}));
}

TEST(Members, ThereIsALimitToThem) {
    Members many;
    for (std::uint64_t id = 1; id <= members_max; ++id) many.voters.emplace_back(id);
    EXPECT_TRUE(well_formed(many));
    EXPECT_FALSE(members_after(many, change(Kind::add_learner, members_max + 1)));
}

}  // namespace
}  // namespace penstock::replication
