#include "broker/model/message.h"

#include "tests/model/hex.h"

#include <gtest/gtest.h>

namespace penstock::model {
namespace {

NewMessage full_message() {
    NewMessage message;
    message.meta.tags = {"red", "x"};
    message.meta.routing_key = "a.b";
    message.meta.ordering_key = "k";
    message.meta.content_type = "t/p";
    message.meta.attributes = {{"n", "v"}, {"m", ""}};
    message.payload = std::string("p\0q", 3);
    return message;
}

TEST(Body, IsStoredAsItsGoldenBytes) {
    EXPECT_EQ(testing::to_hex(encode_body(full_message())),
              "01"        // version
              "19"        // header bytes
              "02"        // tags
              "03726564"  // "red"
              "0178"      // "x"
              "03612e62"  // routing key
              "016b"      // ordering key
              "03742f70"  // content type
              "02"        // attributes
              "016e"
              "0176"  // n = v
              "016d"
              "00"        // m =
              "700071");  // payload
    EXPECT_EQ(testing::to_hex(encode_body({{}, "x"})), "0105000000000078");
}

TEST(Body, ComesBackAsItWas) {
    const NewMessage message = full_message();
    const std::string bytes = encode_body(message);
    const auto body = decode_body(bytes);
    ASSERT_TRUE(body);
    EXPECT_EQ(body->meta, message.meta);
    EXPECT_EQ(body->payload, message.payload);
    EXPECT_EQ(body->payload.data(), bytes.data() + bytes.size() - 3);
}

TEST(Body, AnEmptyPayloadIsABody) {
    const std::string bytes = encode_body({});
    const auto body = decode_body(bytes);
    ASSERT_TRUE(body);
    EXPECT_EQ(body->payload, "");
}

TEST(Body, AnotherVersionIsNoBody) {
    std::string bytes = encode_body(full_message());
    bytes[0] = 2;
    EXPECT_FALSE(decode_body(bytes));
    EXPECT_FALSE(decode_body(""));
}

}  // namespace
}  // namespace penstock::model
