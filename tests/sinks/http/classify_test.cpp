#include "sinks/http/classify.h"

#include <gtest/gtest.h>

namespace penstock::sinks::http {
namespace {

using client::Ending;
using model::Failure;
using model::Verdict;

constexpr model::TimeMs now_ms = 784'111'777'000;  // Sun, 06 Nov 1994 08:49:37 GMT

client::Exchange answer(unsigned status, const std::string& retry_after = {}) {
    client::Exchange exchange;
    exchange.ending = Ending::answered;
    exchange.target = "192.0.2.7:80";
    exchange.answer.status = status;
    exchange.answer.body = "why not";
    if (!retry_after.empty()) exchange.answer.headers = {{"retry-after", retry_after}};
    return exchange;
}

TEST(Classify, EveryAnswerOfTheTwoHundredsIsAccepted) {
    for (const unsigned status : {200U, 201U, 202U, 204U, 206U, 226U, 299U}) {
        const AttemptResult result = classify(answer(status), now_ms);
        EXPECT_EQ(result.verdict, Verdict::accepted) << status;
        EXPECT_EQ(result.failure, Failure::none) << status;
        EXPECT_EQ(result.status, status);
        EXPECT_EQ(result.target, "");
        EXPECT_EQ(result.excerpt, "");
    }
}

TEST(Classify, EveryOtherAnswerAsksForARetry) {
    for (const unsigned status : {101U,
                                  300U,
                                  301U,
                                  302U,
                                  307U,
                                  308U,
                                  400U,
                                  401U,
                                  404U,
                                  410U,
                                  418U,
                                  429U,
                                  500U,
                                  502U,
                                  503U,
                                  504U,
                                  599U,
                                  999U}) {
        const AttemptResult result = classify(answer(status), now_ms);
        EXPECT_EQ(result.verdict, Verdict::retry) << status;
        EXPECT_EQ(result.failure, Failure::status) << status;
        EXPECT_EQ(result.status, status);
        EXPECT_EQ(result.retry_after_ms, 0U) << status;
        EXPECT_EQ(result.target, "192.0.2.7:80");
        EXPECT_EQ(result.excerpt, "why not");
    }
}

TEST(Classify, RetryAfterIsHeededWhereItMeansAnything) {
    for (const unsigned status : {408U, 425U, 429U, 500U, 503U}) {
        EXPECT_EQ(classify(answer(status, "7"), now_ms).retry_after_ms, 7'000U) << status;
    }
    for (const unsigned status : {200U, 301U, 400U, 404U, 410U}) {
        EXPECT_EQ(classify(answer(status, "7"), now_ms).retry_after_ms, 0U) << status;
    }
}

TEST(Classify, WhatBrokeAfterTheTargetWasTriedIsARetry) {
    const std::pair<Ending, Failure> cases[] = {{Ending::timeout, Failure::timeout},
                                                {Ending::refused, Failure::refused},
                                                {Ending::reset, Failure::reset},
                                                {Ending::tls, Failure::tls}};
    for (const auto& [ending, failure] : cases) {
        client::Exchange exchange;
        exchange.ending = ending;
        exchange.detail = "it broke";
        const AttemptResult result = classify(exchange, now_ms);
        EXPECT_EQ(result.verdict, Verdict::retry);
        EXPECT_EQ(result.failure, failure);
        EXPECT_EQ(result.status, 0U);
        EXPECT_EQ(result.excerpt, "it broke");
    }
}

TEST(Classify, WhatNeverReachedTheTargetIsNoAttempt) {
    const std::pair<Ending, Failure> cases[] = {{Ending::name, Failure::name},
                                                {Ending::guarded, Failure::guarded},
                                                {Ending::exhausted, Failure::exhausted_resources},
                                                {Ending::stopped, Failure::none}};
    for (const auto& [ending, failure] : cases) {
        client::Exchange exchange;
        exchange.ending = ending;
        const AttemptResult result = classify(exchange, now_ms);
        EXPECT_EQ(result.verdict, Verdict::not_attempted);
        EXPECT_EQ(result.failure, failure);
    }
}

TEST(Classify, ExcerptsAreShortReadableText) {
    client::Exchange exchange = answer(500);
    exchange.answer.body = std::string(1000, 'x');
    EXPECT_EQ(classify(exchange, now_ms).excerpt, std::string(256, 'x'));
    exchange.answer.body = std::string("a\r\nb\0c\x1B[31m", 11);
    EXPECT_EQ(classify(exchange, now_ms).excerpt, "a  b c [31m");
    exchange.answer.body = "\xFF\xFE no text";
    EXPECT_EQ(classify(exchange, now_ms).excerpt, "   no text");
    exchange.answer.body = std::string(254, 'x') + "\xE4\xBD\xA0";
    EXPECT_EQ(classify(exchange, now_ms).excerpt, std::string(254, 'x'));
}

TEST(ParseRetryAfter, SecondsAndDatesAreClamped) {
    EXPECT_EQ(parse_retry_after("120", now_ms), 120'000U);
    EXPECT_EQ(parse_retry_after("0", now_ms), 1'000U);
    EXPECT_EQ(parse_retry_after("3600", now_ms), 3'600'000U);
    EXPECT_EQ(parse_retry_after("315360000", now_ms), 3'600'000U);
    EXPECT_EQ(parse_retry_after("18446744073709551615", now_ms), 3'600'000U);
    EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:50:37 GMT", now_ms), 60'000U);
    EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:49:00 GMT", now_ms), 1'000U);
    EXPECT_EQ(parse_retry_after("Sat, 06 Nov 2004 08:49:37 GMT", now_ms), 3'600'000U);
}

TEST(ParseRetryAfter, GarbageIsNoWish) {
    for (const char* text : {"",
                             "soon",
                             "-1",
                             "1.5",
                             "7 s",
                             "18446744073709551616",
                             "Sun, 06 Foo 1994 08:49:37 GMT",
                             "Sun, 31 Feb 1994 08:49:37 GMT",
                             "Sun, 06 Nov 1994 08:49:37 UTC",
                             "06 Nov 1994 08:49:37 GMT"}) {
        EXPECT_EQ(parse_retry_after(text, now_ms), 0U) << text;
    }
}

}  // namespace
}  // namespace penstock::sinks::http
