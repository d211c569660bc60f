// Outcomes with what handlers want to happen: how many of them one settlement takes, and that each
// stays with its item.
#include "dispatcher/outcomes.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace penstock::dispatcher {
namespace {

using model::Verdict;

constexpr model::SubscriptionNo alpha{11};

model::SettleItem item(model::Sequence sequence, Verdict verdict = Verdict::accepted) {
    model::SettleItem made;
    made.sequence = sequence;
    made.verdict = verdict;
    return made;
}

model::Attempt attempt(model::Sequence sequence) {
    model::Attempt made;
    made.sequence = sequence;
    return made;
}

// Effects whose first output names the sequence they belong to.
api::HandlerEffects outputs(model::Sequence sequence, std::size_t count, std::size_t bytes = 1) {
    api::HandlerEffects effects;
    for (std::size_t at = 0; at < count; ++at) {
        api::HandlerOutput output;
        output.topic = std::to_string(sequence);
        output.message.payload = std::string(bytes, 'x');
        effects.outputs.push_back(std::move(output));
    }
    return effects;
}

api::HandlerEffects kv(std::size_t reads, std::size_t writes, std::size_t value_bytes = 1) {
    api::HandlerEffects effects;
    for (std::size_t at = 0; at < reads; ++at) effects.reads.push_back({"key", at});
    for (std::size_t at = 0; at < writes; ++at) {
        effects.writes.push_back(
            {model::KvWrite::Kind::put, "key", std::string(value_bytes, 'v'), 0, 0});
    }
    return effects;
}

void add(Outcomes& outcomes, model::Sequence sequence, api::HandlerEffects effects) {
    outcomes.add(item(sequence), attempt(sequence), 0, std::move(effects));
}

std::vector<model::Sequence> sequences(const api::Dispatch::Settlement& settlement) {
    std::vector<model::Sequence> all;
    for (const model::SettleItem& one : settlement.items) all.push_back(one.sequence);
    return all;
}

using Sequences = std::vector<model::Sequence>;

TEST(Outcomes, EffectsNameTheirItemOfTheSettlement) {
    Outcomes outcomes{OutcomeLimits{}};
    outcomes.add(item(1, Verdict::retry), attempt(1), 0);
    add(outcomes, 2, outputs(2, 1));
    outcomes.add(item(3, Verdict::not_attempted), {}, 0);
    add(outcomes, 4, outputs(4, 2));
    const auto settlement = outcomes.take(alpha, 0, false);
    ASSERT_TRUE(settlement);
    EXPECT_EQ(sequences(*settlement), (Sequences{1, 2, 3, 4}));
    ASSERT_EQ(settlement->effects.size(), 2U);
    EXPECT_EQ(settlement->effects[0].item, 1U);
    EXPECT_EQ(settlement->effects[0].outputs[0].topic, "2");
    EXPECT_EQ(settlement->effects[1].item, 3U);
    EXPECT_EQ(settlement->effects[1].outputs.size(), 2U);
    EXPECT_EQ(settlement->attempts.size(), 3U);
}

TEST(Outcomes, ASettlementEndsWithTheItemThatReachesTheMostOutputs) {
    OutcomeLimits limits;
    limits.outputs_max = 4;
    Outcomes outcomes{limits};
    for (model::Sequence at = 1; at <= 5; ++at) add(outcomes, at, outputs(at, 2));
    outcomes.add(item(6), attempt(6), 0);
    const auto first = outcomes.take(alpha, 0, false);
    ASSERT_TRUE(first);
    EXPECT_EQ(sequences(*first), (Sequences{1, 2}));
    EXPECT_EQ(first->attempts.size(), 2U);
    // Full again: the next is due though one is on its way.
    const auto second = outcomes.take(alpha, 0, false);
    ASSERT_TRUE(second);
    EXPECT_EQ(sequences(*second), (Sequences{3, 4}));
    ASSERT_EQ(second->effects.size(), 2U);
    EXPECT_EQ(second->effects[0].item, 0U);
    EXPECT_EQ(second->effects[0].outputs[0].topic, "3");
    EXPECT_EQ(second->effects[1].item, 1U);
    EXPECT_FALSE(outcomes.take(alpha, 0, false));
    const auto third = outcomes.take(alpha, limits.wait_us_max, false);
    ASSERT_TRUE(third);
    EXPECT_EQ(sequences(*third), (Sequences{5, 6}));
    EXPECT_EQ(third->effects.at(0).item, 0U);
    EXPECT_EQ(outcomes.unsettled(), 6U);
}

TEST(Outcomes, WhatNobodyWaitsForGathersBehindTheFirst) {
    OutcomeLimits limits;
    limits.items_max = 3;
    Outcomes outcomes{limits};
    outcomes.add(item(1), attempt(1), 0);
    EXPECT_EQ(sequences(*outcomes.take(alpha, 0, false)), (Sequences{1}));
    outcomes.add(item(2), attempt(2), 1'000);
    outcomes.on_durable(1, 0);
    EXPECT_FALSE(outcomes.take(alpha, 1'000, false));
    EXPECT_EQ(outcomes.due_us(), limits.gap_us);
    outcomes.add(item(3), attempt(3), 2'000);
    EXPECT_EQ(sequences(*outcomes.take(alpha, limits.gap_us, false)), (Sequences{2, 3}));
    // Full: at once. After a while of nothing: at once, too.
    for (model::Sequence at = 4; at <= 6; ++at) outcomes.add(item(at), attempt(at), 11'000);
    EXPECT_EQ(sequences(*outcomes.take(alpha, 11'000, false)), (Sequences{4, 5, 6}));
    outcomes.add(item(7), attempt(7), 90'000);
    EXPECT_EQ(sequences(*outcomes.take(alpha, 90'000, false)), (Sequences{7}));
}

TEST(Outcomes, AFailureTakesWhatGathersBeforeItAlong) {
    Outcomes outcomes{OutcomeLimits{}};
    outcomes.add(item(1), attempt(1), 0);
    EXPECT_TRUE(outcomes.take(alpha, 0, false));
    outcomes.on_durable(1, 0);
    outcomes.add(item(2), attempt(2), 100);
    EXPECT_FALSE(outcomes.take(alpha, 100, false));
    outcomes.add(item(3, Verdict::retry), attempt(3), 200);
    EXPECT_EQ(sequences(*outcomes.take(alpha, 200, false)), (Sequences{2, 3}));
    outcomes.on_durable(2, 0);
    outcomes.add(item(4), attempt(4), 300);
    EXPECT_FALSE(outcomes.take(alpha, 300, false)) << "nothing follows from it";
}

TEST(Outcomes, EffectsDoNotWaitForWhatIsDurable) {
    Outcomes outcomes{OutcomeLimits{}};
    add(outcomes, 1, outputs(1, 1));
    const auto first = outcomes.take(alpha, 0, false);
    ASSERT_TRUE(first);
    add(outcomes, 2, outputs(2, 1));
    EXPECT_FALSE(outcomes.take(alpha, 100, false));
    outcomes.on_durable(1, held_bytes_of(first->effects));
    EXPECT_EQ(sequences(*outcomes.take(alpha, 100, false)), (Sequences{2}));
}

TEST(Outcomes, OneMessageWithMoreThanTheMostGoesAlone) {
    OutcomeLimits limits;
    limits.outputs_max = 4;
    Outcomes outcomes{limits};
    add(outcomes, 1, outputs(1, 100));
    add(outcomes, 2, outputs(2, 1));
    EXPECT_EQ(sequences(*outcomes.take(alpha, 0, false)), (Sequences{1}));
    EXPECT_EQ(sequences(*outcomes.take(alpha, 0, true)), (Sequences{2}));
}

// An entry holds 512 bodies: what is gathered, one message's outputs more, and the attempts.
TEST(Outcomes, TheLargestSettlementFitsIntoAnEntry) {
    Outcomes outcomes{OutcomeLimits{}};
    for (model::Sequence at = 1; at <= 255; ++at) add(outcomes, at, outputs(at, 1));
    add(outcomes, 256, outputs(256, model::outputs_per_message_max));
    add(outcomes, 257, outputs(257, model::outputs_per_message_max));
    const auto settlement = outcomes.take(alpha, 0, false);
    ASSERT_EQ(settlement->items.size(), 256U);
    std::size_t bodies = 1;
    for (const api::HandlerEffects& effects : settlement->effects) bodies += effects.outputs.size();
    EXPECT_EQ(bodies, 356U);
    EXPECT_LE(bodies, model::bodies_per_entry_max);
}

TEST(Outcomes, KvRowsFillASettlementWhetherReadOrWritten) {
    OutcomeLimits limits;
    limits.kv_rows_max = 10;
    Outcomes outcomes{limits};
    for (model::Sequence at = 1; at <= 6; ++at) add(outcomes, at, kv(2, 3));
    EXPECT_EQ(sequences(*outcomes.take(alpha, 0, false)), (Sequences{1, 2}));
    EXPECT_EQ(sequences(*outcomes.take(alpha, 0, false)), (Sequences{3, 4}));
    EXPECT_EQ(sequences(*outcomes.take(alpha, 0, false)), (Sequences{5, 6}));
    EXPECT_FALSE(outcomes.take(alpha, 0, true));
}

TEST(Outcomes, BytesOfOutputsAndValuesFillASettlement) {
    OutcomeLimits limits;
    limits.effect_bytes_max = 100'000;
    Outcomes outcomes{limits};
    add(outcomes, 1, outputs(1, 1, 40'000));
    add(outcomes, 2, kv(0, 1, 60'000));
    add(outcomes, 3, outputs(3, 1, 99'999));
    add(outcomes, 4, kv(0, 1, 1));
    EXPECT_EQ(sequences(*outcomes.take(alpha, 0, false)), (Sequences{1, 2}));
    EXPECT_EQ(sequences(*outcomes.take(alpha, 0, false)), (Sequences{3, 4}));
}

}  // namespace
}  // namespace penstock::dispatcher
