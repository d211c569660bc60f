// What handlers want to happen waits in memory until it is durable: starts stop while that is much,
// and go on when it is less. Nothing fails, and nobody pays for another's.
#include "tests/dispatcher/handling.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace penstock::dispatcher {
namespace {

sinks::AttemptResult publishing(std::size_t outputs, std::size_t bytes) {
    sinks::AttemptResult result;
    result.effects.emplace();
    for (std::size_t at = 0; at < outputs; ++at) {
        api::HandlerOutput output;
        output.queue = "done";
        output.message.payload = std::string(bytes, 'x');
        result.effects->outputs.push_back(std::move(output));
    }
    return result;
}

SchedulerLimits at_most(std::size_t of_a_lane, std::size_t of_all) {
    SchedulerLimits limits;
    limits.lane_effect_bytes_max = of_a_lane;
    limits.effect_bytes_max = of_all;
    return limits;
}

TEST(EffectBytes, NothingStartsWhileASubscriptionsEffectsAreTooMuch) {
    Handling handling(1, false, at_most(10'000, 1'000'000));
    handling.arrive(1, 4);
    EXPECT_EQ(handling.start(), (Sequences{1}));
    handling.finish(1, publishing(1, 6'000));
    EXPECT_EQ(handling.start(), (Sequences{2}));
    const auto first = handling.due();
    handling.finish(2, publishing(1, 6'000));
    EXPECT_EQ(handling.start(), Sequences{}) << "one on its way, one gathered";
    handling.durable(first.at(0));
    EXPECT_EQ(handling.start(), (Sequences{3}));
    const auto second = handling.due();
    handling.finish(3, publishing(1, 6'000));
    EXPECT_EQ(handling.start(), Sequences{});
    handling.durable(second.at(0));
    EXPECT_EQ(handling.start(), (Sequences{4}));
    for (const auto* due : {&first, &second}) {
        for (const auto& item : due->at(0).settlement.items) {
            EXPECT_EQ(item.verdict, model::Verdict::accepted);
        }
    }
}

TEST(EffectBytes, ManySmallOutputsWeighMoreThanTheirBytes) {
    Handling handling(1, false, at_most(10'000, 1'000'000));
    handling.arrive(1, 2);
    handling.start();
    handling.finish(1, publishing(100, 1));
    EXPECT_EQ(handling.start(), Sequences{});
    handling.durable(handling.due().at(0));
    EXPECT_EQ(handling.start(), (Sequences{2}));
}

TEST(EffectBytes, OneMessageMayBringMoreThanTheLimit) {
    Handling handling(1, false, at_most(10, 10));
    handling.arrive(1, 2);
    EXPECT_EQ(handling.start(), (Sequences{1}));
    handling.finish(1, publishing(1, 6'000));
    EXPECT_EQ(handling.start(), Sequences{});
    handling.durable(handling.due().at(0));
    EXPECT_EQ(handling.start(), (Sequences{2}));
}

// Two subscriptions share a scheduler; the second is set up by hand.
TEST(EffectBytes, WhoHasNoneOnTheWayIsNotHeldUpByTheOthers) {
    constexpr model::SubscriptionNo beta{12};
    Handling handling(1, false, at_most(1'000'000, 10'000));
    api::Target other = handling.target;
    other.subscription = beta;
    handling.scheduler.set_target(other, 0);
    handling.arrive(1, 3);
    EXPECT_EQ(handling.start(), (Sequences{1}));
    handling.finish(1, publishing(1, 20'000));
    EXPECT_EQ(handling.start(), Sequences{});
    const auto due = handling.due();
    api::Delivery delivery;
    delivery.subscription = beta;
    for (const model::Sequence at : {71U, 72U}) {
        delivery.sequence = at;
        handling.scheduler.take({delivery}, 0);
    }
    EXPECT_EQ(handling.start(), (Sequences{71}));
    handling.finish(71, publishing(1, 10));
    EXPECT_EQ(handling.start(), Sequences{}) << "now it has some, and all together are too much";
    handling.durable(due.at(0));
    EXPECT_EQ(handling.start(), (Sequences{2, 72}));
}

TEST(EffectBytes, ADroppedSubscriptionGivesItsOwnBack) {
    Handling handling(1, false, at_most(1'000'000, 10'000));
    handling.arrive(1, 2);
    handling.start();
    handling.finish(1, publishing(1, 20'000));
    const auto due = handling.due();
    handling.scheduler.drop_target(alpha);
    handling.scheduler.set_target(handling.target, 0);
    handling.arrive(1, 3);
    EXPECT_EQ(handling.start(), (Sequences{1}));
    handling.finish(1, publishing(1, 5'000));
    EXPECT_EQ(handling.start(), (Sequences{2}));
    handling.durable(due.at(0));
    handling.finish(2, publishing(1, 5'000));
    EXPECT_EQ(handling.start(), Sequences{}) << "the earlier life's settlement frees nothing twice";
}

}  // namespace
}  // namespace penstock::dispatcher
