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
    bytes[0] = 3;
    EXPECT_FALSE(decode_body(bytes));
    EXPECT_FALSE(decode_body(""));
}

NewMessage sealed_message() {
    NewMessage message = full_message();
    Packing& packing = message.packing.emplace();
    packing.codec = Codec::zstd;
    packing.plain_bytes = 0x01020304;
    packing.seal = Seal{"a", ObjectNo{7}, 0x0102030405060708, "0123456789abcdef", "wk"};
    return message;
}

TEST(PackedBody, IsStoredAsItsGoldenBytes) {
    EXPECT_EQ(testing::to_hex(encode_body(sealed_message())),
              "02"                                // version
              "19020372656401780361"              // header, as above
              "2e62016b03742f7002016e0176016d00"  //
              "27"                                // packing bytes
              "01"                                // zstd
              "04030201"                          // plain bytes
              "01"                                // sealed
              "0161"                              // account
              "07000000"                          // object
              "0807060504030201"                  // key version
              "30313233343536373839616263646566"  // nonce
              "02776b"                            // wrapped key
              "700071");                          // payload
    NewMessage smaller;
    smaller.payload = "z";
    smaller.packing = Packing{Codec::zstd, 2'000, {}};
    EXPECT_EQ(testing::to_hex(encode_body(smaller)),
              "0205000000000006"
              "01d0070000"
              "00"
              "7a");
}

TEST(PackedBody, ComesBackAsItWasAndTellsTheSizeThatWasSent) {
    NewMessage message = sealed_message();
    const std::string bytes = encode_body(message);
    EXPECT_TRUE(is_packed(bytes));
    EXPECT_FALSE(is_packed(encode_body(full_message())));
    EXPECT_FALSE(is_packed(""));
    const auto body = decode_body(bytes);
    ASSERT_TRUE(body);
    EXPECT_EQ(body->meta, message.meta);
    EXPECT_EQ(body->packing, message.packing);
    EXPECT_EQ(body->payload, message.payload);
    const BodyInfo info = take_info(message);
    EXPECT_EQ(info.payload_bytes, 0x01020304U);
    EXPECT_EQ(info.meta, body->meta);
}

TEST(PackedBody, AnUnknownCodecOrACutPackingIsNoBody) {
    const std::string bytes = encode_body(sealed_message());
    constexpr std::size_t packing_at = 2 + 0x19 + 1;
    for (std::size_t length = 0; length < packing_at + 0x27; ++length) {
        EXPECT_FALSE(decode_body(std::string_view(bytes).substr(0, length))) << length;
    }
    std::string other = bytes;
    other[packing_at] = 2;
    EXPECT_FALSE(decode_body(other));
    other = bytes;
    other[packing_at + 5] = 2;  // neither sealed nor not
    EXPECT_FALSE(decode_body(other));
}

}  // namespace
}  // namespace penstock::model
