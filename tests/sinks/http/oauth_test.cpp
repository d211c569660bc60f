// OAuth2 client credentials: where tokens come from, how long they serve, and what is no attempt.
#include "broker/api/secrets.h"
#include "tests/sinks/http/http_sink_fixture.h"

#include <string>
#include <vector>

namespace penstock::sinks::http {
namespace {

using model::Failure;
using model::Verdict;
using testing::always;
using testing::ok_answer;
using testing::ScriptedServer;
using testing::step;
using testing::Step;

std::string answer(const std::string& status, const std::string& body) {
    return "HTTP/1.1 " + status + "\r\nContent-Length: " + std::to_string(body.size()) +
           "\r\n\r\n" + body;
}

std::string grant(const std::string& token, const std::string& more = R"(,"expires_in":3600)") {
    return answer("200 OK",
                  R"({"access_token":")" + token + R"(","token_type":"Bearer")" + more + "}");
}

class OAuthTest : public HttpSinkFixture {
  protected:
    OAuthTest() {
        secrets_ = &box_;
        open({});
    }

    api::Target target_at(const ScriptedServer& server, const std::string& token_url) {
        api::Target target = target_of(server.url());
        auto& authorization = target.spec.push.authorization;
        authorization.kind = model::PushAuthorization::Kind::oauth2;
        authorization.name = "the client";
        authorization.sealed = *box_.seal("hush:hush", "orders/billing");
        authorization.token_url = token_url;
        authorization.scope = "hooks write";
        return target;
    }

    api::KeyBox box_{std::string(api::KeyBox::key_bytes, 'k')};
    ScriptedServer endpoint_{context_, {always(ok_answer)}};
};

TEST_F(OAuthTest, ATokenIsFetchedOnceAndShownWithEveryPush) {
    ScriptedServer tokens(context_, {always(grant("t-1"))});
    const api::Target target = target_at(endpoint_, tokens.url("/token"));
    for (int turn = 0; turn < 3; ++turn) EXPECT_EQ(push(target).verdict, Verdict::accepted);
    ASSERT_EQ(tokens.requests.size(), 1U);
    EXPECT_EQ(tokens.requests[0],
              "POST /token HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(tokens.port()) +
                  "\r\nUser-Agent: Penstock\r\nAccept: application/json\r\n"
                  "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 49\r\n"
                  "Authorization: Basic dGhlJTIwY2xpZW50Omh1c2glM0FodXNo\r\n\r\n"
                  "grant_type=client_credentials&scope=hooks%20write");
    ASSERT_EQ(endpoint_.requests.size(), 3U);
    EXPECT_NE(endpoint_.requests[2].find("\r\nauthorization: Bearer t-1\r\n"), std::string::npos);
}

TEST_F(OAuthTest, PushesThatBeginTogetherShareOneFetch) {
    ScriptedServer tokens(context_, {always(grant("t-1"))});
    const api::Target target = target_at(endpoint_, tokens.url());
    api::Delivery delivery;
    delivery.subscription = target.subscription;
    delivery.payload = "hello";
    unsigned accepted = 0;
    for (int at = 0; at < 5; ++at) {
        sink_->deliver(target, delivery, [&accepted](const AttemptResult& result) {
            accepted += result.verdict == Verdict::accepted ? 1 : 0;
        });
    }
    EXPECT_TRUE(testing::run_until(context_, [&accepted]() { return accepted == 5; }));
    EXPECT_EQ(tokens.requests.size(), 1U);
}

TEST_F(OAuthTest, ATokenThatIsNotTakenIsReplaced) {
    ScriptedServer tokens(context_,
                          {{step(Step::Kind::read),
                            step(Step::Kind::send, grant("token-1")),
                            step(Step::Kind::read),
                            step(Step::Kind::send, grant("t-2"))}});
    ScriptedServer strict(context_,
                          {{step(Step::Kind::read),
                            step(Step::Kind::send, answer("401 No", "token-1 is over")),
                            step(Step::Kind::read),
                            step(Step::Kind::send, ok_answer)}});
    const api::Target target = target_at(strict, tokens.url());
    const AttemptResult result = push(target);
    EXPECT_EQ(result.verdict, Verdict::retry);
    EXPECT_EQ(result.excerpt, "*** is over");
    EXPECT_EQ(push(target).verdict, Verdict::accepted);
    EXPECT_NE(strict.requests[1].find("Bearer t-2\r\n"), std::string::npos);
}

TEST_F(OAuthTest, AnEndpointThatTakesNoTokenDoesNotPressTheirSource) {
    time_ = &still_;
    open({});
    ScriptedServer tokens(context_, {always(grant("token-1"))});
    ScriptedServer strict(context_, {always(answer("401 No", ""))});
    const api::Target target = target_at(strict, tokens.url());
    for (int turn = 0; turn < 10; ++turn) EXPECT_EQ(push(target).verdict, Verdict::retry);
    EXPECT_EQ(tokens.requests.size(), 2U);
    still_.advance_ms(5'000);
    for (int turn = 0; turn < 2; ++turn) EXPECT_EQ(push(target).verdict, Verdict::retry);
    EXPECT_EQ(tokens.requests.size(), 3U);
    EXPECT_EQ(strict.requests.size(), 12U);
}

TEST_F(OAuthTest, WithoutATokenNothingIsAttemptedAndTheEndpointIsNotPressed) {
    for (const std::string& text : {answer("401 No", R"({"error":"hush:hush"})"),
                                    answer("200 OK", "no json"),
                                    answer("200 OK", R"({"access_token":"a\nb"})"),
                                    answer("302 Found", "")}) {
        open({});
        ScriptedServer tokens(context_, {always(text)});
        const api::Target target = target_at(endpoint_, tokens.url());
        for (int turn = 0; turn < 2; ++turn) {
            const AttemptResult result = push(target);
            EXPECT_EQ(result.verdict, Verdict::not_attempted) << text;
            EXPECT_EQ(result.failure, Failure::configuration);
            EXPECT_EQ(result.excerpt.find("no access token"), 0U) << result.excerpt;
            EXPECT_EQ(result.excerpt.find("hush"), std::string::npos);
        }
        EXPECT_EQ(tokens.requests.size(), 1U);
    }
    EXPECT_TRUE(endpoint_.requests.empty());
}

TEST_F(OAuthTest, ATokenEndpointIsGuardedAsEveryOther) {
    ScriptedServer tokens(context_, {always(grant("t-1"))});
    guarded_ = true;
    open({});
    const AttemptResult result = push(target_at(endpoint_, tokens.url()));
    EXPECT_EQ(result.verdict, Verdict::not_attempted);
    EXPECT_EQ(tokens.connections, 0U);
}

TEST_F(OAuthTest, ATokenIsNotUsedShortlyBeforeItsEnd) {
    ScriptedServer tokens(context_, {always(grant("t-1", R"(,"expires_in":1)"))});
    const api::Target target = target_at(endpoint_, tokens.url());
    for (int turn = 0; turn < 2; ++turn) EXPECT_EQ(push(target).verdict, Verdict::accepted);
    EXPECT_EQ(tokens.requests.size(), 2U);
}

TEST_F(OAuthTest, AnotherSecretFetchesAnotherToken) {
    ScriptedServer tokens(context_, {always(grant("t-1"))});
    api::Target target = target_at(endpoint_, tokens.url());
    push(target);
    target.spec.push.authorization.sealed = *box_.seal("new", "orders/billing");
    push(target);
    EXPECT_EQ(tokens.requests.size(), 2U);
}

}  // namespace
}  // namespace penstock::sinks::http
