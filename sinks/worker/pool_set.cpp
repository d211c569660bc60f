#include "sinks/worker/pool_set.h"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

namespace penstock::sinks::worker {

class PoolSet::Core : public std::enable_shared_from_this<Core> {
  public:
    Core(const Workshop& workshop, std::unique_ptr<Contract> contract)
        : executor_(workshop.executor),
          clock_(workshop.clock),
          contract_(std::move(contract)),
          timer_(workshop.executor),
          surroundings_{workshop.clock,
                        workshop.random,
                        workshop.launcher,
                        workshop.log_book,
                        *contract_,
                        [this]() { step_soon(); },
                        workshop.limits} {}

    void deliver(Job job) {
        auto& pool = pools_[job.target->subscription];
        if (!pool) pool = std::make_unique<Pool>(surroundings_, *job.target);
        if (stopped_) pool->stop();
        pool->deliver(std::move(job));
    }

    void forget(model::SubscriptionNo subscription) {
        const auto found = pools_.find(subscription);
        if (found != pools_.end()) found->second->forget();
    }

    void stop() {
        stopped_ = true;
        for (const auto& [subscription, pool] : pools_) pool->stop();
        contract_->stop();
        timer_.cancel();
    }

    // The owner is gone: what was posted finds nothing to do.
    void close() {
        stopped_ = true;
        timer_.cancel();
        pools_.clear();
    }

  private:
    void step_soon() {
        if (stopped_ || std::exchange(step_posted_, true)) return;
        boost::asio::post(executor_, [self = shared_from_this()]() {
            self->step_posted_ = false;
            self->step();
        });
    }

    void step() {
        if (stopped_) return;
        std::optional<std::int64_t> wake_us;
        for (auto next = pools_.begin(); next != pools_.end();) {
            Pool& pool = *next->second;
            pool.step();
            if (const auto due_us = pool.wake_us()) {
                wake_us = std::min(wake_us.value_or(*due_us), *due_us);
            }
            next = pool.over() ? pools_.erase(next) : std::next(next);
        }
        arm(wake_us);
    }

    void arm(std::optional<std::int64_t> wake_us) {
        // A timer that runs too early looks again.
        if (!wake_us || (timer_us_ && *timer_us_ <= *wake_us)) return;
        timer_us_ = wake_us;
        const std::int64_t wait_us = std::max<std::int64_t>(0, *wake_us - clock_.steady_us());
        timer_.expires_after(std::chrono::microseconds(wait_us));
        timer_.async_wait([self = shared_from_this()](const boost::system::error_code& ec) {
            if (ec) return;
            self->timer_us_.reset();
            self->step_soon();
        });
    }

    boost::asio::any_io_executor executor_;
    const Clock& clock_;
    std::unique_ptr<Contract> contract_;
    boost::asio::steady_timer timer_;
    Surroundings surroundings_;
    std::map<model::SubscriptionNo, std::unique_ptr<Pool>> pools_;
    std::optional<std::int64_t> timer_us_;  // when the timer runs, if it does
    bool step_posted_ = false;
    bool stopped_ = false;
};

PoolSet::PoolSet(const Workshop& workshop, std::unique_ptr<Contract> contract)
    : core_(std::make_shared<Core>(workshop, std::move(contract))) {}

PoolSet::~PoolSet() {
    core_->close();
}

void PoolSet::deliver(Job job) {
    core_->deliver(std::move(job));
}

void PoolSet::forget(model::SubscriptionNo subscription) {
    core_->forget(subscription);
}

void PoolSet::stop() {
    core_->stop();
}

void PoolSink::deliver(const api::Target& target, const api::Delivery& delivery, Done done) {
    Job job;
    job.target = &target;
    job.delivery = &delivery;
    job.done = [done = std::move(done)](Outcome outcome) {
        done(std::move(outcome.result));
    };
    pools_.deliver(std::move(job));
}

}  // namespace penstock::sinks::worker
