#include "tests/plugins/cmq_http/fixture.h"

#include <gtest/gtest.h>

namespace penstock::testing {
namespace {

class TopicActions : public ::testing::Test {
  protected:
    std::string ask(const Fields& fields) {
        auto reply = cmq.ask(fields);
        const std::string member =
            R"("requestId":")" + std::string(reply.json.at("requestId").as_string()) + "\"";
        return reply.text.replace(reply.text.find(member), member.size(), "ID");
    }

    static api::SubscriptionView view() {
        api::SubscriptionView subscription;
        subscription.number = 44;
        subscription.topic = "events";
        subscription.name = "audit";
        subscription.spec.endpoint = "http://a.b/c";
        subscription.spec.filter_tags = {"red", "blue"};
        subscription.created_ms = 1000;
        subscription.modified_ms = 2000;
        subscription.backlog = 5;
        subscription.waiting = 2;
        return subscription;
    }

    Cmq cmq;
};

TEST_F(TopicActions, CreateTopicTakesTheFilterAndAnswersTheId) {
    api::TopicView topic;
    topic.number = 43;
    cmq.broker.answer_with<api::CreateTopic>(topic);
    EXPECT_EQ(ask({{"Action", "CreateTopic"},
                   {"topicName", "events"},
                   {"maxMsgSize", "1024"},
                   {"filterType", "2"}}),
              R"({"code":0,"message":"",ID,"topicId":"topic-0000002b"})");
    const auto& attributes = cmq.broker.last<api::CreateTopic>()->attributes;
    EXPECT_EQ(attributes.filter, model::FilterKind::routing_key);
    EXPECT_EQ(attributes.message_bytes_max, 1024U);
    ask({{"Action", "CreateTopic"}, {"topicName", "events"}});
    EXPECT_EQ(cmq.broker.last<api::CreateTopic>()->attributes, model::TopicAttributes());
}

TEST_F(TopicActions, GetTopicAttributesShowsTheFilterType) {
    api::TopicView topic;
    topic.number = 43;
    topic.created_ms = 1000;
    topic.modified_ms = 2000;
    topic.messages = 8;
    cmq.broker.answer_with<api::GetTopic>(topic);
    EXPECT_EQ(ask({{"Action", "GetTopicAttributes"}, {"topicName", "events"}}),
              R"({"code":0,"message":"",ID,"msgCount":8,"maxMsgSize":65536,)"
              R"("msgRetentionSeconds":86400,"createTime":1,"lastModifyTime":2,"filterType":1,)"
              R"("createUin":1250000001,"topicId":"topic-0000002b"})");
}

TEST_F(TopicActions, ListTopicSetAndDeleteAnswerAsDocumented) {
    api::NamePage page;
    page.total = 1;
    page.items = {{43, "events"}};
    cmq.broker.answer_with<api::ListTopics>(page);
    cmq.broker.answer_with<api::SetTopic>({});
    cmq.broker.answer_with<api::DeleteTopic>({});
    EXPECT_EQ(ask({{"Action", "ListTopic"}}),
              R"({"code":0,"message":"",ID,"totalCount":1,"topicList":)"
              R"([{"topicId":"topic-0000002b","topicName":"events"}]})");
    EXPECT_EQ(
        ask({{"Action", "SetTopicAttributes"}, {"topicName", "events"}, {"maxMsgSize", "2048"}}),
        R"({"code":0,"message":"",ID})");
    EXPECT_EQ(cmq.broker.last<api::SetTopic>()->message_bytes_max, 2048U);
    EXPECT_EQ(ask({{"Action", "DeleteTopic"}, {"topicName", "events"}}),
              R"({"code":0,"message":"",ID})");
}

TEST_F(TopicActions, ARateOfItsOwnIsSetAndShown) {
    api::TopicView topic;
    topic.attributes.messages_per_s = 50;
    cmq.broker.answer_with<api::CreateTopic>(topic);
    cmq.broker.answer_with<api::SetTopic>(topic);
    cmq.broker.answer_with<api::GetTopic>(topic);
    ask({{"Action", "CreateTopic"}, {"topicName", "events"}, {"qps", "50"}});
    EXPECT_EQ(cmq.broker.last<api::CreateTopic>()->attributes.messages_per_s, 50U);
    ask({{"Action", "SetTopicAttributes"}, {"topicName", "events"}, {"qps", "0"}});
    EXPECT_EQ(cmq.broker.last<api::SetTopic>()->messages_per_s, 0U);
    const std::string shown = ask({{"Action", "GetTopicAttributes"}, {"topicName", "events"}});
    EXPECT_NE(shown.find(R"("qps":50)"), std::string::npos) << shown;
}

TEST_F(TopicActions, PublishCarriesTagsAndTreatsAnEmptyRoutingKeyAsNone) {
    api::SentMessages sent;
    sent.ids = {model::MessageId(1)};
    cmq.broker.answer_with<api::PublishMessages>(sent);
    EXPECT_EQ(ask({{"Action", "PublishMessage"},
                   {"topicName", "events"},
                   {"msgBody", "hello"},
                   {"msgTag.1", "red"},
                   {"msgTag.2", "blue"},
                   {"routingKey", ""}}),
              R"({"code":0,"message":"",ID,"msgId":"1"})");
    const auto* asked = cmq.broker.last<api::PublishMessages>();
    EXPECT_EQ(asked->topic, "events");
    EXPECT_EQ(asked->messages.at(0).meta.tags, (std::vector<std::string>{"red", "blue"}));
    EXPECT_EQ(asked->messages.at(0).meta.routing_key, "");
    EXPECT_TRUE(asked->want_receiver);
}

TEST_F(TopicActions, BatchPublishGivesEveryMessageTheSameTagsAndKey) {
    api::SentMessages sent;
    sent.ids = {model::MessageId(1), model::MessageId(2)};
    cmq.broker.answer_with<api::PublishMessages>(sent);
    EXPECT_EQ(ask({{"Action", "BatchPublishMessage"},
                   {"topicName", "events"},
                   {"msgBody.1", "one"},
                   {"msgBody.2", "two"},
                   {"orderingKey", "k"},
                   {"routingKey", "a.b"}}),
              R"({"code":0,"message":"",ID,"msgList":[{"msgId":"1"},{"msgId":"2"}]})");
    const auto* asked = cmq.broker.last<api::PublishMessages>();
    EXPECT_EQ(asked->messages.at(1).payload, "two");
    EXPECT_EQ(asked->messages.at(0).meta.ordering_key, "k");
    EXPECT_EQ(asked->messages.at(1).meta.ordering_key, "k");
    EXPECT_EQ(asked->messages.at(1).meta.routing_key, "a.b");
}

TEST_F(TopicActions, SubscribeHasCmqsDefaultsForHttp) {
    cmq.broker.answer_with<api::Subscribe>(view());
    EXPECT_EQ(ask({{"Action", "Subscribe"},
                   {"topicName", "events"},
                   {"subscriptionName", "audit"},
                   {"protocol", "HTTP"},
                   {"endpoint", "http://a.b/c"}}),
              R"({"code":0,"message":"",ID,"subscriptionId":"subsc-0000002c"})");
    const auto* asked = cmq.broker.last<api::Subscribe>();
    EXPECT_EQ(asked->spec.sink, model::SinkKind::http);
    EXPECT_EQ(asked->spec.format, model::ContentFormat::cmq_json);
    EXPECT_EQ(asked->spec.retry, model::exponential_retry());
    EXPECT_EQ(asked->dead_letter, api::DeadLetterChoice::automatic);
}

TEST_F(TopicActions, SubscribeOfAQueueIsSimplified) {
    cmq.broker.answer_with<api::Subscribe>(view());
    ask({{"Action", "Subscribe"},
         {"topicName", "events"},
         {"subscriptionName", "audit"},
         {"protocol", "queue"},
         {"endpoint", "orders"},
         {"notifyStrategy", "BACKOFF_RETRY"},
         {"bindingKey.0", "#"},
         {"bindingKey.1", "a.*"}});
    const auto* asked = cmq.broker.last<api::Subscribe>();
    EXPECT_EQ(asked->spec.sink, model::SinkKind::queue);
    EXPECT_EQ(asked->spec.endpoint, "orders");
    EXPECT_EQ(asked->spec.format, model::ContentFormat::simplified);
    EXPECT_EQ(asked->spec.retry, model::backoff_retry());
    EXPECT_EQ(asked->spec.binding_keys, (std::vector<std::string>{"#", "a.*"}));
}

TEST_F(TopicActions, GetSubscriptionAttributesShowsEveryField) {
    cmq.broker.answer_with<api::GetSubscription>(view());
    EXPECT_EQ(ask({{"Action", "GetSubscriptionAttributes"},
                   {"topicName", "events"},
                   {"subscriptionName", "audit"}}),
              R"({"code":0,"message":"",ID,"topicOwner":"1250000001","msgCount":5,)"
              R"("protocol":"http","endpoint":"http://a.b/c",)"
              R"("notifyStrategy":"EXPONENTIAL_DECAY_RETRY","notifyContentFormat":"JSON",)"
              R"("createTime":1,"lastModifyTime":2,"filterTag":["red","blue"],)"
              R"("bindingKey":[],"subscriptionId":"subsc-0000002c"})");
}

TEST_F(TopicActions, ListSubscriptionByTopicShowsWhereTheyGo) {
    api::SubscriptionPage page;
    cmq.broker.answer_with<api::ListSubscriptions>(page);
    EXPECT_EQ(ask({{"Action", "ListSubscriptionByTopic"}, {"topicName", "events"}}),
              R"({"code":0,"message":"",ID,"totalCount":0,"subscriptionList":[]})");
    page.total = 1;
    page.items = {view()};
    cmq.broker.answer_with<api::ListSubscriptions>(page);
    EXPECT_EQ(ask({{"Action", "ListSubscriptionByTopic"}, {"topicName", "events"}}),
              R"({"code":0,"message":"",ID,"totalCount":1,"subscriptionList":[)"
              R"({"subscriptionId":"subsc-0000002c","subscriptionName":"audit",)"
              R"("protocol":"http","endpoint":"http://a.b/c"}]})");
}

TEST_F(TopicActions, SetSubscriptionAttributesChangesOnlyWhatIsGiven) {
    cmq.broker.answer_with<api::SetSubscription>(view());
    ask({{"Action", "SetSubscriptionAttributes"},
         {"topicName", "events"},
         {"subscriptionName", "audit"},
         {"notifyStrategy", "BACKOFF_RETRY"}});
    const auto* asked = cmq.broker.last<api::SetSubscription>();
    EXPECT_EQ(asked->retry, model::backoff_retry());
    EXPECT_FALSE(asked->format || asked->filter_tags || asked->binding_keys);
    ask({{"Action", "SetSubscriptionAttributes"},
         {"topicName", "events"},
         {"subscriptionName", "audit"},
         {"notifyContentFormat", "SIMPLIFIED"},
         {"filterTag.1", "green"}});
    asked = cmq.broker.last<api::SetSubscription>();
    EXPECT_EQ(asked->format, model::ContentFormat::simplified);
    EXPECT_EQ(asked->filter_tags, std::vector<std::string>{"green"});
}

TEST_F(TopicActions, ClearsFilterTagsUnderJavasSpellingToo) {
    cmq.broker.answer_with<api::SetSubscription>(view());
    for (const char* action : {"ClearSubscriptionFilterTags", "ClearSUbscriptionFIlterTags"}) {
        EXPECT_EQ(ask({{"Action", action}, {"topicName", "events"}, {"subscriptionName", "audit"}}),
                  R"({"code":0,"message":"",ID})");
        EXPECT_EQ(cmq.broker.last<api::SetSubscription>()->filter_tags, std::vector<std::string>());
    }
}

TEST_F(TopicActions, UnsubscribeNamesBoth) {
    cmq.broker.answer_with<api::Unsubscribe>({});
    EXPECT_EQ(
        ask({{"Action", "Unsubscribe"}, {"topicName", "events"}, {"subscriptionName", "audit"}}),
        R"({"code":0,"message":"",ID})");
    EXPECT_EQ(cmq.broker.last<api::Unsubscribe>()->topic, "events");
    EXPECT_EQ(cmq.broker.last<api::Unsubscribe>()->name, "audit");
}

}  // namespace
}  // namespace penstock::testing
