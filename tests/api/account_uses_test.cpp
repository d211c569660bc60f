// What accounts use, looked up when somebody asks.
#include "broker/api/account_uses.h"

#include "tests/api/quota_fixture.h"
#include "tests/support/fake_accounts.h"
#include "tests/support/fake_broker.h"

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace penstock::api {
namespace {

class Uses : public Limited {
  protected:
    Uses() {
        node.answer<ListQueues>([this](const ListQueues& asked) {
            EXPECT_FALSE(asked.account.value_or("").empty()) << "of one account";
            NamePage page;
            page.total = queues;
            const bool with_items = asked.automatic && asked.page.offset == 0 && queues > 0;
            if (with_items) page.items = {{1, *asked.account + ":a"}};
            return Outcome<NamePage>(page);
        });
        NamePage topics;
        topics.total = 2;
        node.answer_with<ListTopics>(topics);
        SubscriptionPage subscriptions;
        subscriptions.total = 5;
        node.answer_with<ListSubscriptions>(subscriptions);
        QueueView view;
        view.active = 10;
        node.answer_with<GetQueue>(view);
        PeekedPage peeked;
        peeked.items.resize(1);
        peeked.items[0].payload.assign(100, 'x');
        node.answer_with<PeekMessages>(peeked);
    }

    // What runs until nothing is left to do; how often `done` ran.
    int look(std::size_t times = 1) {
        int told = 0;
        for (std::size_t at = 0; at < times; ++at) {
            uses.look(accounts.accounts, context.get_executor(), [&told] { ++told; });
        }
        EXPECT_EQ(told, 0) << "never inside the call";
        run();
        return told;
    }

    void run() {
        context.restart();
        context.run();
    }

    [[nodiscard]] std::size_t asked() const { return node.requests.size(); }

    void there_are_more(std::size_t count) {
        for (std::size_t at = 0; at < count; ++at) {
            const std::size_t number = 1'000 + accounts.accounts.size();
            accounts.accounts.push_back({"a" + std::to_string(number), 1, {}, 0});
        }
    }

    std::uint64_t queues = 3;
    boost::asio::io_context context;
    testing::FakeBroker node;
    testing::FakeAccounts accounts;
    AccountUses uses{node, accounts, quotas, clock};
};

TEST_F(Uses, AreKnownAfterALook) {
    there_are_more(1);
    EXPECT_EQ(uses.of("a1000"), std::nullopt);
    EXPECT_EQ(look(), 1);
    EXPECT_EQ(uses.of("a1000"), (AccountUse{3, 2, 5, 1'000}));
    EXPECT_EQ(uses.of("other"), std::nullopt);
}

TEST_F(Uses, AreLookedUpOnceForAllWhoAskAtOnceAndNotAgainAtOnce) {
    there_are_more(1);
    EXPECT_EQ(look(3), 3);
    const std::size_t before = asked();
    EXPECT_EQ(look(), 1);
    EXPECT_EQ(asked(), before);
    there_are_more(1);
    EXPECT_EQ(look(), 1);
    EXPECT_GT(asked(), before) << "one of them is new";
    const std::size_t both = asked();
    clock.advance_us(AccountUses::look_every_us);
    queues = 4;
    EXPECT_EQ(look(), 1);
    EXPECT_GT(asked(), both);
    EXPECT_EQ(uses.of("a1000")->queues, 4U);
}

TEST_F(Uses, ThatCannotBeHadAreAsTheyWere) {
    there_are_more(1);
    look();
    clock.advance_us(AccountUses::look_every_us);
    node.refuse<ListTopics>(model::Reason::unavailable);
    queues = 9;
    EXPECT_EQ(look(), 1);
    EXPECT_EQ(uses.of("a1000"), (AccountUse{3, 2, 5, 1'000}));
}

TEST_F(Uses, OfAnAccountThatIsGoneAreForgotten) {
    there_are_more(1);
    look();
    accounts.accounts.clear();
    clock.advance_us(AccountUses::look_every_us);
    model::Metrics before;
    uses.measure(before, context.get_executor());
    run();
    EXPECT_FALSE(before.families().empty());
    model::Metrics after;
    uses.measure(after, context.get_executor());
    run();
    EXPECT_TRUE(after.families().empty());
}

TEST_F(Uses, CountWhatCannotBeReadLikeTheRest) {
    there_are_more(1);
    PeekedPage peeked;
    peeked.items.resize(2);
    peeked.items[0].state = "sealed";
    peeked.items[1].payload.assign(100, 'x');
    node.answer_with<PeekMessages>(peeked);
    look();
    EXPECT_EQ(uses.of("a1000")->stored_bytes, 1'000U);
    peeked.items.resize(1);
    node.answer_with<PeekMessages>(peeked);
    clock.advance_us(AccountUses::look_every_us);
    look();
    EXPECT_EQ(uses.of("a1000")->stored_bytes, 10 * StoredBytes::usual_bytes);
}

TEST_F(Uses, AreJudgedByTheMessagesOfWhichThereAreMost) {
    there_are_more(1);
    QueueView view;
    view.inactive = 1;
    view.rewindable = 9;
    node.answer_with<GetQueue>(view);
    node.answer<PeekMessages>([](const PeekMessages& asked) {
        PeekedPage peeked;
        peeked.items.resize(asked.state == "deleted" ? 1 : 0);
        if (!peeked.items.empty()) peeked.items[0].payload.assign(3'000, 'x');
        return Outcome<PeekedPage>(peeked);
    });
    look();
    EXPECT_EQ(uses.of("a1000")->stored_bytes, 30'000U);
}

TEST_F(Uses, FiguresTellThemBesideTheLimits) {
    accounts.accounts = {{"acme", 1, {}, 0}};
    accounts.accounts[0].limits.topics_max = 7;
    accounts.accounts[0].limits.stored_bytes_max = 0;
    book.limits("acme") = no_limits;
    EXPECT_EQ(admitted(3, send("acme:a"), "acme"), 3);
    model::Metrics first;
    uses.measure(first, context.get_executor());
    EXPECT_TRUE(first.families().empty()) << "nobody has looked yet";
    run();
    model::Metrics metrics;
    uses.measure(metrics, context.get_executor());
    run();
    const auto of = [&](const std::string& name, const std::string& resource) {
        return metrics.value(name, {{"account", "acme"}, {"resource", resource}});
    };
    EXPECT_EQ(of("penstock_account_use", "queues"), 3);
    EXPECT_EQ(of("penstock_account_use", "stored_bytes"), 1'000);
    EXPECT_EQ(of("penstock_account_limit", "topics"), 7);
    EXPECT_EQ(of("penstock_account_limit", "stored_bytes"), 0) << "there is none";
    EXPECT_EQ(metrics.value("penstock_account_requests", {{"account", "acme"}}), 3);
}

TEST_F(Uses, FiguresAreBounded) {
    there_are_more(model::labelled_objects_max + 20);
    look();
    model::Metrics metrics;
    uses.measure(metrics, context.get_executor());
    run();
    const auto rest = [&](const std::string& resource) {
        return metrics.value("penstock_account_use", {{"account", "*"}, {"resource", resource}});
    };
    EXPECT_EQ(rest("queues"), 20 * 3);
    EXPECT_EQ(rest("subscriptions"), 20 * 5);
    for (const auto& family : metrics.families()) {
        EXPECT_LE(family.samples.size(), 4 * (model::labelled_objects_max + 1)) << family.name;
    }
}

}  // namespace
}  // namespace penstock::api
