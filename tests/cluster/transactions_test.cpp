// Transactional messages of a set whose leader dies: what was prepared is confirmed, checked and
// ended by the next one as if nothing had happened.
#include "tests/cluster/world.h"
#include "tests/node/requests.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace penstock::cluster::testing {
namespace {

using model::ConfirmResult;
using penstock::testing::receive;
using penstock::testing::send;

constexpr SetId data{1};
constexpr std::uint32_t first_query_s = 5;

// Asked through a node that leads nothing, so every request is forwarded.
class Producer {
  public:
    explicit Producer(World& world) : world_(world) {
        world_.found();
        api::CreateQueue create{"orders", {}};
        create.change.transactional = true;
        create.change.first_query_s = first_query_s;
        create.change.queries_max = 2;
        check(world_.ask(1, create).has_value(), "queue");
        through_ = world_.bystander(data);
    }

    model::MessageId prepare(const std::string& body) {
        auto request = send("orders", {body});
        request.transaction = true;
        request.dedup_key = body;
        const auto sent = world_.ask(through_, request);
        check(sent.has_value(), "prepared");
        return sent->ids.at(0);
    }

    ConfirmResult confirm(model::MessageId message, bool commit) {
        const api::ConfirmTransactions request{"orders", {{message, commit}}};
        auto confirmed = world_.ask(through_, request);
        // Repeating it is safe.
        while (!confirmed) confirmed = world_.ask(through_, request);
        return confirmed->results.at(0);
    }

    // What is asked about until so many messages were.
    std::set<model::MessageId> asked_about(std::size_t messages) {
        std::set<model::MessageId> found;
        for (int turn = 0; turn < 100 && found.size() < messages; ++turn) {
            const auto taken = world_.ask(through_, api::TakeChecks{"orders", 16, 10});
            if (!taken) continue;
            for (const auto& check : taken->items) found.insert(check.message);
        }
        return found;
    }

    api::QueueView view() {
        const auto queue = world_.ask(through_, api::GetQueue{"orders"});
        return queue ? *queue : api::QueueView{};
    }

    [[nodiscard]] std::uint64_t through() const { return through_; }

  private:
    World& world_;
    std::uint64_t through_ = 0;
};

void a_transaction_outlives_its_leader(std::uint64_t seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    MemberRules rules;
    rules.data_sets = 1;
    World world(seed, 3, rules);
    Producer producer(world);
    const auto committed = producer.prepare("committed");
    const auto later = producer.prepare("later");
    const auto forgotten = producer.prepare("forgotten");
    EXPECT_EQ(producer.confirm(committed, true), ConfirmResult::done);
    // A poll is under way when the leader dies.
    const auto poll = world.member(producer.through()).ask(api::TakeChecks{"orders", 16, 20});
    world.run(1'000);
    EXPECT_FALSE(poll.answered());
    world.crash(world.leader(data));
    const std::set<model::MessageId> expected{later, forgotten};
    const auto during = [&] {
        std::set<model::MessageId> found = producer.asked_about(expected.size());
        if (poll.answered() && *poll) {
            for (const auto& check : (*poll)->items) found.insert(check.message);
        }
        return found;
    };
    EXPECT_EQ(during(), expected);
    EXPECT_EQ(producer.confirm(committed, true), ConfirmResult::done);
    EXPECT_EQ(producer.confirm(committed, false), ConfirmResult::otherwise);
    EXPECT_EQ(producer.confirm(later, true), ConfirmResult::done);
    EXPECT_EQ(producer.asked_about(1), std::set<model::MessageId>{forgotten});
    ASSERT_TRUE(world.run_until([&] { return producer.view().unconfirmed == 1; }, 60'000));
    EXPECT_EQ(producer.confirm(forgotten, true), ConfirmResult::otherwise);
    const auto got = world.ask(producer.through(), receive("orders", 16));
    ASSERT_TRUE(got.has_value());
    ASSERT_EQ(got->messages.size(), 2U);
    EXPECT_EQ(got->messages[0].payload, "committed");
    EXPECT_EQ(got->messages[1].payload, "later");
    EXPECT_TRUE(world.differences().empty());
}

TEST(Cluster, WhatIsPreparedIsCheckedAndEndedByTheNextLeader) {
    for (std::uint64_t seed = 1; seed <= 3; ++seed) a_transaction_outlives_its_leader(seed);
}

}  // namespace
}  // namespace penstock::cluster::testing
