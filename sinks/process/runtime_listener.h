// RuntimeListener: the server side of both runtime APIs for one worker process, which is known by
// its port alone. It gives what is offered to the `next` requests that are open and tells what the
// program answered. It never closes a connection whose client waits, and it knows no deadline: the
// owner ends the process. It serves one user alone, so that no other function of this machine can
// take what is not its own. Made and owned by a RuntimeSink, on its thread. A connection that
// breaks only takes its own `next` away; an invocation handed out stays until it is answered or
// dropped.
#pragma once

#include "broker/base/error.h"
#include "sinks/process/runtime_session.h"
#include "sinks/process/runtime_wire.h"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>

namespace penstock::sinks::process {

inline constexpr std::size_t runtime_connections_spare = 32;  // beyond one a message in flight

// One event for the program. `render` gives it in a family's shape; it is called once, in offer().
struct RuntimeInvocation {
    RuntimeHead head;  // its request_id is unique within the listener
    std::function<std::string(RuntimeFamily)> render;
};

// What the program made of it.
struct RuntimeAnswer {
    bool ok = false;
    std::string body;    // ok: what it posted
    RuntimeError error;  // otherwise
};

class RuntimeListener final : public std::enable_shared_from_this<RuntimeListener>,
                              private RuntimeSession::Owner {
  public:
    using Done = std::function<void(RuntimeAnswer)>;

    class Owner {
      public:
        virtual ~Owner() = default;

        // A `next` opened that room() did not count before, or the program said that it is ready.
        virtual void on_runtime_ready() = 0;

        // The program could not start; it will end now.
        virtual void on_runtime_init_error(RuntimeError error) = 0;
    };

    // Listens on a free port of 127.0.0.1. `owner` outlives the last stop(). `window`: how many
    // invocations may be in flight. Connections of other users than `user` are closed, and those of
    // which the kernel does not tell whose they are. Error{unavailable}: no socket, or it never
    // tells.
    static Result<std::shared_ptr<RuntimeListener>> open(boost::asio::any_io_executor executor,
                                                         Owner& owner,
                                                         std::size_t window,
                                                         std::uint32_t user);

    [[nodiscard]] std::uint16_t port() const { return port_; }

    // How many invocations would reach the program at once.
    [[nodiscard]] std::size_t room() const;

    // Hands the invocation to an open `next`; room() > 0. `done` runs once, unless it is dropped.
    void offer(const RuntimeInvocation& invocation, Done done);

    // Closes every connection and forgets what is in flight, without calling anyone.
    void stop();

    RuntimeListener(boost::asio::ip::tcp::acceptor acceptor,
                    Owner& owner,
                    std::size_t window,
                    std::uint32_t user);

  private:
    using ErrorCode = boost::system::error_code;
    using Number = std::uint64_t;  // of a session

    struct Flight {
        std::string scf_answer;  // SCF: the whole answer to every `next` of this invocation
        Done done;
        Number reader = 0;  // session whose answer is being read; 0: none
    };

    using Flights = std::map<std::string, Flight>;  // by request id

    void accept();
    [[nodiscard]] bool welcome(const boost::asio::ip::tcp::socket& socket) const;
    void on_accepted(const ErrorCode& ec, boost::asio::ip::tcp::socket socket);
    Flights::iterator find_flight(const RuntimeCall& call);
    std::uint64_t body_bytes_max(RuntimeSession& session, const RuntimeCall& call) override;
    void on_request(RuntimeSession& session, RuntimeRequest request) override;
    void on_closed(RuntimeSession& session) override;
    void on_next(RuntimeSession& session, RuntimeFamily family);
    void on_outcome(RuntimeSession& session, RuntimeRequest request);

    boost::asio::ip::tcp::acceptor acceptor_;
    boost::asio::steady_timer accept_timer_;
    Owner* owner_;
    std::size_t window_;
    std::uint32_t user_;
    std::uint16_t port_ = 0;
    Number last_number_ = 0;
    std::map<Number, std::shared_ptr<RuntimeSession>> sessions_;
    std::deque<Number> lambda_waits_;  // sessions with an open `next`, oldest first
    std::deque<Number> scf_waits_;
    Flights flights_;
    std::string scf_current_;  // request id of SCF's one invocation; empty: none
};

}  // namespace penstock::sinks::process
