// Pool: the processes of one subscription. It starts them when messages wait, hands messages to
// those with free places, and knows the rules that are the same for every way of speaking:
// deadlines, back-off after crashes, crash loop, suspects, recycling, change of the program, drain.
// Plain steps: it does no I/O, has no timer and no thread; time comes from the Clock, processes
// from the Launcher, bytes move in the Conversation. Owned by a PoolSet, on its thread. Failures
// are Outcomes.
//
// The end of a process means, for the messages it had seen:
//   one in hand            retry, crash: counted apart by the core
//   several in hand        not attempted, crash: each is a suspect, handed out alone from now on
//   exit 78, 126, 127, not startable, or crash loop: not attempted, configuration, disable
//   the supervisor is gone, or we ended it for another message's sake: not attempted, no worker
// A message that it had not seen goes back to the queue of the pool.
#pragma once

#include "broker/api/functions.h"
#include "broker/base/clock.h"
#include "broker/base/random.h"
#include "sinks/worker/conversation.h"
#include "sinks/worker/launcher.h"
#include "sinks/worker/log_book.h"

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::sinks::worker {

struct PoolLimits {
    std::int64_t back_off_us_first = 100'000;  // doubles with each crash, plus or minus a fifth
    std::int64_t back_off_us_last = 30'000'000;
    std::int64_t fast_exit_us_max = 10'000'000;  // an end without an answer before it is a fast one
    unsigned fast_exits_max = 5;                 // in a row: crash loop
    std::int64_t term_grace_us = 5'000'000;      // from SIGTERM to the end of the tree
    std::int64_t extension_us_max = 3'600'000'000;  // how far a deadline may be moved from now
    std::int64_t fade_us = 1'000'000;  // how long a forgotten target may take to come back changed
    std::size_t waiting_max = 4'096;   // messages that wait for a free place
    std::size_t suspects_max = 1'024;
    std::uint32_t deferral_ms = 500;  // pause asked for what was not attempted
};

// What all pools share. Everything outlives the pools.
struct Surroundings {
    const Clock& clock;
    Random& random;
    Launcher& launcher;
    LogBook& log_book;
    Contract& contract;
    std::function<void()> wake;  // asks for a step() soon, on the same thread
    PoolLimits limits;
};

class Pool {
  public:
    Pool(const Surroundings& surroundings, const api::Target& target);
    // Kills what still runs. Jobs that wait are dropped: stop() first to have them finished.
    ~Pool();
    Pool(const Pool&) = delete;
    Pool& operator=(const Pool&) = delete;

    // Takes a message. Its target may differ from the last one's: then processes change over, new
    // ones first. Something happens with the next step().
    void deliver(Job job);

    // The target is gone or changed. If no message comes for it within fade_us, processes finish
    // what they hold and end.
    void forget();

    // Finishes everything as not attempted and kills the processes.
    void stop();

    // Hands out, starts, ends and times out whatever is due.
    void step();

    // When step() must be called at the latest; nothing: not before something happens.
    [[nodiscard]] std::optional<std::int64_t> wake_us() const;

    // Forgotten, and nothing is left: it can be destroyed.
    [[nodiscard]] bool over() const;

    [[nodiscard]] api::FunctionStatus status() const;

  private:
    struct Flight;
    struct Process;

    const Surroundings& world_;
};

}  // namespace penstock::sinks::worker
