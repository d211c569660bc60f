#include "broker/model/push.h"

#include "tests/model/hex.h"

#include <gtest/gtest.h>

namespace penstock::model {
namespace {

PushSpec sample() {
    PushSpec push;
    SigningKey newest;
    newest.kind = SignatureKind::ed25519;
    newest.sealed = "s1";
    newest.public_key = "whpk_A";
    newest.made_ms = 300;
    SigningKey older;
    older.sealed = "s2";
    older.made_ms = 2;
    older.until_ms = 500;
    push.signing_keys = {newest, older};
    push.headers = {{"x-key", "s3"}};
    push.authorization = {PushAuthorization::Kind::basic, "me", "s4", "", ""};
    return push;
}

std::string encoded(const PushSpec& push) {
    std::string bytes;
    Writer writer(bytes);
    encode(writer, push);
    return bytes;
}

TEST(PushSpec, ItsBytesAreTheGoldenOnes) {
    EXPECT_EQ(testing::to_hex(encoded(sample())),
              "02"
              "02027331067768706b5f41ac0200"
              "010273320002f403"
              "01"
              "05782d6b6579027333"
              "01026d65027334");
    EXPECT_EQ(testing::to_hex(encoded(PushSpec{})), "000000");
}

PushSpec with_oauth2() {
    PushSpec push;
    push.authorization = {PushAuthorization::Kind::oauth2, "me", "s4", "u", "a b"};
    return push;
}

TEST(PushSpec, OnlyOAuth2HasATokenEndpoint) {
    EXPECT_EQ(testing::to_hex(encoded(with_oauth2())),
              "0000"
              "03026d65027334"
              "017503612062");
}

PushSpec with_certificates() {
    PushSpec push;
    push.tls = {"ca", {"chain", "s5"}};
    return push;
}

TEST(PushSpec, CertificatesStandBehindAllElseAndOnlyWhereThereAreAny) {
    EXPECT_EQ(testing::to_hex(encoded(with_certificates())),
              "000080"
              "026361"
              "05636861696e"
              "027335");
    PushSpec both = with_oauth2();
    both.tls.ca = "ca";
    EXPECT_EQ(testing::to_hex(encoded(both)),
              "0000"
              "83026d65027334"
              "017503612062"
              "026361"
              "0000");
}

TEST(PushSpec, ItComesBackAsItWas) {
    PushSpec all = sample();
    all.tls = with_certificates().tls;
    for (const PushSpec& push : {sample(), with_oauth2(), with_certificates(), all}) {
        const std::string bytes = encoded(push);
        Reader reader(bytes);
        EXPECT_EQ(decode_push_spec(reader), push);
        EXPECT_TRUE(reader.done());
    }
}

TEST(PushSpec, CutShortAnywhereItIsMalformed) {
    PushSpec all = sample();
    all.tls = with_certificates().tls;
    const std::string bytes = encoded(all);
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        Reader reader(std::string_view(bytes).substr(0, size));
        (void)decode_push_spec(reader);
        EXPECT_FALSE(reader.ok()) << size;
    }
}

TEST(PushSpec, KindsThatNobodyKnowsAreMalformed) {
    for (const std::string& bytes :
         {std::string("\x01\x03\0\0\0\0\0\0", 8), std::string("\x00\x00\x04\0\0", 5)}) {
        Reader reader(bytes);
        (void)decode_push_spec(reader);
        EXPECT_FALSE(reader.ok());
    }
}

}  // namespace
}  // namespace penstock::model
