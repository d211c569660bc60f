// Jobs: redriving by a filter and at a rate, editing a letter, replaying a topic to one
// subscription.
#include "broker/core/dead_letters.h"
#include "broker/core/jobs.h"
#include "tests/core/commands.h"

#include <gmock/gmock.h>

namespace penstock::testing {

namespace {

using model::JobAction;
using model::JobState;
using model::Reason;
using model::Verdict;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

core::JobRow job(const CoreDriver& driver, model::ObjectNo object) {
    return core::job_of(driver.rows(), object).value_or(core::JobRow{});
}

std::vector<core::DeadLetter> letters(const CoreDriver& driver) {
    return core::dead_letters(driver.rows(), morgue, 0, 1'000).items;
}

CoreDriver with_reader(model::SubscriptionSpec spec = http_spec(morgue)) {
    CoreDriver driver = CoreDriver::data_set();
    driver.done(make_queue(morgue));
    driver.done(make_topic(news));
    driver.done(make_subscription(first_reader, std::move(spec)));
    return driver;
}

// Publishes so many messages that die of `failure` and `status` at once.
std::vector<model::MessageId> die(CoreDriver& driver,
                                  std::uint32_t count,
                                  model::Failure failure = model::Failure::status,
                                  std::uint16_t status = 500) {
    const auto ids = publish(driver, news, count);
    model::Settle command;
    command.subscription = first_reader;
    for (const core::ReadyItem& item : ready(driver, first_reader)) {
        model::SettleItem one = outcome(item.sequence, Verdict::rejected);
        one.failure = failure;
        one.status = status;
        command.items.push_back(one);
    }
    driver.done(command);
    return ids;
}

void succeed(CoreDriver& driver, const std::vector<core::ReadyItem>& items) {
    model::Settle command;
    command.subscription = first_reader;
    for (const core::ReadyItem& item : items) {
        command.items.push_back(outcome(item.sequence, Verdict::accepted));
    }
    driver.done(command);
}

TEST(RedriveJob, TakesOnlyTheLettersItsFilterMeans) {
    CoreDriver driver = with_reader();
    const auto failed = die(driver, 2, model::Failure::status, 503);
    die(driver, 2, model::Failure::timeout, 0);
    die(driver, 2, model::Failure::status, 404);
    model::Redrive command{morgue, {}};
    command.filter.failures = {model::Failure::status};
    command.filter.status_min = 500;
    command.filter.status_max = 599;
    driver.apply_as<model::Started>(command);
    driver.run_due();
    const auto again = ready(driver, first_reader);
    ASSERT_THAT(again, SizeIs(2));
    EXPECT_EQ(again[0].message, failed[0]);
    EXPECT_THAT(letters(driver), SizeIs(4));
    EXPECT_EQ(job(driver, morgue).state, JobState::done);
    EXPECT_EQ(job(driver, morgue).taken, 2U);
}

TEST(RedriveJob, GoesByTheTimeOfDeath) {
    CoreDriver driver = with_reader();
    die(driver, 1);
    driver.advance(60'000);
    const auto later = die(driver, 1);
    model::Redrive command{morgue, {}};
    command.filter.from_ms = driver.now_ms();
    driver.apply_as<model::Started>(command);
    driver.run_due();
    ASSERT_THAT(ready(driver, first_reader), SizeIs(1));
    EXPECT_EQ(ready(driver, first_reader)[0].message, later[0]);
}

TEST(RedriveJob, KeepsItsRate) {
    CoreDriver driver = with_reader();
    die(driver, 200);
    model::Redrive command{morgue, {}};
    command.rate_per_s = 50;
    EXPECT_EQ(driver.apply_as<model::Started>(command).items, 200U);
    driver.advance(1'000);
    EXPECT_EQ(job(driver, morgue).taken, 50U);
    driver.advance(2'000);
    EXPECT_EQ(job(driver, morgue).taken, 150U);
    driver.advance(1'100);
    EXPECT_EQ(job(driver, morgue).taken, 200U);
    EXPECT_EQ(job(driver, morgue).state, JobState::done);
}

TEST(RedriveJob, DoesNotMakeUpForATimeWithoutALeaderInOneBurst) {
    CoreDriver driver = with_reader();
    die(driver, 500);
    model::Redrive command{morgue, {}};
    command.rate_per_s = 50;
    driver.apply_as<model::Started>(command);
    driver.skip(60'000);
    driver.run_due();
    EXPECT_EQ(job(driver, morgue).taken, 50U);
}

TEST(RedriveJob, IsPausedResumedAndCancelled) {
    CoreDriver driver = with_reader();
    die(driver, 300);
    model::Redrive command{morgue, {}};
    command.rate_per_s = 10;
    driver.apply_as<model::Started>(command);
    driver.advance(1'000);
    driver.done(model::ChangeJob{morgue, JobAction::pause});
    driver.advance(10'000);
    EXPECT_EQ(job(driver, morgue).taken, 10U);
    driver.done(model::ChangeJob{morgue, JobAction::resume});
    driver.advance(1'000);
    EXPECT_EQ(job(driver, morgue).taken, 20U);
    driver.done(model::ChangeJob{morgue, JobAction::cancel});
    driver.advance(10'000);
    EXPECT_EQ(job(driver, morgue).taken, 20U);
    EXPECT_EQ(job(driver, morgue).state, JobState::cancelled);
    EXPECT_THAT(letters(driver), SizeIs(280));
}

TEST(RedriveJob, ASecondOneIsRefusedWhileOneRuns) {
    CoreDriver driver = with_reader();
    die(driver, 3);
    model::Redrive command{morgue, {}};
    command.rate_per_s = 1;
    driver.apply_as<model::Started>(command);
    EXPECT_EQ(driver.refused(command), Reason::job_running);
    // Letters that are named one by one go at once all the same.
    driver.apply_as<model::Started>(model::Redrive{morgue, {3}});
    driver.run_due();
    EXPECT_THAT(letters(driver), SizeIs(2));
}

TEST(RedriveJob, LeavesALetterThatCameBackTenTimesUnlessItIsNamed) {
    CoreDriver driver = with_reader();
    die(driver, 1);
    for (std::uint32_t round = 0; round < core::redrives_max; ++round) {
        EXPECT_EQ(letters(driver).at(0).dead->redrives, round);
        driver.apply_as<model::Started>(model::Redrive{morgue, {}});
        driver.run_due();
        ASSERT_THAT(letters(driver), IsEmpty());
        settle(
            driver, first_reader, {ready(driver, first_reader).at(0).sequence}, Verdict::rejected);
    }
    driver.apply_as<model::Started>(model::Redrive{morgue, {}});
    driver.run_due();
    ASSERT_THAT(letters(driver), SizeIs(1));
    driver.apply_as<model::Started>(model::Redrive{morgue, {letters(driver)[0].sequence}});
    driver.run_due();
    EXPECT_THAT(letters(driver), IsEmpty());
}

TEST(RedriveJob, WhoseFilterAsksForBodiesWaitsForTheLeaderToChoose) {
    CoreDriver driver = with_reader();
    const auto dead = die(driver, 4);
    model::Redrive command{morgue, {}};
    command.filter.text = "gold";
    const auto started = driver.apply_as<model::Started>(command);
    driver.run_due();
    EXPECT_THAT(driver.effects().jobs, ElementsAre(morgue));
    EXPECT_THAT(letters(driver), SizeIs(4));
    // A step of another job, or from another place, changes nothing.
    driver.done(model::StepJob{morgue, started.job + 1, 1, 5, {1}});
    driver.done(model::StepJob{morgue, started.job, 2, 5, {2}});
    driver.done(model::StepJob{morgue, started.job, 1, 3, {2}});
    driver.run_due();
    EXPECT_EQ(job(driver, morgue).next, 3U);
    driver.done(model::StepJob{morgue, started.job, 3, 5, {}});
    EXPECT_EQ(job(driver, morgue).state, JobState::done);
    ASSERT_THAT(ready(driver, first_reader), SizeIs(1));
    EXPECT_EQ(ready(driver, first_reader)[0].message, dead[1]);
}

TEST(RedriveJob, AsksALeaderAgainThatDoesNotAnswer) {
    CoreDriver driver = with_reader();
    die(driver, 1);
    model::Redrive command{morgue, {}};
    command.filter.key = "eu";
    driver.apply_as<model::Started>(command);
    driver.run_due();
    driver.advance(999);
    driver.skip(1);
    driver.run_due();
    EXPECT_THAT(driver.effects().jobs, ElementsAre(morgue));
}

TEST(EditedLetter, GoesBackUnderANewIdAndIsGone) {
    CoreDriver driver = with_reader();
    die(driver, 2);
    const auto sent = driver.apply_as<model::Sent>(model::EditLetter{morgue, 1, 0}, {body(20)});
    ASSERT_THAT(sent.ids, SizeIs(1));
    ASSERT_THAT(letters(driver), SizeIs(1));
    const auto again = ready(driver, first_reader);
    ASSERT_THAT(again, SizeIs(1));
    EXPECT_EQ(again[0].message, sent.ids[0]);
    EXPECT_EQ(again[0].body, sent.ids[0]);
    EXPECT_EQ(driver.refused(model::EditLetter{morgue, 1, 0}, {body(20)}),
              Reason::message_not_found);
    EXPECT_EQ(driver.refused(model::EditLetter{morgue, 2, 0}, {body(0)}), Reason::body_empty);
    succeed(driver, again);
    EXPECT_THAT(letters(driver), SizeIs(1));
}

TEST(Replay, DeliversTheRetainedMessagesOfATimeOnceMoreUnderTheirIds) {
    CoreDriver driver = with_reader();
    publish(driver, news, 2);
    succeed(driver, ready(driver, first_reader));
    driver.advance(60'000);
    const model::TimeMs from = driver.now_ms();
    const auto meant = publish(driver, news, 2);
    driver.advance(60'000);
    const model::TimeMs before = driver.now_ms();
    publish(driver, news, 1);
    succeed(driver, ready(driver, first_reader));
    model::Replay command{first_reader, {}};
    command.filter.from_ms = from;
    command.filter.before_ms = before;
    const auto started = driver.apply_as<model::Started>(command);
    EXPECT_EQ(started.items, 2U);
    driver.run_due();
    const auto again = ready(driver, first_reader);
    ASSERT_THAT(again, SizeIs(2));
    EXPECT_EQ(again[0].message, meant[0]);
    EXPECT_EQ(again[1].message, meant[1]);
    EXPECT_EQ(again[0].replay, started.job);
    EXPECT_EQ(again[0].attempt, 1U);
    EXPECT_EQ(job(driver, first_reader).open, 2U);
    succeed(driver, again);
    EXPECT_EQ(job(driver, first_reader).open, 0U);
    EXPECT_EQ(job(driver, first_reader).state, JobState::done);
}

TEST(Replay, KeepsItsMarkThroughRetriesAndCountsDeadLetters) {
    CoreDriver driver = with_reader(http_spec(morgue, model::custom_retry({1'000})));
    publish(driver, news);
    succeed(driver, ready(driver, first_reader));
    const auto started = driver.apply_as<model::Started>(model::Replay{first_reader, {}});
    driver.run_due();
    const auto sequence = ready(driver, first_reader).at(0).sequence;
    settle(driver, first_reader, {sequence}, Verdict::retry);
    driver.advance(1'000);
    const auto again = ready(driver, first_reader);
    ASSERT_THAT(again, SizeIs(1));
    EXPECT_EQ(again[0].replay, started.job);
    EXPECT_EQ(again[0].attempt, 2U);
    settle(driver, first_reader, {sequence}, Verdict::retry);
    EXPECT_EQ(job(driver, first_reader).failed, 1U);
    EXPECT_THAT(letters(driver), SizeIs(1));
}

TEST(Replay, HasNoMoreThanItsShareUnderWayAndLeavesHalfOfAHandOutToLiveMessages) {
    CoreDriver driver = with_reader();
    for (int batch = 0; batch < 3; ++batch) publish(driver, news, 300);
    succeed(driver, ready(driver, first_reader, 300));
    succeed(driver, ready(driver, first_reader, 300));
    succeed(driver, ready(driver, first_reader, 300));
    driver.apply_as<model::Started>(model::Replay{first_reader, {}});
    driver.run_due();
    EXPECT_EQ(job(driver, first_reader).open, core::replay_open_max);
    const auto live = publish(driver, news, 100);
    const auto handed = ready(driver, first_reader, 20);
    ASSERT_THAT(handed, SizeIs(20));
    EXPECT_EQ(std::count_if(handed.begin(),
                            handed.end(),
                            [](const core::ReadyItem& one) { return one.replay != 0; }),
              10);
    EXPECT_EQ(handed[10].message, live[0]);
    // What is over makes room for what comes next, until all were there.
    for (int round = 0; round < 20; ++round) {
        const auto some = ready(driver, first_reader, 100);
        if (some.empty()) break;
        succeed(driver, some);
        driver.run_due();
    }
    EXPECT_EQ(job(driver, first_reader).taken, 900U);
    EXPECT_EQ(job(driver, first_reader).state, JobState::done);
    EXPECT_EQ(job(driver, first_reader).open, 0U);
}

TEST(Replay, OfAnOrderedSubscriptionGoesOneByOneInOrder) {
    CoreDriver driver = with_reader(http_spec(morgue, model::backoff_retry()));
    const auto ids = publish(driver, news, 3);
    succeed(driver, ready(driver, first_reader));
    driver.apply_as<model::Started>(model::Replay{first_reader, {}});
    for (const model::MessageId id : ids) {
        driver.run_due();
        const auto one = ready(driver, first_reader);
        ASSERT_THAT(one, SizeIs(1));
        EXPECT_EQ(one[0].message, id);
        succeed(driver, one);
    }
    driver.run_due();
    EXPECT_EQ(job(driver, first_reader).state, JobState::done);
}

TEST(Replay, ToAFilteredSubscriptionIsTheLeadersToChoose) {
    CoreDriver driver = with_reader(tagged_spec({"gold"}));
    driver.apply_as<model::Sent>(make_publish(news, 2), {body(10, {"gold"}), body(10, {"tin"})});
    const auto started = driver.apply_as<model::Started>(model::Replay{first_reader, {}});
    driver.run_due();
    EXPECT_THAT(driver.effects().jobs, ElementsAre(first_reader));
    const auto page = core::job_page(driver.rows(), first_reader, job(driver, first_reader), 64);
    EXPECT_THAT(page.items, SizeIs(2));
    EXPECT_EQ(page.through, 3U);
    driver.done(model::StepJob{first_reader, started.job, 1, page.through, {1}});
    EXPECT_EQ(job(driver, first_reader).taken, 1U);
    EXPECT_EQ(job(driver, first_reader).state, JobState::done);
}

TEST(Replay, GoesWithItsSubscription) {
    CoreDriver driver = with_reader();
    publish(driver, news, 3);
    succeed(driver, ready(driver, first_reader));
    model::Replay command{first_reader, {}};
    command.rate_per_s = 1;
    driver.apply_as<model::Started>(command);
    driver.advance(1'000);
    driver.done(model::Unsubscribe{first_reader});
    driver.advance(100'000'000);
    EXPECT_FALSE(core::job_of(driver.rows(), first_reader).has_value());
    EXPECT_EQ(driver.live_bodies(), 0U);
}

}  // namespace

}  // namespace penstock::testing
