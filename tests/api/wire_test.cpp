#include "broker/api/wire.h"

#include "broker/model/wire.h"
#include "tests/api/wire_samples.h"

#include <gtest/gtest.h>

namespace penstock::api {
namespace {

using namespace std::string_literals;

const model::Refusal refusal{
    model::Reason::queue_full, "orders", "the queue holds 1,000,000 messages already"};

TEST(RequestWire, SamplesLeaveNoFieldAtItsDefault) {
    const auto samples = testing::wire_samples();
    ASSERT_EQ(samples.size(), std::variant_size_v<Request>);
    for (const auto& sample : samples) {
        EXPECT_TRUE(sample.complete) << sample.request.index();
    }
}

TEST(RequestWire, BringsEveryFieldOfEveryRequestBack) {
    for (const auto& sample : testing::wire_samples()) {
        SCOPED_TRACE(sample.request.index());
        const std::string bytes = encode_request(sample.request);
        const auto back = decode_request(bytes);
        ASSERT_TRUE(back) << back.error().detail;
        EXPECT_TRUE(sample.same(sample.request, *back));
        EXPECT_EQ(encode_request(*back), bytes);
    }
}

TEST(RequestWire, BringsEveryFieldOfEveryReplyBack) {
    for (const auto& sample : testing::wire_samples()) {
        const std::size_t index = sample.request.index();
        SCOPED_TRACE(index);
        const std::string bytes = encode_outcome(index, sample.outcome);
        const auto back = decode_outcome(index, bytes);
        ASSERT_TRUE(back) << back.error().detail;
        EXPECT_TRUE(sample.same_outcome(sample.outcome, *back));
        EXPECT_EQ(encode_outcome(index, *back), bytes);
    }
}

TEST(RequestWire, BringsARefusalOfEveryRequestBack) {
    for (const auto& sample : testing::wire_samples()) {
        const std::size_t index = sample.request.index();
        SCOPED_TRACE(index);
        const std::any refused = sample.refuse(refusal);
        const auto back = decode_outcome(index, encode_outcome(index, refused));
        ASSERT_TRUE(back) << back.error().detail;
        EXPECT_TRUE(sample.same_outcome(refused, *back));
        EXPECT_FALSE(sample.same_outcome(sample.outcome, *back));
    }
}

TEST(RequestWire, KeepsWhatIsAbsentApartFromWhatIsEmpty) {
    SetSubscription change;
    change.topic = "events";
    change.name = "hook";
    change.filter_tags.emplace();
    const auto back = decode_request(encode_request(change));
    ASSERT_TRUE(back);
    const auto& read = std::get<SetSubscription>(*back);
    EXPECT_EQ(read.topic, "events");
    EXPECT_EQ(read.name, "hook");
    ASSERT_TRUE(read.filter_tags.has_value());
    EXPECT_TRUE(read.filter_tags->empty());
    EXPECT_FALSE(read.binding_keys.has_value());
    EXPECT_FALSE(read.retry.has_value());
}

TEST(RequestWire, KeepsMessagesByteByByte) {
    SendMessages send;
    send.queue = "orders";
    send.dedup_key = "once";
    model::NewMessage message;
    message.payload = "\0\xFF text"s;
    message.meta.tags = {"a", "b"};
    message.meta.attributes = {{"name", "value"}};
    send.messages.assign(16, message);
    const auto back = decode_request(encode_request(send));
    ASSERT_TRUE(back);
    const auto& read = std::get<SendMessages>(*back);
    ASSERT_EQ(read.messages.size(), 16U);
    EXPECT_EQ(read.messages[15].payload, "\0\xFF text"s);
    EXPECT_EQ(read.messages[15].meta, message.meta);
    EXPECT_EQ(read.dedup_key, "once");
}

TEST(RequestWire, HasTheseBytes) {
    EXPECT_EQ(encode_request(GetQueue{"orders"}), "\x02\x06orders"s);
    EXPECT_EQ(encode_request(ReceiveMessages{"q", 16, 300, 0}), "\x09\x01q\x10\x01\xAC\x02\0"s);
    EXPECT_EQ(encode_request(RewindQueue{"q", -1}), "\x06\x01q\x01"s);
    EXPECT_EQ(encode_outcome(4, std::any(Outcome<Nothing>(Nothing{}))), "\0"s);
    EXPECT_EQ(encode_outcome(4,
                             std::any(Outcome<Nothing>(
                                 model::Refusal{model::Reason::invalid_parameter, "name", "why"}))),
              "\x01\x01\x04name\x03why"s);
}

TEST(RequestWire, CarriesWhoAsks) {
    const auto back = decode_principal(encode_principal({"AKIDexample", true}));
    ASSERT_TRUE(back);
    EXPECT_EQ(back->key_id, "AKIDexample");
    EXPECT_TRUE(back->root);
    EXPECT_FALSE(decode_principal(encode_principal({"AKIDexample", true}) + "x"));
    EXPECT_FALSE(decode_principal("\x01k\x02"));
}

TEST(RequestWire, RefusesOutcomesOfNoKnownRequest) {
    const auto outcome = decode_outcome(std::variant_size_v<Request>, "\0"s);
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code, Errc::damaged);
}

TEST(RequestWireDeathTest, AnOutcomeOfAnotherRequestIsABug) {
    const std::any outcome(Outcome<QueueView>(QueueView{}));
    EXPECT_DEATH(encode_outcome(4, outcome), "another request");
}

TEST(RequestWire, SchemaIsTheSameTwice) {
    EXPECT_EQ(schema_of_requests(), schema_of_requests());
    EXPECT_NE(schema_of_requests(), model::schema_of_replies());
}

TEST(ReplyWire, BringsEveryFieldOfEveryReplyBack) {
    const auto samples = testing::reply_samples();
    ASSERT_EQ(samples.size(), std::variant_size_v<model::Reply>);
    for (const auto& reply : samples) {
        const std::string bytes = model::reply_to_wire(reply);
        const auto back = model::reply_from_wire(bytes);
        ASSERT_TRUE(back) << reply.index();
        EXPECT_EQ(*back, reply) << reply.index();
        for (std::size_t length = 0; length < bytes.size(); ++length) {
            EXPECT_FALSE(model::reply_from_wire(bytes.substr(0, length))) << reply.index();
        }
        EXPECT_FALSE(model::reply_from_wire(bytes + '\0')) << reply.index();
    }
}

TEST(ReplyWire, HasTheseBytes) {
    model::Sent sent{{model::MessageId(5), model::MessageId(300)}, true};
    EXPECT_EQ(model::reply_to_wire(sent), "\x03\x02\x05\xAC\x02\x01"s);
    EXPECT_EQ(model::reply_to_wire(model::Done{}), "\0"s);
}

}  // namespace
}  // namespace penstock::api
