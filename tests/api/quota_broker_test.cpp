#include "broker/api/quota_broker.h"

#include "tests/api/quota_fixture.h"
#include "tests/support/fake_broker.h"

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include <string>

namespace penstock::api {
namespace {

using model::Reason;

class LimitedBroker : public Limited {
  protected:
    // The outcome of the request, once everything has run.
    template <class R>
    Outcome<typename R::Reply> ask(R request) {
        using Result = Outcome<typename R::Reply>;
        std::optional<Result> result;
        start(std::move(request), [&](std::any outcome) {
            EXPECT_FALSE(result.has_value()) << "answered twice";
            result = std::any_cast<Result>(std::move(outcome));
        });
        context.restart();
        context.run();
        if (!result) return model::Refusal{Reason::none, {}, "never answered"};
        return std::move(*result);
    }

    template <class R>
    void start(R request, Broker::Answer answer) {
        broker.call(principal, Request{std::move(request)}, context.get_executor(), answer);
    }

    void there_are(std::uint64_t queues) {
        NamePage page;
        page.total = queues;
        node.answer_with<ListQueues>(page);
        node.answer_with<CreateQueue>({});
        node.refuse<GetQueue>(Reason::queue_not_found);
    }

    [[nodiscard]] std::size_t created() const {
        std::size_t count = 0;
        for (const Request& request : node.requests) {
            count += std::holds_alternative<CreateQueue>(request) ? 1 : 0;
        }
        return count;
    }

    static CreateQueue queue(const std::string& name) {
        CreateQueue request;
        request.name = name;
        return request;
    }

    boost::asio::io_context context;
    testing::FakeBroker node;
    QuotaBroker broker{node, quotas, clock};
    Principal principal{"k", false, "acme", {}};
};

TEST_F(LimitedBroker, WhatIsThrottledNeverReachesTheNode) {
    book.limits("acme").object_requests_per_second = 1;
    node.answer_with<SendMessages>({});
    const auto request = std::get<SendMessages>(send("acme:orders"));
    EXPECT_TRUE(ask(request).has_value());
    const auto refused = ask(request);
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().reason, Reason::throttled);
    EXPECT_EQ(node.requests.size(), 1U);
}

TEST_F(LimitedBroker, RefusalsComeOnTheExecutorNotInsideTheCall) {
    book.limits("acme").object_requests_per_second = 1;
    node.answer_with<SendMessages>({});
    int answers = 0;
    const auto request = std::get<SendMessages>(send("acme:orders"));
    start(request, [&](const std::any&) { ++answers; });
    start(request, [&](const std::any&) { ++answers; });
    EXPECT_EQ(answers, 0);
    context.run();
    EXPECT_EQ(answers, 2);
}

TEST_F(LimitedBroker, WhatAReceiveBringsCounts) {
    book.limits("acme").object_requests_per_second = 10;
    ReceivedMessages came;
    came.messages.resize(11);
    node.answer_with<ReceiveMessages>(came);
    const auto request = std::get<ReceiveMessages>(receive("acme:orders", 16));
    EXPECT_TRUE(ask(request).has_value());
    EXPECT_EQ(ask(request).error().reason, Reason::throttled);
}

TEST_F(LimitedBroker, AnAccountHasOnlySoManyQueues) {
    book.limits("acme").queues_max = 3;
    there_are(2);
    EXPECT_TRUE(ask(queue("acme:c")).has_value());
    ASSERT_NE(node.last<ListQueues>(), nullptr);
    EXPECT_EQ(node.last<ListQueues>()->account, "acme");
    there_are(3);
    const auto refused = ask(queue("acme:d"));
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().reason, Reason::queue_limit);
    EXPECT_EQ(refused.error().subject, "acme:d");
    EXPECT_EQ(refused.error().detail, "the account's limit is 3 queues");
    EXPECT_EQ(created(), 1U);
}

TEST_F(LimitedBroker, AtTheLimitWhatIsThereIsToldToBeThere) {
    book.limits("acme").queues_max = 3;
    there_are(3);
    node.answer_with<GetQueue>({});
    node.refuse<CreateQueue>(Reason::queue_exists);
    EXPECT_EQ(ask(queue("acme:a")).error().reason, Reason::queue_exists);
}

TEST_F(LimitedBroker, CreatesAtTheSameTimeDoNotPassTheLimitTogether) {
    book.limits("acme").queues_max = 3;
    there_are(2);
    int done = 0;
    int refused = 0;
    for (const char* name : {"acme:c", "acme:d", "acme:e"}) {
        start(queue(name), [&](const std::any& outcome) {
            ++(std::any_cast<Outcome<QueueView>>(outcome) ? done : refused);
        });
    }
    context.run();
    EXPECT_EQ(done, 1);
    EXPECT_EQ(refused, 2);
    there_are(2);
    EXPECT_TRUE(ask(queue("acme:d")).has_value()) << "none is under way any more";
}

TEST_F(LimitedBroker, TopicsAndSubscriptionsHaveTheirOwnLimits) {
    book.limits("acme").topics_max = 1;
    book.limits("acme").subscriptions_max = 1;
    NamePage names;
    names.total = 1;
    node.answer_with<ListTopics>(names);
    node.refuse<GetTopic>(Reason::topic_not_found);
    CreateTopic topic;
    topic.name = "acme:t";
    EXPECT_EQ(ask(topic).error().reason, Reason::topic_limit);
    SubscriptionPage page;
    page.total = 1;
    node.answer_with<ListSubscriptions>(page);
    node.refuse<GetSubscription>(Reason::subscription_not_found);
    Subscribe subscribe;
    subscribe.topic = "acme:t";
    subscribe.name = "s";
    EXPECT_EQ(ask(subscribe).error().reason, Reason::subscription_limit);
    EXPECT_EQ(node.last<ListSubscriptions>()->account, "acme");
    EXPECT_TRUE(node.last<ListSubscriptions>()->topic.empty()) << "all of the account";
}

TEST_F(LimitedBroker, WhenTheyCannotBeCountedNoneIsMade) {
    book.limits("acme").queues_max = 3;
    node.refuse<ListQueues>(Reason::unavailable);
    EXPECT_EQ(ask(queue("acme:a")).error().reason, Reason::unavailable);
    EXPECT_EQ(created(), 0U);
}

TEST_F(LimitedBroker, AnAccountStoresNoMoreThanItMay) {
    book.limits("acme").stored_bytes_max = 1'500;
    node.answer_with<SendMessages>({});
    const auto holds = [&](std::uint64_t messages, std::uint64_t bytes_each) {
        node.answer<ListQueues>([](const ListQueues& asked) {
            NamePage page;
            page.total = 1;
            if (asked.page.offset == 0) page.items = {{1, "acme:a"}};
            return Outcome<NamePage>(page);
        });
        node.answer_with<ListTopics>({});
        QueueView view;
        view.active = messages;
        node.answer_with<GetQueue>(view);
        PeekedPage page;
        page.items.resize(1);
        page.items[0].payload.assign(bytes_each, 'x');
        node.answer_with<PeekMessages>(page);
    };
    const auto sent = [&](std::size_t bytes) {
        const auto outcome = ask(std::get<SendMessages>(send("acme:a", 1, bytes)));
        return outcome ? Reason::none : outcome.error().reason;
    };
    holds(10, 100);
    EXPECT_EQ(sent(1'000'000), Reason::none) << "nothing is known yet";
    EXPECT_EQ(sent(400), Reason::none) << "1,000 are there";
    EXPECT_EQ(sent(200), Reason::storage_quota) << "1,400 are";
    EXPECT_EQ(sent(100), Reason::none);
    holds(1, 100);
    EXPECT_EQ(sent(100), Reason::storage_quota) << "not yet looked at again";
    clock.advance_us(StoredBytes::look_every_us);
    EXPECT_EQ(sent(100), Reason::storage_quota) << "that began the look";
    EXPECT_EQ(sent(1'400), Reason::none);
    EXPECT_EQ(sent(1), Reason::storage_quota);
    EXPECT_TRUE(ask(std::get<DeleteMessages>(remove("acme:a", 1))).error().reason ==
                Reason::internal)
        << "what makes room goes on to the node";
}

TEST_F(LimitedBroker, WithoutALimitNothingIsCounted) {
    node.answer_with<CreateQueue>({});
    principal.account.clear();
    EXPECT_TRUE(ask(queue("orders")).has_value());
    EXPECT_EQ(node.requests.size(), 1U);
}

}  // namespace
}  // namespace penstock::api
