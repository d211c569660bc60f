#include "broker/base/step_watch.h"

#include "broker/base/log.h"

#include <ctime>
#include <utility>

namespace penstock {

namespace {

constexpr std::int64_t say_every_us = 1'000'000;

// Time that this thread has run, not time that has passed: a busy machine is not the step's fault.
std::int64_t thread_us() {
    timespec spent{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &spent);
    return std::int64_t{spent.tv_sec} * 1'000'000 + spent.tv_nsec / 1'000;
}

}  // namespace

StepWatch::StepWatch(std::string room)
    : room_(std::move(room)), begun_us_(thread_us()), said_us_(begun_us_ - say_every_us) {}

void StepWatch::step_ended() {
    const std::int64_t now_us = thread_us();
    const std::int64_t used_us = now_us - std::exchange(begun_us_, now_us);
    if (used_us <= slow_step_us) return;
    ++slow_steps_;
    if (now_us - said_us_ < say_every_us) return;
    said_us_ = now_us;
    log_line(LogLevel::warn,
             room_,
             "event=slow_step cpu_us=" + std::to_string(used_us) +
                 " so_far=" + std::to_string(slow_steps_));
}

}  // namespace penstock
