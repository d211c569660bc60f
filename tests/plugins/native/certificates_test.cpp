// Certificates given for pushes: what is taken, what is kept of it, what is shown.
#include "plugins/native/certificates.h"

#include "tests/plugins/native/fixture.h"
#include "tests/support/tls_identity.h"

#include <gmock/gmock.h>

#include <string>
#include <tuple>

namespace penstock::testing {

namespace {

using plugins::native::authorities_max;
using plugins::native::Certificates;
using plugins::native::chain_max;
using ::testing::HasSubstr;
using ::testing::Not;

std::string as_json(const std::string& text) {
    return boost::json::serialize(boost::json::string(text));
}

std::string times(const std::string& text, std::size_t count) {
    std::string all;
    for (std::size_t at = 0; at < count; ++at) all += text;
    return all;
}

class CertificatesTest : public NativeFixture {
  protected:
    CertificatesTest() {
        broker.answer<api::Subscribe>([](const api::Subscribe& request) {
            api::SubscriptionView view;
            view.topic = request.topic;
            view.name = request.name;
            view.spec = request.spec;
            return view;
        });
        broker.answer_with<api::SetSubscription>({});
    }

    plugins::HttpResponse add(const std::string& tls) {
        return ask("POST",
                   "/v1/topics/orders/subscriptions",
                   R"({"name":"billing","http":{"url":"https://x.example/h"},"tls":)" + tls + "}");
    }

    plugins::HttpResponse set(const std::string& tls) {
        return ask("PATCH", "/v1/subscriptions/orders/billing", R"({"tls":)" + tls + "}");
    }

    [[nodiscard]] std::string client_tls(const std::string& chain, const std::string& key) const {
        return R"({"client_cert":)" + as_json(chain) + R"(,"client_key":)" + as_json(key) + "}";
    }

    const model::PushTls& subscribed() { return broker.last<api::Subscribe>()->spec.push.tls; }

    TlsIdentity authority_ = TlsIdentity::authority("our authority");
    TlsIdentity client_ = authority_.server("DNS:me.test");
    std::string chain_ = client_.certificate_pem() + authority_.certificate_pem();
};

TEST_F(CertificatesTest, AKeyIsKeptSealedAndNeverShown) {
    const auto made =
        add(R"({"ca":)" + as_json(authority_.certificate_pem()) + R"(,"client_cert":)" +
            as_json(chain_) + R"(,"client_key":)" + as_json(client_.key_pem()) + "}");
    ASSERT_EQ(made.status, 201U) << made.body;
    EXPECT_EQ(subscribed().ca, authority_.certificate_pem());
    EXPECT_EQ(subscribed().client.chain, chain_);
    EXPECT_EQ(secrets.open(subscribed().client.sealed_key, "orders/billing").value(),
              client_.key_pem());
    EXPECT_THAT(made.body, Not(HasSubstr("PRIVATE")));
    const auto shown = json(made);
    EXPECT_EQ(shown.at("tls").at("client_key"), "***");
    EXPECT_EQ(shown.at("tls").at("client_cert"), boost::json::value(chain_));
    const auto& facts = shown.at("certificates").as_array();
    ASSERT_EQ(facts.size(), 3U);
    EXPECT_EQ(facts[0].at("use"), "ca");
    EXPECT_EQ(facts[0].at("subject"), "CN=our authority");
    EXPECT_EQ(facts[1].at("use"), "client_cert");
    EXPECT_EQ(facts[1].at("subject"), "CN=server");
    EXPECT_THAT(text(facts[1].as_object(), "ends_at"), HasSubstr("T"));
}

TEST_F(CertificatesTest, NothingButCertificatesIsKeptOfAFile) {
    const std::string both = "Bag Attributes\n" + client_.key_pem() + "# mine\n" + chain_;
    ASSERT_EQ(add(client_tls(both, both)).status, 201U);
    EXPECT_EQ(subscribed().client.chain, chain_);
    EXPECT_EQ(secrets.open(subscribed().client.sealed_key, "orders/billing").value(),
              client_.key_pem());
}

TEST_F(CertificatesTest, WhatIsNotSaidStaysAndNullTakesAway) {
    ASSERT_EQ(set(R"({"ca":)" + as_json(authority_.certificate_pem()) + "}").status, 200U);
    const api::TlsChange* change = &broker.last<api::SetSubscription>()->tls;
    EXPECT_EQ(change->ca, authority_.certificate_pem());
    EXPECT_FALSE(change->client);
    ASSERT_EQ(set(R"({"client_cert":null})").status, 200U);
    change = &broker.last<api::SetSubscription>()->tls;
    EXPECT_FALSE(change->ca);
    EXPECT_EQ(change->client, model::ClientCertificate{});
    ASSERT_EQ(set("null").status, 200U);
    change = &broker.last<api::SetSubscription>()->tls;
    EXPECT_EQ(change->ca, "");
    EXPECT_EQ(change->client, model::ClientCertificate{});
}

TEST_F(CertificatesTest, WhatIsWrongIsNamedAndNothingIsAsked) {
    const std::string other_key = authority_.server("DNS:other.test").key_pem();
    const std::string broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    const std::string key = client_.key_pem();
    for (const auto& [tls, name, why] :
         {std::tuple{std::string(R"({"ca":"none"})"), "tls.ca", "holds no certificate in PEM"},
          {R"({"ca":5})", "tls.ca", ""},
          {R"({"ca":)" + as_json(broken) + "}", "tls.ca", "cannot be read"},
          {R"({"ca":)" + as_json(times(client_.certificate_pem(), authorities_max + 1)) + "}",
           "tls.ca",
           "more than 16 certificates"},
          {R"({"ca":)" + as_json(std::string(40'000, 'x')) + "}", "tls.ca", "32768"},
          {client_tls(times(client_.certificate_pem(), chain_max + 1), key),
           "tls.client_cert",
           "more than 8 certificates"},
          {client_tls(chain_, other_key), "tls.client_key", "not the key of the first"},
          {client_tls(authority_.certificate_pem() + chain_, key),
           "tls.client_key",
           "not the key of the first"},
          {client_tls(chain_, "sesame"), "tls.client_key", "no private key that can be read"},
          {client_tls(chain_, "***"), "tls.client_key", "is masked"},
          {R"({"client_key":)" + as_json(key) + "}", "tls.client_cert", "is missing"},
          {R"({"client_cert":)" + as_json(chain_) + "}", "tls.client_key", "is missing"},
          {R"({"cert":"x"})", "tls.cert", "no such field"}}) {
        const auto refused = set(tls);
        EXPECT_EQ(refused.status, 400U) << tls;
        EXPECT_THAT(refused.body, HasSubstr('"' + std::string(name) + '"')) << tls;
        EXPECT_THAT(refused.body, HasSubstr(why));
        EXPECT_THAT(refused.body, Not(HasSubstr("sesame")));
    }
    EXPECT_EQ(broker.last<api::SetSubscription>(), nullptr);
}

TEST_F(CertificatesTest, AKeyWithAPassphraseIsRefusedAndNobodyIsAskedForIt) {
    const auto chain = Certificates::chain(client_.certificate_pem(), clock.wall_ms());
    ASSERT_TRUE(chain);
    const auto key = chain->key_in(client_.key_pem("passphrase"));
    ASSERT_FALSE(key);
    EXPECT_THAT(key.error().detail, HasSubstr("passphrase"));
}

TEST_F(CertificatesTest, WhatHasEndedIsRefused) {
    const auto facts = Certificates::facts_in(client_.certificate_pem());
    ASSERT_EQ(facts.size(), 1U);
    const model::TimeMs end = facts[0].ends_ms;
    EXPECT_TRUE(Certificates::chain(client_.certificate_pem(), end - 1));
    const auto ended = Certificates::chain(client_.certificate_pem(), end);
    ASSERT_FALSE(ended);
    EXPECT_THAT(ended.error().detail, HasSubstr("ended: CN=server at 2"));
    EXPECT_FALSE(Certificates::authorities(client_.certificate_pem(), end));
    // One of several is enough.
    const std::string longer = authority_.server("DNS:later.test", 7'200).certificate_pem();
    EXPECT_TRUE(Certificates::authorities(client_.certificate_pem() + longer, end));
}

TEST_F(CertificatesTest, WhatIsTooWeakForTlsIsRefused) {
    const TlsIdentity weak = authority_.weak_server("DNS:me.test");
    const auto chain = Certificates::chain(weak.certificate_pem(), clock.wall_ms());
    ASSERT_TRUE(chain);
    const auto key = chain->key_in(weak.key_pem());
    ASSERT_FALSE(key);
    EXPECT_THAT(key.error().detail, HasSubstr("cannot be used with its certificate: "));
    EXPECT_THAT(key.error().detail, HasSubstr("too small"));
}

}  // namespace

}  // namespace penstock::testing
