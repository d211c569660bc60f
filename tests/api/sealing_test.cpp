#include "broker/api/sealing.h"

#include "tests/support/fake_broker.h"
#include "tests/support/fake_dispatch.h"
#include "tests/support/fake_key_service.h"
#include "tests/support/manual_clock.h"

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <utility>

namespace penstock::api {
namespace {

using model::Reason;

SendMessages send(std::string queue, std::vector<std::string> payloads) {
    SendMessages request;
    request.queue = std::move(queue);
    for (std::string& payload : payloads) request.messages.push_back({{}, std::move(payload)});
    return request;
}

class Sealing : public ::testing::Test {
  protected:
    Sealing() {
        broker.answer<GetQueue>([](const GetQueue& request) -> Outcome<QueueView> {
            if (request.name == "none") return model::Refusal{Reason::queue_not_found, "none", {}};
            QueueView view;
            view.number = 5;
            return view;
        });
        TopicView topic;
        topic.number = 6;
        broker.answer_with<GetTopic>(topic);
        broker.answer_with<SendMessages>({});
        broker.answer_with<PublishMessages>({});
        broker.answer_with<EditDeadLetter>({});
        dispatch.keep_settlements = true;
    }

    void work() {
        context.restart();
        context.run();
    }

    template <class R>
    Outcome<typename R::Reply> ask(R request) {
        std::optional<Outcome<typename R::Reply>> answer;
        door.call({}, std::move(request), context.get_executor(), [&](std::any outcome) {
            answer = std::any_cast<Outcome<typename R::Reply>>(std::move(outcome));
        });
        work();
        return *answer;
    }

    std::string opened(const model::NewMessage& message) {
        const auto key = keys.known(*message.packing->seal);
        return *open_payload(*message.packing, message.payload, key.get());
    }

    static HandlerEffects outputs(std::vector<std::pair<std::string, std::string>> to) {
        HandlerEffects effects;
        for (auto& [queue, payload] : to) {
            HandlerOutput& output = effects.outputs.emplace_back();
            output.queue = queue;
            output.message.payload = payload;
        }
        return effects;
    }

    void settle(std::vector<HandlerEffects> effects) {
        Dispatch::Settlement settlement;
        settlement.items.resize(effects.size());
        settlement.effects = std::move(effects);
        sealing_dispatch.settle(std::move(settlement), {});
        work();
    }

    boost::asio::io_context context;
    testing::FakeKeyService service;
    testing::ManualClock clock;
    SystemRandom random;
    testing::FakeBroker broker;
    testing::FakeDispatch dispatch;
    DataKeys keys{service, clock, random, context.get_executor(), {86'400'000'000}};
    Packer packer{broker, clock, &keys, true};
    SealingBroker door{broker, packer};
    SealingDispatch sealing_dispatch{dispatch, packer, context.get_executor()};
};

TEST_F(Sealing, WhatIsSentIsSealedForItsQueue) {
    ASSERT_TRUE(ask(send("orders", {"canary one", "canary two"})));
    const auto* sent = broker.last<SendMessages>();
    ASSERT_EQ(sent->messages.size(), 2U);
    for (const model::NewMessage& message : sent->messages) {
        EXPECT_EQ(message.payload.find("canary"), std::string::npos);
        ASSERT_TRUE(message.packing && message.packing->seal);
        EXPECT_EQ(message.packing->seal->object, model::ObjectNo{5});
    }
    EXPECT_EQ(opened(sent->messages[1]), "canary two");
    // The second time nobody is asked for anything.
    const std::size_t asked = broker.requests.size();
    ASSERT_TRUE(ask(send("orders", {"canary three"})));
    EXPECT_EQ(broker.requests.size(), asked + 1);
    EXPECT_EQ(opened(broker.last<SendMessages>()->messages[0]), "canary three");
    EXPECT_EQ(service.wraps, 1);
}

TEST_F(Sealing, WhatIsPublishedOrEditedIsSealedToo) {
    PublishMessages publish;
    publish.topic = "news";
    publish.messages.push_back({{}, "canary"});
    ASSERT_TRUE(ask(publish));
    const auto* published = broker.last<PublishMessages>();
    EXPECT_EQ(published->messages[0].packing->seal->object, model::ObjectNo{6});
    EXPECT_EQ(opened(published->messages[0]), "canary");
    EditDeadLetter edit;
    edit.queue = "news/hook";
    edit.messages.push_back({{}, "canary edited"});
    ASSERT_TRUE(ask(edit));
    EXPECT_EQ(broker.last<GetTopic>()->name, "news");
    EXPECT_EQ(opened(broker.last<EditDeadLetter>()->messages[0]), "canary edited");
    edit.queue = "dead";
    ASSERT_TRUE(ask(edit));
    EXPECT_EQ(broker.last<GetQueue>()->name, "dead");
    EXPECT_EQ(opened(broker.last<EditDeadLetter>()->messages[0]), "canary edited");
}

TEST_F(Sealing, LargePayloadsAreCompressedFirst) {
    ASSERT_TRUE(ask(send("orders", {std::string(50'000, 'x')})));
    const model::NewMessage& message = broker.last<SendMessages>()->messages[0];
    EXPECT_EQ(message.packing->codec, model::Codec::zstd);
    EXPECT_LT(message.payload.size(), 1'000U);
    EXPECT_EQ(opened(message), std::string(50'000, 'x'));
}

TEST_F(Sealing, WithoutKeysPayloadsAreOnlyCompressed) {
    Packer compressing(broker, clock, nullptr, true);
    SealingBroker only(broker, compressing);
    only.call({},
              send("orders", {std::string(50'000, 'x'), "small"}),
              context.get_executor(),
              [](const std::any&) {});
    const auto* sent = broker.last<SendMessages>();
    EXPECT_FALSE(sent->messages[0].packing->seal);
    EXPECT_EQ(sent->messages[1].payload, "small");
    EXPECT_FALSE(sent->messages[1].packing);
}

TEST_F(Sealing, WhileTheKeyServiceIsDownNothingIsSentInTheClear) {
    ASSERT_TRUE(ask(send("orders", {"canary"})));
    service.down = true;
    ASSERT_TRUE(ask(send("orders", {"canary"}))) << "its key is known";
    const std::size_t sends = broker.requests.size();
    PublishMessages publish;
    publish.topic = "news";
    publish.messages.push_back({{}, "canary"});
    const auto refused = ask(publish);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().reason, Reason::unavailable);
    EXPECT_EQ(refused.error().detail, "the key service does not answer as it should: it is down");
    EXPECT_EQ(broker.requests.size(), sends + 1) << "it asked for the topic's number alone";
    service.down = false;
    clock.advance_us(DataKeys::pause_us);
    EXPECT_TRUE(ask(publish));
}

TEST_F(Sealing, AQueueThatIsNotThereIsToldSo) {
    const auto refused = ask(send("none", {"canary"}));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().reason, Reason::queue_not_found);
    EXPECT_EQ(broker.last<SendMessages>(), nullptr);
}

TEST_F(Sealing, WhatBringsNoMessagesPassesAsItIs) {
    EXPECT_TRUE(ask(GetTopic{"news"}));
    EXPECT_EQ(broker.requests.size(), 1U);
    EXPECT_EQ(service.wraps, 0);
}

TEST_F(Sealing, TheNumberBehindANameIsAskedForAgainInAWhile) {
    ASSERT_TRUE(ask(send("orders", {"a"})));
    clock.advance_us(Packer::number_us);
    ASSERT_TRUE(ask(send("orders", {"b"})));
    EXPECT_EQ(broker.requests.size(), 4U);
}

TEST_F(Sealing, WhatHandlersPublishIsSealedBeforeItIsSettled) {
    settle({outputs({{"done", "canary one"}, {"done", "canary two"}}), outputs({})});
    ASSERT_EQ(dispatch.settlements.size(), 1U);
    const auto& effects = dispatch.settlements[0].effects;
    ASSERT_EQ(effects[0].outputs.size(), 2U);
    EXPECT_EQ(opened(effects[0].outputs[0].message), "canary one");
    EXPECT_EQ(opened(effects[0].outputs[1].message), "canary two");
    EXPECT_FALSE(effects[0].refused);
}

TEST_F(Sealing, WhatAnAccountsHandlersPublishIsSealedForItsOwnQueue) {
    Dispatch::Settlement settlement;
    settlement.account = "acme";
    settlement.items.resize(1);
    settlement.effects.push_back(outputs({{"done", "canary"}}));
    sealing_dispatch.settle(std::move(settlement), {});
    work();
    EXPECT_EQ(broker.last<GetQueue>()->name, "acme:done");
    ASSERT_EQ(dispatch.settlements.size(), 1U);
    const auto& output = dispatch.settlements[0].effects[0].outputs.at(0);
    EXPECT_EQ(output.queue, "done");
    EXPECT_EQ(output.message.packing->seal->account, "acme");
    EXPECT_EQ(opened(output.message), "canary");
}

TEST_F(Sealing, OutputsThatCannotBeSealedAreRefusedAndTheOthersGoOn) {
    settle({outputs({{"none", "canary"}}), outputs({{"done", "canary two"}})});
    ASSERT_EQ(dispatch.settlements.size(), 1U);
    const auto& effects = dispatch.settlements[0].effects;
    ASSERT_TRUE(effects[0].refused);
    EXPECT_EQ(effects[0].refused->reason, Reason::queue_not_found);
    EXPECT_TRUE(effects[0].outputs.empty());
    EXPECT_FALSE(effects[1].refused);
    EXPECT_EQ(opened(effects[1].outputs[0].message), "canary two");
}

TEST_F(Sealing, WhatReceiversSayIsNotKeptWhatTheServerSaysIs) {
    Dispatch::Settlement settlement;
    settlement.items.resize(2);
    settlement.items[0].failure = model::Failure::status;
    settlement.items[0].status = 503;
    settlement.items[0].excerpt = "canary";
    settlement.items[0].log = "canary";
    settlement.items[1].failure = model::Failure::refused;
    settlement.items[1].excerpt = "connection refused";
    settlement.attempts.resize(1);
    settlement.attempts[0].failure = model::Failure::handler;
    settlement.attempts[0].excerpt = "canary";
    sealing_dispatch.settle(std::move(settlement), {});
    ASSERT_EQ(dispatch.settlements.size(), 1U);
    const auto& settled = dispatch.settlements[0];
    EXPECT_EQ(settled.items[0].excerpt, words_not_kept);
    EXPECT_EQ(settled.items[0].log, words_not_kept);
    EXPECT_EQ(settled.items[1].excerpt, "connection refused");
    EXPECT_EQ(settled.attempts[0].excerpt, words_not_kept);
}

TEST_F(Sealing, ASettlementWithoutOutputsWaitsForNobody) {
    Dispatch::Settlement settlement;
    settlement.items.resize(1);
    sealing_dispatch.settle(std::move(settlement), {});
    EXPECT_EQ(dispatch.settlements.size(), 1U);
}

}  // namespace
}  // namespace penstock::api
