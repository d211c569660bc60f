// Rate, adaptive concurrency, retry budget, pauses an endpoint asks for: one subscription's pace on
// a clock that only the test moves.
#include "dispatcher/pace.h"

#include "dispatcher/heed.h"

#include <gtest/gtest.h>

namespace penstock::dispatcher {
namespace {

using model::ConcurrencyMode;
using model::Failure;
using model::Hold;
using model::Verdict;

constexpr std::int64_t second = 1'000'000;
constexpr model::SubscriptionNo alpha{11};

model::SubscriptionSpec spec(const model::PushPolicy& push, std::uint32_t concurrency = 16) {
    model::SubscriptionSpec spec;
    spec.endpoint = "http://a.example/hook";
    spec.concurrency = concurrency;
    spec.pace = push;
    return spec;
}

Pace pace_of(const model::PushPolicy& push, std::uint32_t concurrency = 16) {
    Pace pace;
    pace.follow(alpha, spec(push, concurrency));
    return pace;
}

sinks::AttemptResult answer(std::uint16_t status, std::uint32_t retry_after_ms = 0) {
    sinks::AttemptResult result;
    result.status = status;
    if (status < 300) return result;
    result.verdict = Verdict::retry;
    result.failure = Failure::status;
    result.retry_after_ms = retry_after_ms;
    return result;
}

sinks::AttemptResult refused() {
    sinks::AttemptResult result;
    result.verdict = Verdict::retry;
    result.failure = Failure::refused;
    return result;
}

// Attempts that begin within a second, if each ends well at once.
int starts_within(Pace& pace, std::int64_t from_us, std::int64_t length_us, bool retry = false) {
    int starts = 0;
    for (std::int64_t now = from_us; now < from_us + length_us; now += 1'000) {
        while (pace.lets_through(0, now) && (!retry || pace.lets_retry(now))) {
            pace.on_start(retry, now);
            if (++starts > 1'000'000) return starts;
        }
    }
    return starts;
}

TEST(Pace, ARateIsKeptEvenly) {
    model::PushPolicy push;
    push.rate_per_s = 50;
    Pace pace = pace_of(push);
    // A tenth of a second's worth at once, then one every 20 ms.
    EXPECT_EQ(starts_within(pace, second, 1'000), 5);
    EXPECT_EQ(starts_within(pace, second + 1'000, 10 * second), 500);
    EXPECT_FALSE(pace.lets_through(0, 11 * second + 1'000));
    const auto next = pace.next_us(11 * second + 1'000);
    ASSERT_TRUE(next);
    EXPECT_LE(*next, 11 * second + 1'000 + 20'001);
    EXPECT_TRUE(pace.lets_through(0, *next));
}

TEST(Pace, WithoutARateTimeHoldsNothingUp) {
    Pace pace = pace_of({});
    EXPECT_TRUE(pace.lets_through(15, 0));
    EXPECT_FALSE(pace.lets_through(16, 0));
    EXPECT_FALSE(pace.next_us(0));
}

TEST(Pace, AimdGrowsFromFourAndFallsByAThird) {
    model::PushPolicy push;
    push.concurrency = ConcurrencyMode::aimd;
    Pace pace = pace_of(push);
    EXPECT_EQ(pace.concurrency(), 4U);
    for (int at = 0; at < 200; ++at) pace.on_end(answer(200), false, 1'000, 16, 0);
    EXPECT_EQ(pace.concurrency(), 16U);
    pace.on_end(answer(503), false, 1'000, 16, 0);
    EXPECT_EQ(pace.concurrency(), 11U);
    for (int at = 0; at < 20; ++at) pace.on_end(answer(429), false, 1'000, 1, 0);
    EXPECT_EQ(pace.concurrency(), 1U);
}

TEST(Pace, AimdDoesNotGrowWhileItIsNotUsed) {
    model::PushPolicy push;
    push.concurrency = ConcurrencyMode::aimd;
    Pace pace = pace_of(push);
    for (int at = 0; at < 200; ++at) pace.on_end(answer(200), false, 1'000, 1, 0);
    EXPECT_EQ(pace.concurrency(), 4U);
}

TEST(Pace, AClientErrorIsNoOverload) {
    model::PushPolicy push;
    push.concurrency = ConcurrencyMode::aimd;
    Pace pace = pace_of(push);
    for (int at = 0; at < 20; ++at) pace.on_end(answer(404), false, 1'000, 4, 0);
    EXPECT_GE(pace.concurrency(), 4U);
}

TEST(Pace, GradientGrowsWhileLatencyHoldsAndShrinksWhenItRises) {
    model::PushPolicy push;
    push.concurrency = ConcurrencyMode::gradient;
    Pace pace = pace_of(push, 200);
    for (int at = 0; at < 600; ++at) pace.on_end(answer(200), false, 10'000, 200, 0);
    EXPECT_EQ(pace.concurrency(), 200U);
    for (int at = 0; at < 100; ++at) pace.on_end(answer(200), false, 100'000, 200, 0);
    EXPECT_LT(pace.concurrency(), 50U);
    EXPECT_GE(pace.concurrency(), 1U);
}

TEST(Pace, RetriesHaveTheirShareAndAFloor) {
    model::PushPolicy push;
    push.retry_share_percent = 20;
    Pace pace = pace_of(push);
    EXPECT_EQ(starts_within(pace, second, 1'000, true), 100);
    // The floor: ten a second.
    EXPECT_EQ(starts_within(pace, second + 1'000, 10 * second, true), 100);
    const std::int64_t later = 12 * second;
    starts_within(pace, later, 1'000, true);
    // 400 first attempts stand for 100 retries: a fifth of all.
    for (int at = 0; at < 400; ++at) pace.on_start(false, later + 1'000);
    EXPECT_EQ(starts_within(pace, later + 1'000, 1'000, true), 100);
    EXPECT_TRUE(pace.lets_through(0, later + 2'000));
    EXPECT_FALSE(pace.lets_retry(later + 2'000));
    EXPECT_TRUE(pace.next_us(later + 2'000));
}

TEST(Pace, RetryAfterHoldsTheWholeEndpoint) {
    model::PushPolicy push;
    push.heeds_answers = true;
    Pace pace = pace_of(push);
    pace.on_end(answer(429, 7'000), false, 1'000, 1, 0);
    EXPECT_FALSE(pace.lets_through(0, 7 * second - 1));
    EXPECT_EQ(pace.next_us(0), 7 * second);
    EXPECT_EQ(pace.holding(0), (Pace::Holding{Hold::retry_after, 7 * second, "status 429"}));
    EXPECT_TRUE(pace.lets_through(0, 7 * second));
    EXPECT_EQ(pace.holding(7 * second).hold, Hold::none);
}

TEST(Pace, RetryAfterOfAnotherErrorIsForItsMessageAlone) {
    model::PushPolicy push;
    push.heeds_answers = true;
    Pace pace = pace_of(push);
    pace.on_end(answer(500, 7'000), false, 1'000, 1, 0);
    EXPECT_TRUE(pace.lets_through(0, 0));
}

TEST(Pace, WhereAnswersAreNotHeededRetryAfterHoldsNothing) {
    Pace pace = pace_of({});
    pace.on_end(answer(429, 7'000), false, 1'000, 1, 0);
    EXPECT_TRUE(pace.lets_through(0, 0));
}

TEST(Pace, AfterAnOutageItBeginsWithOneAndGrowsAlsoWhereItIsFixed) {
    model::PushPolicy push;
    push.breaker = true;
    Pace pace = pace_of(push);
    for (int at = 0; at < 5; ++at) pace.on_end(refused(), false, 1'000, 5, 0);
    ASSERT_EQ(pace.holding(0).hold, Hold::breaker);
    EXPECT_EQ(pace.holding(0).reason, "refused");
    const std::int64_t until = pace.holding(0).until_us;
    EXPECT_FALSE(pace.lets_through(0, until - 1));
    ASSERT_TRUE(pace.lets_through(0, until));
    EXPECT_TRUE(pace.on_start(true, until));
    pace.on_end(answer(200), true, 1'000, 1, until);
    EXPECT_EQ(pace.concurrency(), 1U);
    EXPECT_EQ(pace.holding(until).hold, Hold::recovering);
    // Each success adds 1/limit: 15 more take about 16 * 16 / 2.
    int successes = 0;
    while (pace.concurrency() < 16) {
        pace.on_end(answer(200), false, 1'000, pace.concurrency(), until);
        ++successes;
    }
    EXPECT_GT(successes, 100);
    EXPECT_LT(successes, 150);
    EXPECT_EQ(pace.holding(until).hold, Hold::none);
}

TEST(Pace, ResumingASubscriptionForgetsWhatWasHeldAgainstItsEndpoint) {
    model::PushPolicy push;
    push.breaker = true;
    Pace pace = pace_of(push);
    for (int at = 0; at < 5; ++at) pace.on_end(refused(), false, 1'000, 5, 0);
    model::SubscriptionSpec paused = spec(push);
    paused.state = model::SubscriptionState::paused;
    pace.follow(alpha, paused);
    pace.follow(alpha, spec(push));
    EXPECT_TRUE(pace.lets_through(0, 0));
}

TEST(Pace, AnotherChangeKeepsIt) {
    model::PushPolicy push;
    push.breaker = true;
    Pace pace = pace_of(push);
    for (int at = 0; at < 5; ++at) pace.on_end(refused(), false, 1'000, 5, 0);
    model::SubscriptionSpec changed = spec(push);
    changed.filter_tags = {"red"};
    pace.follow(alpha, changed);
    EXPECT_FALSE(pace.lets_through(0, 0));
}

TEST(Heed, AClientErrorIsFinalWhereThePolicySaysSoButForItsExceptions) {
    model::PushPolicy push;
    push.client_errors_die = true;
    push.retried_statuses = {404, 409};
    const auto verdict = [&](std::uint16_t status) {
        sinks::AttemptResult result = answer(status);
        heed(spec(push), result);
        return result.verdict;
    };
    EXPECT_EQ(verdict(400), Verdict::rejected);
    EXPECT_EQ(verdict(410), Verdict::rejected);
    EXPECT_EQ(verdict(499), Verdict::rejected);
    for (const int status : {404, 409, 408, 425, 429, 500, 503, 302}) {
        EXPECT_EQ(verdict(static_cast<std::uint16_t>(status)), Verdict::retry) << status;
    }
}

TEST(Heed, GoneDisablesTheSubscriptionAndKeepsItsMessage) {
    model::PushPolicy push;
    push.heeds_answers = true;
    push.client_errors_die = true;
    sinks::AttemptResult result = answer(410);
    heed(spec(push), result);
    EXPECT_EQ(result.disable, "its endpoint answered 410 Gone");
    EXPECT_EQ(result.verdict, Verdict::retry);
    sinks::AttemptResult ignored = answer(410);
    heed(spec({}), ignored);
    EXPECT_EQ(ignored.disable, "");
}

sinks::AttemptResult without_consent(std::uint32_t pause_ms) {
    sinks::AttemptResult result;
    result.verdict = Verdict::not_attempted;
    result.failure = Failure::handshake;
    result.retry_after_ms = pause_ms;
    result.excerpt = "the handshake failed";
    return result;
}

sinks::AttemptResult with_consent(std::uint32_t per_minute) {
    sinks::AttemptResult result = answer(200);
    result.consent = sinks::Consent{77, per_minute};
    return result;
}

model::PushPolicy asked() {
    model::PushPolicy push;
    push.handshake = model::Handshake::cloudevents;
    return push;
}

TEST(PaceHandshake, OneAsksAndTheOthersWaitForConsent) {
    Pace pace = pace_of(asked());
    EXPECT_EQ(pace.concurrency(), 1U);
    EXPECT_EQ(pace.holding(0).hold, Hold::handshake);
    EXPECT_EQ(pace.holding(0).reason, "its endpoint is asked before the first message");
    pace.on_end(with_consent(0), false, 10, 1, second);
    EXPECT_EQ(pace.concurrency(), 16U);
    EXPECT_EQ(pace.holding(second).hold, Hold::none);
    EXPECT_EQ(pace.holding(second).consent, (sinks::Consent{77, 0}));
    EXPECT_TRUE(pace.lets_through(0, second));
    EXPECT_FALSE(pace.next_us(second));
}

TEST(PaceHandshake, NothingIsTriedUntilItIsAskedAgain) {
    Pace pace = pace_of(asked());
    pace.on_end(without_consent(5'000), false, 10, 1, second);
    EXPECT_FALSE(pace.lets_through(0, 2 * second));
    EXPECT_EQ(pace.next_us(2 * second), 6 * second);
    EXPECT_TRUE(pace.lets_through(0, 6 * second));
    EXPECT_FALSE(pace.lets_through(1, 6 * second));
    const Pace::Holding holding = pace.holding(2 * second);
    EXPECT_EQ(holding.hold, Hold::handshake);
    EXPECT_EQ(holding.until_us, 6 * second);
    EXPECT_EQ(holding.reason, "the handshake failed");
    EXPECT_FALSE(holding.consent);
}

TEST(PaceHandshake, TheRateIsTheLowerOfTheSubscriptionsAndTheEndpoints) {
    constexpr std::int64_t begin = second;
    Pace pace = pace_of(asked());
    EXPECT_TRUE(pace.lets_through(0, begin));
    pace.on_start(false, begin);
    pace.on_end(with_consent(120), false, 10, 1, begin);
    EXPECT_EQ(starts_within(pace, begin, 10 * second), 19);  // two a second, the first is over
    model::PushPolicy slower = asked();
    slower.rate_per_s = 1;
    Pace slow = pace_of(slower);
    slow.on_start(false, begin);
    slow.on_end(with_consent(120), false, 10, 1, begin);
    EXPECT_EQ(starts_within(slow, begin, 10 * second), 9);
    // What it agreed to goes on as long as it says the same.
    slow.on_end(with_consent(120), false, 10, 1, begin + 10 * second);
    EXPECT_EQ(starts_within(slow, begin + 10 * second, second), 1);
}

TEST(PaceHandshake, AnotherUrlHasNotAgreed) {
    Pace pace = pace_of(asked());
    pace.on_end(with_consent(120), false, 10, 1, 0);
    model::SubscriptionSpec moved = spec(asked());
    moved.endpoint = "http://b.example/";
    pace.follow(alpha, moved);
    EXPECT_EQ(pace.concurrency(), 1U);
    EXPECT_EQ(pace.holding(0).hold, Hold::handshake);
    EXPECT_TRUE(pace.lets_through(0, 0));
}

}  // namespace
}  // namespace penstock::dispatcher
