#include "tests/cli/fixture.h"
#include "tests/support/fake_accounts.h"
#include "tests/support/fake_keys.h"

namespace penstock::testing {

namespace {

class CliAccounts : public CliFixture {
  protected:
    CliAccounts() {
        plugins::NativeOptions options{clock};
        options.accounts = &accounts;
        options.keys = &keys;
        front_end = plugins::make_native_front_end(broker, options);
    }

    FakeAccounts accounts;
    FakeKeys keys;
};

TEST_F(CliAccounts, AreMadeWithLimitsListedChangedAndDeleted) {
    EXPECT_EQ(run({"account",
                   "create",
                   "acme",
                   "--qps",
                   "100",
                   "--queues",
                   "5",
                   "--stored-bytes",
                   "1KiB"}),
              0)
        << err;
    EXPECT_EQ(accounts.asked, "acme");
    EXPECT_EQ(accounts.change_asked.requests_per_second, 100U);
    EXPECT_EQ(accounts.change_asked.queues_max, 5U);
    EXPECT_EQ(accounts.change_asked.stored_bytes_max, 1'024U);
    EXPECT_FALSE(accounts.change_asked.topics_max);
    accounts.accounts = {{"acme", 1, {}, 1'000}};
    EXPECT_EQ(run({"account", "list"}), 0);
    EXPECT_EQ(out.find("acme\t\t0\t5000\t0\t\t1000\t\t1000\t\t0\t\t0\t"), 0U) << out;
    EXPECT_EQ(run({"account", "set", "acme", "--topics", "9"}), 0) << err;
    EXPECT_EQ(accounts.change_asked.topics_max, 9U);
    EXPECT_FALSE(accounts.change_asked.queues_max);
    EXPECT_EQ(run({"account", "delete", "acme"}), 2);
    EXPECT_EQ(accounts.removed, "") << "not without --yes";
    EXPECT_EQ(run({"account", "delete", "acme", "--yes"}), 0);
    EXPECT_EQ(accounts.removed, "acme");
    accounts.refusal = model::Refusal{model::Reason::denied, "objects", "it has 2 queues"};
    EXPECT_EQ(run({"account", "delete", "acme", "--yes"}), 4);
}

TEST_F(CliAccounts, KeysAreMadeForThemAndTokensPrinted) {
    EXPECT_EQ(run({"key", "create", "--account", "acme", "--role", "admin"}), 0) << err;
    EXPECT_EQ(keys.made->account, "acme");
    EXPECT_EQ(run({"key", "token", "--life", "15m"}), 0) << err;
    EXPECT_EQ(keys.made->life_ms, 900'000U);
    EXPECT_NE(out.find("\ntoken = sealed\n"), std::string::npos) << out;
}

}  // namespace

}  // namespace penstock::testing
