#include "broker/api/secrets.h"
#include "tests/sinks/http/http_sink_fixture.h"

#include <optional>
#include <string>
#include <utility>

namespace penstock::sinks::http {
namespace {

using model::Failure;
using model::Verdict;
using testing::always;
using testing::ok_answer;
using testing::ScriptedServer;
using testing::step;
using testing::Step;

class HttpSinkSecrets : public HttpSinkFixture {
  protected:
    HttpSinkSecrets() {
        secrets_ = &box_;
        open({});
    }

    api::Target bearer_of(const ScriptedServer& server) {
        api::Target target = target_of(server.url());
        target.spec.push.authorization.kind = model::PushAuthorization::Kind::bearer;
        target.spec.push.authorization.sealed = *box_.seal("hush-hush", "orders/billing");
        return target;
    }

    api::KeyBox box_{std::string(api::KeyBox::key_bytes, 'k')};
};

std::string answer(const std::string& status, const std::string& headers, const std::string& body) {
    return "HTTP/1.1 " + status + "\r\n" + headers +
           "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

TEST_F(HttpSinkSecrets, ASecretThatOpensIsSent) {
    ScriptedServer server(context_, {always(ok_answer)});
    EXPECT_EQ(push(bearer_of(server)).verdict, Verdict::accepted);
    EXPECT_NE(server.requests[0].find("\r\nauthorization: Bearer hush-hush\r\n"),
              std::string::npos);
}

TEST_F(HttpSinkSecrets, OneThatDoesNotHoldsThePushBackWithAReason) {
    secrets_ = nullptr;
    open({});
    ScriptedServer server(context_, {always(ok_answer)});
    const AttemptResult result = push(bearer_of(server));
    EXPECT_EQ(result.verdict, Verdict::not_attempted);
    EXPECT_EQ(result.failure, Failure::configuration);
    EXPECT_EQ(result.retry_after_ms, 60'000U);
    EXPECT_EQ(result.excerpt, "secrets cannot be opened here");
    EXPECT_TRUE(server.requests.empty());
}

TEST_F(HttpSinkSecrets, WhatAReceiverQuotesIsMasked) {
    ScriptedServer server(context_,
                          {always(answer("401 No", "", "bad 'hush-hush', hush-hush, I said"))});
    EXPECT_EQ(push(bearer_of(server)).excerpt, "bad '***', ***, I said");
}

TEST_F(HttpSinkSecrets, WhatAReceiverQuotesIsMaskedThoughTheSubscriptionChangesMeanwhile) {
    ScriptedServer server(context_,
                          {{step(Step::Kind::read),
                            step(Step::Kind::pause, "", 20),
                            step(Step::Kind::send, answer("401 No", "", "no 'hush-hush'")),
                            step(Step::Kind::hang)}});
    const api::Target target = bearer_of(server);
    api::Delivery delivery;
    delivery.subscription = target.subscription;
    delivery.payload = "hello";
    std::optional<AttemptResult> result;
    sink_->deliver(target, delivery, [&result](AttemptResult ended) { result = std::move(ended); });
    ASSERT_TRUE(testing::run_until(context_, [&]() { return server.requests.size() == 1; }));
    sink_->forget(target);
    ASSERT_TRUE(testing::run_until(context_, [&]() { return result.has_value(); }));
    EXPECT_EQ(result->excerpt, "no '***'");
}

TEST_F(HttpSinkSecrets, NoPartOfASecretIsLeftWhereAnExcerptEnds) {
    ScriptedServer server(context_,
                          {always(answer("401 No", "", std::string(252, 'x') + "hush-hush"))});
    EXPECT_EQ(push(bearer_of(server)).excerpt, std::string(252, 'x') + "***");
}

TEST_F(HttpSinkSecrets, ANewSecretIsSentWithTheNextPush) {
    ScriptedServer server(context_, {always(ok_answer)});
    api::Target target = bearer_of(server);
    push(target);
    target.spec.push.authorization.sealed = *box_.seal("other", "orders/billing");
    push(target);
    EXPECT_NE(server.requests[1].find("Bearer other\r\n"), std::string::npos);
}

TEST_F(HttpSinkSecrets, AnEndpointThatAbortsAMessageIsNotAskedAgain) {
    ScriptedServer server(context_,
                          {always(answer("500 No", "Webhook-Delivery: abort-message\r\n", ""))});
    EXPECT_EQ(push(target_of(server.url())).verdict, Verdict::rejected);
}

}  // namespace
}  // namespace penstock::sinks::http
