// Nodes that speak with each other: frames, questions, answers, lanes, reconnects, stops.
#include "tests/replication/transport/peer_fixture.h"

namespace penstock::replication::transport {
namespace {

TEST(Peers, TwoNodesGreetEachOtherAndSpeakOnEveryLane) {
    TestNode one(plain_options(1));
    TestNode two(plain_options(2));
    introduce(one, two);
    ASSERT_TRUE(one.reaches_node(two.id));
    ASSERT_TRUE(two.reaches_node(one.id));
    one.peers->send(two.id, Lane::raft, "heartbeat");
    one.peers->send(two.id, Lane::bulk, std::string(1'000'000, 'x'));
    two.peers->send(one.id, Lane::raft, "answer");
    ASSERT_TRUE(two.recorder.wait([](const Events& seen) { return seen.frames.size() == 2; }));
    ASSERT_TRUE(one.recorder.wait([](const Events& seen) { return seen.frames.size() == 1; }));
    for (const auto& frame : two.recorder.events().frames) {
        EXPECT_EQ(frame.from, one.id);
        EXPECT_EQ(frame.bytes,
                  frame.lane == Lane::raft ? "heartbeat" : std::string(1'000'000, 'x'));
    }
    const Heard heard{two.id, Lane::raft, "answer"};
    EXPECT_EQ(one.recorder.events().frames[0], heard);
    const auto connected = one.recorder.events().connected;
    ASSERT_EQ(connected.size(), 1U);
    EXPECT_EQ(connected[0].second.zone, "zone-2");
    EXPECT_EQ(connected[0].second.peer_address, two.address().address);
}

TEST(Peers, FramesOfOneLaneKeepTheirOrder) {
    TestNode one(plain_options(1));
    TestNode two(plain_options(2));
    introduce(one, two);
    ASSERT_TRUE(one.reaches_node(two.id));
    constexpr std::size_t count = 5'000;
    for (std::size_t number = 0; number < count; ++number)
        one.peers->send(two.id, Lane::raft, std::to_string(number));
    ASSERT_TRUE(two.recorder.wait([](const Events& seen) { return seen.frames.size() == count; }));
    const auto frames = two.recorder.events().frames;
    for (std::size_t number = 0; number < count; ++number)
        ASSERT_EQ(frames[number].bytes, std::to_string(number));
}

TEST(Peers, AQuestionGetsItsAnswer) {
    TestNode one(plain_options(1));
    TestNode two(plain_options(2));
    introduce(one, two);
    ASSERT_TRUE(one.reaches_node(two.id));
    const Answer answer = ask_and_wait(one, two.id, "who leads?");
    ASSERT_TRUE(answer) << answer.error().error.detail;
    EXPECT_EQ(answer.value(), "re: who leads?");
    const Answer empty = ask_and_wait(one, two.id, "", seconds(10), Lane::bulk);
    ASSERT_TRUE(empty);
    EXPECT_EQ(empty.value(), "re: ");
}

TEST(Peers, AQuestionToANodeThatIsNotConnectedCertainlyHadNoEffect) {
    TestNode one(plain_options(1));
    const Answer answer = ask_and_wait(one, NodeId{2}, "anybody?");
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().error.code, Errc::unavailable);
    EXPECT_FALSE(answer.error().maybe_delivered);
    one.peers->send(NodeId{2}, Lane::raft, "lost");
    EXPECT_TRUE(one.recorder.wait(
        [](const Events& seen) { return seen.unreachable == std::vector<NodeId>{NodeId{2}}; }));
    EXPECT_EQ(one.state().statistics.frames_dropped, 1U);
}

TEST(Peers, AQuestionWithoutAnAnswerEndsAtItsDeadlineAndMayHaveHadAnEffect) {
    TestNode one(plain_options(1));
    TestNode two(plain_options(2));
    two.recorder.hold();
    introduce(one, two);
    ASSERT_TRUE(one.reaches_node(two.id));
    const Answer answer = ask_and_wait(one, two.id, "slow?", milliseconds(50));
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().error.code, Errc::timeout);
    EXPECT_TRUE(answer.error().maybe_delivered);
    // The answer comes too late, and nothing comes of it.
    ASSERT_TRUE(two.recorder.wait([](const Events& seen) { return seen.unanswered.size() == 1; }));
    two.recorder.events().unanswered[0]("late");
    const Answer next = ask_and_wait(one, two.id, "still there?", milliseconds(50));
    EXPECT_FALSE(next);
}

TEST(Peers, AQuestionOnALinkThatBreaksMayHaveHadAnEffect) {
    TestNode one(plain_options(1));
    auto two = std::make_unique<TestNode>(plain_options(2));
    two->recorder.hold();
    introduce(one, *two);
    ASSERT_TRUE(one.reaches_node(two->id));
    auto promise = std::make_shared<std::promise<Answer>>();
    one.peers->ask(two->id, Lane::requests, "and?", seconds(60), [promise](Answer answer) {
        promise->set_value(std::move(answer));
    });
    ASSERT_TRUE(two->recorder.wait([](const Events& seen) { return seen.questions.size() == 1; }));
    const Respond respond = two->recorder.events().unanswered[0];
    two.reset();
    const Answer answer = promise->get_future().get();
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().error.code, Errc::unavailable);
    EXPECT_TRUE(answer.error().maybe_delivered);
    respond("after the end");  // its transport is gone: nothing happens
    EXPECT_TRUE(one.recorder.wait([](const Events& seen) { return !seen.disconnected.empty(); }));
    EXPECT_EQ(one.recorder.events().disconnected[0].second, LinkEnd::closed);
}

TEST(Peers, ANodeThatComesBackIsDialedAgain) {
    TestNode one(plain_options(1));
    auto two = std::make_unique<TestNode>(plain_options(2));
    const PeerAddress address = two->address();
    introduce(one, *two);
    ASSERT_TRUE(one.reaches_node(NodeId{2}));
    two.reset();
    ASSERT_TRUE(
        one.recorder.wait([](const Events& seen) { return seen.disconnected.size() == 1; }));
    auto options = plain_options(2);
    options.listen = address.address;
    two = std::make_unique<TestNode>(std::move(options));
    ASSERT_TRUE(one.reaches_node(NodeId{2}));
    EXPECT_EQ(one.recorder.events().connected.size(), 2U);
    EXPECT_EQ(one.state().statistics.reconnects, 3U);
    const Answer answer = ask_and_wait(one, NodeId{2}, "back?");
    EXPECT_TRUE(answer);
}

TEST(Peers, ANodeThatIsNoLongerAMemberIsNoLongerDialed) {
    TestNode one(plain_options(1));
    TestNode two(plain_options(2));
    one.peers->set_peers({one.address(), two.address()});  // ours in the list is skipped
    ASSERT_TRUE(one.reaches_node(two.id));
    one.peers->set_peers({one.address()});
    ASSERT_TRUE(
        one.recorder.wait([](const Events& seen) { return seen.disconnected.size() == 1; }));
    EXPECT_EQ(one.recorder.events().disconnected[0], std::pair(two.id, LinkEnd::closed));
    EXPECT_TRUE(one.state().peers.empty());
    one.peers->set_peers({two.address()});
    EXPECT_TRUE(one.reaches_node(two.id));
}

TEST(Peers, AnAnswerTravelsBackToOneThatOnlyDials) {
    TestNode one(plain_options(1));
    TestNode two(plain_options(2));
    one.peers->set_peers({two.address()});
    ASSERT_TRUE(one.reaches_node(two.id));
    const Answer answer = ask_and_wait(one, two.id, "may I join?");
    ASSERT_TRUE(answer);
    // The other has no way to the one that it does not know.
    EXPECT_FALSE(ask_and_wait(two, one.id, "who are you?"));
    const PeerStatus status = two.status_of(one.id);
    EXPECT_TRUE(status.lanes[0].accepted);
    EXPECT_FALSE(status.lanes[0].dialed);
    EXPECT_EQ(status.address, "");
    EXPECT_EQ(status.hello.value().node, one.id);
}

TEST(Peers, NamesAreResolvedAndWhatIsNoAddressIsAProblem) {
    TestNode one(plain_options(1));
    TestNode two(plain_options(2));
    const std::string port = std::to_string(two.peers->port());
    one.peers->set_peers({{two.id, "localhost:" + port}, {NodeId{3}, "nowhere"}});
    ASSERT_TRUE(one.reaches_node(two.id));
    EXPECT_TRUE(one.reaches([](const PeersState& state) {
        return state.peers.size() == 2 && state.peers[1].problem == "the address is not HOST:PORT";
    }));
    EXPECT_EQ(one.status_of(two.id).problem, "");
}

TEST(Peers, StoppingEndsOpenQuestionsAndIsHarmlessTwice) {
    TestNode one(plain_options(1));
    TestNode two(plain_options(2));
    two.recorder.hold();
    introduce(one, two);
    ASSERT_TRUE(one.reaches_node(two.id));
    bool failed = false;
    one.peers->ask(two.id, Lane::requests, "and?", seconds(60), [&failed](const Answer& answer) {
        failed = !answer;
    });
    one.peers->stop();
    EXPECT_TRUE(failed);
    one.peers->stop();
}

}  // namespace
}  // namespace penstock::replication::transport
