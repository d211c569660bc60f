// The [cluster] part of the configuration.
#include "broker/config/keys.h"
#include "broker/config/load.h"
#include "broker/config/peer_list.h"

#include <gtest/gtest.h>

#include <fstream>
#include <string>

namespace penstock::config {
namespace {

const std::string good = R"([cluster]
name = "orders"
node_id = 1
listen_peer = "0.0.0.0:7072"
advertise_peer = "10.0.0.1:7072"
peers = [{ id = 2, address = "10.0.0.2:7072" }, { id = 3, address = "node3.example:7072" }]
zone = "a"
tls.ca = "ca.pem"
tls.cert = "node.pem"
tls.key = "node.key"
)";

std::string file_with(const std::string& text) {
    const std::string path = testing::TempDir() + "config_cluster_test_" +
                             testing::UnitTest::GetInstance()->current_test_info()->name() +
                             ".toml";
    std::ofstream(path) << text;
    return path;
}

std::string replaced(std::string text, const std::string& what, const std::string& with) {
    return text.replace(text.find(what), what.size(), with);
}

std::string mistakes_of(const std::string& text) {
    const std::string path = file_with(text);
    const auto loaded = load({path, {}, {}});
    if (loaded) return {};
    const std::string& detail = loaded.error().detail;
    return detail.substr(0, path.size()) == path ? detail.substr(path.size()) : detail;
}

TEST(ClusterConfig, ANodeOfAClusterIsRead) {
    const auto loaded = load({file_with(good), {}, {}});
    ASSERT_TRUE(loaded) << loaded.error().detail;
    const ClusterConfig& cluster = loaded.value().config.cluster;
    EXPECT_EQ(cluster.name, "orders");
    EXPECT_EQ(cluster.node_id, 1U);
    EXPECT_EQ(cluster.listen_peer, "0.0.0.0:7072");
    EXPECT_EQ(cluster.advertise_peer, "10.0.0.1:7072");
    EXPECT_EQ(cluster.zone, "a");
    EXPECT_EQ(cluster.tls.key, "node.key");
    EXPECT_FALSE(cluster.insecure);
    ASSERT_EQ(cluster.peers.size(), 2U);
    EXPECT_EQ(cluster.peers[1], (ClusterPeer{3, "node3.example:7072"}));
}

TEST(ClusterConfig, WhatIsShownReadsBackTheSame) {
    const auto first = load({file_with(good), {}, {}});
    ASSERT_TRUE(first) << first.error().detail;
    const std::string shown = show(first.value());
    EXPECT_NE(shown.find("cluster.peers = [{ id = 2, address = \"10.0.0.2:7072\" }, "),
              std::string::npos);
    const auto second = load({file_with(shown), {}, {}});
    ASSERT_TRUE(second) << second.error().detail;
    EXPECT_EQ(second.value().config.cluster.peers, first.value().config.cluster.peers);
}

TEST(ClusterConfig, TheEnvironmentSpellsPeersInOneLine) {
    const auto loaded = load({file_with(good), {{"PENSTOCK_CLUSTER_PEERS", "7=a:1"}}, {}});
    ASSERT_TRUE(loaded) << loaded.error().detail;
    ASSERT_EQ(loaded.value().config.cluster.peers.size(), 1U);
    EXPECT_EQ(loaded.value().config.cluster.peers[0], (ClusterPeer{7, "a:1"}));
    for (const char* text : {"a:1", "=a:1", "1:a", "1=a:1,", "x=a:1", "1=a\"b:1"})
        EXPECT_FALSE(parse_peers(text)) << text;
    EXPECT_TRUE(parse_peers("").value().empty());
}

TEST(ClusterConfig, PeersAreAListOfIdsAndAddresses) {
    const std::string wrong =
        ":2: cluster.peers must be written as [{ id = 2, address = \"10.0.0.2:7072\" }]";
    EXPECT_EQ(mistakes_of("[cluster]\npeers = \"2=a:1\"\n"), wrong);
    EXPECT_EQ(mistakes_of("[cluster]\npeers = [\"a:1\"]\n"), wrong);
    EXPECT_EQ(mistakes_of("[cluster]\npeers = [{ id = 2 }]\n"), wrong);
    EXPECT_EQ(mistakes_of("[cluster]\npeers = [{ id = 2, address = \"a:1\", zone = \"b\" }]\n"),
              wrong);
    EXPECT_EQ(mistakes_of("[cluster]\npeers = [{ id = -2, address = \"a:1\" }]\n"), wrong);
}

TEST(ClusterConfig, KeysThatBelongTogetherAreCheckedTogether) {
    EXPECT_EQ(mistakes_of("[cluster]\nnode_id = 1\n"),
              "cluster.name must be set when other keys of [cluster] are");
    EXPECT_EQ(mistakes_of(replaced(good, "node_id = 1\n", "")),
              "cluster.node_id must be set: 1 or more, never used before");
    EXPECT_EQ(mistakes_of(replaced(good, "\"orders\"", "\"Or ders\"")),
              "cluster.name must be lower-case letters, digits and '-', 1 to 40 of them");
    EXPECT_EQ(mistakes_of(replaced(good, "tls.ca = \"ca.pem\"\n", "")),
              "cluster.tls.ca, tls.cert and tls.key must be set; `penstock cluster init-certs` "
              "makes them");
}

TEST(ClusterConfig, AddressesAndIdsMustMakeSense) {
    EXPECT_EQ(mistakes_of(replaced(good, "10.0.0.1:7072", "10.0.0.1")),
              "cluster.advertise_peer must be HOST:PORT such as 127.0.0.1:7070, not 10.0.0.1");
    EXPECT_EQ(mistakes_of(replaced(good, "10.0.0.2:7072", "10.0.0.2:0")),
              "cluster.peers: address must have a port: 10.0.0.2:0");
    EXPECT_EQ(mistakes_of(replaced(good, "id = 3", "id = 2")), "cluster.peers: id 2 stands twice");
    EXPECT_EQ(mistakes_of(replaced(good, "node3.example", "10.0.0.2")),
              "cluster.peers: address 10.0.0.2:7072 stands twice");
    EXPECT_EQ(mistakes_of(replaced(good, "id = 3", "id = 0")), "cluster.peers: the ids begin at 1");
}

TEST(ClusterConfig, InsecureIsForLoopbackAddressesOnly) {
    EXPECT_EQ(mistakes_of("[cluster]\nname = \"a\"\nnode_id = 1\ninsecure = true\n"
                          "peers = [{ id = 2, address = \"[::1]:2\" }]\n"),
              "");
    EXPECT_EQ(mistakes_of("[cluster]\nname = \"a\"\nnode_id = 1\ninsecure = true\n"
                          "peers = [{ id = 2, address = \"10.0.0.2:2\" }]\n"),
              "cluster.insecure is for loopback addresses only, not for 10.0.0.2:2");
}

}  // namespace
}  // namespace penstock::config
