// Dialer: keeps one connection to one node on one lane: resolves, connects, has the connection
// served, and when it ends tries again after a pause that doubles, with chance in it. Owned by the
// switchboard and by its coroutine, on the transport's thread. What fails is its problem() until
// the next connection stands.
#pragma once

#include "broker/replication/transport/connection.h"

#include <boost/asio/awaitable.hpp>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace penstock::replication::transport {

class Dialer : public std::enable_shared_from_this<Dialer> {
  public:
    // Serves a connection until it ends.
    using Serve = std::function<asio::awaitable<void>(std::shared_ptr<Connection>)>;

    Dialer(Surroundings& world, Connection::Owner& owner, Serve serve, PeerAddress peer, Lane lane);

    // Begins a dial when its time has come; ends one that takes too long.
    void tick(std::int64_t now_us);

    // No more dials; the connection ends in order.
    void retire();

    // The connection stands.
    void stood();

    [[nodiscard]] std::uint64_t reconnects() const { return reconnects_; }

    [[nodiscard]] const std::string& problem() const { return problem_; }

  private:
    using Endpoints = std::vector<asio::ip::tcp::endpoint>;

    asio::awaitable<void> dial();
    asio::awaitable<Endpoints> resolve();
    asio::awaitable<bool> connect(Endpoints endpoints);
    void drop_forbidden(Endpoints& endpoints);
    void pause();
    void note(std::string problem);

    Surroundings& world_;
    Connection::Owner& owner_;
    Serve serve_;
    PeerAddress peer_;
    Lane lane_;
    Socket socket_;
    asio::ip::tcp::resolver resolver_;
    std::shared_ptr<Connection> connection_;
    bool retired_ = false;
    bool dialing_ = false;
    bool ever_stood_ = false;
    unsigned failures_ = 0;         // in a row
    std::int64_t next_us_ = 0;      // when to dial again
    std::int64_t deadline_us_ = 0;  // of resolving and connecting; 0: not doing so
    std::uint64_t reconnects_ = 0;
    std::string problem_;
};

}  // namespace penstock::replication::transport
