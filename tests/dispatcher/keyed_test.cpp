// Order by key in the scheduler: one of a key at a time, keys beside each other, and what goes back
// where one fails.
#include "tests/dispatcher/handling.h"

#include <gtest/gtest.h>

namespace penstock::dispatcher {
namespace {

using model::Failure;
using model::Verdict;

// A scheduler whose one subscription is ordered by key.
struct Keyed : Handling {
    explicit Keyed(std::uint32_t concurrency) : Handling(concurrency) {
        target.spec.pace.order_by_key = true;
        scheduler.set_target(target, 0);
    }

    void arrive_keys(model::Sequence first,
                     const std::vector<std::string>& keys,
                     std::uint32_t attempt = 1) {
        std::vector<api::Delivery> all;
        for (const std::string& key : keys) {
            api::Delivery delivery;
            delivery.subscription = alpha;
            delivery.sequence = first++;
            delivery.attempt = attempt;
            delivery.meta.ordering_key = key;
            delivery.payload = "xx";
            all.push_back(std::move(delivery));
        }
        scheduler.take(std::move(all), 0);
    }

    // "sequence verdict failure" of everything that is due.
    std::vector<std::string> told() {
        std::vector<std::string> all;
        for (const DueSettlement& due : this->due()) {
            for (const model::SettleItem& item : due.settlement.items) {
                all.push_back(std::to_string(item.sequence) + " " +
                              std::string(model::to_text(item.verdict)) + " " +
                              std::string(model::to_text(item.failure)));
            }
            durable(due);
        }
        return all;
    }
};

using Told = std::vector<std::string>;

TEST(KeyedScheduler, StartsOneOfAKeyAtATimeAndKeysBesideEachOther) {
    Keyed keyed(10);
    keyed.arrive_keys(1, {"a", "a", "b", "", "b", "", "a"});
    EXPECT_EQ(keyed.start(), (Sequences{1, 3, 4, 6}));
    keyed.finish(1, {});
    EXPECT_EQ(keyed.start(), (Sequences{2}));
    keyed.finish(2, {});
    keyed.finish(3, {});
    EXPECT_EQ(keyed.start(), (Sequences{5, 7}));
}

TEST(KeyedScheduler, AFailureSendsBackWhatIsBehindItOfItsKeyOnly) {
    Keyed keyed(10);
    keyed.arrive_keys(1, {"a", "a", "b", "b", "a"});
    EXPECT_EQ(keyed.start(), (Sequences{1, 3}));
    keyed.finish(1, Handling::failed(Verdict::retry));
    EXPECT_EQ(keyed.told(),
              (Told{"1 retry handler", "2 not_attempted key_waits", "5 not_attempted key_waits"}));
    keyed.finish(3, {});
    EXPECT_EQ(keyed.start(), (Sequences{4}));
}

TEST(KeyedScheduler, WhatWasOnItsWayBehindAFailureGoesBackToo) {
    Keyed keyed(10);
    keyed.arrive_keys(1, {"a"});
    keyed.start();
    keyed.finish(1, Handling::failed(Verdict::retry));
    keyed.told();
    keyed.arrive_keys(2, {"a", "b"});
    EXPECT_EQ(keyed.start(), (Sequences{3}));
    EXPECT_EQ(keyed.told(), (Told{"2 not_attempted key_waits"}));
    // The one that failed comes again, and then the next.
    keyed.arrive_keys(1, {"a"}, 2);
    EXPECT_EQ(keyed.start(), (Sequences{1}));
    keyed.finish(1, {});
    keyed.arrive_keys(2, {"a"});
    EXPECT_EQ(keyed.start(), (Sequences{2}));
}

TEST(KeyedScheduler, PausingSendsBackInOrderAndWaitsForWhatIsUnderWay) {
    Keyed keyed(10);
    keyed.arrive_keys(1, {"a", "a", "b"});
    EXPECT_EQ(keyed.start(), (Sequences{1, 3}));
    keyed.target.spec.state = model::SubscriptionState::paused;
    keyed.scheduler.set_target(keyed.target, 0);
    // Were it back now and the first one lost with this node, it would come before it.
    EXPECT_EQ(keyed.told(), Told{});
    keyed.finish(1, {});
    EXPECT_EQ(keyed.told(), (Told{"1 accepted none", "2 not_attempted none"}));
}

TEST(KeyedScheduler, AnAcknowledgementThatMayYetFailHoldsItsKeyOnly) {
    Keyed keyed(10);
    keyed.arrive_keys(1, {"a", "a", "b", "b"});
    EXPECT_EQ(keyed.start(), (Sequences{1, 3}));
    keyed.finish(1, Handling::reading());
    keyed.finish(3, {});
    EXPECT_EQ(keyed.start(), (Sequences{4}));
    for (const DueSettlement& due : keyed.due()) keyed.durable(due);
    EXPECT_EQ(keyed.start(), (Sequences{2}));
}

TEST(KeyedScheduler, ARefusedAcknowledgementSendsBackWhatIsBehindIt) {
    Keyed keyed(10);
    keyed.arrive_keys(1, {"a", "a"});
    keyed.start();
    keyed.finish(1, Handling::reading());
    for (const DueSettlement& due : keyed.due()) keyed.durable(due, {}, {1});
    EXPECT_EQ(keyed.told(), (Told{"2 not_attempted key_waits"}));
    EXPECT_EQ(keyed.start(), Sequences{});
}

TEST(KeyedScheduler, WhatIsKeptBehindItsKeyLeavesCreditForOtherKeys) {
    Keyed keyed(4);
    keyed.scheduler.grants();
    keyed.arrive_keys(1, {"slow", "slow", "slow", "slow", "slow", "slow", "slow", "slow"});
    EXPECT_EQ(keyed.start(), (Sequences{1}));
    const auto grants = keyed.scheduler.grants();
    ASSERT_EQ(grants.size(), 1U);
    EXPECT_GE(grants[0].more, 7U);
}

TEST(KeyedScheduler, HoweverMuchIsKeptBehindItsKeyOtherKeysHaveTheWindow) {
    Keyed keyed(4);
    keyed.scheduler.grants();
    keyed.arrive_keys(1, std::vector<std::string>(200, "slow"));
    EXPECT_EQ(keyed.start(), (Sequences{1}));
    const auto grants = keyed.scheduler.grants();
    ASSERT_EQ(grants.size(), 1U);
    EXPECT_GE(grants[0].more, 7U);
}

// Where all keep their order since, what waits behind its key has nobody else who would let it go.
TEST(KeyedScheduler, WhatIsKeptBehindItsKeyGoesOnWhenAnotherOrderIsKept) {
    Keyed keyed(10);
    keyed.arrive_keys(1, {"a", "a", "b", "b"});
    EXPECT_EQ(keyed.start(), (Sequences{1, 3}));
    keyed.target.spec.retry.keeps_order = true;
    keyed.scheduler.set_target(keyed.target, 0);
    keyed.finish(1, {});
    EXPECT_EQ(keyed.start(), (Sequences{2}));
    keyed.finish(3, Handling::failed(Verdict::retry));
    EXPECT_EQ(keyed.told(),
              (Told{"1 accepted none", "3 retry handler", "4 not_attempted key_waits"}));
    // Nobody of a key is thought to be under way for ever.
    keyed.finish(2, {});
    keyed.target.spec.retry.keeps_order = false;
    keyed.scheduler.set_target(keyed.target, 0);
    keyed.arrive_keys(5, {"a"});
    EXPECT_EQ(keyed.start(), (Sequences{5}));
}

TEST(KeyedScheduler, WhatWaitsGoesBackWhenKeysBeginToHaveTurns) {
    Keyed keyed(1);
    keyed.target.spec.retry.keeps_order = true;
    keyed.scheduler.set_target(keyed.target, 0);
    keyed.arrive_keys(1, {"a", "a", "a"});
    EXPECT_EQ(keyed.start(), (Sequences{1}));
    keyed.target.spec.retry.keeps_order = false;
    keyed.target.spec.concurrency = 10;
    keyed.scheduler.set_target(keyed.target, 0);
    EXPECT_EQ(keyed.start(), Sequences{}) << "two of a key would be under way at a time";
    EXPECT_EQ(keyed.told(), (Told{"2 not_attempted none", "3 not_attempted none"}));
}

// A scheduler whose subscription begins to be ordered by key with two of one key under way.
struct KeysBegin : Keyed {
    KeysBegin() : Keyed(10) {
        by_key(false);
        arrive_keys(1, {"a", "a"});
        start();
        by_key(true);
    }

    void by_key(bool on) {
        target.spec.pace.order_by_key = on;
        scheduler.set_target(target, 0);
    }
};

// Each that ended would else let another one of its key go, and there would always be two.
TEST(KeyedScheduler, WhatWasUnderWayBeforeKeysHadTurnsHoldsItsKeyToTheLast) {
    KeysBegin keyed;
    keyed.arrive_keys(3, {"a", "a", "b"});
    EXPECT_EQ(keyed.start(), (Sequences{5}));
    keyed.finish(1, {});
    EXPECT_EQ(keyed.start(), Sequences{});
    keyed.finish(2, {});
    EXPECT_EQ(keyed.start(), (Sequences{3}));
    keyed.finish(3, {});
    EXPECT_EQ(keyed.start(), (Sequences{4}));
}

TEST(KeyedScheduler, WhatFailsThatWasUnderWayBeforeKeysHadTurnsSendsBackWhatIsBehindIt) {
    KeysBegin keyed;
    keyed.arrive_keys(3, {"a"});
    keyed.finish(1, Handling::failed(Verdict::retry));
    EXPECT_EQ(keyed.told(), (Told{"1 retry handler", "3 not_attempted key_waits"}));
    keyed.finish(2, {});
    keyed.arrive_keys(4, {"a"});
    EXPECT_EQ(keyed.start(), Sequences{});
}

TEST(KeyedScheduler, AnAcknowledgementThatMayYetFailHoldsItsKeyAlsoFromBeforeKeysHadTurns) {
    KeysBegin keyed;
    keyed.finish(1, {});
    keyed.finish(2, {});
    keyed.by_key(false);
    keyed.arrive_keys(3, {"a"});
    EXPECT_EQ(keyed.start(), (Sequences{3}));
    keyed.finish(3, Handling::reading());
    keyed.by_key(true);
    keyed.arrive_keys(4, {"a"});
    EXPECT_EQ(keyed.start(), Sequences{});
    for (const DueSettlement& due : keyed.due()) keyed.durable(due);
    EXPECT_EQ(keyed.start(), (Sequences{4}));
}

}  // namespace
}  // namespace penstock::dispatcher
