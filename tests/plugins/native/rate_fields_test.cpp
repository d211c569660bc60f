// RateLimit-Policy and RateLimit of answers that quotas judge.
#include "plugins/native/rate_fields.h"

#include "tests/api/quota_fixture.h"
#include "tests/plugins/native/fixture.h"
#include "tests/support/fake_accounts.h"

#include <gtest/gtest.h>

namespace penstock::testing {

namespace {

class NativeRates : public NativeFixture {
  protected:
    NativeRates() {
        plugins::NativeOptions options{clock};
        options.quotas = &quotas;
        front_end = plugins::make_native_front_end(broker, options);
        api::SentMessages sent;
        sent.ids.emplace_back(77);
        broker.answer_with<api::SendMessages>(sent);
        broker.answer_with<api::ReceiveMessages>({});
    }

    plugins::HttpResponse sent_to(const std::string& queue) {
        return ask("POST",
                   "/v1/queues/" + queue + "/messages/batch",
                   R"({"messages":[{"body":"hello"}]})");
    }

    api::InventedAccounts book;
    api::Quotas quotas{book, clock};
};

TEST_F(NativeRates, AnswersSayWhatTheRateIsAndWhatIsLeftOfIt) {
    book.limits("acme").object_requests_per_second = 100;
    auto response = sent_to("acme:orders");
    EXPECT_EQ(response.status, 201U);
    EXPECT_EQ(header(response, "RateLimit-Policy"), "\"messages\";q=100;w=1");
    EXPECT_EQ(header(response, "RateLimit"), "\"messages\";r=100;t=0");
    EXPECT_FALSE(quotas.admit({}, api::send("acme:orders", 30)).has_value());
    response = sent_to("acme:orders");
    EXPECT_EQ(header(response, "RateLimit"), "\"messages\";r=70;t=1");
    EXPECT_EQ(header(sent_to("acme:jobs"), "RateLimit"), "\"messages\";r=100;t=0");
    response = ask("POST", "/v1/queues/acme:orders/receive", "{}");
    EXPECT_EQ(header(response, "RateLimit-Policy"), "\"messages\";q=110;w=1")
        << "consuming has its own";
    book.limits("acme").bytes_per_second = 1'000;
    response = sent_to("acme:orders");
    EXPECT_EQ(header(response, "RateLimit-Policy"),
              "\"messages\";q=100;w=1, \"bytes\";q=1000;w=1;qu=\"content-bytes\"");
}

TEST_F(NativeRates, RefusalsSayItToo) {
    book.limits("acme").object_requests_per_second = 16;
    EXPECT_FALSE(quotas.admit({}, api::send("acme:orders", 48)).has_value());
    broker.refuse<api::SendMessages>(model::Reason::throttled);
    const auto response = sent_to("acme:orders");
    EXPECT_EQ(response.status, 429U);
    EXPECT_EQ(header(response, "Retry-After"), "1");
    EXPECT_EQ(header(response, "RateLimit-Policy"), "\"messages\";q=16;w=1");
    EXPECT_EQ(header(response, "RateLimit"), "\"messages\";r=0;t=3") << "a debt";
}

TEST_F(NativeRates, AccountsAreListedWithTheRefusalsOfTheirQuotas) {
    FakeAccounts accounts;
    accounts.accounts = {{"acme", 1, {}, 1'000}, {"rest", 2, {}, 1'000}};
    plugins::NativeOptions options{clock};
    options.accounts = &accounts;
    options.quotas = &quotas;
    front_end = plugins::make_native_front_end(broker, options);
    book.limits("acme").object_requests_per_second = 1;
    for (int times = 0; times < 4; ++times) (void)quotas.admit({}, api::send("acme:orders"));
    const auto listed = ask("GET", "/v1/accounts");
    EXPECT_EQ(listed.status, 200U);
    EXPECT_NE(listed.body.find("\"refused\":3"), std::string::npos) << listed.body;
    EXPECT_NE(listed.body.find("\"refused\":0"), std::string::npos) << listed.body;
}

TEST_F(NativeRates, WhatIsNotLimitedSaysNothing) {
    book.limits("acme").object_requests_per_second = 100;
    for (const auto& response : {sent_to("orders"), ask("GET", "/v1/queues/acme:orders")}) {
        EXPECT_EQ(header(response, "RateLimit-Policy"), "");
        EXPECT_EQ(header(response, "RateLimit"), "");
    }
}

}  // namespace

}  // namespace penstock::testing
