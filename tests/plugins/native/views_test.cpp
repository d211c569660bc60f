#include "plugins/native/views.h"

#include <boost/json.hpp>
#include <gtest/gtest.h>

namespace penstock::plugins::native {

namespace {

TEST(NativeViews, AReceivedMessageShowsTextAsTextAndBytesAsBase64) {
    api::ReceivedMessage message;
    message.id = model::MessageId(288'230'376'151'711'744ULL);
    message.receipt = model::Receipt(18'446'744'073'709'551'615ULL);
    message.payload = "grüße";
    message.meta.tags = {"paid"};
    message.meta.attributes = {{"a", "b"}};
    message.enqueued_ms = 1'700'000'000'000;
    message.next_visible_ms = 1'700'000'030'000;
    message.receives = 2;
    EXPECT_EQ(boost::json::serialize(show(message)),
              "{\"id\":\"288230376151711744\",\"receipt\":\"18446744073709551615\","
              "\"body\":\"grüße\",\"tags\":[\"paid\"],\"attributes\":{\"a\":\"b\"},\"receives\":2,"
              "\"enqueued_at\":\"2023-11-14T22:13:20.000Z\","
              "\"next_visible_at\":\"2023-11-14T22:13:50.000Z\"}");
    message.payload = "\xFF";
    EXPECT_EQ(show(message).at("body_base64").as_string(), "/w==");
    EXPECT_FALSE(show(message).contains("body"));
}

TEST(NativeViews, TextOfOthersIsMadeFitForJson) {
    EXPECT_EQ(readable("grün"), "grün");
    EXPECT_EQ(readable("gr\xC3"), "gr");
    EXPECT_EQ(readable("\xFFgr\xC3\xBCn"), "?gr??n");
    EXPECT_EQ(readable(""), "");
    api::DeliveryView delivery;
    delivery.excerpt = "\x80\x80\x80\x80 bad";
    EXPECT_EQ(show(delivery).at("excerpt").as_string(), "???? bad");
}

TEST(NativeViews, AQueueShowsItsAttributesAsTheyAreSet) {
    api::QueueView queue;
    queue.name = "jobs";
    queue.dead_letter_queue = "dead";
    model::DeadLetterPolicy policy;
    policy.max_receives = 5;
    queue.attributes.dead_letter = policy;
    queue.active = 3;
    EXPECT_EQ(boost::json::serialize(show(queue)),
              "{\"name\":\"jobs\",\"visibility\":30,\"retention\":345600,\"rewind\":0,\"poll\":0,"
              "\"max_size\":65536,\"max_messages\":100000000,\"paused\":false,"
              "\"ordered\":false,\"qps\":0,\"automatic\":false,"
              "\"dead_letter\":{\"queue\":\"dead\",\"max_receives\":5},\"messages\":{\"visible\":3,"
              "\"in_flight\":0,\"delayed\":0,\"rewindable\":0}}");
}

TEST(NativeViews, ASubscriptionShowsItsSinkUnderItsKind) {
    api::SubscriptionView subscription;
    subscription.topic = "orders";
    subscription.name = "billing";
    subscription.spec.endpoint = "http://127.0.0.1:9/hook";
    subscription.spec.retry = model::custom_retry({5000});
    const auto shown = show(subscription);
    EXPECT_EQ(boost::json::serialize(shown.at("http")), "{\"url\":\"http://127.0.0.1:9/hook\"}");
    EXPECT_EQ(boost::json::serialize(shown.at("retry")),
              "{\"name\":\"custom\",\"keeps_order\":false,\"steps\":[{\"min_ms\":5000,"
              "\"max_ms\":5000,\"times\":1}]}");
    EXPECT_TRUE(shown.at("dead_letter").is_null());
    EXPECT_FALSE(shown.contains("queue"));
}

}  // namespace

}  // namespace penstock::plugins::native
