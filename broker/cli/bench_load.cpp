#include "broker/cli/bench_load.h"

#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <utility>

namespace penstock::cli {

namespace {

constexpr std::size_t failure_kinds_max = 8;

double seconds_of(const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

}  // namespace

double process_cpu_s() {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    return seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime);
}

Load::Load(boost::asio::io_context& context,
           const Link::Tcp::endpoint& endpoint,
           const Clock& clock,
           const LoadOptions& options,
           Scenario& scenario,
           const std::optional<LinkTls>& tls)
    : context_(context),
      clock_(clock),
      options_(options),
      scenario_(scenario),
      pacer_(context),
      phase_(context) {
    for (std::size_t at = 0; at < options_.connections; ++at) {
        workers_.emplace_back(std::make_unique<Link>(context, endpoint, tls));
    }
}

std::int64_t Load::due_at(std::uint64_t unit) const {
    return begin_us_ +
           static_cast<std::int64_t>(static_cast<double>(unit) * 1e6 / options_.units_per_s);
}

void Load::begin(std::size_t worker, std::int64_t due_us) {
    workers_[worker].busy = true;
    ++busy_;
    scenario_.run(
        worker, *workers_[worker].link, due_us, [this, worker, due_us](UnitResult result) {
            ended(worker, due_us, std::move(result));
        });
}

void Load::count_failure(std::string text) {
    ++result_.failures;
    if (result_.failures_by_text.size() < failure_kinds_max ||
        result_.failures_by_text.count(text) != 0) {
        ++result_.failures_by_text[std::move(text)];
    }
}

void Load::ended(std::size_t worker, std::int64_t due_us, UnitResult result) {
    const std::int64_t now_us = clock_.steady_us();
    workers_[worker].busy = false;
    --busy_;
    const bool failed = !result.failure.empty();
    if (!failed) result_.messages_in_all += result.messages;
    // What ended while measuring counts, whenever it was due: work that a stalled server made wait
    // must show.
    if (now_us >= result_.from_us && now_us <= result_.to_us) {
        if (failed) {
            count_failure(std::move(result.failure));
        } else {
            result_.latency.record(static_cast<std::uint64_t>(now_us - due_us));
            ++result_.units;
            result_.messages += result.messages;
        }
    }
    if (!stopping_) return next(worker);
    if (busy_ == 0) scenario_.close();
}

// What a free connection does: the next unit that is due, or, in a closed loop, just the next one.
void Load::next(std::size_t worker) {
    const std::int64_t now_us = clock_.steady_us();
    if (options_.units_per_s <= 0) {
        // Through the context: a server that refuses at once must not deepen the stack.
        workers_[worker].busy = true;
        boost::asio::post(context_, [this, worker] {
            if (stopping_) {
                workers_[worker].busy = false;
            } else {
                begin(worker, clock_.steady_us());
            }
        });
        return;
    }
    const std::int64_t due_us = due_at(units_begun_);
    if (due_us > now_us || stopping_) return;
    ++units_begun_;
    begin(worker, due_us);
}

// Wakes when the next unit is due and hands all that are due to free connections.
void Load::pace() {
    if (stopping_) return;
    for (std::size_t at = 0; at < workers_.size(); ++at) {
        if (due_at(units_begun_) > clock_.steady_us()) break;
        if (!workers_[at].busy) next(at);
    }
    // Something due and nobody free: whoever ends next takes it, this is only the fallback.
    constexpr std::int64_t all_busy_us = 200;
    const std::int64_t until_us = due_at(units_begun_) - clock_.steady_us();
    const std::int64_t wait_us = until_us > 0 ? until_us : all_busy_us;
    pacer_.expires_after(std::chrono::microseconds(wait_us));
    pacer_.async_wait([this](const boost::system::error_code& error) {
        if (!error) pace();
    });
}

void Load::stop() {
    stopping_ = true;
    pacer_.cancel();
    if (busy_ == 0) scenario_.close();
    result_.cpu_s = process_cpu_s() - cpu_before_s_;
    if (options_.units_per_s <= 0) return;
    while (due_at(units_begun_ + result_.behind) < result_.to_us) {
        ++result_.behind;
    }
}

LoadResult Load::run(const std::function<void(std::int64_t, std::int64_t)>& started) {
    begin_us_ = clock_.steady_us();
    result_.from_us = begin_us_ + static_cast<std::int64_t>(options_.warmup_us);
    result_.to_us = result_.from_us + static_cast<std::int64_t>(options_.duration_us);
    result_.measured_s = static_cast<double>(options_.duration_us) / 1e6;
    started(result_.from_us, result_.to_us);
    if (options_.units_per_s > 0) {
        pace();
    } else {
        for (std::size_t at = 0; at < workers_.size(); ++at) {
            next(at);
        }
    }
    phase_.expires_after(std::chrono::microseconds(options_.warmup_us));
    phase_.async_wait([this](const boost::system::error_code&) {
        cpu_before_s_ = process_cpu_s();
        phase_.expires_after(std::chrono::microseconds(options_.duration_us));
        phase_.async_wait([this](const boost::system::error_code&) { stop(); });
    });
    // Ends when nothing is left: every exchange has a deadline of its own.
    context_.run();
    return std::move(result_);
}

}  // namespace penstock::cli
