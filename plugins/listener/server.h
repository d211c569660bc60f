// HttpServer: the listener itself. It accepts on one address, spreads the connections over the
// pool's threads, does TLS, enforces limits and deadlines, and hands whole requests to the first
// front end that wants them.
//
// Owned by main, destroyed before the pool and after the front ends stopped being asked (stop()'s
// `done`, or the pool's threads joined). Fails only in start(): an address that cannot be bound.
// Whatever a client does ends its own connection and nothing else.
#pragma once

#include "broker/base/clock.h"
#include "broker/base/error.h"
#include "broker/model/metric.h"
#include "plugins/listener/http.h"
#include "plugins/listener/io_pool.h"
#include "plugins/listener/limits.h"
#include "plugins/listener/server_tls.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace penstock::plugins {

struct HttpServerOptions {
    std::string host = "127.0.0.1";  // an address or a name; the first address it has is used
    std::uint16_t port = 7070;       // 0: a free one
    const ServerTls* tls = nullptr;  // outlives the server; nullptr: plain HTTP
    HttpLimits limits;
};

class HttpServer {
  public:
    // Binds, listens and begins to accept. `pool`, `clock` and the front ends outlive the server;
    // front ends are asked in the order given.
    static Result<std::unique_ptr<HttpServer>> start(HttpServerOptions options,
                                                     IoPool& pool,
                                                     const Clock& clock,
                                                     std::vector<HttpFrontEnd*> front_ends);

    struct State;
    explicit HttpServer(std::unique_ptr<State> state);  // of start()
    ~HttpServer();
    HttpServer(const HttpServer&) = delete;
    HttpServer& operator=(const HttpServer&) = delete;

    [[nodiscard]] std::uint16_t port() const;       // the one in use
    [[nodiscard]] std::string host() const;         // the address in use, as text
    [[nodiscard]] std::size_t connections() const;  // open now; any thread

    // Puts in what the listener has to tell, as listener="http". Any thread.
    void measure(model::Metrics& metrics) const;

    // Stops accepting, closes idle connections, cancels waiting handlers (long polls answer at
    // once), lets the others finish within limits.stop_grace, then cuts. `done` runs once, on an
    // I/O thread, when the last connection is gone. Any thread, at most once.
    void stop(std::function<void()> done);

  private:
    std::unique_ptr<State> state_;
};

}  // namespace penstock::plugins
