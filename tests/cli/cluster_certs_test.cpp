// `penstock cluster init-certs`: what it writes, what it refuses, and that nodes speak with it.
#include "broker/cli/cluster_certs.h"

#include "broker/base/random.h"
#include "broker/cli/certificate.h"
#include "broker/cli/world.h"
#include "broker/replication/transport/tls_peers.h"
#include "tests/support/temp_folder.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <memory>
#include <mutex>
#include <sstream>

namespace penstock::cli {
namespace {

using model::NodeId;
using replication::transport::Hello;
using replication::transport::Lane;
using replication::transport::LinkEnd;
using replication::transport::PeerListener;
using replication::transport::Respond;
using replication::transport::TlsPeers;
using replication::transport::TlsPeersOptions;

class ClusterCerts : public ::testing::Test {
  protected:
    int run(std::vector<std::string> words) {
        words.insert(words.begin(), {"cluster", "init-certs", "--dir", folder()});
        std::istringstream in;
        std::ostringstream out_stream;
        std::ostringstream err_stream;
        World world{in, out_stream, err_stream, clock_, false, false, {}, {}};
        const int code = cli::run(words, world);
        out = out_stream.str();
        err = err_stream.str();
        return code;
    }

    [[nodiscard]] std::string folder() const { return temp_.file("certs"); }

    [[nodiscard]] std::string file(const std::string& name) const { return folder() + "/" + name; }

    [[nodiscard]] std::string text(const std::string& name) const {
        std::ifstream in(file(name));
        std::ostringstream read;
        read << in.rdbuf();
        return read.str();
    }

    std::string out;
    std::string err;
    penstock::testing::TempFolder temp_;
    SystemClock clock_;
};

TEST_F(ClusterCerts, MakesAnAuthorityAndACertificateANode) {
    ASSERT_EQ(run({"--name", "orders", "--nodes", "1,2"}), 0) << err;
    EXPECT_EQ(out,
              "made " + file("ca.pem") + ", " + file("ca.key") + ", " + file("node-1.pem") + ", " +
                  file("node-1.key") + ", " + file("node-2.pem") + ", " + file("node-2.key") +
                  "\n");
    for (const char* name : {"ca.pem", "ca.key", "node-1.pem", "node-1.key", "node-2.key"}) {
        struct stat about {};

        ASSERT_EQ(::stat(file(name).c_str(), &about), 0) << name;
        EXPECT_EQ(about.st_mode & 0777U, 0600U) << name;
    }

    struct stat about {};

    ASSERT_EQ(::stat(folder().c_str(), &about), 0);
    EXPECT_EQ(about.st_mode & 0777U, 0700U);
}

TEST_F(ClusterCerts, AddsANodeToTheAuthorityThatIsThere) {
    ASSERT_EQ(run({"--name", "orders", "--nodes", "1"}), 0) << err;
    const std::string authority = text("ca.pem");
    ASSERT_EQ(run({"--name", "orders", "--nodes", "7", "--days", "30", "-o", "json"}), 0) << err;
    EXPECT_NE(out.find("\"authority\":\"used\""), std::string::npos) << out;
    EXPECT_EQ(text("ca.pem"), authority);
    EXPECT_TRUE(std::filesystem::exists(file("node-7.pem")));
}

TEST_F(ClusterCerts, OverwritesNothing) {
    ASSERT_EQ(run({"--name", "orders", "--nodes", "1"}), 0) << err;
    const std::string before = text("node-1.pem");
    EXPECT_EQ(run({"--name", "orders", "--nodes", "2,1"}), 4);
    EXPECT_EQ(err.substr(0, err.find('\n')),
              "penstock: " + file("node-1.pem") + " is there already; nothing was made.");
    EXPECT_EQ(text("node-1.pem"), before);
    EXPECT_FALSE(std::filesystem::exists(file("node-2.pem")));
    EXPECT_EQ(run({"--name", "billing", "--nodes", "2"}), 4);
    EXPECT_NE(err.find("is that of 'penstock cluster orders'"), std::string::npos) << err;
    EXPECT_EQ(run({"--name", "orders", "--nodes", "2", "--days", "20000"}), 4);
    EXPECT_NE(err.find("Ask for fewer --days"), std::string::npos) << err;
    std::filesystem::remove(file("ca.key"));
    EXPECT_EQ(run({"--name", "orders", "--nodes", "2"}), 4);
    EXPECT_NE(err.find("one is missing"), std::string::npos) << err;
    std::ofstream(file("ca.key")) << "no key";
    EXPECT_EQ(run({"--name", "orders", "--nodes", "2"}), 1);
    EXPECT_FALSE(std::filesystem::exists(file("node-2.pem")));
}

TEST_F(ClusterCerts, WhatIsNoNameOrNoListIsWrongUsage) {
    EXPECT_EQ(run({"--name", "Orders", "--nodes", "1"}), 2);
    for (const char* nodes : {"0", "1,", ",1", "1,1", "a", "1 2", "-1"})
        EXPECT_EQ(run({"--name", "orders", "--nodes", nodes}), 2) << nodes;
    EXPECT_EQ(run({"--name", "orders", "--nodes", "1", "--days", "0"}), 2);
    EXPECT_EQ(run({"--name", "orders"}), 2);
    EXPECT_FALSE(std::filesystem::exists(folder()));
}

TEST_F(ClusterCerts, LastAsLongAsAsked) {
    const std::int64_t now_s = clock_.wall_ms() / 1000;
    ASSERT_EQ(run({"--name", "orders", "--nodes", "1", "--days", "10"}), 0) << err;
    const auto node = Certificate::from_pem(text("node-1.pem"), text("node-1.key"));
    ASSERT_TRUE(node) << node.error().detail;
    EXPECT_EQ(node.value().common_name(), "node-1.orders.penstock");
    EXPECT_TRUE(node.value().ends_after(now_s + 10 * 86'400 - 60));
    EXPECT_FALSE(node.value().ends_after(now_s + 10 * 86'400 + 60));
    EXPECT_FALSE(Certificate::from_pem(text("node-1.pem"), text("ca.key")));
}

// Waits for the first connection.
struct Waiting final : PeerListener {
    void on_frame(NodeId, Lane, std::string) override {}

    void on_question(NodeId, Lane, std::string, Respond) override {}

    void on_connected(NodeId, const Hello& hello) override {
        const std::lock_guard lock(mutex);
        connected = hello.node.value;
        changed.notify_all();
    }

    void on_disconnected(NodeId, LinkEnd) override {}

    void on_unreachable(NodeId) override {}

    std::mutex mutex;
    std::condition_variable changed;
    std::uint64_t connected = 0;
};

TEST_F(ClusterCerts, NodesSpeakWithWhatWasMade) {
    ASSERT_EQ(run({"--name", "orders", "--nodes", "1,2"}), 0) << err;
    SystemRandom random;
    Waiting listeners[2];
    std::unique_ptr<TlsPeers> peers[2];
    for (std::uint64_t id = 1; id <= 2; ++id) {
        const std::string node = "node-" + std::to_string(id);
        TlsPeersOptions options;
        options.listen = "127.0.0.1:0";
        options.hello.cluster = "orders";
        options.hello.node = NodeId{id};
        options.ca_file = file("ca.pem");
        options.certificate_file = file(node + ".pem");
        options.key_file = file(node + ".key");
        auto started = TlsPeers::start(std::move(options), listeners[id - 1], clock_, random);
        ASSERT_TRUE(started) << started.error().detail;
        peers[id - 1] = std::move(started.value());
    }
    peers[0]->set_peers({{NodeId{2}, "127.0.0.1:" + std::to_string(peers[1]->port())}});
    std::unique_lock lock(listeners[0].mutex);
    EXPECT_TRUE(listeners[0].changed.wait_for(
        lock, std::chrono::seconds(20), [&] { return listeners[0].connected == 2; }));
}

}  // namespace
}  // namespace penstock::cli
