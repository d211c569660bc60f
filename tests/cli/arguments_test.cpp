#include "broker/cli/arguments.h"

#include <boost/json.hpp>
#include <gtest/gtest.h>

namespace penstock::cli {

namespace {

TEST(CliDurations, AreWholeSecondsWithAUnit) {
    EXPECT_EQ(parse_seconds("90s"), 90U);
    EXPECT_EQ(parse_seconds("15m"), 900U);
    EXPECT_EQ(parse_seconds("2h"), 7200U);
    EXPECT_EQ(parse_seconds("3d"), 259'200U);
    EXPECT_EQ(parse_seconds("2000ms"), 2U);
    EXPECT_EQ(parse_seconds("0s"), 0U);
    for (const char* text :
         {"", "5", "500ms", "-1s", "1.5s", "1 s", "s", "1w", "1h30m", "99999999999999999999s"}) {
        EXPECT_EQ(parse_seconds(text), std::nullopt) << text;
    }
}

TEST(CliTimes, AreRfc3339OrADurationAgo) {
    constexpr std::int64_t now_ms = 1'700'000'000'000;
    EXPECT_EQ(parse_time_ms("2023-11-14T22:13:20Z", now_ms), now_ms);
    EXPECT_EQ(parse_time_ms("-1h", now_ms), now_ms - 3'600'000);
    EXPECT_EQ(parse_time_ms("-500ms", now_ms), now_ms - 500);
    for (const char* text : {"", "-", "-1", "1h", "yesterday", "--1h", "-99999d", "2023-11-14"}) {
        EXPECT_EQ(parse_time_ms(text, now_ms), std::nullopt) << text;
    }
}

TEST(CliRetry, IsANameOrPauses) {
    EXPECT_EQ(boost::json::serialize(*parse_retry("backoff")), "\"backoff\"");
    EXPECT_EQ(boost::json::serialize(*parse_retry("5s,500ms")),
              R"({"name":"custom","steps":[{"min_ms":5000},{"min_ms":500}]})");
    EXPECT_EQ(boost::json::serialize(*parse_retry("standard")), "\"standard\"");
    EXPECT_EQ(boost::json::serialize(*parse_retry("5s-10s,1m")),
              R"({"name":"custom","steps":[{"min_ms":5000,"max_ms":10000},{"min_ms":60000}]})");
    const auto wrong = {
        "", "fast", "5s-", "-5s", "5s-x", "5s,", ",5s", "5s,,5m", "backoff:1s-2s", "5"};
    for (const char* text : wrong) {
        const auto retry = parse_retry(text);
        ASSERT_FALSE(retry) << text;
        EXPECT_EQ(retry.error().exit_code, exit_usage) << text;
    }
}

}  // namespace

}  // namespace penstock::cli
