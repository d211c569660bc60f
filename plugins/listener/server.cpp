#include "plugins/listener/server.h"

#include "broker/base/log.h"
#include "plugins/listener/acceptor.h"
#include "plugins/listener/lane.h"
#include "plugins/listener/session.h"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>

#include <utility>

namespace penstock::plugins {

namespace {

using Errors = boost::system::error_code;

constexpr std::string_view full_answer =
    "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\n"
    "Connection: close\r\n\r\n";

void log_end(std::exception_ptr failed) {
    if (!failed) return;
    try {
        std::rethrow_exception(failed);
    } catch (const std::exception& reason) {
        log_line(LogLevel::error, "listener", std::string("session failed: ") + reason.what());
    }
}

template <class Stream>
void run_session(Lane& lane, Stream stream, Acceptor::Caller caller) {
    auto session =
        std::make_shared<Session<Stream>>(lane, std::move(stream), std::move(caller.address));
    session->visit = caller.visit;
    lane.enter(*session);
    asio::co_spawn(lane.context(),
                   session->run(),
                   asio::bind_cancellation_slot(session->signal.slot(),
                                                [session, &lane](std::exception_ptr failed) {
                                                    session->cut();
                                                    log_end(failed);
                                                    lane.leave(*session);
                                                }));
}

}  // namespace

struct HttpServer::State {
    State(IoPool& pool, HttpServerOptions given, const Clock& clock)
        : options(std::move(given)), acceptor(pool, clock, options.limits) {}

    Result<void> bind();
    void welcome(Socket socket, Lane& lane, Acceptor::Caller caller);

    HttpServerOptions options;
    Acceptor acceptor;
};

Result<void> HttpServer::State::bind() {
    AcceptorOptions address;
    address.host = options.host;
    address.port = options.port;
    address.full = full_answer;
    address.name = "http";
    address.tls = options.tls != nullptr;
    return acceptor.bind(std::move(address));
}

void HttpServer::State::welcome(Socket socket, Lane& lane, Acceptor::Caller caller) {
    if (options.tls != nullptr) {
        const auto tls = options.tls->context();
        TlsStream stream(std::move(socket), *tls);
        run_session(lane, std::move(stream), std::move(caller));
    } else {
        run_session(lane, std::move(socket), std::move(caller));
    }
}

HttpServer::HttpServer(std::unique_ptr<State> state) : state_(std::move(state)) {}

HttpServer::~HttpServer() = default;

Result<std::unique_ptr<HttpServer>> HttpServer::start(HttpServerOptions options,
                                                      IoPool& pool,
                                                      const Clock& clock,
                                                      std::vector<HttpFrontEnd*> front_ends) {
    auto state = std::make_unique<State>(pool, std::move(options), clock);
    state->acceptor.shared().front_ends = std::move(front_ends);
    if (auto bound = state->bind(); !bound) return bound.error();
    State& running = *state;
    running.acceptor.start([&running](Socket socket, Lane& lane, Acceptor::Caller caller) {
        running.welcome(std::move(socket), lane, std::move(caller));
    });
    return std::make_unique<HttpServer>(std::move(state));
}

std::uint16_t HttpServer::port() const {
    return state_->acceptor.port();
}

std::string HttpServer::host() const {
    return state_->acceptor.host();
}

std::size_t HttpServer::connections() const {
    return state_->acceptor.connections();
}

void HttpServer::measure(model::Metrics& metrics) const {
    state_->acceptor.measure(metrics);
}

void HttpServer::stop(std::function<void()> done) {
    state_->acceptor.stop(std::move(done));
}

}  // namespace penstock::plugins
