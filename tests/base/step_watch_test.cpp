#include "broker/base/step_watch.h"

#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <ctime>
#include <mutex>

namespace penstock {
namespace {

void use_processor(std::int64_t us) {
    const std::clock_t end = std::clock() + us * CLOCKS_PER_SEC / 1'000'000;
    while (std::clock() < end) {
    }
}

TEST(StepWatch, CountsStepsThatUseTooMuchProcessorTime) {
    StepWatch watch("tests");
    watch.step_ended();
    EXPECT_EQ(watch.slow_steps(), 0U);
    use_processor(8'000);
    watch.step_ended();
    EXPECT_EQ(watch.slow_steps(), 1U);
    use_processor(1'000);
    watch.step_ended();
    EXPECT_EQ(watch.slow_steps(), 1U);
}

TEST(StepWatch, WaitingIsNotTheStepsFault) {
    StepWatch watch("tests");
    std::condition_variable never;
    std::mutex mutex;
    std::unique_lock<std::mutex> lock(mutex);
    never.wait_for(lock, std::chrono::milliseconds(20));
    watch.step_ended();
    EXPECT_EQ(watch.slow_steps(), 0U);
}

}  // namespace
}  // namespace penstock
