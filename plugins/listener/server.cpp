#include "plugins/listener/server.h"

#include "broker/base/check.h"
#include "broker/base/log.h"
#include "plugins/listener/lane.h"
#include "plugins/listener/session.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <optional>
#include <utility>

namespace penstock::plugins {

namespace {

using asio::ip::tcp;
using Errors = boost::system::error_code;

constexpr std::chrono::milliseconds accept_pause{50};  // after a failed accept: no file handles?
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
void run_session(Lane& lane, Stream stream, std::string remote) {
    auto session = std::make_shared<Session<Stream>>(lane, std::move(stream), std::move(remote));
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
    State(IoPool& io_pool, HttpServerOptions given, const Clock& clock)
        : pool(io_pool), options(std::move(given)), acceptor(pool.at(0)), pause(pool.at(0)) {
        shared.limits = options.limits;
        shared.clock = &clock;
        shared.on_leave = [this] {
            left();
        };
        for (std::size_t at = 0; at < pool.size(); ++at) {
            lanes.push_back(std::make_unique<Lane>(pool.at(at), shared));
        }
    }

    Result<void> bind();
    Result<void> load_tls();
    asio::awaitable<void> accept_all();
    void welcome(Socket socket, Lane& lane, std::string remote);
    void stop();
    void left();

    IoPool& pool;
    HttpServerOptions options;
    Lane::Shared shared;
    std::vector<std::unique_ptr<Lane>> lanes;
    tcp::acceptor acceptor;
    asio::steady_timer pause;
    std::optional<asio::ssl::context> tls;
    tcp::endpoint address;
    bool closing = false;  // the acceptor's thread
    std::atomic<bool> stopping{false};
    // The acceptor and every connection hold one; at zero, after stop(), `done` is run.
    std::atomic<std::size_t> holders{1};
    std::function<void()> done;
};

Result<void> HttpServer::State::load_tls() {
    if (options.tls_certificate.empty() && options.tls_key.empty()) return {};
    tls.emplace(asio::ssl::context::tls_server);
    Errors failed;
    tls->set_options(asio::ssl::context::default_workarounds | asio::ssl::context::no_tlsv1 |
                         asio::ssl::context::no_tlsv1_1 | asio::ssl::context::single_dh_use,
                     failed);
    SSL_CTX_set_mode(tls->native_handle(), SSL_MODE_RELEASE_BUFFERS);
    tls->use_certificate_chain_file(options.tls_certificate, failed);
    if (failed) return error(Errc::invalid, options.tls_certificate + ": " + failed.message());
    tls->use_private_key_file(options.tls_key, asio::ssl::context::pem, failed);
    if (failed) return error(Errc::invalid, options.tls_key + ": " + failed.message());
    return {};
}

Result<void> HttpServer::State::bind() {
    const std::string name = options.host + ":" + std::to_string(options.port);
    Errors failed;
    tcp::resolver resolver(pool.at(0));
    const auto found = resolver.resolve(
        options.host, std::to_string(options.port), tcp::resolver::passive, failed);
    if (failed || found.empty()) return error(Errc::invalid, name + ": " + failed.message());
    address = found.begin()->endpoint();
    acceptor.open(address.protocol(), failed);
    if (!failed) acceptor.set_option(tcp::acceptor::reuse_address(true), failed);
    if (!failed) acceptor.bind(address, failed);
    if (!failed) acceptor.listen(tcp::acceptor::max_listen_connections, failed);
    if (!failed) address = acceptor.local_endpoint(failed);
    if (failed) return error(Errc::unavailable, name + ": " + failed.message());
    shared.loopback = address.address().is_loopback();
    return {};
}

asio::awaitable<void> HttpServer::State::accept_all() {
    constexpr auto as_values = asio::as_tuple(asio::use_awaitable);
    std::size_t turn = 0;
    while (!closing) {
        Lane& lane = *lanes[turn++ % lanes.size()];
        Socket socket(lane.context());
        tcp::endpoint caller;
        const auto [failed] = co_await acceptor.async_accept(socket, caller, as_values);
        if (closing) break;
        if (failed) {
            pause.expires_after(accept_pause);
            co_await pause.async_wait(as_values);
            continue;
        }
        Errors ignored;
        socket.set_option(tcp::no_delay(true), ignored);
        if (shared.connections.load() >= options.limits.connections_max) {
            socket.non_blocking(true, ignored);
            socket.send(asio::buffer(full_answer), 0, ignored);
            continue;
        }
        shared.connections.fetch_add(1);
        holders.fetch_add(1);
        asio::post(lane.context(), [this, &lane, born = std::move(socket), caller]() mutable {
            welcome(std::move(born), lane, caller.address().to_string());
        });
    }
}

void HttpServer::State::welcome(Socket socket, Lane& lane, std::string remote) {
    if (lane.stopping()) {
        shared.connections.fetch_sub(1);
        return left();
    }
    if (tls) {
        TlsStream stream(std::move(socket), *tls);
        run_session(lane, std::move(stream), std::move(remote));
    } else {
        run_session(lane, std::move(socket), std::move(remote));
    }
}

void HttpServer::State::stop() {
    check(!stopping.exchange(true), "the listener is stopped twice");
    asio::post(pool.at(0), [this] {
        closing = true;
        Errors ignored;
        acceptor.close(ignored);
        pause.cancel();
    });
    for (const auto& lane : lanes) {
        asio::post(lane->context(), [&lane = *lane] { lane.stop(); });
    }
}

void HttpServer::State::left() {
    if (holders.fetch_sub(1) == 1 && done) done();
}

HttpServer::HttpServer(std::unique_ptr<State> state) : state_(std::move(state)) {}

HttpServer::~HttpServer() = default;

Result<std::unique_ptr<HttpServer>> HttpServer::start(HttpServerOptions options,
                                                      IoPool& pool,
                                                      const Clock& clock,
                                                      std::vector<HttpFrontEnd*> front_ends) {
    auto state = std::make_unique<State>(pool, std::move(options), clock);
    state->shared.front_ends = std::move(front_ends);
    if (auto loaded = state->load_tls(); !loaded) return loaded.error();
    if (auto bound = state->bind(); !bound) return bound.error();
    State& running = *state;
    asio::co_spawn(pool.at(0), running.accept_all(), [&running](std::exception_ptr failed) {
        log_end(failed);
        running.left();
    });
    return std::make_unique<HttpServer>(std::move(state));
}

std::uint16_t HttpServer::port() const {
    return state_->address.port();
}

std::string HttpServer::host() const {
    return state_->address.address().to_string();
}

std::size_t HttpServer::connections() const {
    return state_->shared.connections.load();
}

void HttpServer::stop(std::function<void()> done) {
    state_->done = std::move(done);
    state_->stop();
}

}  // namespace penstock::plugins
