#include "plugins/cmq_tcp/server.h"

#include "plugins/cmq_tcp/counters.h"
#include "plugins/cmq_tcp/session.h"
#include "plugins/listener/acceptor.h"

#include <array>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace penstock::plugins {

namespace {

// The lanes' own bounds: what a session of ours does not bring itself.
HttpLimits lane_limits(const TcpLimits& limits) {
    HttpLimits lane;
    lane.connections_max = limits.connections_max;
    lane.handshakes_max = limits.handshakes_max;
    lane.caller = limits.caller;
    lane.stop_grace = limits.stop_grace;
    return lane;
}

}  // namespace

struct TcpServer::State {
    State(TcpServerOptions given, IoPool& threads, const Clock& clock)
        : options(std::move(given)),
          pool(threads),
          counters(threads.size()),
          acceptor(threads, clock, lane_limits(options.limits)) {}

    TcpServerOptions options;
    IoPool& pool;
    std::vector<cmq_tcp::Counters> counters;                                  // one a lane
    std::map<const asio::io_context*, std::unique_ptr<cmq_tcp::Desk>> desks;  // one a lane
    Acceptor acceptor;
};

TcpServer::TcpServer(std::unique_ptr<State> state) : state_(std::move(state)) {}

TcpServer::~TcpServer() = default;

Result<std::unique_ptr<TcpServer>> TcpServer::bind(TcpServerOptions options,
                                                   IoPool& pool,
                                                   const Clock& clock) {
    AcceptorOptions address;
    address.host = options.host;
    address.port = options.port;
    address.name = "tcp";
    address.tls = options.tls != nullptr;
    auto state = std::make_unique<State>(std::move(options), pool, clock);
    if (auto bound = state->acceptor.bind(std::move(address)); !bound) return bound.error();
    return std::make_unique<TcpServer>(std::move(state));
}

void TcpServer::serve(api::Broker& broker) {
    State& state = *state_;
    constexpr std::uint64_t ids_of_a_lane = std::uint64_t{1} << 48U;
    for (std::size_t at = 0; at < state.pool.size(); ++at) {
        state.desks[&state.pool.at(at)] =
            std::make_unique<cmq_tcp::Desk>(broker,
                                            state.options.limits,
                                            state.counters[at],
                                            state.options.seed + at * ids_of_a_lane);
    }
    state.acceptor.start([&state](Socket socket, Lane& lane, const Acceptor::Caller& caller) {
        cmq_tcp::Desk& desk = *state.desks.at(&lane.context());
        const auto context = state.options.tls == nullptr ? nullptr : state.options.tls->context();
        cmq_tcp::Stream stream(std::move(socket), context ? context->native_handle() : nullptr);
        auto session = std::make_shared<cmq_tcp::Session>(lane, desk, std::move(stream));
        session->visit = caller.visit;
        session->start();
    });
}

std::uint16_t TcpServer::port() const {
    return state_->acceptor.port();
}

std::string TcpServer::host() const {
    return state_->acceptor.host();
}

std::size_t TcpServer::connections() const {
    return state_->acceptor.connections();
}

void TcpServer::measure(model::Metrics& metrics) const {
    std::array<std::uint64_t, cmq_tcp::action_names.size()> requests{};
    std::uint64_t opened = 0;
    std::uint64_t queries = 0;
    state_->acceptor.measure(metrics);
    for (const cmq_tcp::Counters& lane : state_->counters) {
        opened += lane.connections();
        queries += lane.queries();
        for (std::size_t at = 0; at < requests.size(); ++at) requests[at] += lane.requests(at);
    }
    metrics.gauge("penstock_tcp_connections",
                  "Connections of CMQ over TCP that are open.",
                  static_cast<double>(connections()));
    metrics.counter("penstock_tcp_connections_opened",
                    "Connections of CMQ over TCP that were accepted.",
                    opened);
    metrics.counter("penstock_tcp_transaction_queries",
                    "Producers asked over CMQ over TCP what became of a transaction.",
                    queries);
    for (std::size_t at = 0; at < requests.size(); ++at) {
        metrics.counter("penstock_tcp_requests",
                        "Requests that came over CMQ over TCP.",
                        requests[at],
                        {{"action", std::string(cmq_tcp::action_names[at])}});
    }
}

void TcpServer::stop(std::function<void()> done) {
    state_->acceptor.stop(std::move(done));
}

}  // namespace penstock::plugins
