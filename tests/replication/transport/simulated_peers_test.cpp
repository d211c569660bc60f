// The simulated network keeps the promises of Peers, and repeats itself from its seed.
#include "tests/support/simulated_peers.h"

#include <gtest/gtest.h>

#include <string>

namespace penstock::testing {
namespace {

using replication::transport::Answer;
using replication::transport::Hello;
using replication::transport::Lane;
using replication::transport::LinkEnd;
using replication::transport::PeerListener;
using replication::transport::Peers;
using replication::transport::Respond;

constexpr NodeId one{1};
constexpr NodeId two{2};
constexpr NodeId three{3};
constexpr std::chrono::milliseconds second{1'000};

struct Diary final : PeerListener {
    void on_frame(NodeId from, Lane, std::string bytes) override {
        log += std::to_string(from.value) + ":" + bytes + " ";
    }

    void on_question(NodeId, Lane, std::string bytes, Respond respond) override {
        if (bytes != "hold") return respond("re: " + bytes);
        held = std::move(respond);
    }

    void on_connected(NodeId node, const Hello&) override {
        log += "+" + std::to_string(node.value) + " ";
    }

    void on_disconnected(NodeId node, LinkEnd) override {
        log += "-" + std::to_string(node.value) + " ";
    }

    void on_unreachable(NodeId node) override { log += "?" + std::to_string(node.value) + " "; }

    std::string log;
    Respond held;
};

Hello hello(NodeId node) {
    Hello made;
    made.cluster = "orders";
    made.node = node;
    return made;
}

class SimulatedPeers : public ::testing::Test {
  protected:
    explicit SimulatedPeers(std::uint64_t seed = 7) : network_(seed) {
        for (std::size_t at = 0; at < 3; ++at) {
            const NodeId node{at + 1};
            peers_[at] = &network_.join(hello(node), diaries_[at]);
        }
        for (Peers* peers : peers_) peers->set_peers({{one, "a"}, {two, "b"}, {three, "c"}});
        pass(100'000);
        for (Diary& diary : diaries_) diary.log.clear();
    }

    void pass(std::int64_t time_us) { network_.run_until(network_.now_us() + time_us); }

    std::string ask(const std::string& question) {
        std::string outcome = "open";
        peers_[0]->ask(two, Lane::requests, question, second, [&outcome](const Answer& answer) {
            outcome = answer                           ? answer.value()
                      : answer.error().maybe_delivered ? "unknown"
                                                       : "failed";
        });
        pass(2'000'000);
        return outcome;
    }

    SimulatedNetwork network_;
    Diary diaries_[3];
    Peers* peers_[3] = {};
};

TEST_F(SimulatedPeers, FramesArriveInOrderAndQuestionsAreAnswered) {
    for (const char* bytes : {"a", "b", "c"}) peers_[0]->send(two, Lane::raft, bytes);
    pass(10'000);
    EXPECT_EQ(diaries_[1].log, "1:a 1:b 1:c ");
    EXPECT_EQ(ask("well?"), "re: well?");
}

TEST_F(SimulatedPeers, ACutIsNoticedAndHealed) {
    network_.cut(one, two);
    pass(10'000);
    peers_[0]->send(two, Lane::raft, "lost");
    pass(10'000);
    EXPECT_EQ(diaries_[0].log, "-2 ?2 ");
    EXPECT_EQ(ask("anybody?"), "failed");
    network_.heal(one, two);
    pass(10'000);
    EXPECT_EQ(diaries_[0].log, "-2 ?2 +2 ");
    EXPECT_EQ(ask("again?"), "re: again?");
}

TEST_F(SimulatedPeers, APartitionKeepsTheGroupsTogether) {
    network_.partition({one});
    pass(10'000);
    peers_[1]->send(three, Lane::raft, "hi");
    pass(10'000);
    EXPECT_EQ(diaries_[0].log, "-2 -3 ");
    EXPECT_EQ(diaries_[2].log, "-1 2:hi ");
    network_.heal_all();
    pass(10'000);
    EXPECT_EQ(diaries_[0].log.size(), 12U);
}

TEST_F(SimulatedPeers, WhatWasAskedOnABrokenLinkMayHaveBeenDelivered) {
    std::string outcome = "open";
    peers_[0]->ask(two, Lane::requests, "hold", second, [&outcome](const Answer& answer) {
        outcome = !answer && answer.error().maybe_delivered ? "unknown" : "other";
    });
    pass(10'000);
    network_.kill(two);
    pass(10'000);
    EXPECT_EQ(outcome, "unknown");
    diaries_[1].held("too late");
    network_.join(hello(two), diaries_[1]).set_peers({{one, "a"}});
    pass(10'000);
    EXPECT_EQ(ask("back?"), "re: back?");
}

TEST_F(SimulatedPeers, AnUnansweredQuestionEndsAtItsDeadline) {
    EXPECT_EQ(ask("hold"), "unknown");
}

TEST_F(SimulatedPeers, WhatIsUnderWayWhenALinkBreaksIsLost) {
    peers_[0]->send(two, Lane::raft, "never");
    network_.cut(one, two);
    network_.heal(one, two);
    pass(10'000);
    EXPECT_EQ(diaries_[1].log, "-1 +1 ");
}

std::string stormy_run(std::uint64_t seed) {
    SimulatedNetwork network(seed);
    Diary left;
    Diary right;
    Peers& peers = network.join(hello(one), left);
    network.join(hello(two), right);
    SimulatedNetwork::Weather weather;
    weather.lost_of_1000 = 300;
    network.set_weather(weather);
    peers.set_peers({{two, "b"}});
    network.run_until(10'000);
    for (int number = 0; number < 40; ++number) {
        const Lane lane = number % 2 == 0 ? Lane::raft : Lane::bulk;
        peers.send(two, lane, std::to_string(number));
    }
    while (network.step()) {
    }
    return right.log;
}

TEST(SimulatedNetworkSeed, TheSameSeedGivesTheSameStory) {
    const std::string story = stormy_run(1);
    EXPECT_EQ(stormy_run(1), story);
    EXPECT_NE(stormy_run(2), story);
    EXPECT_LT(story.size(), 40 * 5U);  // some were lost
    EXPECT_GT(story.size(), 40U);
}

}  // namespace
}  // namespace penstock::testing
