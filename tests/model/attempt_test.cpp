#include "broker/model/attempt.h"

#include "tests/model/hex.h"
#include "tests/model/samples.h"

#include <gtest/gtest.h>

#include <set>

namespace penstock::model {
namespace {

TEST(Attempts, AreStoredAsTheirGoldenBytes) {
    EXPECT_EQ(testing::to_hex(encode_attempts(testing::sample_attempts())),
              "01"                          // version
              "02"                          // count
              "01"                          // sequence
              "8388808080808004"            // message
              "02"                          // number
              "80d095ffbc31"                // at
              "dc0b"                        // latency
              "02"                          // verdict
              "02"                          // failure
              "f401"                        // status
              "0c3132372e302e302e313a3830"  // target
              "046f6f7073"                  // excerpt
              "026e6f"                      // log
              "ac02"                        // version
              "0200010000"
              "0100"
              "c800"
              "00000000");
}

TEST(Attempts, ComeBackAsTheyWere) {
    const auto attempts = testing::sample_attempts();
    EXPECT_EQ(decode_attempts(encode_attempts(attempts)), attempts);
    EXPECT_EQ(decode_attempts(encode_attempts({})), std::vector<Attempt>{});
    const std::vector<Attempt> many(attempts_per_settle_max);
    EXPECT_EQ(decode_attempts(encode_attempts(many)), many);
}

TEST(Attempts, ASuccessTakesAtMostSixtyFourBytes) {
    Attempt success;
    success.sequence = (Sequence{1} << 40) - 1;
    success.message = MessageId{SetId{4095}, (LogIndex{1} << 42) - 1, 511};
    success.number = UINT32_MAX;
    success.at_ms = 4'102'444'800'000;
    success.latency_us = UINT32_MAX;
    success.status = 204;
    EXPECT_LE(encode_attempts({success}).size() - 2, 64U);
}

TEST(Attempts, ANumberTooWideForItsFieldIsMalformed) {
    Attempt attempt;
    attempt.sequence = attempt.message.value = attempt.at_ms = 1;
    std::string bytes = encode_attempts({attempt});
    const std::size_t number_at = 4;
    ASSERT_EQ(bytes[number_at], 1);
    bytes.replace(number_at, 1, "\x80\x80\x80\x80\x10");
    EXPECT_FALSE(decode_attempts(bytes));
}

TEST(Attempts, EveryVerdictAndFailureHasANameOfItsOwn) {
    std::set<std::string_view> verdicts;
    for (int at = 1; at <= 5; ++at) verdicts.insert(to_text(static_cast<Verdict>(at)));
    EXPECT_EQ(verdicts.size(), 5U);
    std::set<std::string_view> failures;
    for (int at = 0; at <= 20; ++at) failures.insert(to_text(static_cast<Failure>(at)));
    EXPECT_EQ(failures.size(), 21U);
    EXPECT_FALSE(verdicts.contains("unknown"));
    EXPECT_FALSE(failures.contains("unknown"));
}

}  // namespace
}  // namespace penstock::model
