#include "sinks/http/receiver_control.h"

#include "sinks/http/classify.h"

#include <gtest/gtest.h>

namespace penstock::sinks::http {
namespace {

AttemptResult result_of(unsigned status, const std::string& name, const std::string& value) {
    client::Exchange exchange;
    exchange.ending = client::Ending::answered;
    exchange.answer.status = status;
    exchange.answer.headers = {{"retry-after", "7"}, {name, value}};
    AttemptResult result = classify(exchange, 0);
    heed_receiver(exchange.answer, result);
    return result;
}

TEST(ReceiverControl, AnAbortedMessageIsADeadLetterAtOnce) {
    const AttemptResult result = result_of(500, "webhook-delivery", "abort-message");
    EXPECT_EQ(result.verdict, model::Verdict::rejected);
    EXPECT_EQ(result.failure, model::Failure::status);
    EXPECT_EQ(result.status, 500);
}

TEST(ReceiverControl, AnEndpointCanAskToBeLeftAlone) {
    const AttemptResult result = result_of(503, "webhook-delivery", "disable");
    EXPECT_EQ(result.verdict, model::Verdict::retry);
    EXPECT_EQ(result.disable, "the endpoint asked for it, with status 503");
}

TEST(ReceiverControl, ADelayTakesTheWordOfRetryAfter) {
    EXPECT_EQ(result_of(503, "penstock-delay", "10m").retry_after_ms, 600'000U);
    EXPECT_EQ(result_of(400, "penstock-delay", "90").retry_after_ms, 90'000U);
    EXPECT_EQ(result_of(503, "penstock-delay", "soon").retry_after_ms, 7'000U);
}

TEST(ReceiverControl, ASuccessIsASuccess) {
    for (const char* word : {"abort-message", "disable"}) {
        const AttemptResult result = result_of(204, "webhook-delivery", word);
        EXPECT_EQ(result.verdict, model::Verdict::accepted);
        EXPECT_EQ(result.disable, "");
    }
    EXPECT_EQ(result_of(200, "penstock-delay", "1m").retry_after_ms, 0U);
}

TEST(ReceiverControl, UnknownWordsChangeNothing) {
    const AttemptResult result = result_of(500, "webhook-delivery", "Disable");
    EXPECT_EQ(result.verdict, model::Verdict::retry);
    EXPECT_EQ(result.disable, "");
}

TEST(ReceiverControl, DelaysAreClamped) {
    EXPECT_EQ(parse_delay("0s"), 1'000U);
    EXPECT_EQ(parse_delay("2h"), 3'600'000U);
    EXPECT_EQ(parse_delay("4294967295h"), 3'600'000U);
    for (const char* text : {"", "m", "-1s", "1d", "1 s", "99999999999s", "1.5s"}) {
        EXPECT_EQ(parse_delay(text), 0U) << text;
    }
}

}  // namespace
}  // namespace penstock::sinks::http
