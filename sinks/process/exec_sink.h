// ExecSink: one process a message; its exit status is the answer. On the dispatcher's thread. A run
// is settled once its process and all it started are gone: at the deadline it gets SIGTERM, five
// seconds later everything of it is killed. What goes wrong is the AttemptResult.
#pragma once

#include "sinks/process/exec_run.h"
#include "sinks/process/process_order.h"
#include "sinks/sink.h"
#include "sinks/worker/pool_set.h"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

namespace penstock::sinks::process {

inline constexpr std::size_t exec_runs_max = 256;  // processes at a time, all subscriptions
inline constexpr unsigned exec_crashes_max = 5;    // messages in a row that crash: crash loop
// How long a disabling takes to be known everywhere, at most.
inline constexpr std::int64_t disabling_us = 1'000'000;

class ExecSink final : public Sink {
  public:
    ExecSink(const worker::Workshop& workshop, ProcessOptions options);
    ~ExecSink() override;
    ExecSink(const ExecSink&) = delete;
    ExecSink& operator=(const ExecSink&) = delete;

    void deliver(const api::Target& target, const api::Delivery& delivery, Done done) override;

    // The target is gone or changed: whatever was wrong may be mended.
    void forget(const api::Target& target) override;
    void stop() override;

  private:
    // One subscription's runs.
    struct Function {
        std::uint64_t starts = 0;
        std::uint64_t crashes = 0;
        std::set<model::MessageId> culprits;  // crashed since the last run that ended by itself
        bool has_problem = false;
        bool told_absence = false;  // of the supervisor, since the last success
        bool forgotten = false;     // kept for the runs that are left
    };

    // A subscription that was disabled just now: what is handed out until that is known gets this.
    struct Refusal {
        AttemptResult result;
        std::int64_t until_us = 0;
    };

    struct Run {
        const api::Target* target = nullptr;
        const api::Delivery* delivery = nullptr;
        Done done;
        std::int64_t started_ms = 0;
        std::shared_ptr<ExecRun> process;
    };

    Function& function(const api::Target& target);
    void on_ended(std::uint64_t number, const ExecEnd& end, const std::string& output);
    void judge_crash(Function& known, const Run& run, AttemptResult& result);
    [[nodiscard]] std::optional<AttemptResult> refusal(const api::Target& target,
                                                       const api::Delivery& delivery) const;
    void disable(const api::Target& target, AttemptResult& result);
    Result<void> start(const api::Target& target, const api::Delivery& delivery, Done& done);
    void report(Function& known, const Run& run, const AttemptResult& result);
    void report_absence(const api::Target& target);
    [[nodiscard]] bool has_runs(model::SubscriptionNo subscription) const;
    void drop(model::SubscriptionNo subscription);
    [[nodiscard]] api::FunctionStatus status(model::SubscriptionNo subscription) const;

    worker::Workshop workshop_;
    ProcessOptions options_;
    std::map<std::uint64_t, Run> runs_;
    std::map<model::SubscriptionNo, Function> functions_;
    std::map<model::SubscriptionNo, Refusal> refusals_;  // the last second's
    std::uint64_t last_run_ = 0;
    bool stopped_ = false;
};

}  // namespace penstock::sinks::process
