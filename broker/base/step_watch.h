// StepWatch: tells when one step of a loop used too much processor time, for everything else on
// that thread waited behind it. Owned by the loop, on its thread; one line a second at most. Short
// steps cost it no system call.
#pragma once

#include <cstdint>
#include <string>

namespace penstock {

inline constexpr std::int64_t slow_step_us = 5'000;

class StepWatch {
  public:
    // `room` is the folder that speaks in the log. Made on the thread that it watches.
    explicit StepWatch(std::string room);

    // A step has ended, and with it begins the next one.
    void step_ended();

    [[nodiscard]] std::uint64_t slow_steps() const { return slow_steps_; }

  private:
    struct Reading {
        std::int64_t at_us;         // of the steady clock
        std::int64_t processor_us;  // that this thread had used by then
    };

    static Reading read(std::int64_t at_us);

    std::string room_;
    std::int64_t begun_us_;  // when this step began
    Reading read_;           // at most half a millisecond before it began
    std::int64_t said_us_;   // processor time of the last line
    std::uint64_t slow_steps_ = 0;
};

}  // namespace penstock
