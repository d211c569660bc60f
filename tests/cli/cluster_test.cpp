#include "tests/cli/fixture.h"

#include <boost/json.hpp>

namespace penstock::testing {

namespace {

class CliCluster : public CliFixture {
  protected:
    static api::ClusterView three_nodes() {
        api::ClusterView view;
        view.name = "prod";
        view.cluster_id = "00aa";
        view.node = 1;
        view.nodes = {{1, "10.0.0.1:7072", "10.0.0.1:7070", "a", false, true, "", 2},
                      {2, "10.0.0.2:7072", "10.0.0.2:7070", "b", false, true, "", 1},
                      {3, "10.0.0.3:7072", "", "c", true, false, "no connection", 2}};
        api::SetView led;
        led.set = 1;
        led.leader = 2;
        led.term = 5;
        led.committed = 100;
        led.objects = 4;
        led.replicas = {
            {1, true, 98, true, true}, {2, true, 100, true, true}, {3, false, 0, false, false}};
        api::SetView alone;
        alone.set = 2;
        alone.replicas = {{3, true, 0, false, false}};
        led.wanted = {2, 1, 3};
        alone.wanted = {1, 3};
        view.sets = {led, alone};
        return view;
    }
};

TEST_F(CliCluster, StatusShowsLeadersAndWhatReplicasLack) {
    broker.answer_with<api::GetCluster>(three_nodes());
    EXPECT_EQ(run({"cluster", "status", "-o", "table"}), 0);
    EXPECT_EQ(
        out,
        "cluster prod, id 00aa\n\n"
        "NODE  CONNECTED  HTTP           PEER           ZONE  SETS  STATE    PROBLEM\n"
        "1     asked      10.0.0.1:7070  10.0.0.1:7072  a     2     member   -\n"
        "2     yes        10.0.0.2:7070  10.0.0.2:7072  b     1     member   -\n"
        "3     no         -              10.0.0.3:7072  c     2     leaving  no connection\n\n"
        "SET  LEADER  TERM  REPLICAS        LAG    IN SYNC  COMMITTED  OBJECTS\n"
        "1    2       5     1 2 3(learner)  2 0 ?  1 2      100        4\n"
        "2    ?       0     3 -> 1 3        ?      -        0          0\n");
}

TEST_F(CliCluster, StatusNamesAReplicaThatHoldsSomethingElse) {
    api::ClusterView view = three_nodes();
    view.sets[0].replicas[0].differs = true;
    broker.answer_with<api::GetCluster>(view);
    EXPECT_EQ(run({"cluster", "status", "-o", "table"}), 0);
    EXPECT_NE(out.find("1(state_hash: differs) 2 3(learner)  2 0 ?"), std::string::npos) << out;
}

TEST_F(CliCluster, StatusAsJsonIsTheServersAnswer) {
    broker.answer_with<api::GetCluster>(three_nodes());
    EXPECT_EQ(run({"cluster", "status", "-o", "json"}), 0);
    const auto shown = boost::json::parse(out).as_object();
    EXPECT_EQ(shown.at("name"), "prod");
    const auto& replicas = shown.at("sets").at(0).at("replicas").as_array();
    EXPECT_EQ(replicas.at(0).at("match").to_number<int>(), 98);
    EXPECT_FALSE(replicas.at(2).as_object().contains("match"));
}

TEST_F(CliCluster, StatusSaysWhereThereIsNoClusterYet) {
    broker.answer_with<api::GetCluster>({});
    EXPECT_EQ(run({"cluster", "status"}), 1);
    EXPECT_NE(err.find("on its own"), std::string::npos);
    api::ClusterView waiting;
    waiting.name = "prod";
    broker.answer_with<api::GetCluster>(waiting);
    EXPECT_EQ(run({"cluster", "status"}), 1);
    EXPECT_NE(err.find("penstock cluster init"), std::string::npos);
}

TEST_F(CliCluster, InitNamesTheNodesAndWhatToDoNext) {
    broker.answer_with<api::InitCluster>(three_nodes());
    EXPECT_EQ(run({"cluster", "init"}), 0);
    EXPECT_EQ(out.find("cluster prod is founded, id 00aa\n"), 0U);
    EXPECT_NE(out.find("10.0.0.2:7072"), std::string::npos);
    EXPECT_NE(out.find("penstock cluster status"), std::string::npos);
}

TEST_F(CliCluster, AddNamesTheNodeAndItsAddress) {
    broker.answer_with<api::ChangeCluster>(three_nodes());
    EXPECT_EQ(run({"cluster", "add", "4", "10.0.0.4:7072"}), 0);
    ASSERT_NE(broker.last<api::ChangeCluster>(), nullptr);
    EXPECT_EQ(broker.last<api::ChangeCluster>()->node, 4U);
    EXPECT_EQ(broker.last<api::ChangeCluster>()->peer_address, "10.0.0.4:7072");
    EXPECT_NE(out.find("node 4 is added"), std::string::npos);
}

TEST_F(CliCluster, ANodeIsRemovedOnceThatIsConfirmed) {
    broker.answer_with<api::ChangeCluster>(three_nodes());
    EXPECT_EQ(run({"cluster", "remove", "3"}), 2);
    EXPECT_EQ(broker.last<api::ChangeCluster>(), nullptr);
    EXPECT_EQ(run({"cluster", "remove", "3", "--yes"}), 0);
    ASSERT_NE(broker.last<api::ChangeCluster>(), nullptr);
    EXPECT_EQ(broker.last<api::ChangeCluster>()->what, api::ChangeCluster::What::remove);
    EXPECT_EQ(broker.last<api::ChangeCluster>()->node, 3U);
    EXPECT_NE(out.find("node 3 leaves"), std::string::npos);
}

TEST_F(CliCluster, ANodeIsReplacedByOneWithAnotherId) {
    broker.answer_with<api::ChangeCluster>(three_nodes());
    EXPECT_EQ(run({"cluster", "replace", "3", "4", "10.0.0.4:7072", "--yes"}), 0);
    ASSERT_NE(broker.last<api::ChangeCluster>(), nullptr);
    EXPECT_EQ(broker.last<api::ChangeCluster>()->what, api::ChangeCluster::What::replace);
    EXPECT_EQ(broker.last<api::ChangeCluster>()->node, 3U);
    EXPECT_EQ(broker.last<api::ChangeCluster>()->by, 4U);
    EXPECT_EQ(broker.last<api::ChangeCluster>()->peer_address, "10.0.0.4:7072");
}

TEST_F(CliCluster, ASetIsTransferred) {
    broker.answer_with<api::ChangeCluster>(three_nodes());
    EXPECT_EQ(run({"cluster", "transfer", "7", "2"}), 0);
    ASSERT_NE(broker.last<api::ChangeCluster>(), nullptr);
    EXPECT_EQ(broker.last<api::ChangeCluster>()->what, api::ChangeCluster::What::transfer);
    EXPECT_EQ(broker.last<api::ChangeCluster>()->set, 7U);
    EXPECT_EQ(broker.last<api::ChangeCluster>()->node, 2U);
}

TEST_F(CliCluster, SetsAreRebalancedUntilTheyAreStopped) {
    broker.answer_with<api::ChangeCluster>(three_nodes());
    EXPECT_EQ(run({"cluster", "rebalance"}), 0);
    ASSERT_NE(broker.last<api::ChangeCluster>(), nullptr);
    EXPECT_EQ(broker.last<api::ChangeCluster>()->what, api::ChangeCluster::What::balance);
    EXPECT_EQ(run({"cluster", "rebalance", "--stop"}), 0);
    EXPECT_EQ(broker.last<api::ChangeCluster>()->what, api::ChangeCluster::What::stop_balancing);
}

TEST_F(CliCluster, InitThatIsRefusedSaysWhy) {
    broker.refuse<api::InitCluster>(model::Reason::unavailable, "node 2: it does not answer");
    EXPECT_EQ(run({"cluster", "init"}), 1);
    EXPECT_NE(err.find("node 2: it does not answer"), std::string::npos);
}

TEST_F(CliCluster, TheDoctorNamesSetsWithoutALeaderAndWhoIsBehind) {
    api::ServerStatus status;
    status.ready = true;
    status.space = "normal";
    broker.answer_with<api::GetStatus>(status);
    broker.answer_with<api::ListQueues>({});
    broker.answer_with<api::ListSubscriptions>(api::SubscriptionPage{});
    api::ClusterView cluster;
    cluster.name = "prod";
    cluster.nodes = {{1, "a", "b", "", false, true, ""}};
    api::SetView led;
    led.set = 7;
    led.leader = 1;
    led.replicas = {
        {1, true, 9, true, true}, {2, true, 5, true, false}, {3, false, 2, true, false}};
    cluster.sets = {led};
    broker.answer_with<api::GetCluster>(cluster);
    EXPECT_EQ(run({"doctor"}), 0);
    EXPECT_NE(out.find("cluster\tlook\tset 7: behind or away: node 2\t"), std::string::npos) << out;
    cluster.sets[0].replicas[0].in_sync = false;
    broker.answer_with<api::GetCluster>(cluster);
    EXPECT_EQ(run({"doctor"}), 0);
    EXPECT_EQ(out.find("set 7"), std::string::npos) << "its leader does not tell: " << out;
    cluster.sets[0].leader = 0;
    broker.answer_with<api::GetCluster>(cluster);
    EXPECT_EQ(run({"doctor"}), 1);
    EXPECT_NE(out.find("cluster\tbad\tset 7: no leader"), std::string::npos) << out;
    broker.is_ready = false;
    EXPECT_EQ(run({"doctor"}), 1);
    EXPECT_NE(out.find("ready\tbad"), std::string::npos) << out;
    EXPECT_NE(out.find("cluster\tbad\tset 7: no leader"), std::string::npos) << out;
    broker.is_ready = true;
}

}  // namespace

}  // namespace penstock::testing
