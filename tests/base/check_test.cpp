#include "broker/base/check.h"

#include "broker/base/clock.h"
#include "broker/base/log.h"

#include <gtest/gtest.h>

namespace penstock {
namespace {

TEST(Check, ABugStopsTheProcessWithItsPlaceAndReason) {
    check(true, "never shown");
    EXPECT_DEATH(check(false, "sequences must grow"), "sequences must grow .*check_test.cpp");
}

TEST(LogLine, ControlBytesCannotForgeALine) {
    ::testing::internal::CaptureStderr();
    log_line(LogLevel::warn, "tests", "name=\"a\nb\x1B[31m\x7F\"");
    const std::string line = ::testing::internal::GetCapturedStderr();
    EXPECT_NE(line.find("room=tests name=\"a\\x0ab\\x1b[31m\\x7f\""), std::string::npos) << line;
    EXPECT_EQ(line.find('\n'), line.size() - 1);
}

TEST(LogLine, LinesBelowTheLevelAreDropped) {
    ::testing::internal::CaptureStderr();
    log_line(LogLevel::debug, "tests", "quiet");
    set_log_level(LogLevel::error);
    log_line(LogLevel::warn, "tests", "quiet");
    log_line(LogLevel::error, "tests", "loud");
    set_log_level(LogLevel::info);
    const std::string lines = ::testing::internal::GetCapturedStderr();
    EXPECT_EQ(lines.find("quiet"), std::string::npos);
    EXPECT_NE(lines.find("loud"), std::string::npos);
}

TEST(SystemClock, RunsForwardAndKnowsTheCentury) {
    const SystemClock clock;
    const std::int64_t before = clock.steady_us();
    EXPECT_GE(clock.steady_us(), before);
    EXPECT_GT(clock.wall_ms(), 1'700'000'000'000);
    EXPECT_LT(clock.wall_ms(), 4'102'444'800'000);
}

}  // namespace
}  // namespace penstock
