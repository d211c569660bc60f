#include "plugins/listener/acceptor.h"

#include "broker/base/check.h"
#include "broker/base/log.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <sys/resource.h>

#include <algorithm>
#include <cstdint>
#include <utility>

namespace penstock::plugins {

namespace {

using asio::ip::tcp;
using Errors = boost::system::error_code;

constexpr std::chrono::milliseconds accept_pause{50};  // after a failed accept: no file handles?

// Of the files that the process may open so many are never a connection's, and never more than a
// quarter: the log, the rows and other nodes end the server when they get none, and who connects
// need not even be known for that.
constexpr std::uint64_t files_kept = 1'024;

// A new descriptor is the lowest that is free: one of the last means that all before are taken.
bool is_kept(int descriptor) {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return false;
    const std::uint64_t files = limit.rlim_cur;
    return static_cast<std::uint64_t>(descriptor) >= files - std::min(files_kept, files / 4);
}

}  // namespace

Acceptor::Acceptor(IoPool& pool, const Clock& clock, const HttpLimits& limits)
    : pool_(pool), callers_(limits.caller, clock), acceptor_(pool.at(0)), pause_(pool.at(0)) {
    shared_.callers = &callers_;
    shared_.limits = limits;
    shared_.handshakes_max = std::max<std::size_t>(1, limits.handshakes_max / pool_.size());
    shared_.clock = &clock;
    shared_.on_leave = [this] {
        left();
    };
    for (std::size_t at = 0; at < pool_.size(); ++at) {
        lanes_.push_back(std::make_unique<Lane>(pool_.at(at), shared_));
    }
}

Result<void> Acceptor::bind(AcceptorOptions options) {
    options_ = std::move(options);
    callers_.call_it(std::string(options_.name));
    const std::string port = std::to_string(options_.port);
    const std::string name = options_.host + ":" + port;
    Errors failed;
    tcp::resolver resolver(pool_.at(0));
    const auto found = resolver.resolve(options_.host, port, tcp::resolver::passive, failed);
    if (failed || found.empty()) return error(Errc::invalid, name + ": " + failed.message());
    address_ = found.begin()->endpoint();
    acceptor_.open(address_.protocol(), failed);
    if (!failed) acceptor_.set_option(tcp::acceptor::reuse_address(true), failed);
    if (!failed) acceptor_.bind(address_, failed);
    if (!failed) acceptor_.listen(tcp::acceptor::max_listen_connections, failed);
    if (!failed) address_ = acceptor_.local_endpoint(failed);
    if (failed) return error(Errc::unavailable, name + ": " + failed.message());
    shared_.loopback = address_.address().is_loopback();
    return {};
}

void Acceptor::start(Welcome welcome) {
    welcome_ = std::move(welcome);
    asio::co_spawn(pool_.at(0), accept_all(), [this](std::exception_ptr failed) {
        if (failed) log_line(LogLevel::error, "listener", "event=accept stopped by an exception");
        left();
    });
}

asio::awaitable<void> Acceptor::accept_all() {
    constexpr auto as_values = asio::as_tuple(asio::use_awaitable);
    std::size_t turn = 0;
    while (!closing_) {
        Lane& lane = *lanes_[turn++ % lanes_.size()];
        Socket socket(lane.context());
        tcp::endpoint caller;
        const auto [failed] = co_await acceptor_.async_accept(socket, caller, as_values);
        if (closing_) break;
        if (failed) {
            pause_.expires_after(accept_pause);
            co_await pause_.async_wait(as_values);
            continue;
        }
        hand_over(std::move(socket), lane, caller);
    }
}

void Acceptor::hand_over(Socket socket, Lane& lane, const tcp::endpoint& caller) {
    if (is_full() || is_kept(socket.native_handle())) {
        refused_.fetch_add(1, std::memory_order_relaxed);
        return turn_away(std::move(socket));
    }
    Callers::Admission admission = callers_.enter(caller.address(), options_.tls);
    if (admission.exceeded != Callers::Limit::none) return turn_away(std::move(socket));
    Errors ignored;
    socket.set_option(tcp::no_delay(true), ignored);
    opened_.fetch_add(1, std::memory_order_relaxed);
    shared_.connections.fetch_add(1);
    holders_.fetch_add(1);
    Caller known{caller.address().to_string(), admission.visit};
    asio::post(lane.context(), [this, &lane, born = std::move(socket), known]() mutable {
        if (lane.stopping()) {
            callers_.left(known.visit);
            shared_.connections.fetch_sub(1);
            return left();
        }
        welcome_(std::move(born), lane, std::move(known));
    });
}

bool Acceptor::is_full() const {
    return shared_.connections.load() >= shared_.limits.connections_max;
}

// With a word, if its protocol has one and the kernel takes it at once.
void Acceptor::turn_away(Socket socket) const {
    if (options_.full.empty() || options_.tls) return;
    Errors ignored;
    socket.non_blocking(true, ignored);
    socket.send(asio::buffer(options_.full), 0, ignored);
}

void Acceptor::measure(model::Metrics& metrics) const {
    const model::MetricLabels labels{{"listener", std::string(options_.name)}};
    metrics.gauge("penstock_listener_connections",
                  "Connections that are open.",
                  static_cast<double>(connections()),
                  labels);
    metrics.counter("penstock_listener_connections_opened",
                    "Connections that were taken.",
                    opened_.load(std::memory_order_relaxed),
                    labels);
    metrics.counter("penstock_listener_connections_refused",
                    "Connections that were refused because as many as may be were open.",
                    refused_.load(std::memory_order_relaxed),
                    labels);
    callers_.measure(metrics);
}

void Acceptor::stop(std::function<void()> done) {
    check(!stopping_.exchange(true), "the listener is stopped twice");
    done_ = std::move(done);
    asio::post(pool_.at(0), [this] {
        closing_ = true;
        Errors ignored;
        acceptor_.close(ignored);
        pause_.cancel();
    });
    for (const auto& lane : lanes_) {
        asio::post(lane->context(), [&lane = *lane] { lane.stop(); });
    }
}

void Acceptor::left() {
    if (holders_.fetch_sub(1) == 1 && done_) done_();
}

}  // namespace penstock::plugins
