#include "plugins/native/authentication.h"

#include "broker/api/signature.h"
#include "tests/plugins/native/fixture.h"

namespace penstock::testing {

namespace {

class NativeAuthentication : public NativeFixture {
  protected:
    void SetUp() override { broker.answer_with<api::GetStatus>({}); }

    plugins::HttpResponse ask_with(const std::string& authorization,
                                   const std::string& target = "/v1/status") {
        auto made = request("GET", target);
        made.headers.clear();
        if (!authorization.empty()) made.headers.emplace_back("authorization", authorization);
        return ask(std::move(made));
    }

    static std::string signed_at(const std::string& timestamp) {
        const std::string signature = api::sign(
            api::SignatureMethod::hmac_sha256, "hush", "GET\n/v1/status\n" + timestamp + "\n");
        return "CMQ-HMAC-SHA256 KeyId=AKIDtest, Timestamp=" + timestamp +
               ", Signature=" + signature;
    }
};

TEST_F(NativeAuthentication, ABearerKeyIsLetIn) {
    EXPECT_EQ(ask_with("Bearer AKIDtest:hush").status, 200U);
    EXPECT_EQ(broker.principals.back().key_id, "AKIDtest");
}

TEST_F(NativeAuthentication, WrongAndMissingKeysAreToldHowToAuthenticate) {
    for (const char* header :
         {"",
          "Bearer",
          "Bearer AKIDtest",
          "Bearer AKIDtest:",
          "Bearer AKIDtest:hush2",
          "Bearer AKIDtest:husH",
          "Bearer AKIDother:hush",
          "Bearer :",
          "Basic QUtJRHRlc3Q6aHVzaA==",
          "CMQ-HMAC-SHA256",
          "CMQ-HMAC-SHA256 KeyId=AKIDtest",
          "CMQ-HMAC-SHA256 KeyId=AKIDtest, KeyId=AKIDtest",
          "CMQ-HMAC-SHA256 KeyId=AKIDtest, Timestamp=1, Signature=x, More=y"}) {
        const auto response = ask_with(header);
        EXPECT_EQ(response.status, 401U) << header;
        EXPECT_EQ(NativeFixture::header(response, "WWW-Authenticate"),
                  "Bearer realm=\"penstock\", CMQ-HMAC-SHA256");
        EXPECT_EQ(text(json(response), "code"), "unauthenticated");
    }
    EXPECT_TRUE(broker.requests.empty());
}

TEST_F(NativeAuthentication, ASignatureIsGoodForFiveMinutesEitherWay) {
    EXPECT_EQ(ask_with(signed_at("1700000000")).status, 200U);
    EXPECT_EQ(ask_with(signed_at("1699999700")).status, 200U);
    EXPECT_EQ(ask_with(signed_at("1700000300")).status, 200U);
    EXPECT_EQ(ask_with(signed_at("1699999699")).status, 401U);
    EXPECT_EQ(ask_with(signed_at("1700000301")).status, 401U);
    EXPECT_EQ(ask_with(signed_at("18446744073709551615")).status, 401U);
    EXPECT_EQ(ask_with(signed_at("now")).status, 401U);
}

TEST_F(NativeAuthentication, ASignatureFitsOneRequestOnly) {
    EXPECT_EQ(ask_with(signed_at("1700000000"), "/v1/queues").status, 401U);
    EXPECT_EQ(ask_with(signed_at("1700000000"), "/v1/status?x=1").status, 401U);
    auto other = request("GET", "/v1/status", "body");
    other.headers.clear();
    other.headers.emplace_back("authorization", signed_at("1700000000"));
    EXPECT_EQ(ask(std::move(other)).status, 401U);
}

TEST(NativeSignature, CoversMethodTargetTimeAndBody) {
    EXPECT_EQ(plugins::native::signed_text("POST", "/v1/queues?x=1", "17", "{}"),
              "POST\n/v1/queues?x=1\n17\n{}");
}

TEST_F(NativeAuthentication, ProbesNeedNoKeyOnALoopbackListenerOnly) {
    EXPECT_EQ(ask_with("", "/healthz").status, 200U);
    EXPECT_EQ(ask_with("", "/readyz").status, 200U);
    auto remote = request("GET", "/healthz");
    remote.headers.clear();
    remote.loopback = false;
    EXPECT_EQ(ask(std::move(remote)).status, 401U);
}

TEST_F(NativeAuthentication, BeforeRecoveryAnUnknownKeyIsNotTheCallersFault) {
    broker.is_ready = false;
    broker.secrets.clear();
    const auto response = ask_with("Bearer AKIDtest:hush");
    EXPECT_EQ(response.status, 503U);
    EXPECT_EQ(header(response, "Retry-After"), "1");
    EXPECT_EQ(ask_with("", "/readyz").status, 503U);
    EXPECT_EQ(ask_with("", "/healthz").status, 200U);
}

}  // namespace

}  // namespace penstock::testing
