// ETag, If-Match and If-None-Match of definitions, from the header to the broker's request.
#include "plugins/native/preconditions.h"

#include "tests/plugins/native/fixture.h"

#include <gmock/gmock.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace penstock::testing {

namespace {

using plugins::native::entity_tag;
using plugins::native::read_if_match;
using ::testing::HasSubstr;

const std::string tag_of_10 = R"("000000000000000a")";

class Preconditions : public NativeFixture {
  protected:
    Preconditions() {
        api::QueueView queue;
        queue.name = "jobs";
        queue.digest = 10;
        queue.created_ms = queue.modified_ms = 1'700'000'000'000;
        broker.answer_with<api::GetQueue>(queue);
        broker.answer_with<api::SetQueue>(queue);
        broker.answer_with<api::CreateQueue>(queue);
        broker.answer_with<api::DeleteQueue>({});
        api::TopicView topic;
        topic.digest = 10;
        topic.created_ms = topic.modified_ms = 1'700'000'000'000;
        broker.answer_with<api::GetTopic>(topic);
        broker.answer_with<api::SetTopic>(topic);
        broker.answer_with<api::DeleteTopic>({});
        api::SubscriptionView subscription;
        subscription.digest = 10;
        subscription.spec.endpoint = "http://a.example/";
        subscription.created_ms = subscription.modified_ms = 1'700'000'000'000;
        broker.answer_with<api::GetSubscription>(subscription);
        broker.answer_with<api::SetSubscription>(subscription);
        broker.answer_with<api::Unsubscribe>({});
    }

    plugins::HttpResponse ask_if(const std::string& name,
                                 const std::string& value,
                                 std::string method,
                                 const std::string& target,
                                 std::string body = {}) {
        plugins::HttpRequest made = request(std::move(method), target, std::move(body));
        made.headers.emplace_back(name, value);
        return ask(std::move(made));
    }

    template <class R>
    api::Expected asked_for() {
        const R* last = broker.last<R>();
        EXPECT_NE(last, nullptr);
        return last == nullptr ? std::nullopt : last->expected;
    }
};

TEST_F(Preconditions, TheTagIsSixteenDigitsInQuotes) {
    EXPECT_EQ(entity_tag(10), tag_of_10);
    EXPECT_EQ(entity_tag(UINT64_MAX), R"("ffffffffffffffff")");
}

TEST_F(Preconditions, WhatShowsADefinitionHasItsTag) {
    EXPECT_EQ(header(ask("GET", "/v1/queues/jobs"), "ETag"), tag_of_10);
    EXPECT_EQ(header(ask("POST", "/v1/queues", R"({"name":"jobs"})"), "ETag"), tag_of_10);
    EXPECT_EQ(header(ask("PATCH", "/v1/queues/jobs", R"({"poll":1})"), "ETag"), tag_of_10);
    EXPECT_EQ(header(ask("GET", "/v1/topics/news"), "ETag"), tag_of_10);
    EXPECT_EQ(header(ask("GET", "/v1/subscriptions/news/hook"), "ETag"), tag_of_10);
    EXPECT_EQ(header(ask("DELETE", "/v1/queues/jobs"), "ETag"), "");
    EXPECT_EQ(header(ask("GET", "/v1/queues/jobs"), "Cache-Control"), "no-store");
}

TEST_F(Preconditions, WhoHasItAlreadyIsToldSoWithoutIt) {
    const std::string hits[] = {tag_of_10, "W/" + tag_of_10, R"("x", )" + tag_of_10, "*"};
    for (const std::string& value : hits) {
        for (const char* target :
             {"/v1/queues/jobs", "/v1/topics/news", "/v1/subscriptions/news/hook"}) {
            const auto response = ask_if("if-none-match", value, "GET", target);
            EXPECT_EQ(response.status, 304U) << value;
            EXPECT_EQ(response.body, "");
            EXPECT_EQ(header(response, "ETag"), tag_of_10);
        }
    }
    EXPECT_EQ(ask_if("if-none-match", entity_tag(11), "GET", "/v1/queues/jobs").status, 200U);
    EXPECT_EQ(ask_if("if-none-match", "10", "GET", "/v1/queues/jobs").status, 400U);
    broker.refuse<api::GetQueue>(model::Reason::queue_not_found);
    EXPECT_EQ(ask_if("if-none-match", "*", "GET", "/v1/queues/jobs").status, 404U);
}

TEST_F(Preconditions, IfMatchGoesWithEveryChange) {
    const api::Expected ten = std::vector<std::uint64_t>{10};
    const auto go = [&](const char* method, const char* target, const char* body = "") {
        EXPECT_LT(ask_if("if-match", tag_of_10, method, target, body).status, 300U) << target;
    };
    go("PATCH", "/v1/queues/jobs", R"({"poll":1})");
    EXPECT_EQ(asked_for<api::SetQueue>(), ten);
    go("DELETE", "/v1/queues/jobs");
    EXPECT_EQ(asked_for<api::DeleteQueue>(), ten);
    go("PATCH", "/v1/topics/news", R"({"retention":60})");
    EXPECT_EQ(asked_for<api::SetTopic>(), ten);
    go("DELETE", "/v1/topics/news");
    EXPECT_EQ(asked_for<api::DeleteTopic>(), ten);
    go("PATCH", "/v1/subscriptions/news/hook", R"({"concurrency":2})");
    EXPECT_EQ(asked_for<api::SetSubscription>(), ten);
    go("DELETE", "/v1/subscriptions/news/hook");
    EXPECT_EQ(asked_for<api::Unsubscribe>(), ten);
    broker.requests.clear();
    go("POST", "/v1/queues/jobs/pause");
    EXPECT_EQ(asked_for<api::SetQueue>(), ten);
    go("POST", "/v1/subscriptions/news/hook/resume");
    EXPECT_EQ(asked_for<api::SetSubscription>(), ten);
    ask("DELETE", "/v1/queues/jobs");
    EXPECT_FALSE(asked_for<api::DeleteQueue>());
}

TEST_F(Preconditions, IfMatchIsReadByTheLetter) {
    const auto read = [](std::vector<std::string> lines) {
        plugins::HttpRequest made;
        for (std::string& line : lines) made.headers.emplace_back("if-match", std::move(line));
        return *read_if_match(made);
    };
    using Digests = std::vector<std::uint64_t>;
    EXPECT_FALSE(read({}));
    EXPECT_FALSE(read({"*"}));
    EXPECT_EQ(read({tag_of_10 + " ,\t" + entity_tag(11)}), Digests({10, 11}));
    EXPECT_EQ(read({tag_of_10, entity_tag(11)}), Digests({10, 11}));
    EXPECT_EQ(read({"," + tag_of_10 + ", ,"}), Digests({10}));
    // Weak tags never match, foreign ones cannot.
    EXPECT_EQ(read({"W/" + tag_of_10}), Digests());
    EXPECT_EQ(read({R"("a")"}), Digests());
    EXPECT_EQ(read({R"("000000000000000A", "00000000000000000a", "")"}), Digests());
    EXPECT_EQ(read({"\"caf\xC3\xA9,really\", " + tag_of_10}), Digests({10}));
}

TEST_F(Preconditions, AMalformedIfMatchIsRefusedAndNothingIsAsked) {
    std::string many = tag_of_10;
    for (std::size_t at = 0; at < plugins::native::entity_tags_max; ++at) many += "," + tag_of_10;
    const std::string bad[] = {"",
                               "000000000000000a",
                               "\"000000000000000a",
                               tag_of_10 + tag_of_10,
                               tag_of_10 + ", *",
                               "w/" + tag_of_10,
                               "W/ " + tag_of_10,
                               "\"a b\"",
                               ",",
                               many};
    for (const std::string& value : bad) {
        const auto response =
            ask_if("if-match", value, "PATCH", "/v1/queues/jobs", R"({"poll":1})");
        EXPECT_EQ(response.status, 400U) << value;
        EXPECT_EQ(text(json(response), "subject"), "if-match");
        EXPECT_EQ(ask_if("if-match", value, "PATCH", "/v1/subscriptions/news/hook", R"({})").status,
                  400U);
    }
    EXPECT_EQ(broker.last<api::SetQueue>(), nullptr);
    EXPECT_EQ(broker.last<api::SetSubscription>(), nullptr);
}

TEST_F(Preconditions, WhatIsNotAsExpectedIs412) {
    broker.refuse<api::SetQueue>(model::Reason::precondition_failed);
    const auto response =
        ask_if("if-match", tag_of_10, "PATCH", "/v1/queues/jobs", R"({"poll":1})");
    EXPECT_EQ(response.status, 412U);
    EXPECT_EQ(text(json(response), "code"), "precondition_failed");
    EXPECT_THAT(text(json(response), "hint"), HasSubstr("ETag"));
}

}  // namespace

}  // namespace penstock::testing
