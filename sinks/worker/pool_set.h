// PoolSet: the pools of one contract, by subscription, driven by Asio: one timer for all deadlines,
// one posted step for all that happened in a turn. PoolSink: a Sink that is nothing but a PoolSet.
// Both belong to the thread of their executor.
#pragma once

#include "broker/base/clock.h"
#include "broker/base/random.h"
#include "sinks/sink.h"
#include "sinks/worker/conversation.h"
#include "sinks/worker/launcher.h"
#include "sinks/worker/log_book.h"
#include "sinks/worker/pool.h"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <cstdint>
#include <map>
#include <memory>

namespace penstock::sinks::worker {

// What every sink with processes is made of. Everything outlives the sinks.
struct Workshop {
    boost::asio::any_io_executor executor;
    const Clock& clock;
    Random& random;
    Launcher& launcher;
    LogBook& log_book;
    PoolLimits limits;
};

class PoolSet {
  public:
    PoolSet(const Workshop& workshop, std::unique_ptr<Contract> contract);
    ~PoolSet();
    PoolSet(const PoolSet&) = delete;
    PoolSet& operator=(const PoolSet&) = delete;

    void deliver(Job job);
    void forget(model::SubscriptionNo subscription);
    // Finishes everything as not attempted; no timer or post keeps the context busy after it.
    void stop();

  private:
    class Core;  // outlives what was posted
    std::shared_ptr<Core> core_;
};

class PoolSink final : public Sink {
  public:
    PoolSink(const Workshop& workshop, std::unique_ptr<Contract> contract)
        : pools_(workshop, std::move(contract)) {}

    void deliver(const api::Target& target, const api::Delivery& delivery, Done done) override;

    void forget(const api::Target& target) override { pools_.forget(target.subscription); }

    void stop() override { pools_.stop(); }

  private:
    PoolSet pools_;
};

}  // namespace penstock::sinks::worker
