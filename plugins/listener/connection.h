// Connection: what a Lane must know of a session to watch over it. Implemented by Session; lives
// and dies on its lane's thread.
#pragma once

#include "plugins/listener/callers.h"

#include <boost/asio/cancellation_signal.hpp>

#include <cstddef>
#include <cstdint>

namespace penstock::plugins {

class Connection {
  public:
    // serving: requests and answers cross, as long as there are requests; reads go on, so that
    // nobody need look for hang-ups.
    enum class Phase : std::uint8_t {
        handshake,
        idle,
        head,
        body,
        handling,
        writing,
        lingering,
        serving,
    };

    virtual ~Connection() = default;

    virtual void expire() = 0;          // the phase's deadline has passed
    virtual void cut() = 0;             // closes the socket: whatever is pending ends with an error
    virtual void release_memory() = 0;  // the handler waits: nothing here is needed meanwhile
    [[nodiscard]] virtual int native_handle() = 0;

    Phase phase = Phase::idle;
    bool hung_up = false;                     // the caller is gone; told to the handler once
    std::int64_t since_us = 0;                // begin of the phase
    std::int64_t deadline_us = 0;             // 0: none
    std::size_t place = 0;                    // in the lane's list
    Callers::Visit visit;                     // set before it enters the lane
    boost::asio::cancellation_signal signal;  // cancels the handler
};

}  // namespace penstock::plugins
