// LogBook: what functions wrote and what went wrong with them, the newest kept, in memory. Pools
// and sinks write into it on the thread of its executor; the ways in ask from any thread. It never
// fails: beyond its limits the oldest lines go, and a flood of lines is cut short and counted.
#pragma once

#include "broker/api/functions.h"
#include "broker/base/clock.h"
#include "broker/model/metric.h"
#include "sinks/worker/launcher.h"

#include <boost/asio/any_io_executor.hpp>

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>

namespace penstock::sinks::worker {

struct LogBookLimits {
    std::size_t bytes_max = api::function_log_bytes_max;  // kept of one subscription
    std::size_t line_bytes_max = api::function_log_line_bytes_max;
    std::size_t subscriptions_max = 1'024;  // beyond it the one that wrote longest ago is forgotten
    std::uint32_t lines_per_second = 500;   // of one subscription
    std::uint32_t lines_at_once = 2'000;
};

class LogBook final : public api::Functions {
  public:
    using StatusSource = std::function<api::FunctionStatus()>;

    // `clock` and `launcher` outlive it.
    LogBook(boost::asio::any_io_executor executor,
            const Clock& clock,
            const Launcher& launcher,
            const LogBookLimits& limits = {});

    // A line of a function; control bytes are escaped, what is too long is cut.
    void write(model::SubscriptionNo subscription,
               std::string_view level,
               std::string_view message,
               std::string_view text);

    // One failure that a user must see, in one sentence with the fix: a line of level "server",
    // and the status' last problem.
    void problem(model::SubscriptionNo subscription,
                 std::string_view message,
                 std::string_view text);

    // The function works (again): it has no last problem.
    void success(model::SubscriptionNo subscription);

    // Who knows processes of a subscription: there may be several, `watcher` tells them apart. An
    // empty source: this one not any more.
    void watch(model::SubscriptionNo subscription, const void* watcher, StatusSource source);

    // A pool started a process; one of its processes ended as it should not.
    void count_start() { ++starts_; }

    void count_crash() { ++crashes_; }

    void measure(model::Metrics& metrics) const;

    void logs(api::FunctionLogQuery query,
              std::function<void(api::FunctionLogPage)> answer) override;
    void status(model::SubscriptionNo subscription,
                std::function<void(api::FunctionStatus)> answer) override;
    void sandbox(std::function<void(api::SandboxReport)> answer) override;

  private:
    // How many lines may still be kept.
    struct Allowance {
        std::int64_t left = 0;
        std::int64_t counted_us = 0;
        std::uint64_t dropped = 0;  // since it ran out
    };

    struct Page {
        std::deque<api::FunctionLogLine> lines;
        std::size_t bytes = 0;
        std::uint64_t last_number = 0;
        std::string last_problem;
        Allowance function;
        Allowance server;  // a noisy function does not drown what the server says of it
    };

    Page& page(model::SubscriptionNo subscription);
    bool allowed(model::SubscriptionNo subscription, Page& page, Allowance& allowance);
    void append(model::SubscriptionNo subscription,
                Page& page,
                std::string_view level,
                std::string_view message,
                std::string text);
    [[nodiscard]] api::FunctionLogPage read(const api::FunctionLogQuery& query) const;

    boost::asio::any_io_executor executor_;
    const Clock& clock_;
    const Launcher& launcher_;
    LogBookLimits limits_;
    std::map<model::SubscriptionNo, Page> pages_;
    std::map<std::pair<model::SubscriptionNo, const void*>, StatusSource> sources_;
    std::uint64_t last_number_ = 0;
    std::uint64_t starts_ = 0;
    std::uint64_t crashes_ = 0;
};

}  // namespace penstock::sinks::worker
