#include "sinks/http/push_request.h"

#include <gtest/gtest.h>

namespace penstock::sinks::http {
namespace {

api::Target target(model::ContentFormat format) {
    api::Target target;
    target.subscription = model::SubscriptionNo{7};
    target.topic = "orders";
    target.name = "billing";
    target.spec.endpoint = "http://example.com:8080/hooks/a?x=1";
    target.spec.format = format;
    target.spec.timeout_ms = 15'000;
    return target;
}

api::Delivery delivery() {
    api::Delivery delivery;
    delivery.message = model::MessageId(6942316962);
    delivery.published_ms = 1'700'000'000'999;
    delivery.meta.tags = {"a", "b"};
    delivery.payload = "hello \"world\" /\n\xE4\xBD\xA0";
    return delivery;
}

std::string bytes(const PushRequest& request, const api::Delivery& push) {
    const client::Outgoing out = request.fill(push, 14534664555, 1'700'000'001'500);
    return out.head + std::string(out.body);
}

std::string body_of(const std::string& text) {
    return text.substr(text.find("\r\n\r\n") + 4);
}

TEST(PushRequest, TheJsonFormatIsTheDocumentedOneByteForByte) {
    const auto request = PushRequest::make(target(model::ContentFormat::cmq_json), {100015036});
    ASSERT_TRUE(request);
    EXPECT_EQ(bytes(*request, delivery()),
              "POST /hooks/a?x=1 HTTP/1.1\r\n"
              "Host: example.com:8080\r\n"
              "Content-Length: 155\r\n"
              "Content-Type: text/plain\r\n"
              "User-Agent: Qcloud Notification Service Agent\r\n"
              "x-cmq-request-id: 14534664555\r\n"
              "x-cmq-message-id: 6942316962\r\n"
              "x-cmq-message-tag: a, b\r\n"
              "\r\n"
              "{\"TopicOwner\":100015036,\"topicName\":\"orders\",\"subscriptionName\":\"billing\","
              "\"msgId\":\"6942316962\",\"msgBody\":\"hello \\\"world\\\" /\\n\xE4\xBD\xA0\","
              "\"publishTime\":1700000000}");
}

TEST(PushRequest, AReplayedMessageIsMarkedWithItsJobAndNoOther) {
    const auto request = PushRequest::make(target(model::ContentFormat::simplified), {100015036});
    ASSERT_TRUE(request);
    api::Delivery replayed = delivery();
    replayed.replay = 77;
    EXPECT_NE(bytes(*request, replayed).find("\r\npenstock-replay: 77\r\n\r\nhello"),
              std::string::npos);
    EXPECT_EQ(bytes(*request, delivery()).find("penstock-replay"), std::string::npos);
}

TEST(PushRequest, TheSimplifiedFormatIsTheMessageAndNothingElse) {
    const auto request = PushRequest::make(target(model::ContentFormat::simplified), {100015036});
    ASSERT_TRUE(request);
    EXPECT_EQ(bytes(*request, delivery()),
              "POST /hooks/a?x=1 HTTP/1.1\r\n"
              "Host: example.com:8080\r\n"
              "Content-Length: 19\r\n"
              "Content-Type: text/plain\r\n"
              "User-Agent: Qcloud Notification Service Agent\r\n"
              "x-cmq-request-id: 14534664555\r\n"
              "x-cmq-message-id: 6942316962\r\n"
              "x-cmq-message-tag: a, b\r\n"
              "\r\n"
              "hello \"world\" /\n\xE4\xBD\xA0");
}

TEST(PushRequest, TheEventOfScfIsTheOneOfItsCmqTrigger) {
    const auto request = PushRequest::make(target(model::ContentFormat::scf), {100015036});
    EXPECT_EQ(bytes(*request, delivery()),
              "POST /hooks/a?x=1 HTTP/1.1\r\n"
              "Host: example.com:8080\r\n"
              "Content-Length: 249\r\n"
              "Content-Type: application/json\r\n"
              "User-Agent: Penstock\r\n"
              "\r\n"
              "{\"Records\":[{\"CMQ\":{\"type\":\"topic\",\"topicOwner\":100015036,"
              "\"topicName\":\"orders\",\"subscriptionName\":\"billing\","
              "\"publishTime\":\"2023-11-14T22:13:20.999Z\",\"msgId\":\"6942316962\","
              "\"requestId\":\"14534664555\","
              "\"msgBody\":\"hello \\\"world\\\" /\\n\xE4\xBD\xA0\",\"msgTag\":\"a,b\"}}]}");
}

TEST(PushRequest, ACloudEventInBinaryModeIsThePayloadWithItsAttributesAsHeaders) {
    const auto request = PushRequest::make(target(model::ContentFormat::cloudevents), {1, "prod"});
    EXPECT_EQ(bytes(*request, delivery()),
              "POST /hooks/a?x=1 HTTP/1.1\r\n"
              "Host: example.com:8080\r\n"
              "Content-Length: 19\r\n"
              "Content-Type: text/plain\r\n"
              "User-Agent: Penstock\r\n"
              "ce-specversion: 1.0\r\n"
              "ce-id: 6942316962\r\n"
              "ce-source: //prod/default/orders\r\n"
              "ce-type: a\r\n"
              "ce-time: 2023-11-14T22:13:20.999Z\r\n"
              "ce-sequence: 00000000000000000000\r\n"
              "ce-penstockattempt: 1\r\n"
              "\r\n"
              "hello \"world\" /\n\xE4\xBD\xA0");
}

TEST(PushRequest, ACloudEventInStructuredModeIsOneJsonObject) {
    const auto request =
        PushRequest::make(target(model::ContentFormat::cloudevents_structured), {1});
    api::Delivery push = delivery();
    push.payload = R"({"n":1.50})";
    const std::string text = bytes(*request, push);
    EXPECT_NE(text.find("Content-Type: application/cloudevents+json; charset=utf-8\r\n"
                        "User-Agent: Penstock\r\n\r\n"),
              std::string::npos);
    EXPECT_EQ(body_of(text),
              R"({"specversion":"1.0","id":"6942316962","source":"//penstock/default/orders",)"
              R"("type":"a","time":"2023-11-14T22:13:20.999Z",)"
              R"("sequence":"00000000000000000000","penstockattempt":1,)"
              R"("datacontenttype":"application/json","data":{"n":1.50}})");
}

TEST(PushRequest, ACloudEventInBatchModeIsAnArrayOfIt) {
    const auto one = PushRequest::make(target(model::ContentFormat::cloudevents_structured), {1});
    const auto batch = PushRequest::make(target(model::ContentFormat::cloudevents_batch), {1});
    const std::string text = bytes(*batch, delivery());
    EXPECT_NE(text.find("Content-Type: application/cloudevents-batch+json; charset=utf-8\r\n"),
              std::string::npos);
    EXPECT_EQ(body_of(text), "[" + body_of(bytes(*one, delivery())) + "]");
}

TEST(PushRequest, SeveralMessagesAreOneList) {
    const auto events = PushRequest::make(target(model::ContentFormat::cloudevents_batch), {1});
    const auto records = PushRequest::make(target(model::ContentFormat::scf), {1});
    const api::Delivery one = delivery();
    api::Delivery other = delivery();
    other.message = model::MessageId(8);
    other.payload = "[1]";
    const auto together = [&](const PushRequest& request) {
        return body_of(request.fill(Sink::Batch{&one, &other}, 14534664555, 0).head);
    };
    const auto inner = [](const std::string& text, std::size_t before, std::size_t behind) {
        return text.substr(before, text.size() - before - behind);
    };
    const std::string event = body_of(bytes(*events, one));
    const std::string last_event = body_of(bytes(*events, other));
    EXPECT_EQ(together(*events), "[" + inner(event, 1, 1) + "," + inner(last_event, 1, 1) + "]");
    const std::string record = body_of(bytes(*records, one));
    const std::string last_record = body_of(bytes(*records, other));
    constexpr std::size_t opening = 12;  // {"Records":[
    EXPECT_EQ(together(*records),
              inner(record, 0, 2) + "," + inner(last_record, opening, 2) + "]}");
}

TEST(PushRequest, WhatIsTrueOfOneMessageOnlyIsNoHeaderOfSeveral) {
    const auto request = PushRequest::make(target(model::ContentFormat::scf), {1});
    api::Delivery one = delivery();
    one.meta.attributes = {
        {"traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}};
    one.replay = 7;
    api::Delivery other = one;
    const auto head = [&] {
        return request->fill(Sink::Batch{&one, &other}, 1, 0).head;
    };
    EXPECT_NE(head().find("\r\npenstock-replay: 7\r\n"), std::string::npos);
    EXPECT_EQ(head().find("\r\ntraceparent: "), std::string::npos);
    EXPECT_NE(bytes(*request, one).find("\r\ntraceparent: "), std::string::npos);
    other.replay = 0;
    EXPECT_EQ(head().find("penstock-replay"), std::string::npos);
}

TEST(PushRequest, AMessageWithoutTagsHasAnEmptyTagHeader) {
    const auto request = PushRequest::make(target(model::ContentFormat::simplified), {1});
    api::Delivery push = delivery();
    push.meta.tags.clear();
    EXPECT_NE(bytes(*request, push).find("\r\nx-cmq-message-tag: \r\n\r\n"), std::string::npos);
}

TEST(PushRequest, ATagCannotAddAHeader) {
    const auto request = PushRequest::make(target(model::ContentFormat::simplified), {1});
    api::Delivery push = delivery();
    push.meta.tags = {std::string("a\r\nEvil: 1\0", 11)};
    EXPECT_NE(bytes(*request, push).find("x-cmq-message-tag: a??Evil: 1?\r\n\r\n"),
              std::string::npos);
}

TEST(PushRequest, ABodyThatIsNoTextGoesIntoJsonAsBase64) {
    const auto request = PushRequest::make(target(model::ContentFormat::cmq_json), {1});
    api::Delivery push = delivery();
    push.payload = "\xFF\xFE\x01";
    EXPECT_EQ(body_of(bytes(*request, push)),
              "{\"TopicOwner\":1,\"topicName\":\"orders\",\"subscriptionName\":\"billing\","
              "\"msgId\":\"6942316962\",\"msgBody\":\"//4B\",\"publishTime\":1700000000}");
}

TEST(PushRequest, ABodyThatIsNoTextIsUnchangedInTheSimplifiedFormat) {
    const auto request = PushRequest::make(target(model::ContentFormat::simplified), {1});
    api::Delivery push = delivery();
    push.payload = std::string("\xFF\x00\x01", 3);
    EXPECT_EQ(body_of(bytes(*request, push)), std::string("\xFF\x00\x01", 3));
}

TEST(PushRequest, LongBodiesWithEveryControlByteAreEscaped) {
    const auto request = PushRequest::make(target(model::ContentFormat::cmq_json), {1});
    api::Delivery push = delivery();
    push.payload = std::string(5000, 'x') + std::string("\x01\x1F\b\f\t\\", 6);
    EXPECT_NE(bytes(*request, push).find("xx\\u0001\\u001f\\b\\f\\t\\\\\",\"publishTime\""),
              std::string::npos);
}

TEST(PushRequest, AnEndpointThatIsNoUrlIsRefused) {
    api::Target bad = target(model::ContentFormat::simplified);
    bad.spec.endpoint = "ftp://example.com/";
    EXPECT_FALSE(PushRequest::make(bad, {1}));
}

TEST(PushRequest, ItFitsTheTargetItWasMadeForOnly) {
    const api::Target made_for = target(model::ContentFormat::simplified);
    const auto request = PushRequest::make(made_for, {1});
    EXPECT_TRUE(request->fits(made_for));
    EXPECT_FALSE(request->fits(target(model::ContentFormat::cmq_json)));
    api::Target moved = made_for;
    moved.spec.endpoint = "http://example.com/";
    EXPECT_FALSE(request->fits(moved));
    api::Target publishing = made_for;
    publishing.spec.pace.outputs = true;
    EXPECT_FALSE(request->fits(publishing));
    api::Target asked = made_for;
    asked.spec.pace.handshake = model::Handshake::challenge;
    EXPECT_FALSE(request->fits(asked));
}

}  // namespace
}  // namespace penstock::sinks::http
