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
#include "sinks/worker/pool_process.h"

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
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
    std::int64_t weigh_every_us = 1'000'000;  // at most, where memory recycles
    std::size_t waiting_max = 4'096;          // messages that wait for a free place
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

class Pool final : private PoolProcess::Owner {
  public:
    Pool(const Surroundings& surroundings, const api::Target& target);
    // Kills what still runs. Jobs that wait are dropped: stop() first to have them finished.
    ~Pool() override;
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
    using Ticket = Host::Ticket;
    using Process = PoolProcess;

    struct Waiting {
        Job job;
        std::int64_t until_us = 0;
    };

    // PoolProcess::Owner: notes from the conversations.
    void on_ready(Process& process) override;
    void on_answer(Process& process, Ticket ticket, Outcome outcome) override;
    void on_extend(Process& process, Ticket ticket, std::uint64_t by_ms) override;
    void on_line(Process& process,
                 std::string_view level,
                 Ticket ticket,
                 std::string_view text) override;
    void on_breach(Process& process, std::string_view what) override;
    void on_room() override;

    // Hands out and starts (pool.cpp).
    void take_target(const api::Target& target);
    void start_needed(std::int64_t now_us);
    bool start(std::int64_t now_us);
    void retire();
    void hand_out(std::int64_t now_us);
    Process* idle_process();
    Process* free_process();
    void offer(Process& process, Waiting waiting, std::int64_t now_us);
    [[nodiscard]] std::size_t free_places() const;
    [[nodiscard]] std::size_t serving() const;

    // Time (pool_time.cpp).
    void note_due(std::int64_t time_us);
    void check_times(std::int64_t now_us);
    void check_waiting(std::deque<Waiting>& waiting, std::int64_t now_us);
    void check_process(Process& process, std::int64_t now_us);
    void time_out(Process& process, Ticket ticket, std::int64_t now_us);
    void end_process(Process& process, Process::Why why, std::int64_t now_us);

    // Replacing processes (pool_recycle.cpp).
    void became_ready(Process& process, std::int64_t now_us);
    void count_offer(Process& process, std::int64_t now_us);
    void check_recycling(Process& process, std::int64_t now_us);
    void on_weight(Process& process, std::uint64_t bytes);
    static void recycle(Process& process);

    // What the end of a process means (pool_end.cpp).
    void conclude_ended(std::int64_t now_us);
    void conclude(Process& process, std::int64_t now_us);
    void take_back_unseen(Process& process);
    void conclude_crash(Process& process, std::int64_t now_us);
    void count_crash(const Process& process, std::int64_t now_us);
    void conclude_loop(Process& process);
    void back_off(std::int64_t now_us);
    [[nodiscard]] bool is_fast(const Process& process, std::int64_t now_us) const;
    [[nodiscard]] std::string how_it_ended(const Process& process) const;
    void suspect(const Process& process);
    void acquit(model::MessageId message);
    void give_back(Process& process, const AttemptResult& result);
    void give_back_waiting(const AttemptResult& result);
    void disable(Process* process, const std::string& reason);
    void complete(Process& process, Flight flight, Outcome outcome);
    void problem(const api::Delivery* delivery, const std::string& text);
    [[nodiscard]] AttemptResult deferral(model::Failure failure, std::string excerpt) const;

    const Surroundings& world_;
    api::Target target_;
    std::uint64_t generation_ = 1;                     // of the target
    std::vector<std::shared_ptr<Process>> processes_;  // the launcher's callbacks hold on weakly
    std::deque<Waiting> waiting_;
    std::deque<Waiting> waiting_suspects_;
    std::deque<model::MessageId> suspect_order_;  // oldest first
    std::set<model::MessageId> suspects_;
    std::set<model::MessageId> culprits_;  // crashed a process alone since the last answer
    unsigned fast_exits_ = 0;              // since the last answer
    unsigned crashes_in_row_ = 0;          // since the last answer
    std::int64_t not_before_us_ = 0;       // no start before it
    std::int64_t due_us_;                  // nothing is due before it
    std::optional<std::int64_t> fade_us_;
    AttemptResult refused_;              // what the last disabling said
    std::int64_t refuses_until_us_ = 0;  // what is handed out until it is known gets this
    Ticket last_ticket_ = 0;
    std::uint64_t starts_ = 0;
    std::uint64_t crashes_ = 0;
    bool has_problem_ = false;
    bool stopped_ = false;
};

}  // namespace penstock::sinks::worker
