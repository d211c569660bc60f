// Order by key: which deliveries may go while one of their key has failed, and what ends that.
#include "broker/core/jobs.h"
#include "tests/core/commands.h"

#include <gmock/gmock.h>

namespace penstock::testing {

namespace {

using model::Failure;
using model::OnExhausted;
using model::Sequence;
using model::Verdict;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

model::SubscriptionSpec keyed_spec(OnExhausted choice = OnExhausted::dead) {
    model::SubscriptionSpec spec = http_spec(morgue, model::custom_retry({1'000, 1'000}));
    spec.pace.order_by_key = true;
    spec.pace.on_exhausted = choice;
    return spec;
}

CoreDriver with_reader(const model::SubscriptionSpec& spec) {
    CoreDriver driver = CoreDriver::data_set({2, 1});
    driver.done(make_topic(news));
    driver.done(make_queue(morgue));
    driver.done(make_subscription(first_reader, spec));
    return driver;
}

// One message a key, in one entry; sequences rise from 1. An empty key: none.
std::vector<model::MessageId> publish_keys(CoreDriver& driver,
                                           const std::vector<std::string>& keys,
                                           std::uint64_t delay_ms = 0) {
    std::vector<model::BodyInfo> infos;
    for (const std::string& key : keys) {
        infos.push_back(body());
        infos.back().meta.ordering_key = key;
    }
    const auto count = static_cast<std::uint32_t>(keys.size());
    return driver.apply_as<model::Sent>(make_publish(news, count, delay_ms), infos).ids;
}

// Those that may be tried.
std::vector<Sequence> may_go(const CoreDriver& driver) {
    std::vector<Sequence> sequences;
    for (const core::ReadyItem& item : ready(driver, first_reader)) {
        if (!item.behind_key) sequences.push_back(item.sequence);
    }
    return sequences;
}

void fail(CoreDriver& driver, Sequence sequence) {
    settle(driver, first_reader, {sequence}, Verdict::retry);
}

void accept(CoreDriver& driver, Sequence sequence) {
    settle(driver, first_reader, {sequence}, Verdict::accepted);
}

// What had been handed out behind a failure goes back.
void park(CoreDriver& driver, std::vector<Sequence> sequences) {
    model::Settle command;
    command.subscription = first_reader;
    for (const Sequence sequence : sequences) {
        command.items.push_back(outcome(sequence, Verdict::not_attempted));
        command.items.back().failure = Failure::key_waits;
    }
    driver.done(command);
}

std::vector<std::string> why(const CoreDriver& driver) {
    std::vector<std::string> all;
    for (const auto& one : core::waiting_deliveries(driver.rows(), first_reader, 0, 100)) {
        all.push_back(std::to_string(one.sequence) + " " + one.why);
    }
    return all;
}

std::vector<Sequence> letters(const CoreDriver& driver) {
    std::vector<Sequence> found;
    for (const auto& letter : core::dead_letters(driver.rows(), morgue, 0, 100).items) {
        found.push_back(letter.message.ordinal() + 1);
    }
    return found;
}

TEST(KeyOrder, AFailingKeyHoldsBackItsOwnMessagesOnly) {
    CoreDriver driver = with_reader(keyed_spec());
    publish_keys(driver, {"a", "b", "a", "", "a", "b"});
    fail(driver, 1);
    EXPECT_THAT(may_go(driver), ElementsAre(2U, 4U, 6U));
    park(driver, {3});
    EXPECT_THAT(why(driver), ElementsAre("1 retry", "3 behind_key"));
    driver.advance(1'000);
    EXPECT_THAT(may_go(driver), ElementsAre(1U, 2U, 4U, 6U));
}

TEST(KeyOrder, WhatIsParkedGoesOneByOneInOrder) {
    CoreDriver driver = with_reader(keyed_spec());
    publish_keys(driver, {"a", "a", "a", "a"});
    fail(driver, 1);
    park(driver, {2, 3});
    driver.advance(1'000);
    accept(driver, 1);
    EXPECT_THAT(may_go(driver), ElementsAre(2U));
    EXPECT_EQ(ready(driver, first_reader)[0].attempt, 1U);
    EXPECT_TRUE(driver.signalled_ready(first_reader));
    accept(driver, 2);
    EXPECT_THAT(may_go(driver), ElementsAre(3U));
    accept(driver, 3);
    EXPECT_THAT(may_go(driver), ElementsAre(4U));
    accept(driver, 4);
    EXPECT_EQ(core::subscription_info(driver.rows(), first_reader)->backlog, 0U);
}

TEST(KeyOrder, AMessageThatGoesBackOutOfTurnWaitsForTheOneBefore) {
    CoreDriver driver = with_reader(keyed_spec());
    publish_keys(driver, {"a", "a"});
    // The second goes back first; then the first fails.
    park(driver, {2});
    EXPECT_THAT(why(driver), ElementsAre("2 ready"));
    fail(driver, 1);
    EXPECT_THAT(may_go(driver), IsEmpty());
    driver.advance(1'000);
    EXPECT_THAT(may_go(driver), ElementsAre(1U));
    accept(driver, 1);
    EXPECT_THAT(may_go(driver), ElementsAre(2U));
}

TEST(KeyOrder, DeadIsSkipped) {
    CoreDriver driver = with_reader(keyed_spec());
    publish_keys(driver, {"a", "a"});
    fail(driver, 1);
    park(driver, {2});
    for (int retry = 0; retry < 2; ++retry) {
        driver.advance(1'000);
        fail(driver, 1);
    }
    EXPECT_THAT(letters(driver), ElementsAre(1U));
    EXPECT_THAT(may_go(driver), ElementsAre(2U));
}

void exhaust(CoreDriver& driver, Sequence sequence) {
    fail(driver, sequence);
    for (int retry = 0; retry < 2; ++retry) {
        driver.advance(1'000);
        fail(driver, sequence);
    }
}

TEST(KeyOrder, ParkKeepsTheKeyUntilItsMessageIsRetried) {
    CoreDriver driver = with_reader(keyed_spec(OnExhausted::park));
    const auto ids = publish_keys(driver, {"a", "a", "b"});
    exhaust(driver, 1);
    park(driver, {2});
    driver.advance(100'000);
    EXPECT_THAT(letters(driver), IsEmpty());
    EXPECT_THAT(why(driver), ElementsAre("1 exhausted", "2 behind_key"));
    EXPECT_THAT(may_go(driver), ElementsAre(3U));
    EXPECT_EQ(core::find_waiting(driver.rows(), first_reader, ids[1]), 2U);
    EXPECT_EQ(driver.refused(model::ReleaseDelivery{first_reader, 2, false}),
              model::Reason::invalid_parameter);
    driver.done(model::ReleaseDelivery{first_reader, 1, false});
    ASSERT_THAT(may_go(driver), ElementsAre(1U, 3U));
    EXPECT_EQ(ready(driver, first_reader)[0].attempt, 1U);
    accept(driver, 1);
    EXPECT_THAT(may_go(driver), ElementsAre(2U, 3U));
}

TEST(KeyOrder, DroppingAParkedMessageLetsItsKeyGoOn) {
    CoreDriver driver = with_reader(keyed_spec(OnExhausted::park));
    publish_keys(driver, {"a", "a", "a"});
    exhaust(driver, 1);
    park(driver, {2, 3});
    driver.done(model::ReleaseDelivery{first_reader, 2, true});
    EXPECT_THAT(may_go(driver), IsEmpty());
    driver.done(model::ReleaseDelivery{first_reader, 1, true});
    EXPECT_THAT(may_go(driver), ElementsAre(3U));
    EXPECT_EQ(core::subscription_info(driver.rows(), first_reader)->dropped, 2U);
    EXPECT_EQ(driver.refused(model::ReleaseDelivery{first_reader, 1, true}),
              model::Reason::message_not_found);
}

TEST(KeyOrder, StopDisablesTheSubscriptionAndKeepsItsMessage) {
    CoreDriver driver = with_reader(keyed_spec(OnExhausted::stop));
    publish_keys(driver, {"a", "a"});
    exhaust(driver, 1);
    const auto info = core::subscription_info(driver.rows(), first_reader);
    EXPECT_EQ(info->spec.state, model::SubscriptionState::disabled);
    EXPECT_EQ(info->spec.state_reason, "a message failed after 3 attempts: status");
    EXPECT_THAT(ready(driver, first_reader), IsEmpty());
    EXPECT_THAT(letters(driver), IsEmpty());
    model::SetSubscription resume{first_reader, info->spec};
    resume.spec.state = model::SubscriptionState::active;
    driver.done(resume);
    EXPECT_THAT(may_go(driver), ElementsAre(1U));
    EXPECT_EQ(ready(driver, first_reader)[0].attempt, 1U);
}

TEST(KeyOrder, AReplayGoesOneByOneAndWaitsForWhatItParked) {
    CoreDriver driver = with_reader(keyed_spec(OnExhausted::park));
    const auto ids = publish_keys(driver, {"a", "a"});
    accept(driver, 1);
    accept(driver, 2);
    driver.apply_as<model::Started>(model::Replay{first_reader, {}});
    driver.run_due();
    ASSERT_THAT(ready(driver, first_reader), SizeIs(1));
    const Sequence replayed = ready(driver, first_reader)[0].sequence;
    exhaust(driver, replayed);
    driver.advance(100'000);
    EXPECT_THAT(ready(driver, first_reader), IsEmpty());
    EXPECT_EQ(core::job_of(driver.rows(), first_reader)->open, 1U);
    driver.done(model::ReleaseDelivery{first_reader, replayed, false});
    accept(driver, replayed);
    driver.run_due();
    ASSERT_THAT(ready(driver, first_reader), SizeIs(1));
    EXPECT_EQ(ready(driver, first_reader)[0].message, ids[1]);
    accept(driver, ready(driver, first_reader)[0].sequence);
    driver.run_due();
    EXPECT_EQ(core::job_of(driver.rows(), first_reader)->state, model::JobState::done);
}

TEST(KeyOrder, AReplayWithoutOrderGoesOnPastWhatItParked) {
    model::SubscriptionSpec spec = keyed_spec(OnExhausted::park);
    spec.pace.order_by_key = false;
    CoreDriver driver = with_reader(spec);
    publish_keys(driver, {"a"});
    accept(driver, 1);
    driver.apply_as<model::Started>(model::Replay{first_reader, {}});
    driver.run_due();
    const Sequence replayed = ready(driver, first_reader).at(0).sequence;
    exhaust(driver, replayed);
    driver.run_due();
    const auto job = core::job_of(driver.rows(), first_reader);
    EXPECT_EQ(job->state, model::JobState::done);
    EXPECT_EQ(job->failed, 1U);
    // Released later, it is nobody's but its own.
    driver.done(model::ReleaseDelivery{first_reader, replayed, false});
    accept(driver, replayed);
    EXPECT_EQ(core::job_of(driver.rows(), first_reader)->open, 0U);
    driver.check_invariants();
}

TEST(KeyOrder, ADelayedMessageKeepsItsKey) {
    CoreDriver driver = with_reader(keyed_spec());
    publish_keys(driver, {"a"});
    publish_keys(driver, {"a"}, 500);
    fail(driver, 1);
    driver.advance(500);
    EXPECT_THAT(may_go(driver), IsEmpty());
    EXPECT_THAT(ready(driver, first_reader), SizeIs(1));
}

TEST(KeyOrder, WithoutItKeysMeanNothing) {
    model::SubscriptionSpec spec = keyed_spec();
    spec.pace.order_by_key = false;
    CoreDriver driver = with_reader(spec);
    publish_keys(driver, {"a", "a"});
    fail(driver, 1);
    EXPECT_THAT(may_go(driver), ElementsAre(2U));
}

TEST(KeyOrder, AFailingKeyWaitsWhileTenThousandOthersFlow) {
    CoreDriver driver = CoreDriver::data_set({0, 0});
    driver.done(make_topic(news));
    driver.done(make_queue(morgue));
    driver.done(make_subscription(first_reader, keyed_spec()));
    constexpr int keys = 10'000;
    constexpr int a_batch = 500;
    publish_keys(driver, {"stuck", "stuck"});
    fail(driver, 1);
    park(driver, {2});
    Sequence next = 3;
    for (int from = 0; from < keys; from += a_batch) {
        std::vector<std::string> names;
        for (int at = from; at < from + a_batch; ++at) names.push_back("key" + std::to_string(at));
        publish_keys(driver, names);
        ASSERT_EQ(may_go(driver).size(), static_cast<std::size_t>(a_batch));
        std::vector<Sequence> sequences;
        for (int at = 0; at < a_batch; ++at) sequences.push_back(next++);
        settle(driver, first_reader, sequences, Verdict::accepted);
        // Each entry of the others writes no more than it would without the key that waits.
        EXPECT_LT(driver.effects().batch.size(), 20U);
    }
    EXPECT_THAT(why(driver), ElementsAre("1 retry", "2 behind_key"));
    driver.check_invariants();
}

}  // namespace

}  // namespace penstock::testing
