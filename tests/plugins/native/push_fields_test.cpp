// What pushes carry, through /v1: secrets go in once, sealed, and never come out again.
#include "broker/base/base64.h"
#include "tests/plugins/native/fixture.h"

#include <gmock/gmock.h>

namespace penstock::testing {

namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class PushFields : public NativeFixture {
  protected:
    PushFields() {
        broker.answer<api::Subscribe>([](const api::Subscribe& request) {
            api::SubscriptionView view;
            view.topic = request.topic;
            view.name = request.name;
            view.spec = request.spec;
            return view;
        });
        broker.answer<api::GetSubscription>([this](const api::GetSubscription& request) {
            api::SubscriptionView view;
            view.topic = request.topic;
            view.name = request.name;
            view.spec.push.signing_keys = keys;
            return view;
        });
        broker.answer<api::SetSubscription>([](const api::SetSubscription& request) {
            api::SubscriptionView view;
            view.topic = request.topic;
            view.name = request.name;
            if (request.signing && request.signing->key) {
                view.spec.push.signing_keys = {*request.signing->key};
            }
            return view;
        });
    }

    plugins::HttpResponse add(const std::string& more) {
        return ask("POST",
                   "/v1/topics/orders/subscriptions",
                   R"({"name":"billing","http":{"url":"http://x.example/h"},)" + more + "}");
    }

    plugins::HttpResponse set(const std::string& body) {
        return ask("PATCH", "/v1/subscriptions/orders/billing", body);
    }

    const model::PushSpec& subscribed() { return broker.last<api::Subscribe>()->spec.push; }

    std::string opened(const std::string& sealed) {
        return secrets.open(sealed, "orders/billing").value();
    }

    std::vector<model::SigningKey> keys;
};

TEST_F(PushFields, ASecretForSignaturesIsShownOnceAndKeptSealed) {
    const auto made = add(R"("sign":"standard-webhooks")");
    ASSERT_EQ(made.status, 201U);
    const std::string secret = text(json(made), "secret");
    ASSERT_THAT(secret, StartsWith("whsec_"));
    const auto raw = decode_base64(secret.substr(6));
    ASSERT_TRUE(raw);
    EXPECT_EQ(raw->size(), 32U);
    ASSERT_EQ(subscribed().signing_keys.size(), 1U);
    keys = subscribed().signing_keys;
    EXPECT_EQ(opened(keys[0].sealed), *raw);
    EXPECT_EQ(keys[0].made_ms, 1'700'000'000'000);
    EXPECT_EQ(text(json(made), "sign"), "standard-webhooks");

    const auto shown = ask("GET", "/v1/subscriptions/orders/billing");
    EXPECT_EQ(text(json(shown), "sign"), "standard-webhooks");
    EXPECT_THAT(shown.body, Not(HasSubstr("whsec_")));
    EXPECT_THAT(shown.body, Not(HasSubstr("secret")));
    EXPECT_THAT(shown.body, HasSubstr(R"("made_at":"2023-11-14T22:13:20.000Z")"));
}

TEST_F(PushFields, NoTwoSecretsAreAlike) {
    EXPECT_NE(text(json(add(R"("sign":"standard-webhooks")")), "secret"),
              text(json(add(R"("sign":"standard-webhooks")")), "secret"));
}

TEST_F(PushFields, OfEd25519ReceiversGetThePublicKeyOnly) {
    const auto made = add(R"("sign":"standard-webhooks-ed25519")");
    ASSERT_EQ(made.status, 201U);
    EXPECT_EQ(text(json(made), "secret"), "(absent)");
    EXPECT_THAT(made.body, HasSubstr(R"("public_key":"whpk_)"));
    EXPECT_EQ(opened(subscribed().signing_keys[0].sealed).size(), 32U);
}

TEST_F(PushFields, ARotatedSecretIsShownOnceToo) {
    keys.emplace_back();
    const auto rotated = set(R"({"rotate_secret":true})");
    ASSERT_EQ(rotated.status, 200U);
    EXPECT_THAT(text(json(rotated), "secret"), StartsWith("whsec_"));
    const auto* change = broker.last<api::SetSubscription>();
    ASSERT_TRUE(change->signing && change->signing->key);
    EXPECT_EQ(change->signing->overlap_ms, 86'400'000U);
    EXPECT_EQ(set(R"({"rotate_secret":true,"overlap":0})").status, 200U);
    EXPECT_EQ(broker.last<api::SetSubscription>()->signing->overlap_ms, 0U);
}

TEST_F(PushFields, TheSameSchemeAgainChangesNothing) {
    keys.emplace_back();
    const auto same = set(R"({"sign":"standard-webhooks"})");
    EXPECT_EQ(same.status, 200U);
    EXPECT_FALSE(broker.last<api::SetSubscription>()->signing);
    EXPECT_EQ(text(json(same), "secret"), "(absent)");
    EXPECT_EQ(set(R"({"sign":"standard-webhooks-ed25519"})").status, 200U);
    EXPECT_EQ(broker.last<api::SetSubscription>()->signing->key->kind,
              model::SignatureKind::ed25519);
}

TEST_F(PushFields, SigningEndsByNone) {
    keys.emplace_back();
    EXPECT_EQ(set(R"({"sign":"none"})").status, 200U);
    const auto* change = broker.last<api::SetSubscription>();
    ASSERT_TRUE(change->signing);
    EXPECT_FALSE(change->signing->key);
}

TEST_F(PushFields, WhatDoesNotSignHasNothingToRotate) {
    const auto refused = set(R"({"rotate_secret":true})");
    EXPECT_EQ(refused.status, 400U);
    EXPECT_THAT(refused.body, HasSubstr("rotate_secret"));
    EXPECT_EQ(broker.last<api::SetSubscription>(), nullptr);
}

TEST_F(PushFields, HeadersAndAuthorizationAreSealedAndMasked) {
    const auto made = add(R"("headers":{"X-Api-Key":"k1"},)"
                          R"("authorization":{"basic":{"user":"me","password":"pw1"}})");
    ASSERT_EQ(made.status, 201U);
    EXPECT_EQ(subscribed().headers.at(0).name, "x-api-key");
    EXPECT_EQ(opened(subscribed().headers.at(0).sealed), "k1");
    EXPECT_EQ(subscribed().authorization.name, "me");
    EXPECT_EQ(opened(subscribed().authorization.sealed), "pw1");
    EXPECT_THAT(made.body, HasSubstr(R"("headers":{"x-api-key":"***"})"));
    EXPECT_THAT(made.body, HasSubstr(R"({"basic":{"user":"me","password":"***"}})"));

    const auto bearer = add(R"("authorization":{"bearer":{"token":"t1"}})");
    EXPECT_EQ(opened(subscribed().authorization.sealed), "t1");
    EXPECT_THAT(bearer.body, HasSubstr(R"("authorization":{"bearer":{"token":"***"}})"));

    const auto oauth2 = add(R"("authorization":{"oauth2":{"token_url":"https://id.example/token",
        "client_id":"me","client_secret":"s1","scope":"hooks"}})");
    EXPECT_EQ(subscribed().authorization.token_url, "https://id.example/token");
    EXPECT_EQ(subscribed().authorization.scope, "hooks");
    EXPECT_EQ(opened(subscribed().authorization.sealed), "s1");
    EXPECT_THAT(oauth2.body,
                HasSubstr(R"({"oauth2":{"token_url":"https://id.example/token",)"
                          R"("client_id":"me","client_secret":"***","scope":"hooks"}})"));

    EXPECT_EQ(set(R"({"headers":{},"authorization":null})").status, 200U);
    const auto* change = broker.last<api::SetSubscription>();
    EXPECT_TRUE(change->headers && change->headers->empty());
    EXPECT_TRUE(change->authorization && *change->authorization == model::PushAuthorization{});
}

TEST_F(PushFields, WhatIsWrongIsNamedAndNothingIsAsked) {
    for (const auto& [body, name] :
         {std::pair{R"({"sign":"rot13"})", "sign"},
          {R"({"overlap":2592001})", "overlap"},
          {R"({"rotate_secret":1})", "rotate_secret"},
          {R"({"headers":[]})", "headers"},
          {R"({"headers":{"a":1}})", "headers.a"},
          {R"({"headers":{"a":"x\r\ny"}})", "headers.a"},
          {R"({"headers":{"a":"***"}})", "headers.a"},
          {R"({"authorization":{"bearer":{"token":"***"}}})", "authorization.bearer.token"},
          {R"({"authorization":{}})", "authorization.basic"},
          {R"({"authorization":{"basic":{"user":"a","password":"b"},"bearer":{"token":"c"}}})",
           "authorization.basic"},
          {R"({"authorization":{"basic":{"user":"a:b","password":"c"}}})",
           "authorization.basic.user"},
          {R"({"authorization":{"bearer":{}}})", "authorization.bearer.token"},
          {R"({"authorization":{"oauth2":{"client_id":"a","client_secret":"b"}}})",
           "authorization.oauth2.token_url"},
          {R"({"authorization":{"oauth2":{"token_url":"http://x","client_id":"a",
            "client_secret":"***"}}})",
           "authorization.oauth2.client_secret"}}) {
        const auto refused = set(body);
        EXPECT_EQ(refused.status, 400U) << body;
        EXPECT_THAT(refused.body, HasSubstr('"' + std::string(name) + '"')) << body;
    }
    EXPECT_EQ(broker.last<api::SetSubscription>(), nullptr);
}

TEST_F(PushFields, WithoutAKeyThatSealsNoSecretIsTaken) {
    const api::KeyBox none("", "give it one");
    plugins::NativeOptions options{clock};
    options.secrets = &none;
    front_end = plugins::make_native_front_end(broker, options);
    const auto sign = add(R"("sign":"standard-webhooks")");
    EXPECT_EQ(sign.status, 503U);
    EXPECT_THAT(sign.body, HasSubstr("secrets_unavailable"));
    EXPECT_THAT(sign.body, HasSubstr("give it one"));
    EXPECT_EQ(add(R"("headers":{"a":"b"})").status, 400U);
    EXPECT_EQ(broker.last<api::Subscribe>(), nullptr);
}

}  // namespace

}  // namespace penstock::testing
