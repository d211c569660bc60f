// ClusterHost: everything a server needs besides its broker to be a node of a cluster: the engine's
// shared object, the ClusterNode, the links to the peers. Owned by the composition root, made
// before the broker and ended after it.
#pragma once

#include "broker/cluster/cluster_node.h"
#include "broker/replication/transport/tls_peers.h"

#include <boost/asio/thread_pool.hpp>

#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <string>

namespace penstock::cluster {

struct ClusterHostOptions {
    ClusterOptions cluster;
    replication::transport::TlsPeersOptions peers;  // `hello` is filled in
};

class ClusterHost {
  public:
    // Loads the engine and the folder's identity. Error: what is missing or does not fit.
    static Result<std::unique_ptr<ClusterHost>> open(ClusterHostOptions options);

    ClusterHost(ClusterHostOptions options, replication::EngineLibrary library);
    ~ClusterHost();
    ClusterHost(const ClusterHost&) = delete;
    ClusterHost& operator=(const ClusterHost&) = delete;

    [[nodiscard]] node::Neighbours& neighbours() { return *node_; }

    // Runs the broker thread's work where calls into the engine are cheap.
    void run_inside(const std::function<void()>& work) const { library_.run_inside(work); }

    // Requests of other nodes are counted there too. Before start(); it outlives stop()
    // and the broker thread.
    void limit_forwarded(api::Quotas& quotas);

    // Binds the peer port and begins to dial. `http_address` is where clients reach this node.
    Result<void> start(std::shared_ptr<node::Mailbox> mailbox, const std::string& http_address);

    // Hands over what this node leads, from now on. Nothing else stops.
    void begin_to_leave();

    // Waits until that is done, at most until two seconds after it began.
    void wait_to_have_left();

    // Ends all links; nothing reaches the broker any more.
    void stop();

    [[nodiscard]] std::uint16_t port() const { return peers_ ? peers_->port() : 0; }

  private:
    ClusterHostOptions options_;
    replication::EngineLibrary library_;
    PosixDisk disk_;
    SystemClock clock_;
    SystemRandom random_;
    boost::asio::thread_pool answers_{1};
    std::shared_ptr<node::Mailbox> mailbox_;
    std::future<void> left_;
    std::chrono::steady_clock::time_point leave_until_;
    std::unique_ptr<ClusterNode> node_;
    std::unique_ptr<replication::transport::TlsPeers> peers_;
};

}  // namespace penstock::cluster
