// Sealed and compressed bodies in a node: opened where they are wanted, passed on as they are, and
// left where they are while their key cannot be had.
#include "broker/api/data_keys.h"
#include "tests/node/requests.h"
#include "tests/support/fake_key_service.h"
#include "tests/support/stepped_node.h"

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace penstock::testing {

namespace {

// A node that has one key service, and what seals for it as the door does.
struct SealedNode {
    explicit SealedNode(bool sealed_only = true) : node(options_of(keys, sealed_only)) {
        node.node->attach(deliveries);
    }

    static node::NodeOptions options_of(api::DataKeys& keys, bool sealed_only) {
        node::NodeOptions options;
        options.data_keys = &keys;
        options.sealed_only = sealed_only;
        return options;
    }

    // The key thread's work, and what the node makes of it.
    void work() {
        for (int round = 0; round < 4; ++round) {
            context.restart();
            context.poll();
            node.settle_down();
        }
    }

    template <class R>
    typename Asked<R>::Outcome ask(R request) {
        Asked<R> asked = node.start(std::move(request));
        node.settle_down();
        if (!asked.answered()) work();
        check(asked.answered(), "a request is answered without time going on");
        return std::move(*asked);
    }

    void seal(std::vector<model::NewMessage>& messages, std::uint32_t object) {
        api::DataKeyPtr key;
        writer.make(model::ObjectNo{object}, [&](Result<api::DataKeyPtr> made) { key = *made; });
        context.restart();
        context.poll();
        for (model::NewMessage& message : messages) {
            api::compress_payload(message);
            api::seal_payload(message, "", model::ObjectNo{object}, *key, random);
        }
    }

    api::SendMessages sealed_send(const std::string& queue, std::vector<std::string> payloads) {
        api::SendMessages request = send(queue, std::move(payloads));
        seal(request.messages, 1);
        return request;
    }

    api::PublishMessages sealed_publish(const std::string& topic,
                                        std::vector<std::string> payloads) {
        api::PublishMessages request = publish(topic, std::move(payloads));
        seal(request.messages, 2);
        return request;
    }

    // Until the key service may be asked again and what was given back is visible.
    void pass_pause() {
        clock.advance_us(api::DataKeys::pause_us);
        node.advance_ms(api::DataKeys::pause_us / 1'000 + 100);
    }

    // Whether the text stands in any file.
    bool stored(const std::string& text) {
        for (const std::string& path : node.disk.files()) {
            if (node.disk.bytes_of(path).find(text) != std::string::npos) return true;
        }
        return false;
    }

    boost::asio::io_context context;
    FakeKeyService service;
    ManualClock clock;
    SystemRandom random;
    // The node's own keys, which know nothing that the writer made.
    api::DataKeys keys{service, clock, random, context.get_executor(), {1'000'000'000}};
    api::DataKeys writer{service, clock, random, context.get_executor(), {1'000'000'000}};
    RecordedDeliveries deliveries;
    SteppedNode node;
};

const std::string long_payload = std::string(3'000, 'c') + " canary";

}  // namespace

TEST(Sealed, AMessageIsKeptAsCiphertextAndReceivedAsItWasSent) {
    SealedNode sealed;
    ASSERT_TRUE(sealed.ask(create_queue("orders")));
    ASSERT_TRUE(sealed.ask(sealed.sealed_send("orders", {"canary", long_payload})));
    EXPECT_FALSE(sealed.stored("canary"));
    const auto received = sealed.ask(receive("orders", 16));
    ASSERT_TRUE(received) << received.error().detail;
    ASSERT_EQ(received->messages.size(), 2U);
    EXPECT_EQ(received->messages[0].payload, "canary");
    EXPECT_EQ(received->messages[1].payload, long_payload);
    EXPECT_EQ(sealed.service.unwraps, 1) << "one key, one question";
}

TEST(Sealed, ItIsReadAfterARestartToo) {
    SealedNode sealed;
    ASSERT_TRUE(sealed.ask(create_queue("orders")));
    ASSERT_TRUE(sealed.ask(sealed.sealed_send("orders", {long_payload})));
    sealed.node.restart();
    const auto received = sealed.ask(receive("orders", 1));
    ASSERT_TRUE(received);
    ASSERT_EQ(received->messages.size(), 1U);
    EXPECT_EQ(received->messages[0].payload, long_payload);
}

TEST(Sealed, LimitsAreThoseOfThePayloadThatWasSent) {
    SealedNode sealed;
    api::QueueChange small;
    small.message_bytes_max = 1'024;
    ASSERT_TRUE(sealed.ask(create_queue("orders", small)));
    EXPECT_TRUE(sealed.ask(sealed.sealed_send("orders", {std::string(1'024, 'x')})));
    const auto refused = sealed.ask(sealed.sealed_send("orders", {std::string(1'025, 'x')}));
    EXPECT_FALSE(refused) << "it is smaller as it is stored";
}

TEST(Sealed, WhatComesInTheClearIsRefusedWhereItMustBeSealed) {
    SealedNode sealed;
    ASSERT_TRUE(sealed.ask(create_queue("orders")));
    const auto refused = sealed.ask(send("orders", {"canary"}));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().reason, model::Reason::unavailable);
    EXPECT_FALSE(sealed.stored("canary"));
}

TEST(Sealed, PeekingAndSearchingOpenBodies) {
    SealedNode sealed;
    ASSERT_TRUE(sealed.ask(create_queue("orders")));
    ASSERT_TRUE(sealed.ask(sealed.sealed_send("orders", {"a canary", "a sparrow"})));
    api::PeekMessages peek;
    peek.queue = "orders";
    peek.filter.text = "canary";
    const auto page = sealed.ask(peek);
    ASSERT_TRUE(page);
    ASSERT_EQ(page->items.size(), 1U);
    EXPECT_EQ(page->items[0].payload, "a canary");
}

TEST(Sealed, TheTrackNeedsNoKey) {
    SealedNode sealed;
    ASSERT_TRUE(sealed.ask(create_queue("orders")));
    const auto sent = sealed.ask(sealed.sealed_send("orders", {long_payload}));
    ASSERT_TRUE(sent);
    sealed.service.down = true;
    const auto track = sealed.ask(api::TrackMessage{sent->ids.front()});
    ASSERT_TRUE(track);
    EXPECT_EQ(track->payload_bytes, long_payload.size());
}

TEST(Sealed, AMessageWhoseKeyCannotBeHadStaysAndComesAgain) {
    SealedNode sealed;
    ASSERT_TRUE(sealed.ask(create_queue("orders")));
    ASSERT_TRUE(sealed.ask(sealed.sealed_send("orders", {"canary"})));
    sealed.service.down = true;
    const auto refused = sealed.ask(receive("orders", 1));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().reason, model::Reason::unavailable);
    EXPECT_EQ(refused.error().detail, "the key service does not answer as it should: it is down");
    api::PeekMessages peek;
    peek.queue = "orders";
    peek.state = "in_flight";
    const auto page = sealed.ask(peek);
    ASSERT_EQ(page->items.size(), 1U);
    EXPECT_EQ(page->items[0].state, "sealed");
    EXPECT_EQ(page->items[0].payload, "");
    sealed.service.down = false;
    sealed.pass_pause();
    const auto received = sealed.ask(receive("orders", 1));
    ASSERT_TRUE(received);
    ASSERT_EQ(received->messages.size(), 1U);
    EXPECT_EQ(received->messages[0].payload, "canary");
    EXPECT_EQ(sealed.ask(api::GetStatus{})->quarantined, 0U);
}

TEST(Sealed, AReceiveThatMeetsNoKeyIsNotCountedHoweverLongTheServiceIsDown) {
    SealedNode sealed;
    ASSERT_TRUE(sealed.ask(create_queue("orders")));
    ASSERT_TRUE(sealed.ask(sealed.sealed_send("orders", {"canary"})));
    sealed.service.down = true;
    for (int times = 0; times < 5; ++times) {
        const auto refused = sealed.ask(receive("orders", 16));
        ASSERT_FALSE(refused) << times << ": it is visible again after the pause";
        EXPECT_EQ(refused.error().reason, model::Reason::unavailable);
        sealed.pass_pause();
    }
    sealed.service.down = false;
    const auto received = sealed.ask(receive("orders", 16));
    ASSERT_TRUE(received);
    ASSERT_EQ(received->messages.size(), 1U);
    EXPECT_EQ(received->messages[0].receives, 1U);
    EXPECT_GT(received->messages[0].first_received_ms, received->messages[0].enqueued_ms)
        << "this is the first time";
}

// The service has 5 s to answer, and a lease may be shorter.
TEST(Sealed, AKeyThatComesLaterThanTheLeaseAllowsCostsNoReceive) {
    SealedNode sealed;
    ASSERT_TRUE(sealed.ask(create_queue("orders")));
    ASSERT_TRUE(sealed.ask(sealed.sealed_send("orders", {"canary"})));
    api::ReceiveMessages request = receive("orders", 1);
    request.visibility_s = 2;
    for (int times = 0; times < 2; ++times) {
        const auto late = sealed.node.start(request);
        sealed.node.settle_down();
        sealed.node.advance_ms(900);
        EXPECT_FALSE(late.answered()) << "half of the lease is for the service";
        sealed.node.advance_ms(200);
        ASSERT_TRUE(late.answered());
        ASSERT_FALSE(*late);
        EXPECT_EQ(late->error().reason, model::Reason::unavailable);
        sealed.node.advance_ms(api::DataKeys::pause_us / 1'000 + 100);
    }
    sealed.work();
    const auto received = sealed.ask(request);
    ASSERT_TRUE(received);
    ASSERT_EQ(received->messages.size(), 1U);
    EXPECT_EQ(received->messages[0].payload, "canary");
    EXPECT_EQ(received->messages[0].receives, 1U) << "those that waited in vain do not count";
}

// It waits on, for a message and no longer for a key.
TEST(Sealed, AReceiveWhoseFirstBodiesProveDamagedIsNotGivenUpOnTheirAccount) {
    SealedNode sealed;
    ASSERT_TRUE(sealed.ask(create_queue("orders")));
    api::SendMessages broken = sealed.sealed_send("orders", {"canary"});
    char& last = broken.messages[0].payload.back();
    last = last == 'x' ? 'y' : 'x';
    ASSERT_TRUE(sealed.ask(std::move(broken)));
    api::ReceiveMessages request = receive("orders", 1, 20);
    request.visibility_s = 2;
    const auto waiting = sealed.node.start(request);
    sealed.node.settle_down();
    sealed.work();
    ASSERT_FALSE(waiting.answered()) << "what came is damaged";
    sealed.node.advance_ms(3'000);
    ASSERT_FALSE(waiting.answered());
    ASSERT_TRUE(sealed.ask(sealed.sealed_send("orders", {long_payload})));
    sealed.work();
    ASSERT_TRUE(waiting.answered());
    ASSERT_TRUE(*waiting) << waiting->error().detail;
    EXPECT_EQ((*waiting)->messages.at(0).payload, long_payload);
}

TEST(Sealed, AKeyThatComesInTimeIsWaitedFor) {
    SealedNode sealed;
    ASSERT_TRUE(sealed.ask(create_queue("orders")));
    ASSERT_TRUE(sealed.ask(sealed.sealed_send("orders", {"canary"})));
    api::ReceiveMessages request = receive("orders", 1);
    request.visibility_s = 2;
    const auto waiting = sealed.node.start(request);
    sealed.node.settle_down();
    sealed.node.advance_ms(500);
    sealed.work();
    ASSERT_TRUE(waiting.answered());
    ASSERT_TRUE(*waiting);
    EXPECT_EQ((*waiting)->messages.at(0).payload, "canary");
    sealed.node.advance_ms(1'000);
    api::DeleteMessages done = remove("orders", {(*waiting)->messages.at(0).receipt});
    const auto removed = sealed.ask(done);
    ASSERT_TRUE(removed);
    EXPECT_EQ(removed->removed, std::vector<bool>{true}) << "nothing was given back";
}

TEST(Sealed, WhatCanBeReadIsReceivedAndTheRestGivenBack) {
    SealedNode sealed;
    ASSERT_TRUE(sealed.ask(create_queue("orders")));
    ASSERT_TRUE(sealed.ask(sealed.sealed_send("orders", {"canary"})));
    ASSERT_TRUE(sealed.ask(receive("orders", 1))) << "its key is known from now on";
    api::SendMessages other = send("orders", {"sparrow"});
    sealed.seal(other.messages, 7);
    sealed.service.down = true;
    ASSERT_TRUE(sealed.ask(std::move(other)));
    ASSERT_TRUE(sealed.ask(sealed.sealed_send("orders", {"wren"})));
    const auto known = sealed.ask(receive("orders", 16));
    ASSERT_TRUE(known);
    ASSERT_EQ(known->messages.size(), 1U);
    EXPECT_EQ(known->messages[0].payload, "wren");
    sealed.service.down = false;
    sealed.pass_pause();
    const auto rest = sealed.ask(receive("orders", 16));
    ASSERT_TRUE(rest);
    ASSERT_EQ(rest->messages.size(), 1U);
    EXPECT_EQ(rest->messages[0].payload, "sparrow");
    EXPECT_EQ(rest->messages[0].receives, 1U);
}

TEST(Sealed, APushWhoseKeyCannotBeHadIsPutOffAndNotCounted) {
    SealedNode sealed;
    ASSERT_TRUE(sealed.ask(api::CreateTopic{"news", {}}));
    const model::SubscriptionNo hook{sealed.ask(subscribe("news", "hook"))->number};
    ASSERT_TRUE(sealed.ask(sealed.sealed_publish("news", {"canary"})));
    sealed.service.down = true;
    sealed.node.node->grant(hook, 1);
    sealed.work();
    EXPECT_TRUE(sealed.deliveries.take().empty());
    api::ListDeliveries waiting;
    waiting.subscription = "news/hook";
    waiting.status = "retry";
    const auto page = sealed.ask(waiting);
    ASSERT_TRUE(page);
    ASSERT_EQ(page->items.size(), 1U);
    EXPECT_EQ(page->items[0].reason, "sealed");
    sealed.service.down = false;
    sealed.clock.advance_us(api::DataKeys::pause_us);
    sealed.node.advance_ms(60'000);
    sealed.work();
    const auto taken = sealed.deliveries.take();
    ASSERT_EQ(taken.size(), 1U);
    EXPECT_EQ(taken[0].payload, "canary");
    EXPECT_EQ(taken[0].attempt, 1U) << "what was not tried is no attempt";
}

TEST(Sealed, WithoutAnyKeyServiceWhatIsSealedIsLeftAlone) {
    SealedNode sealed;
    ASSERT_TRUE(sealed.ask(create_queue("orders")));
    ASSERT_TRUE(sealed.ask(sealed.sealed_send("orders", {"canary"})));
    sealed.node.options.data_keys = nullptr;
    sealed.node.options.sealed_only = false;
    sealed.node.restart();
    const auto refused = sealed.ask(receive("orders", 1));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().reason, model::Reason::unavailable);
    EXPECT_EQ(sealed.ask(api::GetStatus{})->quarantined, 0U);
}

TEST(Sealed, ABodyThatWasChangedIsQuarantinedAndNothingOfItShown) {
    SealedNode sealed;
    ASSERT_TRUE(sealed.ask(create_queue("orders")));
    api::SendMessages request = sealed.sealed_send("orders", {"canary", "sparrow"});
    // As somebody would who can make a log's checksums right again.
    request.messages[0].payload[0] = static_cast<char>(request.messages[0].payload[0] ^ 1);
    ASSERT_TRUE(sealed.ask(request));
    const auto received = sealed.ask(receive("orders", 16));
    ASSERT_TRUE(received);
    ASSERT_EQ(received->messages.size(), 1U);
    EXPECT_EQ(received->messages[0].payload, "sparrow");
    sealed.node.settle_down();
    EXPECT_EQ(sealed.ask(api::GetStatus{})->quarantined, 1U);
}

TEST(Sealed, WhatIsOnlyCompressedNeedsNoKey) {
    SteppedNode node;
    ASSERT_TRUE(node.ask(create_queue("orders")));
    api::SendMessages request = send("orders", {long_payload});
    api::compress_payload(request.messages[0]);
    ASSERT_TRUE(request.messages[0].packing);
    ASSERT_TRUE(node.ask(request));
    const auto received = node.ask(receive("orders", 1));
    ASSERT_EQ(received->messages.size(), 1U);
    EXPECT_EQ(received->messages[0].payload, long_payload);
}

}  // namespace penstock::testing
