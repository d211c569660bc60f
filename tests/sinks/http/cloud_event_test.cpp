#include "sinks/http/cloud_event.h"

#include <gtest/gtest.h>

#include <string>

namespace penstock::sinks::http {
namespace {

api::Delivery delivery() {
    api::Delivery delivery;
    delivery.message = model::MessageId(42);
    delivery.sequence = 7;
    delivery.attempt = 3;
    delivery.published_ms = 1'700'000'000'000;
    delivery.payload = "hello";
    return delivery;
}

std::string json(const api::Delivery& push) {
    std::string out;
    CloudEvent(push, "//penstock/default/orders").append_json(out);
    return out;
}

std::string headers(const api::Delivery& push) {
    std::string out;
    CloudEvent(push, "//penstock/default/orders").append_headers(out);
    return out;
}

bool holds(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

TEST(CloudEvent, WithoutAnythingSaidItIsMadeOfTheMessage) {
    EXPECT_EQ(json(delivery()),
              R"({"specversion":"1.0","id":"42","source":"//penstock/default/orders",)"
              R"("type":"penstock.message","time":"2023-11-14T22:13:20.000Z",)"
              R"("sequence":"00000000000000000007","penstockattempt":3,)"
              R"("datacontenttype":"text/plain","data":"hello"})");
}

TEST(CloudEvent, KeysBecomeSubjectAndPartitionKeyAndTheFirstTagTheType) {
    api::Delivery push = delivery();
    push.meta.tags = {"paid", "urgent"};
    push.meta.routing_key = "eu.orders";
    push.meta.ordering_key = "4711";
    EXPECT_EQ(headers(push),
              "\r\nce-specversion: 1.0\r\nce-id: 42\r\nce-source: //penstock/default/orders"
              "\r\nce-type: paid\r\nce-subject: eu.orders\r\nce-time: 2023-11-14T22:13:20.000Z"
              "\r\nce-partitionkey: 4711\r\nce-sequence: 00000000000000000007"
              "\r\nce-penstockattempt: 3");
}

TEST(CloudEvent, WhatThePublisherSaidIsKeptAndOurIdStandsBeside) {
    api::Delivery push = delivery();
    push.meta.routing_key = "ignored";
    push.meta.attributes = {{"ce-id", "A-1"},
                            {"ce-source", "/shop"},
                            {"ce-type", "com.example.paid"},
                            {"ce-subject", "order/4711"},
                            {"ce-time", "2020-02-29T12:00:00Z"},
                            {"ce-dataschema", "https://example.com/s"},
                            {"ce-tenant", "acme"}};
    EXPECT_EQ(json(push),
              R"({"specversion":"1.0","id":"A-1","source":"/shop","type":"com.example.paid",)"
              R"("subject":"order/4711","time":"2020-02-29T12:00:00Z",)"
              R"("dataschema":"https://example.com/s","tenant":"acme",)"
              R"("sequence":"00000000000000000007","penstockattempt":3,"penstockid":"42",)"
              R"("datacontenttype":"text/plain","data":"hello"})");
}

TEST(CloudEvent, WhatCameInAsAnEventKeepsItsOwnSequence) {
    api::Delivery push = delivery();
    push.meta.attributes = {{"ce-specversion", "0.3"}, {"ce-sequence", "0007"}};
    EXPECT_TRUE(holds(headers(push), "\r\nce-sequence: 00000000000000000007\r\n"));
    push.meta.attributes[0].second = "1.0";
    EXPECT_TRUE(holds(headers(push), "\r\nce-sequence: 0007\r\n"));
    EXPECT_TRUE(holds(headers(push), "\r\nce-specversion: 1.0\r\n"));
}

TEST(CloudEvent, WhatNoCloudEventMaySayIsLeftOut) {
    api::Delivery push = delivery();
    push.meta.attributes = {{"ce-id", ""},
                            {"ce-time", "yesterday"},
                            {"ce-specversion", "0.3"},
                            {"ce-data", "x"},
                            {"ce-penstockattempt", "9"},
                            {"ce-Bad", "x"},
                            {"ce-with_line", "x"},
                            {"ce-", "x"},
                            {"ce-muchtoolongforanyname", "x"},
                            {"ce-bytes", "\xFF"},
                            {"plain", "x"}};
    EXPECT_EQ(json(push), json(delivery()));
}

TEST(CloudEvent, ATraceIsCarriedOn) {
    api::Delivery push = delivery();
    push.meta.attributes = {{"tracestate", "a=1"}, {"traceparent", "00-ab-cd-01"}};
    EXPECT_TRUE(holds(headers(push), "\r\nce-traceparent: 00-ab-cd-01\r\nce-tracestate: a=1"));
}

TEST(CloudEvent, HeadersAreEncodedSoThatNoneCanBeAdded) {
    api::Delivery push = delivery();
    push.meta.attributes = {{"ce-type", "a b\"%\r\nEvil: 1\xE4\xBD\xA0"}};
    EXPECT_TRUE(holds(headers(push), "\r\nce-type: a%20b%22%25%0D%0AEvil:%201%E4%BD%A0\r\n"));
}

TEST(CloudEvent, JsonIsEmbeddedAsItWasWritten) {
    api::Delivery push = delivery();
    push.payload = R"( {"big":12345678901234567890123, "x":[1.0]} )";
    EXPECT_TRUE(holds(json(push),
                      R"("datacontenttype":"application/json",)"
                      R"("data": {"big":12345678901234567890123, "x":[1.0]} })"));
    push.meta.content_type = "application/vnd.a+JSON; v=1";
    EXPECT_TRUE(holds(json(push), R"("datacontenttype":"application/vnd.a+JSON; v=1","data": {)"));
}

TEST(CloudEvent, TextThatLooksLikeJsonIsAStringWhereItIsCalledText) {
    api::Delivery push = delivery();
    push.payload = "1";
    push.meta.content_type = "text/plain";
    EXPECT_TRUE(holds(json(push), R"("datacontenttype":"text/plain","data":"1")"));
}

TEST(CloudEvent, WhatIsCalledJsonAndIsNoneGoesByteByByte) {
    api::Delivery push = delivery();
    push.meta.content_type = "application/json";
    EXPECT_TRUE(
        holds(json(push), R"("datacontenttype":"application/json","data_base64":"aGVsbG8=")"));
}

TEST(CloudEvent, BytesThatAreNoTextAreBase64) {
    api::Delivery push = delivery();
    push.payload = "\xFF\xFE\x01";
    EXPECT_TRUE(
        holds(json(push), R"("datacontenttype":"application/octet-stream","data_base64":"//4B")"));
}

TEST(CloudEvent, ATagThatIsNoTextLeavesTheJsonValid) {
    api::Delivery push = delivery();
    push.meta.tags = {"a\xFF"};
    EXPECT_TRUE(holds(json(push), R"("type":"a?")"));
}

}  // namespace
}  // namespace penstock::sinks::http
