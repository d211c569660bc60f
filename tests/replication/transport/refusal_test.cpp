// Nodes that do not belong together, and what both of them make of it.
#include "tests/replication/transport/peer_fixture.h"
#include "tests/replication/transport/raw_node.h"

namespace penstock::replication::transport {
namespace {

constexpr ClusterId some_cluster{1, 2};

// `one` refuses `two`, and `two` learns of it, whoever dials.
void expect_refused(TlsPeersOptions ours, TlsPeersOptions theirs, Refusal reason) {
    TestNode one(std::move(ours));
    TestNode two(std::move(theirs));
    two.peers->set_peers({{one.id, one.address().address}});
    EXPECT_TRUE(one.refuses(reason)) << refusal_name(reason);
    EXPECT_TRUE(two.recorder.wait([](const Events& seen) { return !seen.disconnected.empty(); }));
    EXPECT_EQ(two.recorder.events().disconnected[0], std::pair(one.id, LinkEnd::refused));
    EXPECT_TRUE(two.reaches([](const PeersState& state) {
        const auto& problem = state.peers.at(0).problem;
        return state.statistics.refused_by_peers > 0 || !problem.empty();
    }));
    EXPECT_TRUE(one.recorder.events().connected.empty());
    EXPECT_TRUE(two.recorder.events().connected.empty());
    const std::uint64_t before = one.refusals(reason);
    one.peers->set_peers({{two.id, two.address().address}});
    EXPECT_TRUE(one.reaches([reason, before](const PeersState& state) {
        return state.statistics.refusals[static_cast<std::size_t>(reason)] > before;
    }));
}

TEST(PeerRefusal, ANodeOfAnotherCluster) {
    auto theirs = plain_options(2);
    theirs.hello.cluster = "billing";
    expect_refused(plain_options(1), std::move(theirs), Refusal::wrong_cluster);
}

TEST(PeerRefusal, ANodeOfAnotherClusterWithTheSameName) {
    auto ours = plain_options(1);
    auto theirs = plain_options(2);
    ours.hello.cluster_id = some_cluster;
    theirs.hello.cluster_id = {1, 3};
    expect_refused(std::move(ours), std::move(theirs), Refusal::wrong_cluster_id);
}

TEST(PeerRefusal, ANodeThatARecoveryLeftBehind) {
    auto ours = plain_options(1);
    auto theirs = plain_options(2);
    ours.hello.cluster_id = theirs.hello.cluster_id = some_cluster;
    ours.hello.incarnation = 2;
    theirs.hello.incarnation = 1;
    expect_refused(std::move(ours), std::move(theirs), Refusal::old_incarnation);
}

TEST(PeerRefusal, ABuildWithoutACommonFormat) {
    auto theirs = plain_options(2);
    theirs.hello.formats = {7, 8};
    expect_refused(plain_options(1), std::move(theirs), Refusal::no_common_format);
}

TEST(PeerRefusal, ANodeWithOurOwnId) {
    TestNode one(plain_options(1));
    TestNode two(plain_options(1));
    // It stands in the list under another id: an address gone wrong.
    two.peers->set_peers({{NodeId{9}, one.address().address}});
    EXPECT_TRUE(one.refuses(Refusal::own_id));
    EXPECT_TRUE(two.refuses(Refusal::own_id));
}

TEST(PeerRefusal, OurselvesAtTheAddressOfAnother) {
    TestNode one(plain_options(1));
    one.peers->set_peers({{NodeId{2}, one.address().address}});
    EXPECT_TRUE(one.refuses(Refusal::own_id));
    EXPECT_TRUE(one.recorder.events().connected.empty());
}

TEST(PeerRefusal, AnAddressThatAnswersAsAnotherNode) {
    TestNode one(plain_options(1));
    TestNode three(plain_options(3));
    one.peers->set_peers({{NodeId{2}, three.address().address}});
    EXPECT_TRUE(one.refuses(Refusal::wrong_node));
    EXPECT_TRUE(one.recorder.wait([](const Events& seen) { return !seen.disconnected.empty(); }));
    EXPECT_EQ(one.recorder.events().disconnected[0], std::pair(NodeId{2}, LinkEnd::refused));
    EXPECT_TRUE(one.recorder.events().connected.empty());
}

TEST(PeerRefusal, TheSecondOfTwoNodesWithOneId) {
    TestNode one(plain_options(1));
    TestNode two(plain_options(2));
    introduce(one, two);
    ASSERT_TRUE(one.reaches_node(two.id));
    TestNode impostor(plain_options(2));
    impostor.peers->set_peers({one.address()});
    EXPECT_TRUE(one.refuses(Refusal::duplicate_id));
    ASSERT_TRUE(
        impostor.recorder.wait([](const Events& seen) { return !seen.disconnected.empty(); }));
    EXPECT_EQ(impostor.recorder.events().disconnected[0], std::pair(one.id, LinkEnd::refused));
    const PeerStatus status = impostor.status_of(one.id);
    EXPECT_NE(status.problem.find("node 2 is connected already"), std::string::npos)
        << status.problem;
    // The first one goes on as if nothing had been.
    EXPECT_TRUE(ask_and_wait(one, two.id, "still you?"));
    EXPECT_EQ(one.recorder.events().connected.size(), 1U);
    EXPECT_TRUE(one.recorder.events().disconnected.empty());
}

TEST(PeerRefusal, AJoiningNodeIsHeardAndItsHellosFollowWhatItBecomes) {
    auto ours = plain_options(1);
    ours.hello.cluster_id = some_cluster;
    ours.hello.incarnation = 4;
    TestNode one(std::move(ours));
    TestNode two(plain_options(2));
    two.peers->set_peers({one.address()});
    ASSERT_TRUE(two.reaches_node(one.id));
    ASSERT_TRUE(one.status_of(two.id).hello.value().cluster_id.none());
    two.peers->set_cluster(some_cluster, 3);
    two.peers->set_peers({});
    ASSERT_TRUE(one.recorder.wait([](const Events& seen) { return !seen.disconnected.empty(); }));
    two.peers->set_peers({one.address()});
    EXPECT_TRUE(one.refuses(Refusal::old_incarnation));
    two.peers->set_cluster(some_cluster, 4);
    ASSERT_TRUE(two.reaches_node(one.id));
    EXPECT_EQ(one.status_of(two.id).hello.value().cluster_id, some_cluster);
}

TEST(PeerRefusal, AClockAnHourOffIsAWarningAndNoMore) {
    TestNode one(plain_options(1));
    TestNode two(plain_options(2), -3'600'000);
    introduce(one, two);
    ASSERT_TRUE(one.reaches_node(two.id));
    ASSERT_TRUE(two.reaches_node(one.id));
    EXPECT_TRUE(ask_and_wait(one, two.id, "what time is it?"));
    EXPECT_GT(one.state().statistics.clock_warnings, 0U);
    EXPECT_NEAR(static_cast<double>(one.status_of(two.id).clock_difference_ms), -3.6e6, 3e4);
    EXPECT_NEAR(static_cast<double>(two.status_of(one.id).clock_difference_ms), 3.6e6, 3e4);
}

TEST(PeerRefusal, AClockThatIsSetWhileConnectedIsNoticedOnce) {
    auto options = plain_options(2);
    options.limits.beat = std::chrono::milliseconds(20);
    TestNode one(plain_options(1));
    TestNode two(std::move(options));
    introduce(one, two);
    ASSERT_TRUE(one.reaches_node(two.id));
    ASSERT_EQ(one.state().statistics.clock_warnings, 0U);
    two.clock.shift_ms = 3'600'000;
    const auto shown_ms = [&] {
        return one.status_of(two.id).clock_difference_ms;
    };
    EXPECT_TRUE(one.reaches([&](const PeersState&) { return shown_ms() > 3'500'000; }));
    // Once, and not by every connection.
    EXPECT_EQ(one.state().statistics.clock_warnings, 1U);
    two.clock.shift_ms = 0;
    EXPECT_TRUE(one.reaches([&](const PeersState&) { return shown_ms() < 30'000; }));
}

TEST(PeerRefusal, ClocksLessThanAMinuteApartAreFine) {
    TestNode one(plain_options(1));
    TestNode two(plain_options(2), 30'000);
    introduce(one, two);
    ASSERT_TRUE(one.reaches_node(two.id));
    EXPECT_EQ(one.state().statistics.clock_warnings, 0U);
}

TEST(PeerRefusal, WithoutTlsOnlyLoopbackAddressesServe) {
    SystemClock clock;
    SystemRandom random;
    Recorder recorder;
    auto options = plain_options(1);
    options.listen = "0.0.0.0:0";
    const auto started = TlsPeers::start(std::move(options), recorder, clock, random);
    ASSERT_FALSE(started);
    EXPECT_EQ(started.error().detail, "0.0.0.0:0: without TLS only a loopback address will do");
    TestNode one(plain_options(1));
    one.peers->set_peers({{NodeId{2}, "192.0.2.1:7072"}});
    EXPECT_TRUE(one.reaches([](const PeersState& state) {
        return !state.peers.empty() &&
               state.peers[0].problem == "without TLS only loopback addresses are dialed";
    }));
}

TEST(PeerRefusal, AnAddressThatIsTakenOrNoneIsAnErrorAtTheStart) {
    SystemClock clock;
    SystemRandom random;
    Recorder recorder;
    TestNode one(plain_options(1));
    auto options = plain_options(2);
    options.listen = one.address().address;
    const auto taken = TlsPeers::start(options, recorder, clock, random);
    ASSERT_FALSE(taken);
    EXPECT_EQ(taken.error().code, Errc::unavailable);
    options.listen = "nowhere";
    const auto none = TlsPeers::start(options, recorder, clock, random);
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().detail, "nowhere is not HOST:PORT");
}

}  // namespace
}  // namespace penstock::replication::transport
