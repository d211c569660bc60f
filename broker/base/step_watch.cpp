#include "broker/base/step_watch.h"

#include "broker/base/log.h"

#include <ctime>
#include <utility>

namespace penstock {

namespace {

constexpr std::int64_t say_every_us = 1'000'000;
constexpr std::int64_t read_every_us = 500;

std::int64_t us_of(clockid_t clock) {
    timespec now{};
    ::clock_gettime(clock, &now);
    return std::int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1'000;
}

}  // namespace

// Time that this thread has run, not time that has passed: a busy machine is not the step's fault.
StepWatch::Reading StepWatch::read(std::int64_t at_us) {
    return {at_us, us_of(CLOCK_THREAD_CPUTIME_ID)};
}

StepWatch::StepWatch(std::string room)
    : room_(std::move(room)),
      begun_us_(us_of(CLOCK_MONOTONIC)),
      read_(read(begun_us_)),
      said_us_(read_.processor_us - say_every_us) {}

void StepWatch::step_ended() {
    // The steady clock is read without the kernel, the thread's time is not: it is asked for when
    // enough time has passed for a step to be slow, and otherwise now and then.
    const std::int64_t now_us = us_of(CLOCK_MONOTONIC);
    const std::int64_t began_us = std::exchange(begun_us_, now_us);
    const bool may_be_slow = now_us - began_us > slow_step_us;
    if (!may_be_slow && now_us - read_.at_us < read_every_us) return;
    const Reading before = std::exchange(read_, read(now_us));
    if (!may_be_slow) return;
    // Earlier steps may have used all the time from that reading to the beginning of this one.
    const std::int64_t used_us =
        read_.processor_us - before.processor_us - (began_us - before.at_us);
    if (used_us <= slow_step_us) return;
    ++slow_steps_;
    if (read_.processor_us - said_us_ < say_every_us) return;
    said_us_ = read_.processor_us;
    log_line(LogLevel::warn,
             room_,
             "event=slow_step cpu_us=" + std::to_string(used_us) +
                 " so_far=" + std::to_string(slow_steps_));
}

}  // namespace penstock
