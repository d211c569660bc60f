// Who belongs to a cluster and who holds what changes while it is used: nothing is lost by it.
#include "broker/core/placement.h"
#include "tests/cluster/world.h"
#include "tests/node/requests.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace penstock::cluster::testing {
namespace {

using penstock::testing::create_queue;
using penstock::testing::receive;
using penstock::testing::send;
using What = api::ChangeCluster::What;

api::ChangeCluster change(What what, std::uint64_t node = 0, std::uint32_t set = 0) {
    api::ChangeCluster made;
    made.what = what;
    made.node = node;
    made.set = set;
    return made;
}

MemberRules sets(std::uint16_t count) {
    MemberRules rules;
    rules.data_sets = count;
    return rules;
}

// A cluster whose queues are written to and read from all the while.
class Membership : public ::testing::Test {
  protected:
    void found(std::uint64_t seed, std::uint64_t members, const MemberRules& rules) {
        queues_.clear();
        world_ = std::make_unique<World>(seed, members, rules);
        world_->found();
        for (std::uint16_t at = 0; at < rules.data_sets; ++at) {
            const std::string name = "q" + std::to_string(at);
            const auto made = world_->ask(1, create_queue(name));
            ASSERT_TRUE(made.has_value()) << made.error().detail;
            queues_.push_back(name);
        }
    }

    void add(std::uint64_t id) {
        world_->join(id);
        ASSERT_TRUE(until([&] { return !nodes(id).empty(); })) << "node " << id << " joins";
    }

    [[nodiscard]] World& world() { return *world_; }

    bool holds(std::uint64_t id, SetId set) {
        return world_->member(id).up() && world_->member(id).node().hosted(set) != nullptr;
    }

    std::size_t held(std::uint64_t id, std::uint16_t sets) {
        std::size_t count = 0;
        for (std::uint16_t set = 1; set <= sets; ++set) count += holds(id, SetId{set}) ? 1 : 0;
        return count;
    }

    // As the set's leader knows them.
    std::set<std::uint64_t> voters(SetId set) {
        std::set<std::uint64_t> all;
        const auto view = world_->ask(1, api::GetCluster{});
        if (!view) return all;
        for (const api::SetView& one : view->sets) {
            if (one.set != set.value || one.leader == 0) continue;
            for (const api::ReplicaView& replica : one.replicas) {
                if (replica.voter) all.insert(replica.node);
            }
        }
        return all;
    }

    // As set 0 says.
    std::set<std::uint64_t> wanted(SetId set) {
        const auto info = core::find_set(world_->member(1).node().names_set().rows(), set);
        std::set<std::uint64_t> all;
        for (const NodeId node : info ? info->replicas : std::vector<NodeId>()) {
            all.insert(node.value);
        }
        return all;
    }

    std::vector<model::NodeInfo> nodes(std::uint64_t asked = 1) {
        return core::list_nodes(world_->member(asked).node().names_set().rows());
    }

    bool is_member(std::uint64_t id) {
        const auto all = nodes();
        return std::any_of(
            all.begin(), all.end(), [&](const auto& info) { return info.node.value == id; });
    }

    bool balancing() { return core::is_balancing(world_->member(1).node().names_set().rows()); }

    // Sends to every queue through node 1 while it waits: each send is acknowledged.
    bool until(const std::function<bool()>& done, int rounds_max = 400) {
        for (int round = 0; round < rounds_max; ++round) {
            EXPECT_TRUE(world_->deaths().empty()) << world_->deaths().front();
            if (HasFailure()) return false;
            if (done()) return true;
            const std::string body = std::to_string(next_++);
            const std::string& queue = queues_[next_ % queues_.size()];
            const auto sent = world_->ask(1, send(queue, {body}));
            if (sent) {
                expected_.insert(queue + "/" + body);
            } else if (sent.error().reason != model::Reason::unavailable) {
                // That one says: nothing happened, try again.
                refused_.push_back(sent.error().detail);
            }
            world_->run(100);
        }
        return false;
    }

    // Everything that was acknowledged comes out once, through node `id`.
    void expect_all(std::uint64_t id) {
        std::multiset<std::string> found;
        for (const std::string& queue : queues_) {
            int refusals = 0;
            for (int empty = 0; empty < 2;) {
                const auto got = world_->ask(id, receive(queue, 16, 1));
                if (!got && got.error().reason == model::Reason::unavailable && ++refusals < 10) {
                    continue;  // the set has moved under it
                }
                ASSERT_TRUE(got.has_value()) << got.error().detail;
                if (got->messages.empty()) ++empty;
                for (const auto& message : got->messages) {
                    found.insert(queue + "/" + message.payload);
                }
            }
        }
        EXPECT_EQ(found, expected_);
        EXPECT_TRUE(refused_.empty()) << refused_.front();
        EXPECT_TRUE(world_->differences().empty()) << world_->differences().front();
        EXPECT_TRUE(world_->deaths().empty()) << world_->deaths().front();
    }

    std::vector<std::string> refused_;
    std::multiset<std::string> expected_;

  private:
    std::unique_ptr<World> world_;
    std::vector<std::string> queues_;
    std::uint64_t next_ = 0;
};

TEST_F(Membership, SetsMoveToANewNodeUnderLoadUntilAllHoldAsMany) {
    found(1, 3, sets(4));
    add(4);
    EXPECT_EQ(held(4, 4), 0U);
    ASSERT_TRUE(world().ask(2, change(What::balance)).has_value());
    ASSERT_TRUE(until([&] { return !balancing() && held(4, 4) == 3; }));
    ASSERT_TRUE(until([&] { return held(1, 4) == 3 && held(2, 4) == 3 && held(3, 4) == 3; }));
    expect_all(4);
}

TEST_F(Membership, ANodeThatIsRemovedGivesUpAllItHoldsAndIsForgotten) {
    found(2, 3, sets(3));
    add(4);
    ASSERT_TRUE(world().ask(1, change(What::remove, 3)).has_value());
    ASSERT_TRUE(until([&] { return !is_member(3); }));
    EXPECT_EQ(held(3, 3), 0U);
    EXPECT_EQ(held(4, 3), 3U);
    const auto says_so = [&] {
        const auto view = world().ask(3, api::GetCluster{});
        if (!view) return false;
        return std::any_of(view->nodes.begin(), view->nodes.end(), [](const auto& node) {
            return node.node == 3 && node.problem.find("it was removed") != std::string::npos;
        });
    };
    EXPECT_TRUE(until(says_so));
    world().crash(3);
    ASSERT_TRUE(until([&] { return world().all_led(); }));
    expect_all(4);
    api::ChangeCluster again = change(What::remove, 3);
    EXPECT_FALSE(world().ask(1, again).has_value());
    world().start(3);
    EXPECT_TRUE(until(says_so)) << "after a start too";
}

TEST_F(Membership, ANodeThatIsGoneForEverIsReplacedByAnother) {
    found(3, 3, sets(3));
    world().crash(2);
    ASSERT_TRUE(until([&] { return world().all_led(); }));
    world().join(4);
    api::ChangeCluster replace = change(What::replace, 2);
    replace.by = 4;
    replace.peer_address = "peer-4";
    ASSERT_TRUE(world().ask(1, replace).has_value());
    ASSERT_TRUE(until([&] { return !is_member(2) && held(4, 3) == 3; }));
    expect_all(4);
}

TEST_F(Membership, ANodeAwayForTooLongIsReplacedByItself) {
    MemberRules rules = sets(2);
    rules.replace_after_us = 20'000'000;
    found(4, 3, rules);
    add(4);
    world().crash(3);
    world().run(15'000);
    EXPECT_EQ(held(4, 2), 0U);
    ASSERT_TRUE(until([&] { return held(4, 2) == 2; }));
    // It is a member still, and may come back.
    EXPECT_TRUE(is_member(3));
    world().start(3);
    ASSERT_TRUE(until([&] { return held(3, 2) == 0; }));
    expect_all(3);
}

// Both ways within one term: what the first replica had under way must not speak for the second.
TEST_F(Membership, ASetComesBackToANodeThatHeldItBefore) {
    found(5, 3, sets(1));
    add(4);
    for (const std::uint64_t leaves : {3, 4, 3, 4}) {
        const std::uint64_t stays = leaves == 3 ? 4 : 3;
        ASSERT_TRUE(world().ask(1, change(What::remove, leaves)).has_value());
        ASSERT_TRUE(until([&] { return holds(stays, SetId{1}) && !holds(leaves, SetId{1}); }))
            << "set 1 leaves node " << leaves;
        api::ChangeCluster stay = change(What::add, leaves);
        stay.peer_address = "peer-" + std::to_string(leaves);
        if (is_member(leaves)) {
            ASSERT_TRUE(world().ask(1, stay).has_value());
        }
        ASSERT_TRUE(is_member(leaves)) << "taken in again before it was forgotten";
    }
    expect_all(4);
}

// It learns of its removal only when it is a member again, in one go with that: the set's leader
// cannot tell it before.
TEST_F(Membership, WhoWasRemovedAndAddedWhileItWasAwayTakesPartAgain) {
    for (std::uint64_t seed = 20; seed < 26; ++seed) {
        expected_.clear();
        found(seed, 3, sets(1));
        add(4);
        world().crash(3);
        for (const std::uint32_t set : {0U, 1U}) {
            ASSERT_TRUE(world().ask(1, change(What::transfer, 1 + set, set)).has_value());
        }
        ASSERT_TRUE(
            until([&] { return world().leader(SetId{0}) == 1 && world().leader(SetId{1}) == 2; }));
        ASSERT_TRUE(world().ask(1, change(What::remove, 3)).has_value());
        ASSERT_TRUE(until([&] { return voters(SetId{1}) == std::set<std::uint64_t>{1, 2, 4}; }));
        api::ChangeCluster stay = change(What::add, 3);
        stay.peer_address = "peer-3";
        ASSERT_TRUE(world().ask(1, stay).has_value());
        world().network.cut(NodeId{2}, NodeId{3});
        world().start(3);
        ASSERT_TRUE(world().ask(1, change(What::remove, 4)).has_value());
        ASSERT_TRUE(until([&] { return wanted(SetId{1}) == std::set<std::uint64_t>{1, 2, 3}; }));
        world().run(2'000);
        world().network.heal_all();
        ASSERT_TRUE(until([&] {
            return voters(SetId{1}) == std::set<std::uint64_t>{1, 2, 3};
        })) << "seed "
            << seed;
        ASSERT_TRUE(until([&] { return world().all_led(); }));
        expect_all(3);
    }
}

TEST_F(Membership, WhoIsTakenBackBeforeItIsForgottenTakesPartAgain) {
    found(30, 3, sets(1));
    ASSERT_TRUE(world().ask(1, change(What::remove, 3)).has_value());
    ASSERT_TRUE(until([&] { return wanted(SetId{0}) == std::set<std::uint64_t>{1, 2}; }));
    ASSERT_TRUE(is_member(3));
    api::ChangeCluster stay = change(What::add, 3);
    stay.peer_address = "peer-3";
    ASSERT_TRUE(world().ask(1, stay).has_value());
    ASSERT_TRUE(until([&] { return voters(SetId{0}) == std::set<std::uint64_t>{1, 2, 3}; }));
    ASSERT_TRUE(until([&] { return voters(SetId{1}) == std::set<std::uint64_t>{1, 2, 3}; }));
    ASSERT_TRUE(until([&] { return world().all_led(); }));
    expect_all(3);
}

TEST_F(Membership, LeadershipGoesWhereItIsWanted) {
    found(6, 3, sets(2));
    for (const std::uint64_t wanted : {2, 3, 1}) {
        for (const std::uint32_t set : {0U, 1U}) {
            ASSERT_TRUE(world().ask(1, change(What::transfer, wanted, set)).has_value());
        }
        ASSERT_TRUE(until([&] {
            return world().leader(SetId{0}) == wanted && world().leader(SetId{1}) == wanted;
        }));
    }
    expect_all(2);
}

TEST_F(Membership, ACrashWhileAReplicaLeavesIsMadeGoodAtTheNextStart) {
    for (int crash_at = 0; crash_at < 12; ++crash_at) {
        expected_.clear();
        found(100 + static_cast<std::uint64_t>(crash_at), 3, sets(2));
        add(4);
        ASSERT_TRUE(world().ask(1, change(What::remove, 3)).has_value());
        world().run(crash_at * 150);
        world().crash(3);
        world().start(3);
        ASSERT_TRUE(until([&] { return !is_member(3); })) << "crash " << crash_at;
        expect_all(4);
    }
}

TEST_F(Membership, ANodeMayBeAddedAsSoonAsTheClusterIsFounded) {
    World alone(8, 1, sets(1));
    alone.start(1);
    alone.run(20);
    ASSERT_TRUE(alone.ask(1, api::InitCluster{}).has_value());
    alone.join(2);
    const auto knows_both = [&] {
        return core::list_nodes(alone.member(2).node().names_set().rows()).size() == 2;
    };
    EXPECT_TRUE(alone.run_until(knows_both));
}

// Nothing is written meanwhile: what it has is all there is, and nobody has to send it anything.
TEST_F(Membership, WhoDiesWhileItJoinsBecomesAVoterOfAClusterAtRest) {
    for (int crash_at = 0; crash_at < 40; ++crash_at) {
        found(200 + static_cast<std::uint64_t>(crash_at), 2, sets(1));
        world().join(3);
        world().run(20 + crash_at * 25);
        world().crash(3);
        world().run(crash_at % 4 * 10);
        world().start(3);
        const auto votes = [&] {
            return voters(SetId{0}).contains(3);
        };
        ASSERT_TRUE(world().run_until(votes, 30'000)) << "crash " << crash_at;
        ASSERT_TRUE(world().deaths().empty()) << world().deaths().front();
    }
}

// It has all there is when it dies, and was heard a moment ago: as a voter it would hold up every
// commit.
TEST_F(Membership, WhoIsGoneIsNotMadeAVoter) {
    int held_up = 0;
    for (int crash_at = 0; crash_at < 80; ++crash_at) {
        found(300 + static_cast<std::uint64_t>(crash_at), 1, sets(1));
        world().join(2);
        world().run(crash_at * 10);
        const bool voted = voters(SetId{0}).contains(2);
        world().crash(2);
        world().run(2'000);
        if (voted) continue;  // it was made one while it was there
        if (!world().ask(1, create_queue("another")).has_value()) ++held_up;
    }
    // It may die while it is made one.
    EXPECT_LE(held_up, 1);
}

TEST_F(Membership, WhoDiedWhileItJoinedKeepsNobodyElseFromJoining) {
    int died_as_learner = 0;
    for (int crash_at = 0; crash_at < 20; ++crash_at) {
        found(400 + static_cast<std::uint64_t>(crash_at), 3, sets(1));
        world().join(4);
        world().run(crash_at * 20);
        if (voters(SetId{0}).contains(4)) continue;
        if (is_member(4)) ++died_as_learner;
        world().crash(4);
        add(5);
        ASSERT_TRUE(until([&] { return voters(SetId{0}).contains(5); })) << "crash " << crash_at;
        EXPECT_FALSE(voters(SetId{0}).contains(4));
        world().start(4);
        ASSERT_TRUE(until([&] { return voters(SetId{0}).size() == 5; })) << "crash " << crash_at;
    }
    EXPECT_GT(died_as_learner, 0);
}

// It was to vote in set 0 when it died: nothing else may wait for that.
TEST_F(Membership, WhoDiedWhileItJoinedIsRemoved) {
    int died_as_learner = 0;
    for (int crash_at = 0; crash_at < 20; ++crash_at) {
        expected_.clear();
        found(500 + static_cast<std::uint64_t>(crash_at), 3, sets(1));
        world().join(4);
        world().run(crash_at * 20);
        if (voters(SetId{0}).contains(4)) continue;
        if (wanted(SetId{0}).contains(4)) ++died_as_learner;
        world().crash(4);
        ASSERT_TRUE(world().ask(1, change(What::remove, 4)).has_value());
        ASSERT_TRUE(until([&] { return !is_member(4); })) << "crash " << crash_at;
    }
    EXPECT_GT(died_as_learner, 0);
}

// Whoever should lead next is gone, and was not asked for: any other one does.
TEST_F(Membership, ALeaderThatIsRemovedHandsOverThoughWhoIsPreferredIsAway) {
    MemberRules rules = sets(2);
    found(33, 4, rules);
    for (const std::uint64_t preferred : {2, 3}) {
        ASSERT_TRUE(world().ask(1, change(What::transfer, preferred, 0)).has_value());
        ASSERT_TRUE(until([&] { return world().leader(SetId{0}) == preferred; }));
    }
    world().crash(2);
    ASSERT_TRUE(world().ask(1, change(What::remove, 3)).has_value());
    ASSERT_TRUE(until([&] { return !is_member(3); }, 600));
    EXPECT_NE(world().leader(SetId{0}), 3U);
    expect_all(4);
}

TEST_F(Membership, ANodeThatCannotLeaveIsShownWithTheReason) {
    found(34, 3, sets(1));
    const std::vector<std::uint64_t> leaving{2, 3};
    // Both were asked before either knew of the other.
    for (const std::uint64_t id : leaving) {
        node::Submission marked{model::MarkLeaving{NodeId{id}, true}, {}, nullptr, {}};
        const std::uint64_t leader = world().leader(SetId{0});
        world().member(leader).node().submit(SetId{0}, std::move(marked));
    }
    const auto told = [&] {
        const auto view = world().ask(1, api::GetCluster{});
        if (!view) return false;
        return std::any_of(view->nodes.begin(), view->nodes.end(), [](const auto& node) {
            return node.leaving && node.problem.find("add one, or keep") != std::string::npos;
        });
    };
    ASSERT_TRUE(until(told));
}

// Nobody told node 5 of node 4.
TEST_F(Membership, ANodeJoinsUnderALeaderThatItWasNotToldOf) {
    found(31, 3, sets(1));
    add(4);
    ASSERT_TRUE(world().ask(1, change(What::transfer, 4, 0)).has_value());
    ASSERT_TRUE(until([&] { return world().leader(SetId{0}) == 4; }));
    add(5);
    ASSERT_TRUE(until([&] { return world().all_led(); }));
    expect_all(5);
}

// While node 4 was away node 5 joined, and leads: what set 0 says here does not list it, and only
// answering it brings what does.
TEST_F(Membership, WhoWasAwayAnswersALeaderThatJoinedMeanwhile) {
    found(32, 3, sets(1));
    add(4);
    ASSERT_TRUE(until([&] { return voters(SetId{0}).contains(4); }));
    world().crash(4);
    add(5);
    ASSERT_TRUE(until([&] { return voters(SetId{0}).contains(5); }));
    ASSERT_TRUE(world().ask(1, change(What::transfer, 5, 0)).has_value());
    ASSERT_TRUE(until([&] { return world().leader(SetId{0}) == 5; }));
    world().start(4);
    ASSERT_TRUE(until([&] { return nodes(4).size() == 5; }));
    ASSERT_TRUE(until([&] { return world().all_led(); })) << world().not_led();
    expect_all(4);
}

TEST_F(Membership, WhatCannotBeIsRefusedAndChangesNothing) {
    found(7, 3, sets(1));
    EXPECT_FALSE(world().ask(1, change(What::remove, 9)).has_value());
    EXPECT_FALSE(world().ask(1, change(What::transfer, 9, 1)).has_value());
    EXPECT_FALSE(world().ask(1, change(What::transfer, 1, 9)).has_value());
    api::ChangeCluster taken = change(What::add, 2);
    taken.peer_address = "elsewhere";
    EXPECT_FALSE(world().ask(1, taken).has_value());
    ASSERT_TRUE(world().ask(1, change(What::remove, 3)).has_value());
    const auto one_left = world().ask(1, change(What::remove, 2));
    ASSERT_FALSE(one_left.has_value());
    EXPECT_NE(one_left.error().detail.find("at least two nodes"), std::string::npos);
    ASSERT_TRUE(until([&] { return !is_member(3); }));
    EXPECT_EQ(nodes().size(), 2U);
    expect_all(2);
}

}  // namespace
}  // namespace penstock::cluster::testing
