#include "broker/cluster/peer_probe.h"

#include "broker/cluster/levels.h"

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include <future>
#include <memory>
#include <utility>

namespace penstock::cluster {

namespace {

namespace asio = boost::asio;
namespace transport = replication::transport;
using asio::ip::tcp;

constexpr std::chrono::milliseconds look_again{50};

// One try to connect to an address, on a context of its own.
class Knock {
  public:
    Knock(asio::io_context& context, PeerAddress peer)
        : peer_(std::move(peer)), resolver_(context), socket_(context) {
        const auto colon = peer_.address.rfind(':');
        if (colon == std::string::npos) return;
        std::string host = peer_.address.substr(0, colon);
        if (host.size() > 2 && host.front() == '[') host = host.substr(1, host.size() - 2);
        resolver_.async_resolve(
            host,
            peer_.address.substr(colon + 1),
            [this](const boost::system::error_code& failed, tcp::resolver::results_type found) {
                if (!failed) connect(found);
            });
    }

    [[nodiscard]] const PeerAddress& peer() const { return peer_; }

    [[nodiscard]] bool taken() const { return taken_; }

  private:
    void connect(const tcp::resolver::results_type& found) {
        asio::async_connect(
            socket_, found, [this](const boost::system::error_code& failed, const tcp::endpoint&) {
                taken_ = !failed;
            });
    }

    PeerAddress peer_;
    tcp::resolver resolver_;
    tcp::socket socket_;
    bool taken_ = false;
};

// Hears nothing but that links come and go, which is asked for later.
class Silence final : public transport::PeerListener {
  public:
    void on_frame(NodeId, transport::Lane, std::string) override {}

    void on_question(NodeId, transport::Lane, std::string, transport::Respond respond) override {
        respond({});
    }

    void on_connected(NodeId, const transport::Hello&) override {}

    void on_disconnected(NodeId, transport::LinkEnd) override {}

    void on_unreachable(NodeId) override {}
};

bool says(const std::string& problem, transport::Refusal refusal) {
    return problem.find("(" + std::string(transport::refusal_name(refusal)) + ")") !=
           std::string::npos;
}

// Who refuses us has heard our greeting: it is a node with a certificate of our authority. Whom we
// refuse for its format said before that it is of this cluster.
bool is_member(const transport::PeerStatus& status) {
    if (status.hello || says(status.problem, transport::Refusal::no_common_format)) return true;
    const bool refused = status.problem.rfind("refused: ", 0) == 0;
    return refused && !says(status.problem, transport::Refusal::wrong_cluster) &&
           !says(status.problem, transport::Refusal::wrong_cluster_id);
}

transport::PeersState state_of(transport::Peers& peers) {
    auto promise = std::make_shared<std::promise<transport::PeersState>>();
    auto state = promise->get_future();
    peers.inspect([promise](transport::PeersState now) { promise->set_value(std::move(now)); });
    return state.get();
}

}  // namespace

std::vector<PeerAddress> who_listens(const std::vector<PeerAddress>& others,
                                     std::chrono::milliseconds deadline) {
    asio::io_context context{1};
    std::vector<std::unique_ptr<Knock>> knocks;
    for (const PeerAddress& other : others) {
        knocks.push_back(std::make_unique<Knock>(context, other));
    }
    context.run_for(deadline);
    std::vector<PeerAddress> listening;
    for (const auto& knock : knocks) {
        if (knock->taken()) listening.push_back(knock->peer());
    }
    return listening;
}

Result<std::vector<ProbedPeer>> ask_who(const std::vector<PeerAddress>& listening,
                                        const Identity& identity,
                                        transport::TlsPeersOptions tls,
                                        std::chrono::milliseconds deadline,
                                        const Clock& clock,
                                        Random& random) {
    tls.hello.cluster = identity.name;
    tls.hello.cluster_id = identity.cluster;
    tls.hello.incarnation = identity.incarnation;
    tls.hello.node = NodeId{identity.node};
    tls.hello.formats = Levels::hello_at(0);
    tls.listen = tls.listen.substr(0, tls.listen.rfind(':') + 1) + "0";
    Silence silence;
    auto peers = transport::TlsPeers::start(std::move(tls), silence, clock, random);
    if (!peers) return peers.error();
    (*peers)->set_peers(listening);
    const auto known = [&](const transport::PeersState& state) {
        std::size_t answers = 0;
        for (const transport::PeerStatus& peer : state.peers) answers += is_member(peer) ? 1 : 0;
        return answers == listening.size();
    };
    const std::int64_t until_us = clock.steady_us() + std::chrono::microseconds(deadline).count();
    transport::PeersState state = state_of(**peers);
    while (!known(state) && clock.steady_us() < until_us) {
        asio::io_context pause{1};
        asio::steady_timer timer(pause, look_again);
        timer.async_wait([](const boost::system::error_code&) {});
        pause.run();
        state = state_of(**peers);
    }
    (*peers)->stop();
    std::vector<ProbedPeer> probed;
    for (const PeerAddress& one : listening) {
        ProbedPeer& peer = probed.emplace_back(ProbedPeer{one, false, {}});
        for (const transport::PeerStatus& status : state.peers) {
            if (status.node != one.node) continue;
            peer.member = is_member(status);
            peer.problem = status.problem;
        }
    }
    return probed;
}

}  // namespace penstock::cluster
