// A process that died with a message in hand: counted apart from attempts, and the end of a message
// that kills as many as its function allows.
#include "tests/core/function_commands.h"

#include <gmock/gmock.h>

namespace penstock::testing {

namespace {

using model::Failure;
using model::Verdict;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

CoreDriver with_crashing(std::uint32_t crashes_max,
                         const model::RetryPolicy& retry = model::exponential_retry(),
                         const model::QueueAttributes& of_morgue = {}) {
    CoreDriver driver = CoreDriver::data_set();
    driver.done(make_topic(news));
    driver.done(make_queue(morgue, of_morgue));
    model::SubscriptionSpec spec = http_spec(morgue, retry);
    spec.sink = model::SinkKind::worker;
    spec.function.command = {"/usr/bin/handler"};
    spec.function.crashes_max = crashes_max;
    driver.done(make_subscription(first_reader, spec));
    publish(driver, news);
    return driver;
}

void crash(CoreDriver& driver, const std::string& log = "Segmentation fault") {
    model::Settle command;
    command.subscription = first_reader;
    command.items.push_back(outcome(1, Verdict::retry));
    command.items[0].failure = Failure::crash;
    command.items[0].status = 0;
    command.items[0].excerpt = "ended by signal 11";
    command.items[0].log = log;
    driver.done(command);
}

std::vector<core::DeadLetter> letters(const CoreDriver& driver) {
    return core::dead_letters(driver.rows(), morgue, 0, 10).items;
}

TEST(Crash, IsNoAttemptAndPausesOneSecondThenTwiceAsLong) {
    CoreDriver driver = with_crashing(100);
    model::TimeMs pause_ms = 1'000;
    for (int crashes = 1; crashes <= 8; ++crashes) {
        ASSERT_THAT(ready(driver, first_reader), SizeIs(1)) << "before crash " << crashes;
        EXPECT_EQ(ready(driver, first_reader)[0].attempt, 1U);
        crash(driver);
        ASSERT_TRUE(only_failure(driver));
        EXPECT_EQ(only_failure(driver)->due_ms, driver.now_ms() + pause_ms);
        EXPECT_EQ(only_failure(driver)->attempts, 0U);
        EXPECT_EQ(only_failure(driver)->failure, Failure::crash);
        driver.advance(pause_ms);
        pause_ms = std::min<model::TimeMs>(2 * pause_ms, 30'000);
    }
    EXPECT_EQ(pause_ms, 30'000);
    EXPECT_THAT(letters(driver), IsEmpty());
}

TEST(Crash, AMessageThatKillsAsManyProcessesAsAllowedIsDeadWithTheirStderr) {
    CoreDriver driver = with_crashing(3);
    crash(driver, "first");
    driver.advance(1'000);
    crash(driver, "second");
    driver.advance(2'000);
    crash(driver, "third");
    ASSERT_THAT(letters(driver), SizeIs(1));
    const core::DeadInfo dead = *letters(driver)[0].dead;
    EXPECT_EQ(dead.failure, Failure::crash);
    EXPECT_EQ(dead.attempts, 3U);
    EXPECT_EQ(dead.excerpt, "ended by signal 11");
    EXPECT_EQ(dead.log, "third");
    EXPECT_EQ(core::subscription_info(driver.rows(), first_reader)->backlog, 0U);
    EXPECT_THAT(ready(driver, first_reader), IsEmpty());
}

TEST(Crash, OneAllowedMeansTheFirstIsTheEnd) {
    CoreDriver driver = with_crashing(1);
    crash(driver);
    EXPECT_THAT(letters(driver), SizeIs(1));
}

TEST(Crash, AttemptsInBetweenAreCountedByTheirOwnPolicy) {
    CoreDriver driver = with_crashing(3, model::custom_retry({1'000, 1'000}));
    crash(driver);
    driver.advance(1'000);
    settle(driver, first_reader, {1}, Verdict::retry);
    EXPECT_EQ(only_failure(driver)->attempts, 1U);
    driver.advance(1'000);
    crash(driver);
    EXPECT_EQ(only_failure(driver)->due_ms, driver.now_ms() + 2'000);
    driver.advance(2'000);
    EXPECT_EQ(ready(driver, first_reader).at(0).attempt, 2U);
    settle(driver, first_reader, {1}, Verdict::retry);
    driver.advance(1'000);
    EXPECT_EQ(ready(driver, first_reader).at(0).attempt, 3U);
    settle(driver, first_reader, {1}, Verdict::retry);
    ASSERT_THAT(letters(driver), SizeIs(1));
    EXPECT_EQ(letters(driver)[0].dead->failure, Failure::status);
    EXPECT_EQ(letters(driver)[0].dead->attempts, 5U);
}

// Several messages in hand: nobody knows whose fault it was.
TEST(Crash, OfAProcessWithSeveralMessagesInHandCountsForNone) {
    CoreDriver driver = with_crashing(1);
    model::Settle command;
    command.subscription = first_reader;
    command.items.push_back(outcome(1, Verdict::not_attempted));
    command.items[0].failure = Failure::crash;
    for (int round = 0; round < 5; ++round) {
        driver.done(command);
        ASSERT_TRUE(only_failure(driver));
        EXPECT_EQ(only_failure(driver)->attempts, 0U);
        driver.advance(1'000);
    }
    EXPECT_THAT(letters(driver), IsEmpty());
    EXPECT_EQ(ready(driver, first_reader).at(0).attempt, 1U);
}

TEST(Crash, KeepsItsStderrWhileItsDeadLetterQueueIsFull) {
    CoreDriver driver = with_crashing(1, model::exponential_retry(), holding(1));
    const auto receipt = [&] {
        send(driver, morgue);
        return receive(driver, morgue).at(0).receipt;
    }();
    crash(driver, "the last words");
    EXPECT_EQ(core::subscription_info(driver.rows(), first_reader)->waiting, 1U);
    EXPECT_TRUE(remove(driver, morgue, receipt));
    driver.advance(120'000);
    ASSERT_THAT(letters(driver), SizeIs(1));
    EXPECT_EQ(letters(driver)[0].dead->log, "the last words");
    EXPECT_EQ(letters(driver)[0].dead->failure, Failure::crash);
}

TEST(Crash, AFailingDeliveryKeepsNoStderrInItsRow) {
    CoreDriver driver = with_crashing(3);
    crash(driver, std::string(2'000, 'x'));
    const auto bytes = driver.rows().get(core::keys::exception(first_reader, 0, 1));
    EXPECT_LT(bytes->size(), 200U);
}

TEST(Crash, TheStderrOfADeadLetterIsCutAtItsMaximum) {
    CoreDriver driver = with_crashing(1);
    crash(driver, std::string(5'000, 'x'));
    EXPECT_EQ(letters(driver).at(0).dead->log.size(), model::attempt_log_bytes_max);
}

TEST(Crash, ARedrivenMessageMayCrashAsOftenAgain) {
    CoreDriver driver = with_crashing(2);
    crash(driver);
    driver.advance(1'000);
    crash(driver);
    ASSERT_THAT(letters(driver), SizeIs(1));
    driver.apply({model::Redrive{morgue, {}}});
    driver.run_due();
    const auto again = ready(driver, first_reader);
    ASSERT_THAT(again, SizeIs(1));
    model::Settle command;
    command.subscription = first_reader;
    command.items.push_back(outcome(again[0].sequence, Verdict::retry));
    command.items[0].failure = Failure::crash;
    driver.done(command);
    EXPECT_EQ(core::subscription_info(driver.rows(), first_reader)->waiting, 1U);
}

TEST(Crash, AStaleOneCountsForNothing) {
    CoreDriver driver = with_crashing(2);
    crash(driver);
    crash(driver);
    crash(driver);
    EXPECT_THAT(letters(driver), IsEmpty());
    EXPECT_EQ(only_failure(driver)->due_ms, driver.now_ms() + 1'000);
}

}  // namespace

}  // namespace penstock::testing
