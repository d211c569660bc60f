#include "broker/node/push_rules.h"

#include <gtest/gtest.h>

namespace penstock::node {
namespace {

constexpr model::TimeMs now_ms = 1'000'000;

model::SigningKey key(const std::string& sealed, model::TimeMs until_ms = 0) {
    model::SigningKey made;
    made.sealed = sealed;
    made.until_ms = until_ms;
    return made;
}

std::string sealed_of(const model::PushSpec& push) {
    std::string all;
    for (const auto& one : push.signing_keys) all += one.sealed + ' ';
    return all;
}

TEST(Signing, TheKeysOfBeforeSignUntilTheOverlapEnds) {
    model::PushSpec push;
    push.signing_keys = {key("old"), key("older", now_ms + 5), key("ended", now_ms)};
    EXPECT_FALSE(change_signing({key("new", 7), 60'000}, now_ms, push));
    EXPECT_EQ(sealed_of(push), "new old older ");
    EXPECT_EQ(push.signing_keys[0].until_ms, 0);
    EXPECT_EQ(push.signing_keys[1].until_ms, now_ms + 60'000);
    EXPECT_EQ(push.signing_keys[2].until_ms, now_ms + 5);
}

TEST(Signing, WithoutOverlapTheKeysOfBeforeAreGone) {
    model::PushSpec push;
    push.signing_keys = {key("old"), key("older", now_ms + 5)};
    EXPECT_FALSE(change_signing({key("new"), 0}, now_ms, push));
    EXPECT_EQ(sealed_of(push), "new ");
}

TEST(Signing, NoKeyEndsAllOfIt) {
    model::PushSpec push;
    push.signing_keys = {key("old")};
    EXPECT_FALSE(change_signing({std::nullopt, 60'000}, now_ms, push));
    EXPECT_TRUE(push.signing_keys.empty());
}

TEST(Signing, KeysAreBoundedAndOverlapsToo) {
    model::PushSpec push;
    push.signing_keys = {key("a"), key("b", now_ms + 9), key("c", now_ms + 9)};
    EXPECT_FALSE(change_signing({key("d"), 60'000}, now_ms, push));
    const auto many = change_signing({key("e"), 60'000}, now_ms, push);
    ASSERT_TRUE(many);
    EXPECT_EQ(many->subject, "overlap");
    const auto again = change_signing({key("e"), 31ULL * 86'400'000}, now_ms, push);
    ASSERT_TRUE(again);
    EXPECT_EQ(again->subject, "overlap");
}

TEST(Push, HeadersOfTheRequestItselfCannotBeGiven) {
    model::SubscriptionSpec spec;
    for (const char* name : {"host",
                             "content-length",
                             "transfer-encoding",
                             "webhook-id",
                             "ce-id",
                             "x-cmq-message-id",
                             "",
                             "a b",
                             "a:b",
                             "a\r\nb",
                             "Upper"}) {
        spec.push.headers = {{name, "s"}};
        EXPECT_TRUE(check_push(spec)) << name;
    }
    spec.push.headers = {{"x-api-key", "s"}, {"authorization", "s"}};
    EXPECT_FALSE(check_push(spec));
}

TEST(Push, AHeaderIsGivenOnceAndNotBesideAuthorization) {
    model::SubscriptionSpec spec;
    spec.push.headers = {{"a", "s"}, {"a", "s"}};
    EXPECT_TRUE(check_push(spec));
    spec.push.headers = {{"authorization", "s"}};
    spec.push.authorization.kind = model::PushAuthorization::Kind::bearer;
    EXPECT_TRUE(check_push(spec));
    spec.push.headers.assign(17, {"b", "s"});
    EXPECT_TRUE(check_push(spec));
}

TEST(Push, ATokenEndpointIsAnHttpUrl) {
    model::SubscriptionSpec spec;
    spec.push.authorization.kind = model::PushAuthorization::Kind::oauth2;
    for (const char* url : {"", "ftp://id.example/token", "id.example"}) {
        spec.push.authorization.token_url = url;
        EXPECT_TRUE(check_push(spec)) << url;
    }
    spec.push.authorization.token_url = "https://id.example/token";
    EXPECT_FALSE(check_push(spec));
}

TEST(Push, CertificatesGoWithHttpsOnlyAndAKeyWithItsCertificate) {
    model::SubscriptionSpec spec;
    spec.endpoint = "https://shop.example/";
    spec.push.tls = {"ca", {"chain", "sealed"}};
    EXPECT_FALSE(check_push(spec));
    spec.endpoint = "http://shop.example/";
    EXPECT_EQ(check_push(spec).value().subject, "tls");
    spec.endpoint = "https://shop.example/";
    spec.push.tls = {"", {"chain", ""}};
    EXPECT_EQ(check_push(spec).value().subject, "tls");
    spec.push.tls = {"", {"", "sealed"}};
    EXPECT_EQ(check_push(spec).value().subject, "tls");
}

TEST(Push, CertificatesAreBounded) {
    model::SubscriptionSpec spec;
    spec.endpoint = "https://shop.example/";
    const std::string most(model::certificates_bytes_max, 'x');
    const std::string sealed(model::certificate_key_bytes_max + 37, 'x');
    spec.push.tls = {most, {most, sealed}};
    EXPECT_FALSE(check_push(spec));
    for (const model::PushTls& tls : {model::PushTls{most + 'x', {}},
                                      model::PushTls{"", {most + 'x', "k"}},
                                      model::PushTls{"", {"c", sealed + most}}}) {
        spec.push.tls = tls;
        EXPECT_TRUE(check_push(spec));
    }
}

TEST(Push, OnlyHttpCarriesAnything) {
    model::SubscriptionSpec spec;
    spec.push.signing_keys = {key("a")};
    EXPECT_FALSE(check_push(spec));
    spec.sink = model::SinkKind::worker_http;
    const auto refused = check_push(spec);
    ASSERT_TRUE(refused);
    EXPECT_EQ(refused->subject, "http");
}

}  // namespace
}  // namespace penstock::node
