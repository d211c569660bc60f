// Messages whose handler published or stored what was not possible then: where order is kept they
// send back what is behind them, as any other failed attempt does.
#include "tests/dispatcher/handling.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace penstock::dispatcher {
namespace {

using model::Sequence;
using model::Verdict;

sinks::AttemptResult publishing(std::size_t bytes = 10) {
    sinks::AttemptResult result;
    result.effects.emplace();
    api::HandlerOutput output;
    output.queue = "done";
    output.message.payload = std::string(bytes, 'x');
    result.effects->outputs.push_back(std::move(output));
    return result;
}

// Sequences that go back untried; all of that becomes durable.
Sequences sent_back(Handling& handling) {
    Sequences back;
    for (const DueSettlement& due : handling.due()) {
        for (const model::SettleItem& item : due.settlement.items) {
            EXPECT_EQ(item.verdict, Verdict::not_attempted);
            back.push_back(item.sequence);
        }
        handling.durable(due);
    }
    return back;
}

TEST(Refused, WhereOrderIsKeptARefusedOutputSendsBackWhatIsBehindIt) {
    Handling handling(1, true);
    handling.arrive(1, 3);
    EXPECT_EQ(handling.start(), (Sequences{1}));
    handling.finish(1, publishing());
    EXPECT_EQ(handling.start(), Sequences{}) << "it may be refused";
    handling.durable(handling.due().at(0), {}, {1});
    EXPECT_EQ(handling.start(), Sequences{}) << "the first one waits for its retry";
    EXPECT_EQ(sent_back(handling), (Sequences{2, 3}));
    handling.arrive(4, 4);
    EXPECT_EQ(sent_back(handling), (Sequences{4})) << "it was on its way";
    handling.arrive(1, 1, 2);
    EXPECT_EQ(handling.start(), (Sequences{1}));
    handling.finish(1, publishing());
    handling.durable(handling.due().at(0));
    handling.arrive(2, 4);
    EXPECT_EQ(handling.start(), (Sequences{2}));
}

TEST(Refused, WhatIsStoredMayBeRefusedToo) {
    Handling handling(1, true);
    handling.arrive(1, 2);
    handling.start();
    sinks::AttemptResult storing;
    storing.effects.emplace();
    storing.effects->writes.push_back({model::KvWrite::Kind::add, "text", {}, 1, 0});
    handling.finish(1, std::move(storing));
    EXPECT_EQ(handling.start(), Sequences{});
    handling.durable(handling.due().at(0), {}, {1});
    EXPECT_EQ(sent_back(handling), (Sequences{2}));
}

TEST(Refused, AHandlerThatWantsNothingHoldsNobodyUp) {
    Handling handling(1, true);
    handling.arrive(1, 2);
    handling.start();
    sinks::AttemptResult nothing;
    nothing.effects.emplace();
    handling.finish(1, std::move(nothing));
    EXPECT_EQ(handling.start(), (Sequences{2}));
}

TEST(Refused, WhereOrderIsNotKeptTheOthersGoOn) {
    Handling handling(1);
    handling.arrive(1, 3);
    handling.start();
    handling.finish(1, publishing());
    EXPECT_EQ(handling.start(), (Sequences{2}));
    handling.durable(handling.due().at(0), {}, {1});
    handling.finish(2, publishing());
    EXPECT_EQ(handling.start(), (Sequences{3}));
}

// The moved one was to be handled again at once, but one before it waits for its retry now.
TEST(Refused, WhatMovedInTheSameSettlementGoesBackToo) {
    SchedulerLimits limits;
    limits.outcomes.wait_us_max = 0;
    Handling handling(3, true, limits);
    handling.arrive(1, 4);
    EXPECT_EQ(handling.start(), (Sequences{1, 2, 3}));
    handling.finish(1, publishing());
    const auto first = handling.due();
    handling.finish(2, publishing());
    handling.finish(3, Handling::reading());
    const auto both = handling.due();
    ASSERT_EQ(both.size(), 1U);
    handling.durable(first.at(0));
    handling.durable(both[0], {3}, {2});
    EXPECT_EQ(handling.start(), Sequences{});
    EXPECT_EQ(sent_back(handling), (Sequences{3, 4}));
}

TEST(Refused, ItsPayloadIsLetGo) {
    SchedulerLimits limits;
    limits.held_bytes_max = 4'000;
    limits.lane_bytes_sure = 500;
    limits.payload_bytes_first = 500;
    Handling handling(4, true, limits);
    handling.scheduler.grants();
    handling.arrive(1, 4, 1, 500);
    handling.start();
    for (const Sequence at : {1U, 2U, 3U, 4U}) handling.finish(at, publishing());
    for (const DueSettlement& one : handling.due()) handling.durable(one, {}, {1, 2, 3, 4});
    EXPECT_EQ(handling.scheduler.grants(), (std::vector<Grant>{{alpha, 4}}));
}

}  // namespace
}  // namespace penstock::dispatcher
