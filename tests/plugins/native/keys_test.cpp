#include "tests/plugins/native/fixture.h"
#include "tests/support/fake_keys.h"

#include <gmock/gmock.h>

namespace penstock::testing {

namespace {

using ::testing::HasSubstr;

class NativeKeys : public NativeFixture {
  protected:
    NativeKeys() {
        plugins::NativeOptions options{clock};
        options.keys = &keys;
        front_end = plugins::make_native_front_end(broker, options);
    }

    FakeKeys keys;
};

TEST_F(NativeKeys, ANewKeyIsShownWithItsSecret) {
    const auto response = ask("POST",
                              "/v1/keys",
                              R"({"role":"viewer","note":"of ann","life":60,"statements":[
        {"effect":"deny","actions":["Get*"],"resources":["queue/secret*"]}]})");
    EXPECT_EQ(response.status, 201U);
    const auto shown = json(response);
    EXPECT_EQ(text(shown, "role"), "viewer");
    ASSERT_TRUE(keys.made);
    const api::NewKey& made = *keys.made;
    EXPECT_EQ(keys.who, "AKIDtest");
    EXPECT_EQ(text(shown, "key_id"), made.key_id);
    EXPECT_EQ(made.key_id.size(), 36U);
    EXPECT_TRUE(made.key_id.starts_with("AKID"));
    EXPECT_EQ(made.note, "of ann");
    EXPECT_EQ(made.life_ms, 60'000U);
    EXPECT_EQ(made.access.role, model::Role::viewer);
    ASSERT_EQ(made.access.statements.size(), 1U);
    EXPECT_TRUE(made.access.statements[0].deny);
    const std::string secret = text(shown, "key_secret");
    EXPECT_EQ(secret.size(), 64U);
    EXPECT_EQ(secret, made.secret);
    const auto other = json(ask("POST", "/v1/keys", "{}"));
    EXPECT_NE(text(other, "key_secret"), secret);
    EXPECT_EQ(text(other, "role"), "none");
}

TEST_F(NativeKeys, StatementsThatMeanNothingAreRefused) {
    const auto refused = [this](const std::string& statement) {
        const auto response = ask("POST", "/v1/keys", R"({"statements":[)" + statement + "]}");
        EXPECT_EQ(response.status, 400U) << statement;
        return text(json(response), "detail");
    };
    EXPECT_THAT(refused(R"({"actions":["SendMesages"],"resources":["*"]})"),
                HasSubstr("'SendMesages' is no action"));
    EXPECT_THAT(refused(R"({"actions":["*"],"resources":["queues/a"]})"),
                HasSubstr("must begin with queue/"));
    refused(R"({"actions":[],"resources":["*"]})");
    refused(R"({"actions":["*"]})");
    refused(R"({"effect":"maybe","actions":["*"],"resources":["*"]})");
    EXPECT_EQ(ask("POST", "/v1/keys", R"({"role":"king"})").status, 400U);
    EXPECT_EQ(ask("POST",
                  "/v1/keys",
                  R"({"role":"root","statements":[{"actions":["*"],"resources":["*"]}]})")
                  .status,
              400U);
    EXPECT_FALSE(keys.made);
}

TEST_F(NativeKeys, KeysAreListedWithoutSecretsRotatedAndDeleted) {
    api::KeyView view;
    view.key_id = "AKIDone";
    view.access = {model::Role::none, {{false, {"SendMessages"}, {"queue/a"}}}};
    view.note = "of ann";
    view.created_ms = 1'000;
    view.ends_ms = 61'000;
    keys.views = {view};
    const auto listed = ask("GET", "/v1/keys");
    EXPECT_EQ(listed.status, 200U);
    EXPECT_THAT(listed.body, HasSubstr(R"("ends_at":"1970-01-01T00:01:01.000Z")"));
    EXPECT_EQ(listed.body.find("secret"), std::string::npos);

    EXPECT_EQ(ask("POST", "/v1/keys/AKIDone/rotate", R"({"overlap":5})").status, 201U);
    EXPECT_EQ(keys.made->replaces, "AKIDone");
    EXPECT_EQ(keys.made->overlap_ms, 5'000U);
    EXPECT_EQ(ask("POST", "/v1/keys/AKIDone/rotate", "{}").status, 201U);
    EXPECT_EQ(keys.made->overlap_ms, 86'400'000U);

    EXPECT_EQ(ask("DELETE", "/v1/keys/AKIDone").status, 204U);
    EXPECT_EQ(keys.removed, "AKIDone");
    keys.refusal = model::Refusal{model::Reason::invalid_parameter, "key_id", "there is no key"};
    const auto missing = ask("DELETE", "/v1/keys/AKIDone");
    EXPECT_EQ(missing.status, 404U);
    EXPECT_EQ(text(json(missing), "code"), "key_not_found");
    EXPECT_EQ(ask("POST", "/v1/keys/AKIDone/rotate", "{}").status, 404U);
    keys.refusal = model::Refusal{model::Reason::denied, {}, "the last"};
    EXPECT_EQ(ask("DELETE", "/v1/keys/AKIDone").status, 403U);
}

TEST_F(NativeKeys, WhatIsAnsweredWithoutTheBrokerIsForThoseWhoMay) {
    keys.looks = false;
    EXPECT_EQ(ask("GET", "/v1/events").status, 403U);
}

TEST_F(NativeKeys, AKeyIsToldWhatItMayDo) {
    keys.looks = true;
    const auto shown =
        json(ask("GET", "/v1/keys/self?act=SetQueue:queue/jobs&act=ReadContent:topic/a%3Ab"));
    EXPECT_EQ(text(shown, "key_id"), "AKIDtest");
    EXPECT_EQ(text(shown, "root"), "true");
    EXPECT_EQ(text(shown, "acts"),
              R"([{"action":"SetQueue","resource":"queue/jobs","allowed":true},)"
              R"({"action":"ReadContent","resource":"topic/a:b","allowed":true}])");
    ASSERT_EQ(keys.judged.size(), 2U);
    EXPECT_EQ(keys.judged[0].right, api::Right::steer);
    EXPECT_EQ(keys.judged[0].resource, "queue/jobs");
    EXPECT_EQ(keys.judged[1].right, api::Right::content);
    keys.looks = false;
    EXPECT_THAT(ask("GET", "/v1/keys/self?act=SetQueue:queue/jobs").body,
                HasSubstr(R"("allowed":false)"));
    EXPECT_EQ(text(json(ask("GET", "/v1/keys/self")), "acts"), "[]");
    EXPECT_TRUE(broker.requests.empty());
}

TEST_F(NativeKeys, AQuestionThatMeansNothingIsRefused) {
    for (const auto& [query, detail] : {std::pair("act=Nothing:queue/a", "no action there is"),
                                        std::pair("act=SetQueue", "ACTION:RESOURCE"),
                                        std::pair("act=SetQueue:jobs", "ACTION:RESOURCE"),
                                        std::pair("act=", "1 to 256 bytes"),
                                        std::pair("what=1", "no such field")}) {
        const auto response = ask("GET", std::string("/v1/keys/self?") + query);
        EXPECT_EQ(response.status, 400U) << query;
        EXPECT_THAT(response.body, HasSubstr(detail)) << query;
    }
    std::string many = "act=SetQueue:queue/a";
    for (int more = 0; more < 64; ++more) many += "&act=SetQueue:queue/a";
    EXPECT_EQ(ask("GET", "/v1/keys/self?" + many).status, 400U);
}

}  // namespace

}  // namespace penstock::testing
