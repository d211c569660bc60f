// TcpServer: CMQ over TCP on a port of its own, as Tencent Cloud's TCP clients speak it. It
// accepts, spreads the connections over the pool's threads and lets each have what it asks of the
// broker (session.h).
//
// Owned by main, destroyed before the pool and after stop()'s `done`, or the pool's threads joined.
// Fails only in start(): an address that cannot be bound. What a client does ends its own
// connection and nothing else.
#pragma once

#include "broker/api/broker.h"
#include "broker/base/clock.h"
#include "broker/base/error.h"
#include "broker/model/metric.h"
#include "plugins/cmq_tcp/limits.h"
#include "plugins/listener/io_pool.h"
#include "plugins/listener/server_tls.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace penstock::plugins {

struct TcpServerOptions {
    std::string host = "127.0.0.1";  // an address or a name; the first address it has is used
    std::uint16_t port = 7071;       // 0: a free one
    std::uint64_t seed = 0;          // of request ids: random, so that restarts repeat none
    TcpLimits limits;
    const ServerTls* tls = nullptr;  // outlives the server; nullptr: no TLS
};

class TcpServer {
  public:
    // Binds and listens; nothing is served before serve(). `pool` and `clock` outlive it.
    static Result<std::unique_ptr<TcpServer>> bind(TcpServerOptions options,
                                                   IoPool& pool,
                                                   const Clock& clock);

    struct State;
    explicit TcpServer(std::unique_ptr<State> state);  // of bind()
    ~TcpServer();
    TcpServer(const TcpServer&) = delete;
    TcpServer& operator=(const TcpServer&) = delete;

    // Begins to accept; once. `broker` outlives it.
    void serve(api::Broker& broker);

    [[nodiscard]] std::uint16_t port() const;       // the one in use
    [[nodiscard]] std::string host() const;         // the address in use, as text
    [[nodiscard]] std::size_t connections() const;  // open now; any thread

    // Connections and what was asked for over them, in figures. Any thread.
    void measure(model::Metrics& metrics) const;

    // Stops accepting and reading, cancels pulls, lets what is under way be answered within
    // limits.stop_grace, then cuts. `done` runs once, on an I/O thread. Any thread, at most once.
    void stop(std::function<void()> done);

  private:
    std::unique_ptr<State> state_;
};

}  // namespace penstock::plugins
