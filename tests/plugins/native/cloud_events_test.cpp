// Events that publishers send to /v1, in the three modes of CloudEvents over HTTP.
#include "plugins/native/cloud_events.h"

#include "broker/model/trace_context.h"
#include "tests/plugins/native/fixture.h"

#include <gmock/gmock.h>

#include <map>
#include <vector>

namespace penstock::testing {

namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

const std::string structured_type = "application/cloudevents+json";
const std::string batch_type = "application/cloudevents-batch+json";
const std::string topic = "/v1/topics/orders/messages";
const std::string trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

// An event in JSON: what each one has, and `more` members behind it.
std::string event(const std::string& more = "") {
    return R"({"specversion":"1.0","id":"A-1","source":"/shop","type":"com.example.paid")" +
           (more.empty() ? more : "," + more) + "}";
}

class NativeEvents : public NativeFixture {
  protected:
    NativeEvents() {
        api::SentMessages reply;
        reply.ids = {model::MessageId(42)};
        broker.answer_with<api::PublishMessages>(reply);
        broker.answer_with<api::SendMessages>(reply);
    }

    plugins::HttpResponse post(const std::string& target,
                               const std::string& type,
                               const std::string& body) {
        auto made = request("POST", target, body);
        made.headers.emplace_back("content-type", type);
        return ask(std::move(made));
    }

    // One event in binary mode; `more` replaces headers of the same name or stands beside them.
    plugins::HttpResponse binary(const std::vector<std::pair<std::string, std::string>>& more,
                                 const std::string& body = "{}",
                                 const std::string& target = topic) {
        std::map<std::string, std::string> headers{{"ce-specversion", "1.0"},
                                                   {"ce-id", "A-1"},
                                                   {"ce-source", "/shop"},
                                                   {"ce-type", "com.example.paid"}};
        for (const auto& [name, value] : more) headers[name] = value;
        auto made = request("POST", target, body);
        for (const auto& one : headers) made.headers.push_back(one);
        return ask(std::move(made));
    }

    // The one message that was published; empty when none was.
    model::NewMessage published() {
        const auto* asked = broker.last<api::PublishMessages>();
        EXPECT_NE(asked, nullptr);
        if (asked == nullptr || asked->messages.empty()) return {};
        EXPECT_EQ(asked->messages.size(), 1U);
        return asked->messages[0];
    }

    std::string attribute(const std::string& name) {
        for (const auto& [key, value] : published().meta.attributes) {
            if (key == name) return value;
        }
        return "(absent)";
    }

    // Refused as `subject`, and nothing reached the broker.
    void refused(const plugins::HttpResponse& response,
                 const std::string& subject,
                 const std::string& detail) {
        EXPECT_EQ(response.status, 400U) << response.body;
        EXPECT_EQ(text(json(response), "subject"), subject) << response.body;
        EXPECT_THAT(text(json(response), "detail"), HasSubstr(detail));
        EXPECT_EQ(response.content_type, "application/problem+json");
        EXPECT_TRUE(broker.requests.empty());
    }
};

TEST_F(NativeEvents, BinaryHeadersBecomeAttributesAndTheBodyStaysAsItIs) {
    const auto response = binary({{"ce-time", "2020-02-29T12:00:00Z"},
                                  {"ce-tenant", "Euro%20%E2%82%AC%20%f0%9f%98%80"},
                                  {"content-type", "application/json; charset=utf-8"}},
                                 " {\"a\": 1.50}\n",
                                 topic + "?tag=paid&key=eu.paid&delay=5");
    EXPECT_EQ(response.status, 201U);
    EXPECT_EQ(response.body, "{\"id\":\"42\"}\n");
    const model::NewMessage message = published();
    EXPECT_EQ(message.payload, " {\"a\": 1.50}\n");
    EXPECT_EQ(message.meta.content_type, "application/json; charset=utf-8");
    EXPECT_EQ(message.meta.tags, (std::vector<std::string>{"paid"}));
    EXPECT_EQ(message.meta.routing_key, "eu.paid");
    EXPECT_THAT(
        message.meta.attributes,
        ::testing::UnorderedElementsAre(Pair("ce-specversion", "1.0"),
                                        Pair("ce-id", "A-1"),
                                        Pair("ce-source", "/shop"),
                                        Pair("ce-type", "com.example.paid"),
                                        Pair("ce-time", "2020-02-29T12:00:00Z"),
                                        Pair("ce-tenant", "Euro \xE2\x82\xAC \xF0\x9F\x98\x80")));
    EXPECT_EQ(broker.last<api::PublishMessages>()->delay_s, 5U);
}

TEST_F(NativeEvents, HeadersOfOldSendersAreUnquotedOnceAndDecodedOnce) {
    for (const auto& [sent, kept] : {std::pair(R"("a \"b\" \\ c")", R"(a "b" \ c)"),
                                     std::pair(R"("a%20b")", "a b"),
                                     std::pair("%2520", "%20"),
                                     std::pair("%61%2a", "a*"),
                                     std::pair(R"(say "hi" now)", R"(say "hi" now)"),
                                     std::pair(R"(")", R"(")")}) {
        EXPECT_EQ(binary({{"ce-subject", sent}}).status, 201U) << sent;
        EXPECT_EQ(attribute("ce-subject"), kept) << sent;
    }
}

TEST_F(NativeEvents, WhatNoHeaderMaySayIsRefused) {
    refused(binary({{"ce-subject", "%C0%A0"}}), "subject", "percent-encoded UTF-8");
    refused(binary({{"ce-subject", "100%"}}), "subject", "percent-encoded UTF-8");
    refused(binary({{"ce-subject", "a%0Ab"}}), "subject", "control characters");
    refused(binary({{"ce-subject", "a%C2%85b"}}), "subject", "control characters");
    refused(binary({{"ce-subject", std::string(1025, 'a')}}), "subject", "1024 bytes");
    refused(binary({{"ce-datacontenttype", "text/plain"}}), "datacontenttype", "Content-Type");
    refused(binary({{"ce-data", "x"}}), "data", "the body is the data");
    refused(binary({{"ce-my_name", "x"}}), "my_name", "a-z and 0-9");
    refused(binary({{"ce-", "x"}}), "(no name)", "a-z and 0-9");
    refused(binary({{"ce-abcdefghijklmnopqrstu", "x"}}), "abcdefghijklmnopqrstu", "1 to 20");
    refused(binary({{"ce-id", ""}}), "id", "is missing");
    refused(binary({{"ce-source", "a b"}}), "source", "RFC 3986");
    refused(binary({{"ce-dataschema", "/relative"}}), "dataschema", "RFC 3986");
    refused(binary({{"ce-time", "yesterday"}}), "time", "RFC 3339");
    refused(binary({{"ce-specversion", "0.3"}}), "specversion", "must be 1.0");
    refused(binary({{"content-type", "text/plain"}}, ""), "data", "at least 1 byte");
    auto twice = request("POST", topic, "{}");
    for (const char* value : {"1.0", "1.0"}) twice.headers.emplace_back("ce-specversion", value);
    refused(ask(std::move(twice)), "specversion", "is there twice");
}

TEST_F(NativeEvents, SixteenExtensionsAreTheMost) {
    std::vector<std::pair<std::string, std::string>> all{{"ce-subject", "s"},
                                                         {"ce-time", "2020-02-29T12:00:00Z"},
                                                         {"ce-dataschema", "https://a.example/s"}};
    for (char letter = 'a'; letter < 'a' + 16; ++letter) {
        all.emplace_back(std::string("ce-ext") + letter, "x");
    }
    EXPECT_EQ(binary(all).status, 201U);
    EXPECT_EQ(published().meta.attributes.size(), plugins::native::event_attributes_max);
    broker.requests.clear();
    all.emplace_back("ce-extz", "x");
    EXPECT_THAT(binary(all).body, HasSubstr("at most 16 extensions"));
    EXPECT_TRUE(broker.requests.empty());
}

TEST_F(NativeEvents, WithoutTheVersionOrInAnotherFormatABodyIsAMessage) {
    for (const char* type : {"application/cloudevents+avro", "application/json"}) {
        EXPECT_EQ(post(topic, type, event()).status, 201U);
        EXPECT_EQ(published().payload, event());
        EXPECT_EQ(published().meta.content_type, type);
        EXPECT_TRUE(published().meta.attributes.empty());
    }
}

TEST_F(NativeEvents, StructuredJsonDataKeepsItsVeryText) {
    const std::string data = R"({ "big":12345678901234567890123, "x":[1.0, 1e2,{"data":"]}"}] })";
    EXPECT_EQ(post(topic,
                   "Application/CloudEvents+JSON; charset=UTF-8",
                   event("\"d\\u0061ta\" :\n " + data + " ,\"tenant\":\"acme\""))
                  .status,
              201U);
    EXPECT_EQ(published().payload, data);
    // What the format takes for granted is said.
    EXPECT_EQ(published().meta.content_type, "application/json");
    EXPECT_EQ(attribute("ce-tenant"), "acme");
    EXPECT_THAT(published().meta.attributes,
                ElementsAre(Pair("ce-specversion", "1.0"),
                            Pair("ce-id", "A-1"),
                            Pair("ce-source", "/shop"),
                            Pair("ce-type", "com.example.paid"),
                            Pair("ce-tenant", "acme")));
}

TEST_F(NativeEvents, DataIsTextBytesOrJsonAsItsTypeSays) {
    struct Case {
        const char* members;
        const char* payload;
        const char* type;
    };

    for (const Case& one :
         {Case{R"("data":"just text")", R"("just text")", "application/json"},
          Case{R"("datacontenttype":"application/xml","data":"<a b=\"c\"\/>")",
               R"(<a b="c"/>)",
               "application/xml"},
          Case{R"("data":[1],"datacontenttype":"application/vnd.a+json")",
               "[1]",
               "application/vnd.a+json"},
          Case{R"("data":null)", "null", "application/json"},
          Case{R"("subject":null)", "null", ""},
          Case{
              R"("data_base64":"//4B","datacontenttype":"image/png")", "\xFF\xFE\x01", "image/png"},
          Case{R"("data_base64":"e30=")", "{}", ""},
          Case{R"("data_base64":null,"data":7)", "7", "application/json"}}) {
        EXPECT_EQ(post(topic, structured_type, event(one.members)).status, 201U) << one.members;
        EXPECT_EQ(published().payload, one.payload) << one.members;
        EXPECT_EQ(published().meta.content_type, one.type) << one.members;
    }
}

TEST_F(NativeEvents, BooleansAndIntegersBecomeTheirText) {
    EXPECT_EQ(
        post(topic, structured_type, event(R"("yes":true,"no":false,"n":-2147483648,"none":null)"))
            .status,
        201U);
    EXPECT_EQ(attribute("ce-yes"), "true");
    EXPECT_EQ(attribute("ce-no"), "false");
    EXPECT_EQ(attribute("ce-n"), "-2147483648");
    EXPECT_EQ(attribute("ce-none"), "(absent)");
}

TEST_F(NativeEvents, WhatNoStructuredEventMaySayIsRefused) {
    struct Case {
        std::string body;
        const char* subject;
        const char* detail;
    };

    for (const Case& one :
         {Case{"[]", "body", "must be an object"},
          Case{"{}", "specversion", "is missing"},
          Case{R"({"specversion":"1.0","source":"/a","type":"t"})", "id", "is missing"},
          Case{R"({"specversion":"1.0","id":"","source":"/a","type":"t"})", "id", "is missing"},
          Case{R"({"specversion":"1.0","id":7,"source":"/a","type":"t"})", "id", "must be text"},
          Case{R"({"specversion":"1.0","id":"7","type":"t"})", "source", "is missing"},
          Case{R"({"specversion":"1.0","id":"7","source":"/a"})", "type", "is missing"},
          Case{R"({"specversion":"1.1","id":"7","source":"/a","type":"t"})", "specversion", "1.0"},
          Case{event(R"("n":2147483648)"), "n", "32 bits"},
          Case{event(R"("n":1.5)"), "n", "32 bits"},
          Case{event(R"("n":{})"), "n", "32 bits"},
          Case{event(R"("myName":"x")"), "myName", "a-z and 0-9"},
          Case{event(R"("time":5)"), "time", "must be text"},
          Case{event(R"("data":1,"data_base64":"e30=")"), "data", "exclude each other"},
          Case{event(R"("data_base64":"e30")"), "data_base64", "standard base64"},
          Case{event(R"("data_base64":5)"), "data_base64", "standard base64"},
          Case{event(R"("data_base64":"")"), "data", "at least 1 byte"},
          Case{event(R"("datacontenttype":"text/plain","data":{})"), "data", "must be text"},
          Case{event(R"("datacontenttype":"text/plain","data":"")"), "data", "at least 1 byte"},
          Case{event(R"("datacontenttype":"text/plain")"), "data", "at least 1 byte"},
          Case{event(R"("datacontenttype":"a\nb")"), "datacontenttype", "printable"},
          Case{event(R"("id":"again")"), "body", "twice"}}) {
        SCOPED_TRACE(one.body);
        refused(post(topic, structured_type, one.body), one.subject, one.detail);
    }
    EXPECT_EQ(text(json(post(topic, structured_type, "{")), "code"), "invalid_json");
    EXPECT_EQ(text(json(post(topic, structured_type, "")), "code"), "invalid_json");
    EXPECT_TRUE(broker.requests.empty());
}

TEST_F(NativeEvents, ABatchIsTakenWholeOrNotAtAll) {
    api::SentMessages reply;
    reply.ids = {model::MessageId(1), model::MessageId(2)};
    broker.answer_with<api::PublishMessages>(reply);
    const auto response = post(topic + "?tag=t",
                               batch_type,
                               "[ " + event(R"("data":{"a":[1,2]})") + ",\n" +
                                   event(R"("data_base64":"/w==","seen":1)") + "]");
    EXPECT_EQ(response.status, 201U);
    EXPECT_EQ(response.body, "{\"ids\":[\"1\",\"2\"]}\n");
    const auto* asked = broker.last<api::PublishMessages>();
    ASSERT_EQ(asked->messages.size(), 2U);
    EXPECT_EQ(asked->messages[0].payload, R"({"a":[1,2]})");
    EXPECT_EQ(asked->messages[1].payload, "\xFF");
    for (const auto& message : asked->messages) {
        EXPECT_EQ(message.meta.tags, (std::vector<std::string>{"t"}));
    }
    broker.requests.clear();

    std::string seventeen = event();
    for (int more = 0; more < 16; ++more) seventeen += "," + event();
    refused(post(topic, batch_type, "[" + seventeen + "]"), "body", "1 to 16");
    refused(post(topic, batch_type, "[]"), "body", "1 to 16");
    refused(post(topic, batch_type, event()), "body", "1 to 16");
    refused(post(topic, batch_type, "[" + event() + ",7]"), "[1]", "must be an object");
    refused(post(topic, batch_type, "[" + event() + "," + event(R"("N":1)") + "]"),
            "[1].N",
            "a-z and 0-9");
    refused(post(topic, batch_type, "[" + event(R"("id":"b")") + "]"), "[0]", "twice");
}

TEST_F(NativeEvents, AQueueTakesThemAllTheSame) {
    const std::string queue = "/v1/queues/jobs/messages";
    EXPECT_EQ(post(queue, structured_type, event(R"("partitionkey":"k")")).status, 201U);
    EXPECT_EQ(binary({}, "x", queue).status, 201U);
    EXPECT_EQ(post(queue, batch_type, "[" + event() + "]").body, "{\"ids\":[\"42\"]}\n");
    const auto* asked = broker.last<api::SendMessages>();
    ASSERT_NE(asked, nullptr);
    EXPECT_EQ(asked->queue, "jobs");
    EXPECT_EQ(asked->messages.at(0).meta.attributes.at(0).first, "ce-specversion");
    EXPECT_EQ(asked->messages.at(0).meta.ordering_key, "");
}

TEST_F(NativeEvents, ThePartitionKeyIsTheOrderingKeyUnlessTheQuerySaysOne) {
    EXPECT_EQ(post(topic, structured_type, event(R"("partitionkey":"k1")")).status, 201U);
    EXPECT_EQ(published().meta.ordering_key, "k1");
    EXPECT_EQ(attribute("ce-partitionkey"), "k1");
    EXPECT_EQ(
        post(topic + "?ordering_key=k2", structured_type, event(R"("partitionkey":"k1")")).status,
        201U);
    EXPECT_EQ(published().meta.ordering_key, "k2");
    broker.requests.clear();
    refused(
        post(topic, structured_type, event("\"partitionkey\":\"" + std::string(65, 'k') + "\"")),
        "partitionkey",
        "64 bytes");
}

TEST_F(NativeEvents, AnEventsOwnTraceGoesBeforeThatOfTheRequest) {
    const std::string other = "00-1af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    EXPECT_EQ(binary({{"traceparent", other}}).status, 201U);
    EXPECT_EQ(model::traceparent_of(published().meta), other);
    EXPECT_EQ(binary({{"traceparent", other}, {"ce-traceparent", trace}, {"ce-tracestate", "a=1"}})
                  .status,
              201U);
    EXPECT_EQ(model::traceparent_of(published().meta), trace);
    EXPECT_EQ(model::tracestate_of(published().meta), "a=1");
}

}  // namespace

}  // namespace penstock::testing
