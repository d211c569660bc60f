#include "broker/model/account_name.h"

#include <gtest/gtest.h>

namespace penstock::model {

namespace {

TEST(AccountName, IsShortAndOfSmallLettersDigitsAndHyphens) {
    for (const char* name : {"a", "acme", "acme-2", "a1"}) EXPECT_TRUE(valid_account_name(name));
    EXPECT_TRUE(valid_account_name(std::string(32, 'a')));
    for (const char* name : {"", "Acme", "2acme", "-a", "a:b", "a_b", "a.b", "a/b"}) {
        EXPECT_FALSE(valid_account_name(name)) << name;
    }
    EXPECT_FALSE(valid_account_name(std::string(33, 'a')));
}

TEST(AccountName, StandsBeforeWhatIsStored) {
    EXPECT_EQ(stored_name("acme", "events/hook"), "acme:events/hook");
    EXPECT_EQ(stored_name("", "jobs"), "jobs");
    EXPECT_EQ(stored_name("acme", ""), "") << "nothing is named";
    for (const char* account : {"", "acme"}) {
        const std::string stored = stored_name(account, "events.hook.dlq");
        EXPECT_EQ(account_of(stored), account);
        EXPECT_EQ(own_name(stored), "events.hook.dlq");
    }
    EXPECT_EQ(account_of(stored_name("acme", "globex:jobs")), "acme") << "the first one counts";
}

TEST(AccountName, IsANumberWhereCmqWantsOne) {
    EXPECT_EQ(owner_number("acme"), owner_number("acme"));
    EXPECT_NE(owner_number("acme"), owner_number("globex"));
    EXPECT_EQ(std::to_string(owner_number("acme")).size(), 12U);
    EXPECT_EQ(owner_number("", 1'250'000'000), 1'250'000'000U);
    EXPECT_EQ(owner_number("acme", 1'250'000'000), owner_number("acme"));
}

}  // namespace

}  // namespace penstock::model
