#include "broker/replication/transport/dialer.h"

#include "broker/base/log.h"
#include "broker/replication/transport/address.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <utility>

namespace penstock::replication::transport {

namespace {

constexpr auto as_values = asio::as_tuple(asio::use_awaitable);
constexpr unsigned doublings_max = 16;
using Errors = boost::system::error_code;

std::int64_t us(std::chrono::milliseconds time) {
    return std::chrono::microseconds(time).count();
}

}  // namespace

Dialer::Dialer(
    Surroundings& world, Connection::Owner& owner, Serve serve, PeerAddress peer, Lane lane)
    : world_(world),
      owner_(owner),
      serve_(std::move(serve)),
      peer_(std::move(peer)),
      lane_(lane),
      socket_(*world.context),
      resolver_(*world.context) {}

void Dialer::tick(std::int64_t now_us) {
    if (deadline_us_ != 0 && now_us >= deadline_us_) {
        deadline_us_ = 0;
        Errors ignored;
        resolver_.cancel();
        socket_.close(ignored);
    }
    if (retired_ || dialing_ || now_us < next_us_) return;
    dialing_ = true;
    deadline_us_ = now_us + us(world_.limits().handshake);
    asio::co_spawn(*world_.context, dial(), [self = shared_from_this()](std::exception_ptr failed) {
        self->dialing_ = false;
        self->connection_.reset();
        self->pause();
        try {
            if (failed) std::rethrow_exception(failed);
        } catch (const std::exception& reason) {
            self->world_.complaints.failed(reason.what());
        }
    });
}

void Dialer::retire() {
    retired_ = true;
    Errors ignored;
    resolver_.cancel();
    socket_.close(ignored);
    if (connection_) connection_->leave();
}

void Dialer::stood() {
    problem_.clear();
    if (ever_stood_) {
        ++reconnects_;
        ++world_.statistics.reconnects;
    }
    ever_stood_ = true;
}

void Dialer::pause() {
    const PeerLimits& limits = world_.limits();
    const std::int64_t longest_us = us(limits.retry_max);
    const std::int64_t pause_us =
        std::min(longest_us, us(limits.retry_min) << std::min(failures_, doublings_max));
    ++failures_;
    const std::int64_t half_us = pause_us / 2;
    const auto chance = world_.random.below(static_cast<std::uint64_t>(half_us) + 1);
    next_us_ = world_.clock.steady_us() + half_us + static_cast<std::int64_t>(chance);
}

void Dialer::note(std::string problem) {
    if (problem == problem_ || retired_) return;
    problem_ = std::move(problem);
    log_line(LogLevel::info,
             "replication/transport",
             "event=dial_failed node=" + std::to_string(peer_.node.value) +
                 " lane=" + std::string(lane_name(lane_)) + " address=" + peer_.address +
                 " detail=" + problem_);
}

asio::awaitable<void> Dialer::dial() {
    Endpoints endpoints = co_await resolve();
    const bool connected = co_await connect(std::move(endpoints));
    deadline_us_ = 0;
    if (!connected || retired_) co_return;
    Aim aim{peer_.node, lane_};
    connection_ = std::make_shared<Connection>(world_, owner_, std::move(socket_), aim);
    co_await serve_(connection_);
    const std::int64_t stood_us = connection_->stood_since_us();
    const std::int64_t now_us = world_.clock.steady_us();
    // One that falls at once is no reason to try faster.
    if (stood_us != 0 && now_us - stood_us >= us(world_.limits().retry_max)) failures_ = 0;
    if (stood_us == 0) {
        note(connection_->problem());
    } else {
        problem_ = connection_->problem();  // said when the node was gone
    }
}

asio::awaitable<Dialer::Endpoints> Dialer::resolve() {
    Endpoints endpoints;
    const auto address = split_address(peer_.address);
    if (!address) {
        note("the address is not HOST:PORT");
        co_return endpoints;
    }
    if (const auto literal = literal_endpoint(*address)) {
        endpoints.push_back(*literal);
    } else {
        const std::string port = std::to_string(address->port);
        const auto [failed, found] =
            co_await resolver_.async_resolve(address->host, port, as_values);
        for (const auto& entry : found) endpoints.push_back(entry.endpoint());
        if (endpoints.empty()) note("the name does not resolve: " + failed.message());
    }
    drop_forbidden(endpoints);
    co_return endpoints;
}

void Dialer::drop_forbidden(Endpoints& endpoints) {
    if (!world_.options.insecure) return;
    const auto last = std::remove_if(endpoints.begin(), endpoints.end(), [](const auto& endpoint) {
        return !endpoint.address().is_loopback();
    });
    if (last == endpoints.end()) return;
    endpoints.erase(last, endpoints.end());
    note("without TLS only loopback addresses are dialed");
}

asio::awaitable<bool> Dialer::connect(Endpoints endpoints) {
    for (const auto& endpoint : endpoints) {
        if (retired_ || deadline_us_ == 0) break;
        Errors ignored;
        socket_.close(ignored);
        const auto [failed] = co_await socket_.async_connect(endpoint, as_values);
        if (!failed && socket_.is_open()) co_return true;
        note("no connection: " + failed.message());
    }
    co_return false;
}

}  // namespace penstock::replication::transport
