#include "broker/replication/transport/tls_peers.h"

#include "broker/base/step_watch.h"
#include "broker/base/thread_name.h"
#include "broker/model/peer_name.h"
#include "broker/replication/transport/address.h"
#include "broker/replication/transport/certificate_watch.h"
#include "broker/replication/transport/switchboard.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <thread>
#include <utility>

namespace penstock::replication::transport {

namespace {

using asio::ip::tcp;
using Errors = boost::system::error_code;

constexpr std::chrono::milliseconds accept_pause{50};  // after a failed accept: no file handles?
constexpr std::size_t post_cost_bytes = 128;           // what a post takes beside its bytes

}  // namespace

struct TlsPeers::State {
    State(TlsPeersOptions options, PeerListener& listener, const Clock& clock, Random& random)
        : world(std::move(options), listener, clock, random) {}

    Result<void> prepare();
    Result<void> bind();
    void run();
    void stop();
    asio::awaitable<void> accept_all();
    void arm();
    bool reserve(std::size_t bytes);

    template <class Work>
    void post(std::size_t bytes, Work work);

    Surroundings world;
    CertificateWatch certificates{world};
    Switchboard switchboard{world};
    tcp::acceptor acceptor{*world.context};
    asio::steady_timer accept_timer{*world.context};
    asio::steady_timer tick_timer{*world.context};
    bool stopping = false;  // the transport's thread
    std::uint16_t port = 0;
    std::thread thread;
};

Result<void> TlsPeers::State::prepare() {
    Hello& hello = world.options.hello;
    if (hello.node.value == 0 || !model::is_cluster_name(hello.cluster))
        return error(Errc::invalid, "a node needs an id and the name of its cluster");
    hello.process = world.random.next();
    if (world.options.insecure) return {};
    return certificates.load();
}

Result<void> TlsPeers::State::bind() {
    const std::string& name = world.options.listen;
    const auto address = split_address(name);
    if (!address) return error(Errc::invalid, name + " is not HOST:PORT");
    Errors failed;
    tcp::resolver resolver(*world.context);
    const auto found = resolver.resolve(
        address->host, std::to_string(address->port), tcp::resolver::passive, failed);
    if (failed || found.empty()) return error(Errc::invalid, name + ": " + failed.message());
    const tcp::endpoint endpoint = found.begin()->endpoint();
    if (world.options.insecure && !endpoint.address().is_loopback())
        return error(Errc::invalid, name + ": without TLS only a loopback address will do");
    acceptor.open(endpoint.protocol(), failed);
    if (!failed) acceptor.set_option(tcp::acceptor::reuse_address(true), failed);
    if (!failed) acceptor.bind(endpoint, failed);
    if (!failed) acceptor.listen(tcp::acceptor::max_listen_connections, failed);
    if (failed) return error(Errc::unavailable, name + ": " + failed.message());
    const tcp::endpoint bound = acceptor.local_endpoint(failed);
    port = bound.port();
    if (world.options.hello.peer_address.empty()) world.options.hello.peer_address = to_text(bound);
    return {};
}

asio::awaitable<void> TlsPeers::State::accept_all() {
    constexpr auto as_values = asio::as_tuple(asio::use_awaitable);
    while (!stopping) {
        Socket socket(*world.context);
        const auto [failed] = co_await acceptor.async_accept(socket, as_values);
        if (stopping) break;
        if (failed) {
            accept_timer.expires_after(accept_pause);
            co_await accept_timer.async_wait(as_values);
            continue;
        }
        switchboard.welcome(std::move(socket));
    }
}

void TlsPeers::State::arm() {
    tick_timer.expires_after(tick_period);
    tick_timer.async_wait([this](const Errors& failed) {
        if (failed) return;
        const std::int64_t now_us = world.clock.steady_us();
        switchboard.tick(now_us);
        certificates.tick(now_us);
        const bool over = stopping && switchboard.idle();
        if (!over) arm();
    });
}

void TlsPeers::State::run() {
    arm();
    asio::co_spawn(*world.context, accept_all(), [this](std::exception_ptr failed) {
        try {
            if (failed) std::rethrow_exception(failed);
        } catch (const std::exception& reason) {
            world.complaints.failed(reason.what());
        }
    });
    thread = std::thread([this] {
        name_thread("penstock-peers");
        StepWatch watch("replication/transport");
        while (world.context->run_one() > 0) watch.step_ended();
    });
}

void TlsPeers::State::stop() {
    if (!thread.joinable()) return;
    asio::post(*world.context, [this] {
        stopping = true;
        Errors ignored;
        acceptor.close(ignored);
        accept_timer.cancel();
        switchboard.stop();
    });
    thread.join();
}

bool TlsPeers::State::reserve(std::size_t bytes) {
    const std::size_t cost = bytes + post_cost_bytes;
    if (world.posted_bytes->fetch_add(cost) + cost <= world.limits().inbox_bytes_max) return true;
    world.posted_bytes->fetch_sub(cost);
    return false;
}

// Runs `work` on the transport's thread, and gives back what reserve() took for it.
template <class Work>
void TlsPeers::State::post(std::size_t bytes, Work work) {
    asio::post(*world.context, [this, bytes, work = std::move(work)]() mutable {
        world.posted_bytes->fetch_sub(bytes + post_cost_bytes);
        work();
    });
}

TlsPeers::TlsPeers(std::unique_ptr<State> state) : state_(std::move(state)) {}

TlsPeers::~TlsPeers() {
    state_->stop();
}

Result<std::unique_ptr<TlsPeers>> TlsPeers::start(TlsPeersOptions options,
                                                  PeerListener& listener,
                                                  const Clock& clock,
                                                  Random& random) {
    auto state = std::make_unique<State>(std::move(options), listener, clock, random);
    if (auto prepared = state->prepare(); !prepared) return prepared.error();
    if (auto bound = state->bind(); !bound) return bound.error();
    state->run();
    return std::make_unique<TlsPeers>(std::move(state));
}

std::uint16_t TlsPeers::port() const {
    return state_->port;
}

void TlsPeers::send(NodeId to, Lane lane, std::string frame) {
    State& state = *state_;
    const std::size_t bytes = frame.size();
    if (bytes > frame_bytes_max || !state.reserve(bytes)) {
        state.world.posts_dropped.fetch_add(1);
        return;
    }
    state.post(bytes, [&state, to, lane, frame = std::move(frame)]() mutable {
        state.switchboard.send(to, lane, std::move(frame));
    });
}

void TlsPeers::ask(NodeId to,
                   Lane lane,
                   std::string question,
                   std::chrono::milliseconds deadline,
                   TakeAnswer take) {
    State& state = *state_;
    const std::size_t bytes = question.size();
    const bool fits = bytes <= frame_bytes_max;
    if (!fits || !state.reserve(bytes)) {
        const Errc code = fits ? Errc::unavailable : Errc::invalid;
        const char* why = fits ? "too much waits to be sent" : "the question is too long";
        asio::post(*state.world.context, [code, why, take = std::move(take)] {
            take(AskFailure{error(code, why), false});
        });
        return;
    }
    const std::int64_t deadline_us =
        state.world.clock.steady_us() + std::chrono::microseconds(deadline).count();
    state.post(
        bytes, [&state, to, lane, deadline_us, question = std::move(question), take]() mutable {
            state.switchboard.ask(to, lane, std::move(question), deadline_us, std::move(take));
        });
}

void TlsPeers::set_peers(std::vector<PeerAddress> peers) {
    asio::post(*state_->world.context, [state = state_.get(), peers = std::move(peers)]() mutable {
        state->switchboard.set_peers(std::move(peers));
    });
}

void TlsPeers::set_cluster(ClusterId cluster, std::uint32_t incarnation) {
    asio::post(*state_->world.context, [state = state_.get(), cluster, incarnation] {
        state->world.options.hello.cluster_id = cluster;
        state->world.options.hello.incarnation = incarnation;
    });
}

void TlsPeers::set_formats(FormatRange formats) {
    asio::post(*state_->world.context,
               [state = state_.get(), formats] { state->world.options.hello.formats = formats; });
}

void TlsPeers::inspect(std::function<void(PeersState)> take) {
    asio::post(*state_->world.context, [state = state_.get(), take = std::move(take)] {
        take(state->switchboard.state());
    });
}

void TlsPeers::stop() {
    state_->stop();
}

}  // namespace penstock::replication::transport
