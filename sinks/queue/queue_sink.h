// QueueSink: delivers to a queue that the publish's own entry could not feed (full or paused then).
// The broker appends and settles in one entry, so an accepted delivery comes back as settled. Made
// by sinks/all.cpp, owned by the dispatcher, on its thread.
#pragma once

#include "sinks/sink.h"

#include <boost/asio/any_io_executor.hpp>

#include <cstdint>
#include <map>
#include <memory>

namespace penstock::sinks::queue {

class QueueSink final : public Sink {
  public:
    // `dispatch` outlives the sink.
    QueueSink(boost::asio::any_io_executor executor, api::Dispatch& dispatch);
    ~QueueSink() override;

    void deliver(const api::Target& target, const api::Delivery& delivery, Done done) override;

    void forget(const api::Target&) override {}

    void stop() override;

  private:
    // Answers come on the broker's threads, perhaps after the sink is gone: they find what waits
    // here, or nothing, by number.
    struct Waiting {
        std::map<std::uint64_t, Done> by_number;
        std::uint64_t last_number = 0;
    };

    boost::asio::any_io_executor executor_;
    api::Dispatch& dispatch_;
    std::shared_ptr<Waiting> waiting_;
};

}  // namespace penstock::sinks::queue
