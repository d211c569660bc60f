#include "tests/plugins/native/fixture.h"
#include "tests/support/fake_accounts.h"
#include "tests/support/fake_keys.h"

#include <gmock/gmock.h>

namespace penstock::testing {

namespace {

using ::testing::HasSubstr;

class NativeAccounts : public NativeFixture {
  protected:
    NativeAccounts() {
        plugins::NativeOptions options{clock};
        options.accounts = &accounts;
        options.keys = &keys;
        front_end = plugins::make_native_front_end(broker, options);
    }

    class NoAccounts final : public api::AccountBook {
      public:
        [[nodiscard]] std::shared_ptr<const api::Account> account(
            std::string_view /*name*/) const override {
            return nullptr;
        }
    };

    NoAccounts no_accounts;
    FakeAccounts accounts;
    FakeKeys keys;
};

TEST_F(NativeAccounts, AreMadeChangedListedAndDeleted) {
    const auto made =
        ask("POST", "/v1/accounts", R"({"name":"acme","queues_max":7,"stored_bytes_max":0})");
    EXPECT_EQ(made.status, 201U);
    EXPECT_EQ(text(json(made), "name"), "acme");
    EXPECT_THAT(made.body, HasSubstr(R"("object_requests_per_second":5000)"));
    EXPECT_EQ(accounts.who, "AKIDtest");
    EXPECT_EQ(accounts.change_asked.queues_max, 7U);
    EXPECT_EQ(accounts.change_asked.stored_bytes_max, 0U);
    EXPECT_FALSE(accounts.change_asked.topics_max);
    EXPECT_EQ(ask("PATCH", "/v1/accounts/acme", R"({"requests_per_second":100})").status, 200U);
    EXPECT_EQ(accounts.asked, "acme");
    EXPECT_EQ(accounts.change_asked.requests_per_second, 100U);
    accounts.accounts = {{"acme", 1, {}, 1'000}};
    const auto listed = ask("GET", "/v1/accounts");
    EXPECT_EQ(listed.status, 200U);
    EXPECT_THAT(listed.body, HasSubstr(R"("name":"acme")"));
    EXPECT_EQ(listed.body.find("number"), std::string::npos) << "nobody's business";
    EXPECT_EQ(ask("DELETE", "/v1/accounts/acme").status, 204U);
    EXPECT_EQ(accounts.removed, "acme");
}

TEST_F(NativeAccounts, AreListedWithWhatTheyUse) {
    const api::Quotas quotas{no_accounts, clock};
    api::AccountUses uses{broker, accounts, quotas, clock};
    plugins::NativeOptions options{clock};
    options.accounts = &accounts;
    options.quotas = &quotas;
    options.uses = &uses;
    front_end = plugins::make_native_front_end(broker, options);
    accounts.accounts = {{"acme", 1, {}, 1'000}};
    broker.answer<api::ListQueues>([](const api::ListQueues& asked) {
        EXPECT_EQ(asked.account, "acme");
        api::NamePage page;
        page.total = 3;
        return api::Outcome<api::NamePage>(page);
    });
    broker.answer_with<api::ListTopics>({});
    broker.answer_with<api::ListSubscriptions>({});
    const auto listed = ask("GET", "/v1/accounts");
    EXPECT_EQ(listed.status, 200U);
    EXPECT_THAT(listed.body,
                HasSubstr(R"("uses":{"queues":3,"topics":0,"subscriptions":0,"stored_bytes":0,)"
                          R"("requests_per_second":)"));
    accounts.accounts.push_back({"other", 2, {}, 1'000});
    broker.refuse<api::ListQueues>(model::Reason::unavailable);
    const auto again = ask("GET", "/v1/accounts");
    EXPECT_EQ(again.status, 200U);
    const auto items = json(again).at("items").as_array();
    EXPECT_EQ(items.at(0).at("uses").at("queues"), 3) << "as it was known before";
    EXPECT_FALSE(items.at(1).as_object().contains("uses"));
}

TEST_F(NativeAccounts, BadInputNamesItsField) {
    for (const char* body : {"{}",
                             R"({"name":1})",
                             R"({"name":"acme","queues_max":-1})",
                             R"({"name":"acme","qps":1})"}) {
        const auto response = ask("POST", "/v1/accounts", body);
        EXPECT_EQ(response.status, 400U) << body;
        EXPECT_EQ(text(json(response), "code"), "invalid_parameter") << body;
    }
    EXPECT_EQ(accounts.asked, "");
}

TEST_F(NativeAccounts, RefusalsSayWhatStandsInTheWay) {
    const auto refused = [this](const model::Refusal& why, unsigned status) {
        accounts.refusal = why;
        const auto response = ask("DELETE", "/v1/accounts/acme");
        EXPECT_EQ(response.status, status);
        return text(json(response), "code");
    };
    using model::Reason;
    EXPECT_EQ(refused({Reason::invalid_parameter, "account", "none"}, 404), "account_not_found");
    EXPECT_EQ(refused({Reason::denied, "objects", "2 queues"}, 409), "account_not_empty");
    EXPECT_EQ(refused({Reason::denied, "exists", "there is one"}, 409), "account_exists");
    EXPECT_EQ(refused({Reason::denied, {}, "a root key"}, 403), "denied");
    accounts.refusal = {Reason::denied, "exists", "there is one"};
    const auto taken = json(ask("DELETE", "/v1/accounts/acme"));
    EXPECT_EQ(text(taken, "detail"), "there is one") << "nobody's name is 'exists'";
    EXPECT_EQ(text(taken, "subject"), "name");
}

TEST_F(NativeAccounts, ATemporaryKeyIsShownWithItsToken) {
    const auto made = ask("POST", "/v1/keys/token", R"({"role":"viewer","life":900})");
    EXPECT_EQ(made.status, 201U);
    EXPECT_EQ(text(json(made), "token"), "sealed");
    EXPECT_EQ(text(json(made), "key_secret").size(), 64U);
    ASSERT_TRUE(keys.made);
    EXPECT_TRUE(keys.made->key_id.starts_with("TMPKID"));
    EXPECT_EQ(keys.made->life_ms, 900'000U);
    EXPECT_EQ(keys.made->access.role, model::Role::viewer);
    EXPECT_EQ(ask("POST", "/v1/keys/token", "{}").status, 201U);
    EXPECT_EQ(keys.made->access.role, model::Role::admin) << "all that its maker may";
    EXPECT_EQ(keys.made->life_ms, 3'600'000U);
    EXPECT_EQ(ask("POST", "/v1/keys/token", R"({"statements":[]})").status, 201U);
    EXPECT_EQ(keys.made->access.role, model::Role::none);
    EXPECT_EQ(ask("POST", "/v1/keys/token", R"({"life":43201})").status, 400U);
}

TEST_F(NativeAccounts, AKeyIsMadeForAnAccount) {
    EXPECT_EQ(ask("POST", "/v1/keys", R"({"role":"admin","account":"acme"})").status, 201U);
    EXPECT_EQ(keys.made->account, "acme");
}

TEST_F(NativeAccounts, AServerWithoutAccountsSaysSo) {
    front_end = plugins::make_native_front_end(broker, plugins::NativeOptions{clock});
    EXPECT_EQ(ask("GET", "/v1/accounts").status, 503U);
    EXPECT_EQ(ask("POST", "/v1/accounts", R"({"name":"acme"})").status, 503U);
    EXPECT_EQ(ask("PATCH", "/v1/accounts/acme", "{}").status, 503U);
    EXPECT_EQ(ask("DELETE", "/v1/accounts/acme").status, 503U);
}

}  // namespace

}  // namespace penstock::testing
