// Producer: the part of a connection that has sent transactional messages: it waits at the broker
// for checks of its queues, and what falls due is asked over the connection. A connection that
// sends or confirms a transactional message of a queue is a producer of that queue until it ends.
//
// Owned by its session, the lane's thread only. Polls are under way until stop(); what the broker
// answers later is dropped: such a check counts, and the next connection is asked after the next
// pause.
#pragma once

#include "broker/api/broker.h"
#include "plugins/cmq_tcp/limits.h"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <functional>
#include <map>
#include <memory>
#include <string>

namespace penstock::plugins::cmq_tcp {

class Producer : public std::enable_shared_from_this<Producer> {
  public:
    // What the session does with a check; false: it has no room for more now.
    using Ask = std::function<bool(const std::string& queue, model::MessageId message)>;

    Producer(api::Broker& broker,
             boost::asio::any_io_executor executor,
             const TcpLimits& limits,
             Ask ask);

    // From now on it is asked for that queue. Beyond limits.produced_queues_max it is not.
    void produces(const api::Principal& principal, const std::string& queue);

    // Nothing is asked any more; `ask` is not called again.
    void stop();

  private:
    struct Poll {
        std::shared_ptr<api::Cancellation> call;
        std::unique_ptr<boost::asio::steady_timer> pause;
    };

    void poll(const std::string& queue);
    void rest(const std::string& queue);
    void taken(const std::string& queue, api::Outcome<api::TakenChecks> outcome);

    api::Broker& broker_;
    boost::asio::any_io_executor executor_;
    const TcpLimits& limits_;
    Ask ask_;  // empty: stopped
    api::Principal principal_;
    std::map<std::string, Poll, std::less<>> queues_;
};

}  // namespace penstock::plugins::cmq_tcp
