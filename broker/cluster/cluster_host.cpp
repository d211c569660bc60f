#include "broker/cluster/cluster_host.h"

#include "broker/base/log.h"

#include <utility>

namespace penstock::cluster {

Result<std::unique_ptr<ClusterHost>> ClusterHost::open(ClusterHostOptions options) {
    auto library = replication::EngineLibrary::load(replication::EngineLibrary::beside_us());
    if (!library) return library.error();
    auto host = std::make_unique<ClusterHost>(std::move(options), std::move(*library));
    if (auto loaded = host->node_->load(); !loaded) return loaded.error();
    return host;
}

ClusterHost::ClusterHost(ClusterHostOptions options, replication::EngineLibrary library)
    : options_(std::move(options)), library_(std::move(library)) {
    ClusterOptions cluster = options_.cluster;
    cluster.answers = answers_.get_executor();
    node_ = std::make_unique<ClusterNode>(
        ClusterNode::World{disk_, clock_, random_, library_, storage::open_rocks_view},
        std::move(cluster));
}

ClusterHost::~ClusterHost() {
    stop();
}

void ClusterHost::limit_forwarded(api::Quotas& quotas) {
    node_->limit_forwarded(quotas);
}

Result<void> ClusterHost::start(std::shared_ptr<node::Mailbox> mailbox,
                                const std::string& http_address) {
    replication::transport::TlsPeersOptions peers = options_.peers;
    peers.hello = node_->hello();
    peers.hello.build = options_.peers.hello.build;
    if (peers.hello.http_address.empty()) peers.hello.http_address = http_address;
    node_->use_http_address(peers.hello.http_address);
    // Known to the node before the first frame can come.
    mailbox_ = mailbox;
    node_->use_mailbox(std::move(mailbox));
    auto started =
        replication::transport::TlsPeers::start(std::move(peers), *node_, clock_, random_);
    if (!started) return started.error();
    peers_ = std::move(*started);
    node_->connect(*peers_);
    return {};
}

void ClusterHost::begin_to_leave() {
    constexpr std::chrono::milliseconds patience{2'000};
    if (!peers_ || left_.valid()) return;
    const auto left = std::make_shared<std::promise<void>>();
    left_ = left->get_future();
    leave_until_ = std::chrono::steady_clock::now() + patience;
    mailbox_->post([this, left](node::Node&) { node_->leave([left] { left->set_value(); }); });
}

void ClusterHost::wait_to_have_left() {
    if (!left_.valid()) return;
    if (left_.wait_until(leave_until_) == std::future_status::ready) return;
    log_line(LogLevel::warn, "cluster", "event=stop some sets are led here still");
}

void ClusterHost::stop() {
    if (peers_) peers_->stop();
    answers_.stop();
    answers_.join();
}

}  // namespace penstock::cluster
