#include "sinks/worker/pool_set.h"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>
#include <vector>

namespace penstock::sinks::worker {

class PoolSet::Core : public std::enable_shared_from_this<Core> {
  public:
    Core(const Workshop& workshop, std::unique_ptr<Contract> contract)
        : workshop_(workshop), contract_(std::move(contract)), timer_(workshop.executor) {}

    void deliver(Job job) {
        auto& entry = pools_[job.target->subscription];
        if (!entry) entry = std::make_unique<Entry>(*this, *job.target);
        if (stopped_) entry->pool.stop();
        entry->pool.deliver(std::move(job));
    }

    void forget(model::SubscriptionNo subscription) {
        const auto found = pools_.find(subscription);
        if (found != pools_.end()) found->second->pool.forget();
    }

    void stop() {
        stopped_ = true;
        for (const auto& [subscription, entry] : pools_) entry->pool.stop();
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
    // A pool that knows when it asked for a step.
    struct Entry {
        Entry(Core& core, const api::Target& target)
            : surroundings{core.workshop_.clock,
                           core.workshop_.random,
                           core.workshop_.launcher,
                           core.workshop_.log_book,
                           *core.contract_,
                           [&core, this, subscription = target.subscription]() {
                               if (!std::exchange(asked, true)) core.step_soon(subscription);
                           },
                           core.workshop_.limits},
              pool(surroundings, target) {}

        Surroundings surroundings;
        Pool pool;
        bool asked = false;
    };

    void step_soon(model::SubscriptionNo subscription) {
        asking_.push_back(subscription);
        if (stopped_ || std::exchange(step_posted_, true)) return;
        boost::asio::post(workshop_.executor, [self = shared_from_this()]() {
            self->step_posted_ = false;
            self->step();
        });
    }

    void step() {
        const auto asking = std::exchange(asking_, {});
        for (const model::SubscriptionNo subscription : asking) {
            const auto found = pools_.find(subscription);
            if (stopped_ || found == pools_.end()) continue;
            found->second->asked = false;
            Pool& pool = found->second->pool;
            pool.step();
            arm(pool.wake_us());
            if (pool.over()) pools_.erase(found);
        }
    }

    // The time has come for some, or the timer ran too early: then it looks again.
    void on_time() {
        const std::int64_t now_us = workshop_.clock.steady_us();
        for (const auto& [subscription, entry] : pools_) {
            const auto due_us = entry->pool.wake_us();
            if (!due_us) continue;
            if (*due_us > now_us) {
                arm(due_us);
            } else {
                entry->surroundings.wake();
            }
        }
    }

    void arm(std::optional<std::int64_t> wake_us) {
        if (!wake_us || (timer_us_ && *timer_us_ <= *wake_us)) return;
        timer_us_ = wake_us;
        const std::int64_t wait_us =
            std::max<std::int64_t>(0, *wake_us - workshop_.clock.steady_us());
        timer_.expires_after(std::chrono::microseconds(wait_us));
        timer_.async_wait([self = shared_from_this()](const boost::system::error_code& ec) {
            if (ec || self->stopped_) return;
            self->timer_us_.reset();
            self->on_time();
        });
    }

    Workshop workshop_;
    std::unique_ptr<Contract> contract_;
    boost::asio::steady_timer timer_;
    std::map<model::SubscriptionNo, std::unique_ptr<Entry>> pools_;
    std::vector<model::SubscriptionNo> asking_;  // in the order they asked
    std::optional<std::int64_t> timer_us_;       // when the timer runs, if it does
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
