#include "tests/cli/fixture.h"
#include "tests/support/fake_keys.h"

namespace penstock::testing {

namespace {

class CliKeys : public CliFixture {
  protected:
    CliKeys() {
        plugins::NativeOptions options{clock};
        options.keys = &keys;
        front_end = plugins::make_native_front_end(broker, options);
    }

    FakeKeys keys;
};

TEST_F(CliKeys, AKeyIsMadeWithRoleAndStatementsAndItsSecretPrinted) {
    EXPECT_EQ(run({"key",
                   "create",
                   "--role",
                   "viewer",
                   "--allow",
                   "SendMessages,Get*:queue/a,queue/b-*",
                   "--deny",
                   "*:topic/secret",
                   "--note",
                   "of ann",
                   "--life",
                   "2h"}),
              0)
        << err;
    ASSERT_TRUE(keys.made);
    EXPECT_EQ(out.find("key_id = " + keys.made->key_id + "\nkey_secret = "), 0U) << out;
    EXPECT_EQ(keys.made->note, "of ann");
    EXPECT_EQ(keys.made->life_ms, 7'200'000U);
    const model::Access wanted{model::Role::viewer,
                               {{false, {"SendMessages", "Get*"}, {"queue/a", "queue/b-*"}},
                                {true, {"*"}, {"topic/secret"}}}};
    EXPECT_EQ(keys.made->access, wanted);
    EXPECT_EQ(run({"key", "create", "--role", "admin", "-o", "json"}), 0);
    EXPECT_NE(out.find("\"key_secret\""), std::string::npos);
}

TEST_F(CliKeys, WhatIsNoRoleOrStatementIsAUsageError) {
    EXPECT_EQ(run({"key", "create", "--role", "king"}), 2);
    EXPECT_EQ(run({"key", "create", "--allow", "SendMessages"}), 2);
    EXPECT_NE(err.find("SendMessages:queue/orders-*"), std::string::npos);
    EXPECT_FALSE(keys.made);
}

TEST_F(CliKeys, KeysAreListedRotatedAndDeleted) {
    api::KeyView view;
    view.key_id = "AKIDone";
    view.access.role = model::Role::operations;
    keys.views = {view};
    EXPECT_EQ(run({"key", "list"}), 0);
    EXPECT_EQ(out.find("AKIDone\toperator"), 0U) << out;
    EXPECT_EQ(run({"key", "rotate", "AKIDone", "--overlap", "90s"}), 0);
    EXPECT_EQ(keys.made->replaces, "AKIDone");
    EXPECT_EQ(keys.made->overlap_ms, 90'000U);
    EXPECT_EQ(run({"key", "delete", "AKIDone"}), 2);
    EXPECT_EQ(keys.removed, "") << "not without --yes";
    EXPECT_EQ(run({"key", "delete", "AKIDone", "--yes"}), 0);
    EXPECT_EQ(keys.removed, "AKIDone");
    keys.refusal = model::Refusal{model::Reason::denied, {}, "the last"};
    EXPECT_EQ(run({"key", "delete", "AKIDone", "--yes"}), 5);
}

}  // namespace

}  // namespace penstock::testing
