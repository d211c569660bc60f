// What a handler may want: every limit refuses the whole of it, counted as a failed attempt.
#include "tests/node/function_fixture.h"

#include <gmock/gmock.h>

#include <functional>

namespace penstock::testing {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

namespace {

// A handler that also wants what is possible: none of that may happen either.
api::HandlerEffects modest() {
    api::HandlerEffects effects;
    effects.outputs.push_back(output_to_queue("done", "modest"));
    effects.writes.push_back(write_put("modest", "1"));
    return effects;
}

std::string refusal_of(FunctionNode& node, api::HandlerEffects effects) {
    const auto taken = node.deliver({"message"});
    check(taken.size() == 1, "one message is handed out");
    const auto settled = node.settle(node.acknowledge(taken[0], std::move(effects)));
    EXPECT_THAT(settled.moved, IsEmpty());
    EXPECT_THAT(settled.refused, ElementsAre(0)) << "whoever refuses it";
    EXPECT_THAT(node.payloads_in("done"), IsEmpty());
    EXPECT_EQ(node.read("modest").version, 0U);
    EXPECT_EQ(node.node.ask(api::GetSubscription{"news", "fn"})->waiting, 1U);
    return node.last_failure();
}

struct Impossible {
    std::string because;
    std::function<void(api::HandlerEffects&)> wish;
};

void expect_refused(const std::vector<Impossible>& cases) {
    for (const Impossible& one : cases) {
        SCOPED_TRACE(one.because);
        FunctionNode node;
        api::HandlerEffects effects = modest();
        one.wish(effects);
        const std::string failure = refusal_of(node, std::move(effects));
        EXPECT_THAT(failure, HasSubstr("output_refused: "));
        EXPECT_THAT(failure, HasSubstr(one.because));
    }
}

}  // namespace

TEST(HandlerEffects, ImpossibleOutputsAreRefusedWithAllElse) {
    expect_refused({
        {"at most 100 outputs",
         [](auto& effects) {
             effects.outputs.resize(101, output_to_queue("done", "x"));
         }},
        {"nowhere",
         [](auto& effects) {
             effects.outputs.push_back(output_to_queue("nowhere", "x"));
         }},
        {"nowhere",
         [](auto& effects) {
             effects.outputs.push_back(output_to_topic("nowhere", "x"));
         }},
        {"a topic or a queue",
         [](auto& effects) {
             effects.outputs.push_back(output_to_topic("", "x"));
         }},
        {"at least 1 byte",
         [](auto& effects) {
             effects.outputs.push_back(output_to_queue("done", ""));
         }},
        {"at most 1048576 bytes",
         [](auto& effects) {
             effects.outputs.push_back(output_to_queue("done", std::string(1'048'577, 'x')));
         }},
        {"together at most 1048576 bytes",
         [](auto& effects) {
             effects.outputs.resize(17, output_to_queue("done", std::string(65'536, 'x')));
         }},
        {"0-3600 seconds",
         [](auto& effects) {
             effects.outputs.push_back(output_to_queue("done", "x"));
             effects.outputs.back().delay_ms = 3'600'001;
         }},
        {"at most 5 tags",
         [](auto& effects) {
             effects.outputs.push_back(output_to_topic("copies", "x"));
             effects.outputs.back().message.meta.tags.resize(6, "tag");
         }},
    });
}

TEST(HandlerEffects, ImpossibleKvRowsAreRefusedWithAllElse) {
    expect_refused({
        {"at most 100 kv writes",
         [](auto& effects) {
             effects.writes.resize(101, write_put("k", "v"));
         }},
        {"at most 1000 kv reads",
         [](auto& effects) {
             effects.reads.resize(1'001, {"k", 0});
         }},
        {"1 to 256 bytes",
         [](auto& effects) {
             effects.writes.push_back(write_put(std::string(257, 'k'), "v"));
         }},
        {"at most 65536 bytes",
         [](auto& effects) {
             effects.writes.push_back(write_put("k", std::string(65'537, 'v')));
         }},
        {"366 days",
         [](auto& effects) {
             effects.writes.push_back(write_put("k", "v"));
             effects.writes.back().ttl_ms = UINT64_MAX;
         }},
        {"1-256 bytes",
         [](auto& effects) {
             effects.reads.push_back({std::string(257, 'k'), 0});
         }},
    });
}

TEST(HandlerEffects, AsMuchAsIsAllowedHappens) {
    FunctionNode node;
    const auto taken = node.deliver({"message"});
    api::HandlerEffects effects;
    for (int at = 0; at < 100; ++at) {
        effects.outputs.push_back(output_to_queue("done", std::string(10'485, 'x')));
        effects.writes.push_back(write_put("k" + std::to_string(at), "v"));
    }
    for (int at = 0; at < 1'000; ++at) effects.reads.push_back({std::to_string(at), 0});
    EXPECT_THAT(node.settle(node.acknowledge(taken[0], std::move(effects))).moved, IsEmpty());
    EXPECT_THAT(node.payloads_in("done"), SizeIs(100));
    EXPECT_EQ(node.read("k99").value, "v");
}

TEST(HandlerEffects, ATopicMatchedByRoutingKeyWantsOne) {
    FunctionNode node;
    api::CreateTopic by_key{"keyed", {}};
    by_key.attributes.filter = model::FilterKind::routing_key;
    ASSERT_TRUE(node.node.ask(by_key));
    api::HandlerEffects effects = modest();
    effects.outputs.push_back(output_to_topic("keyed", "x"));
    EXPECT_THAT(refusal_of(node, effects), HasSubstr("matches by routing key"));
    effects.outputs.back().message.meta.routing_key = "a.b";
    const auto taken = node.deliver({"another"});
    node.settle(node.acknowledge(taken.at(0), effects));
    EXPECT_EQ(node.node.ask(api::GetTopic{"keyed"})->messages, 1U);
}

TEST(HandlerEffects, AMessageTooLargeForItsTopicIsRefusedByTheCore) {
    FunctionNode node;
    api::HandlerEffects effects = modest();
    effects.outputs.push_back(output_to_topic("copies", std::string(65'537, 'x')));
    refusal_of(node, effects);
    const auto waiting = node.node.ask(api::ListDeliveries{"news/fn", "retry", 0, 10});
    EXPECT_EQ(waiting->items.at(0).reason, "output_refused");
    EXPECT_THAT(node.last_failure(), HasSubstr("output_refused: "));
}

TEST(HandlerEffects, TagsAndAttributesOfAnOutputArriveWithIt) {
    FunctionNode node;
    auto tagged = subscribe("copies", "tagged");
    tagged.spec.filter_tags = {"red"};
    const model::SubscriptionNo reader{node.node.ask(tagged)->number};
    node.node.node->grant(reader, 10);
    const auto taken = node.deliver({"message"});
    api::HandlerEffects effects;
    effects.outputs = {output_to_topic("copies", "blue one"), output_to_topic("copies", "red one")};
    effects.outputs[0].message.meta.tags = {"blue"};
    effects.outputs[1].message.meta.tags = {"red"};
    effects.outputs[1].message.meta.attributes = {{"name", "value"}};
    node.settle(node.acknowledge(taken.at(0), std::move(effects)));
    const auto copies = node.deliveries.take();
    ASSERT_THAT(copies, SizeIs(1));
    EXPECT_EQ(copies[0].payload, "red one");
    EXPECT_EQ(copies[0].meta.attributes.at(0).second, "value");
}

TEST(HandlerEffects, BelowTheReserveOfDiskWhatAHandlerWantsIsDeferred) {
    FunctionNode node;
    node.node.node.reset();
    node.node.options.log.reserve_percent = 50;
    node.node.disk.limit(6U << 20);
    node.node.open();
    node.attach_again();
    const auto taken = node.deliver({"with an output", "with a write", "alone"});
    ASSERT_THAT(taken, SizeIs(3));
    bool refused = false;
    for (int at = 0; at < 200 && !refused; ++at) {
        refused = !node.node.ask(send("done", {std::string(60'000, 'x')}));
        node.node.advance_ms(250);
    }
    ASSERT_TRUE(refused);
    api::HandlerEffects output;
    output.outputs.push_back(output_to_topic("copies", "x"));
    api::HandlerEffects write;
    write.writes.push_back(write_put("k", "v"));
    EXPECT_THAT(node.settle(node.acknowledge(taken[0], std::move(output))).refused, ElementsAre(0));
    EXPECT_EQ(node.last_failure(), "none") << "a deferral: it costs no attempt";
    node.settle(node.acknowledge(taken[1], std::move(write)));
    EXPECT_EQ(node.read("k").version, 0U);
    node.settle(node.acknowledge(taken[2], {0, {}, {}, {{"k", 0}}}));
    EXPECT_EQ(node.node.ask(api::GetTopic{"copies"})->messages, 0U);
    EXPECT_EQ(node.node.ask(api::GetSubscription{"news", "fn"})->backlog, 2U);
}

}  // namespace penstock::testing
