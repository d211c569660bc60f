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
    const client::Outgoing out = request.fill(push, 14534664555);
    return out.head + std::string(out.body);
}

std::string body_of(const std::string& text) {
    return text.substr(text.find("\r\n\r\n") + 4);
}

TEST(PushRequest, TheJsonFormatIsTheDocumentedOneByteForByte) {
    const auto request = PushRequest::make(target(model::ContentFormat::cmq_json), 100015036);
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

TEST(PushRequest, TheSimplifiedFormatIsTheMessageAndNothingElse) {
    const auto request = PushRequest::make(target(model::ContentFormat::simplified), 100015036);
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

TEST(PushRequest, AMessageWithoutTagsHasAnEmptyTagHeader) {
    const auto request = PushRequest::make(target(model::ContentFormat::simplified), 1);
    api::Delivery push = delivery();
    push.meta.tags.clear();
    EXPECT_NE(bytes(*request, push).find("\r\nx-cmq-message-tag: \r\n\r\n"), std::string::npos);
}

TEST(PushRequest, ATagCannotAddAHeader) {
    const auto request = PushRequest::make(target(model::ContentFormat::simplified), 1);
    api::Delivery push = delivery();
    push.meta.tags = {std::string("a\r\nEvil: 1\0", 11)};
    EXPECT_NE(bytes(*request, push).find("x-cmq-message-tag: a??Evil: 1?\r\n\r\n"),
              std::string::npos);
}

TEST(PushRequest, ABodyThatIsNoTextGoesIntoJsonAsBase64) {
    const auto request = PushRequest::make(target(model::ContentFormat::cmq_json), 1);
    api::Delivery push = delivery();
    push.payload = "\xFF\xFE\x01";
    EXPECT_EQ(body_of(bytes(*request, push)),
              "{\"TopicOwner\":1,\"topicName\":\"orders\",\"subscriptionName\":\"billing\","
              "\"msgId\":\"6942316962\",\"msgBody\":\"//4B\",\"publishTime\":1700000000}");
}

TEST(PushRequest, ABodyThatIsNoTextIsUnchangedInTheSimplifiedFormat) {
    const auto request = PushRequest::make(target(model::ContentFormat::simplified), 1);
    api::Delivery push = delivery();
    push.payload = std::string("\xFF\x00\x01", 3);
    EXPECT_EQ(body_of(bytes(*request, push)), std::string("\xFF\x00\x01", 3));
}

TEST(PushRequest, LongBodiesWithEveryControlByteAreEscaped) {
    const auto request = PushRequest::make(target(model::ContentFormat::cmq_json), 1);
    api::Delivery push = delivery();
    push.payload = std::string(5000, 'x') + std::string("\x01\x1F\b\f\t\\", 6);
    EXPECT_NE(bytes(*request, push).find("xx\\u0001\\u001f\\b\\f\\t\\\\\",\"publishTime\""),
              std::string::npos);
}

TEST(PushRequest, AnEndpointThatIsNoUrlIsRefused) {
    api::Target bad = target(model::ContentFormat::simplified);
    bad.spec.endpoint = "ftp://example.com/";
    EXPECT_FALSE(PushRequest::make(bad, 1));
}

TEST(PushRequest, ItFitsTheTargetItWasMadeForOnly) {
    const api::Target made_for = target(model::ContentFormat::simplified);
    const auto request = PushRequest::make(made_for, 1);
    EXPECT_TRUE(request->fits(made_for));
    EXPECT_FALSE(request->fits(target(model::ContentFormat::cmq_json)));
    api::Target moved = made_for;
    moved.spec.endpoint = "http://example.com/";
    EXPECT_FALSE(request->fits(moved));
}

}  // namespace
}  // namespace penstock::sinks::http
