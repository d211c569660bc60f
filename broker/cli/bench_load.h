// Load: keeps connections busy, in a closed loop (each sends again as soon as it is answered) or an
// open one (work is due at a fixed rate; latency counts from when it was due, not from when a
// connection was free, so that a stalled server cannot hide). One io_context, one thread.
#pragma once

#include "broker/base/clock.h"
#include "broker/cli/bench_histogram.h"
#include "broker/cli/bench_link.h"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace penstock::cli {

struct LoadOptions {
    std::size_t connections = 64;
    std::uint64_t warmup_us = 2'000'000;
    std::uint64_t duration_us = 10'000'000;  // measured, after the warm-up
    double units_per_s = 0;                  // 0: closed loop
};

// What one unit of work came to.
struct UnitResult {
    std::uint64_t messages = 0;
    std::string failure;  // empty: none
};

// One unit of work on one connection: one or several exchanges. Implementations belong to the
// load's thread and call `done` once.
class Scenario {
  public:
    using Done = std::function<void(UnitResult)>;

    virtual ~Scenario() = default;
    // `worker` numbers the connection, from 0; `due_us` is when the unit was due.
    virtual void run(std::size_t worker, Link& link, std::int64_t due_us, Done done) = 0;

    // The last unit has ended: nothing of its own may keep the context busy.
    virtual void close() {}
};

struct LoadResult {
    Histogram latency;
    std::uint64_t units = 0;
    std::uint64_t messages = 0;
    std::uint64_t messages_in_all = 0;  // before and after measuring too
    std::uint64_t failures = 0;
    std::map<std::string, std::uint64_t> failures_by_text;  // the first few kinds
    std::uint64_t behind = 0;                               // open loop: units due and never begun
    double measured_s = 0;
    double cpu_s = 0;  // of this process, while measuring
    std::int64_t from_us = 0;
    std::int64_t to_us = 0;
};

class Load {
  public:
    Load(boost::asio::io_context& context,
         const Link::Tcp::endpoint& endpoint,
         const Clock& clock,
         const LoadOptions& options,
         Scenario& scenario,
         const std::optional<LinkTls>& tls = {});

    // Runs until the time is over and everything under way has ended. `started` hears when
    // measuring begins and ends (steady_us).
    LoadResult run(const std::function<void(std::int64_t, std::int64_t)>& started);

  private:
    struct Worker {
        explicit Worker(std::unique_ptr<Link> made) : link(std::move(made)) {}

        std::unique_ptr<Link> link;
        bool busy = false;
    };

    void begin(std::size_t worker, std::int64_t due_us);
    void ended(std::size_t worker, std::int64_t due_us, UnitResult result);
    void next(std::size_t worker);
    void pace();
    void stop();
    void count_failure(std::string text);
    [[nodiscard]] std::int64_t due_at(std::uint64_t unit) const;

    boost::asio::io_context& context_;
    const Clock& clock_;
    LoadOptions options_;
    Scenario& scenario_;
    std::vector<Worker> workers_;
    boost::asio::steady_timer pacer_;
    boost::asio::steady_timer phase_;
    std::int64_t begin_us_ = 0;
    std::uint64_t units_begun_ = 0;  // open loop
    std::size_t busy_ = 0;           // workers
    bool stopping_ = false;
    double cpu_before_s_ = 0;
    LoadResult result_;
};

// Processor time of this process so far.
double process_cpu_s();

}  // namespace penstock::cli
