// What comes by the peer port that is no node, or a node that does not behave.
#include "tests/replication/transport/peer_fixture.h"
#include "tests/replication/transport/raw_node.h"

#include <algorithm>
#include <deque>

namespace penstock::replication::transport {
namespace {

TEST(PeerPort, GarbageIsRefusedAndCounted) {
    TestNode one(plain_options(1));
    for (const char* garbage : {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "\x16\x03\x01\x02\x03\x04"}) {
        RawSocket caller(one.peers->port());
        caller.send(garbage);
        caller.send(std::string(100, '\xFF'));
        EXPECT_TRUE(caller.ends());
    }
    EXPECT_EQ(one.refusals(Refusal::malformed), 2U);
    EXPECT_TRUE(one.recorder.events().connected.empty());
}

TEST(PeerPort, RandomBytesEndTheirConnectionOnly) {
    TestNode one(plain_options(1));
    TestNode two(plain_options(2));
    introduce(one, two);
    ASSERT_TRUE(one.reaches_node(two.id));
    for (std::uint64_t seed = 1; seed <= 200; ++seed) {
        SeededRandom random(seed);
        RawNode caller(one.peers->port(), 50);
        const std::uint64_t stage = random.below(3);
        const bool there = stage == 0 || (stage == 1 ? caller.greet() : caller.enter());
        ASSERT_TRUE(there) << seed;
        caller.socket.send(random.fill(64 + random.below(4'000)));
        EXPECT_TRUE(caller.socket.ends()) << seed;
    }
    EXPECT_TRUE(ask_and_wait(one, two.id, "well?"));
    const auto frames = one.recorder.events().frames;
    EXPECT_TRUE(frames.empty());
}

TEST(PeerPort, ACallerThatSaysNothingIsCutOff) {
    auto options = plain_options(1);
    options.limits.handshake = milliseconds(100);
    TestNode one(std::move(options));
    RawSocket silent(one.peers->port());
    RawNode half(one.peers->port(), 2);
    ASSERT_TRUE(half.greet());
    EXPECT_TRUE(silent.ends());
    EXPECT_TRUE(half.socket.ends());
    EXPECT_EQ(one.refusals(Refusal::too_slow), 2U);
}

TEST(PeerPort, TooManyHandshakesEndTheOldest) {
    auto options = plain_options(1);
    options.limits.handshakes_max = 3;
    TestNode one(std::move(options));
    std::deque<RawSocket> callers;
    for (int count = 0; count < 5; ++count) callers.emplace_back(one.peers->port());
    EXPECT_TRUE(callers[0].ends());
    EXPECT_TRUE(callers[1].ends());
    EXPECT_EQ(one.refusals(Refusal::too_many_connections), 2U);
    RawNode node(one.peers->port(), 2);
    EXPECT_TRUE(node.enter());
}

TEST(PeerPort, AFrameThatIsTooLongIsRefusedByItsHeader) {
    TestNode one(plain_options(1));
    RawNode caller(one.peers->port(), 2);
    ASSERT_TRUE(caller.enter());
    std::string header;
    caller.encoder.append(header, FrameKind::message, {}, {});
    header.replace(0, 4, std::string("\x00\x00\x00\x7F", 4));  // 2 GiB
    caller.socket.send(header);
    EXPECT_TRUE(caller.socket.ends());
    EXPECT_EQ(one.refusals(Refusal::malformed), 1U);
}

TEST(PeerPort, AGreetingThatIsTooLongIsRefused) {
    TestNode one(plain_options(1));
    RawNode caller(one.peers->port(), 2);
    caller.write(FrameKind::hello, encode_greeting(caller.greeting), std::string(4'096, 'x'));
    EXPECT_TRUE(caller.socket.ends());
    EXPECT_EQ(one.refusals(Refusal::malformed), 1U);
}

TEST(PeerPort, ADamagedFrameEndsTheConnection) {
    TestNode one(plain_options(1));
    RawNode caller(one.peers->port(), 2);
    ASSERT_TRUE(caller.enter());
    std::string bytes;
    caller.encoder.append(bytes, FrameKind::message, "pay 5", {});
    bytes.back() = '6';
    caller.socket.send(bytes);
    EXPECT_TRUE(caller.socket.ends());
    EXPECT_EQ(one.refusals(Refusal::damaged), 1U);
    EXPECT_TRUE(one.recorder.events().frames.empty());
}

TEST(PeerPort, ACapturedConversationIsRefusedWhenReplayed) {
    TestNode one(plain_options(1));
    std::string captured;
    {
        RawNode caller(one.peers->port(), 2);
        ASSERT_TRUE(caller.enter());
        caller.write(FrameKind::message, "pay 5");
        ASSERT_TRUE(one.recorder.wait([](const Events& seen) { return seen.frames.size() == 1; }));
        captured = caller.sent;
        // Repeated on the same connection.
        caller.socket.send(std::string_view(captured).substr(captured.size() - 30));
        EXPECT_TRUE(caller.socket.ends());
    }
    EXPECT_EQ(one.refusals(Refusal::replayed), 1U);
    RawSocket thief(one.peers->port());
    thief.send(captured);
    EXPECT_TRUE(thief.ends());
    EXPECT_EQ(one.refusals(Refusal::replayed), 2U);
    EXPECT_EQ(one.recorder.events().frames.size(), 1U);
    EXPECT_EQ(one.recorder.events().connected.size(), 1U);
}

TEST(PeerPort, FramesThatOnlyTheOtherSideSendsAreRefused) {
    TestNode one(plain_options(1));
    for (const FrameKind kind : {FrameKind::answer, FrameKind::welcome, FrameKind::hello}) {
        RawNode caller(one.peers->port(), 2);
        ASSERT_TRUE(caller.enter());
        caller.write(kind, "12345678");
        EXPECT_TRUE(caller.socket.ends());
    }
    EXPECT_EQ(one.refusals(Refusal::malformed), 3U);
}

TEST(PeerPort, ASilentNodeIsNoticed) {
    auto options = plain_options(1);
    options.limits.silence = milliseconds(150);
    TestNode one(std::move(options));
    RawNode silent(one.peers->port(), 2);
    ASSERT_TRUE(silent.enter());
    ASSERT_TRUE(one.recorder.wait([](const Events& seen) { return !seen.disconnected.empty(); }));
    EXPECT_EQ(one.recorder.events().disconnected[0], std::pair(NodeId{2}, LinkEnd::timed_out));
}

TEST(PeerPort, KeepAlivesKeepAQuietConnection) {
    auto quick = [](std::uint64_t id) {
        auto options = plain_options(id);
        options.limits.beat = milliseconds(30);
        options.limits.silence = milliseconds(800);
        return options;
    };
    TestNode one(quick(1));
    TestNode two(quick(2));
    introduce(one, two);
    ASSERT_TRUE(one.reaches_node(two.id));
    EXPECT_FALSE(one.recorder.wait([](const Events& seen) { return !seen.disconnected.empty(); },
                                   milliseconds(1'500)));
    EXPECT_EQ(one.state().statistics.reconnects, 0U);
}

TEST(PeerPort, ANodeThatAsksTooMuchIsToldThatItWasNotLookedAt) {
    auto options = plain_options(2);
    options.limits.questions_max = 2;
    TestNode one(plain_options(1));
    TestNode two(std::move(options));
    two.recorder.hold();
    introduce(one, two);
    ASSERT_TRUE(one.reaches_node(two.id));
    for (int count = 0; count < 2; ++count)
        one.peers->ask(two.id, Lane::requests, "?", seconds(60), [](const Answer&) {});
    const Answer third = ask_and_wait(one, two.id, "and I?");
    ASSERT_FALSE(third);
    EXPECT_EQ(third.error().error.code, Errc::unavailable);
    EXPECT_FALSE(third.error().maybe_delivered);
    EXPECT_EQ(two.recorder.events().questions.size(), 2U);
}

TEST(PeerPort, WhatIsTooLongIsNotSent) {
    TestNode one(plain_options(1));
    TestNode two(plain_options(2));
    introduce(one, two);
    ASSERT_TRUE(one.reaches_node(two.id));
    const std::string most(frame_bytes_max, 'x');
    one.peers->send(two.id, Lane::bulk, most + "x");
    const Answer refused = ask_and_wait(one, two.id, most + "x");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().error.code, Errc::invalid);
    one.peers->send(two.id, Lane::bulk, most);
    ASSERT_TRUE(two.recorder.wait([](const Events& seen) { return seen.frames.size() == 1; }));
    EXPECT_EQ(two.recorder.events().frames[0].bytes.size(), frame_bytes_max);
    EXPECT_EQ(one.state().statistics.frames_dropped, 1U);
}

TlsPeersOptions tight(std::uint64_t id) {
    auto options = plain_options(id);
    options.limits.queue_bytes_max = 1U << 20U;
    options.limits.silence = seconds(60);
    options.limits.stall = milliseconds(300);
    return options;
}

TEST(PeerPort, ANodeThatNeverReadsCostsABoundedQueueAndIsLeft) {
    TestNode one(tight(1));
    RawListener never_reads;
    one.peers->set_peers({{NodeId{2}, never_reads.address()}});
    ASSERT_TRUE(never_reads.welcome(2));
    ASSERT_TRUE(one.recorder.wait([](const Events& seen) { return !seen.connected.empty(); }));
    std::uint64_t queued_most = 0;
    for (int count = 0; count < 2'000; ++count) {
        one.peers->send(NodeId{2}, Lane::raft, std::string(16 * 1024, 'x'));
        if (count % 100 == 0)
            queued_most = std::max(queued_most, one.status_of(NodeId{2}).lanes[0].queued_bytes);
    }
    EXPECT_GT(queued_most, 900U * 1024);
    EXPECT_LE(queued_most, 1U << 20U);
    EXPECT_GT(one.state().statistics.frames_dropped, 100U);
    EXPECT_FALSE(one.recorder.events().unreachable.empty());
    // A question finds no room either, and certainly had no effect.
    const Answer answer =
        ask_and_wait(one, NodeId{2}, std::string(100'000, '?'), seconds(10), Lane::raft);
    ASSERT_FALSE(answer);
    EXPECT_FALSE(answer.error().maybe_delivered);
    // The other lanes are quiet and stand.
    EXPECT_TRUE(one.reaches([](const PeersState& state) {
        const PeerStatus& status = state.peers.at(0);
        return !status.lanes[0].dialed && status.lanes[1].dialed &&
               status.problem == "it takes nothing of what is written";
    }));
}

TEST(PeerPort, WhatOtherThreadsPostIsBounded) {
    auto options = tight(1);
    options.limits.inbox_bytes_max = 100'000;
    TestNode one(std::move(options));
    // The transport's thread is busy while more is posted than may wait.
    std::promise<void> seen;
    std::promise<void> over;
    one.peers->inspect([&](const PeersState&) {
        seen.set_value();
        over.get_future().wait();
    });
    seen.get_future().wait();
    for (int count = 0; count < 100; ++count)
        one.peers->send(NodeId{2}, Lane::raft, std::string(10'000, 'x'));
    over.set_value();
    // Nine fitted and found no connection; the others did not fit.
    EXPECT_TRUE(one.reaches(
        [](const PeersState& state) { return state.statistics.frames_dropped == 100; }));
}

TEST(PeerPort, AQuestionerThatNeverReadsItsAnswersLosesThem) {
    TestNode one(tight(1));
    RawNode caller(one.peers->port(), 2);
    ASSERT_TRUE(caller.enter());
    const std::string body(200 * 1024, '?');
    for (std::uint64_t number = 1; number <= 100; ++number) {
        std::string head(8, '\0');
        head[0] = static_cast<char>(number);
        caller.write(FrameKind::question, head, body);
    }
    ASSERT_TRUE(one.recorder.wait([](const Events& seen) { return !seen.disconnected.empty(); }));
    EXPECT_EQ(one.recorder.events().disconnected[0], std::pair(NodeId{2}, LinkEnd::timed_out));
    EXPECT_GT(one.state().statistics.answers_dropped, 0U);
}

}  // namespace
}  // namespace penstock::replication::transport
