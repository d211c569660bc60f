// Jobs of a set whose leader dies in the middle: the next one goes on, and what becomes of every
// message is known.
#include "tests/cluster/world.h"
#include "tests/node/requests.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

namespace penstock::cluster::testing {
namespace {

using model::Verdict;
using penstock::testing::publish;
using penstock::testing::subscribe;

constexpr SetId data{1};
constexpr std::size_t letters = 120;
constexpr std::uint32_t rate = 20;

MemberRules dispatching() {
    MemberRules rules;
    rules.data_sets = 1;
    rules.dispatches = true;
    return rules;
}

// A topic `news` with the subscription `hook`, whose endpoint says what it is told to.
class Hook {
  public:
    explicit Hook(World& world) : world_(world) {
        world_.found();
        world_.after_turn = [this](Member& member) {
            take(member);
        };
        check(world_.ask(1, api::CreateTopic{"news", {}}).has_value(), "topic");
        check(world_.ask(1, subscribe("news", "hook")).has_value(), "subscription");
    }

    ~Hook() { world_.after_turn = nullptr; }

    Hook(const Hook&) = delete;
    Hook& operator=(const Hook&) = delete;

    void publish_all() {
        for (std::size_t at = 0; at < letters; ++at) {
            const auto sent = world_.ask(1, publish("news", {"gold " + std::to_string(at)}));
            check(sent.has_value(), "publish");
        }
    }

    // Of the dead-letter queue, by whoever is up.
    std::uint64_t waiting() {
        for (const auto& [id, member] : world_.members()) {
            if (!member->up()) continue;
            const auto queue = world_.ask(id.value, api::GetQueue{"news.hook.dlq"});
            if (queue) return queue->active;
        }
        return letters + 1;
    }

    [[nodiscard]] std::uint64_t repeated() const {
        std::uint64_t times = 0;
        for (const auto& [body, accepted] : accepted_) times += accepted - 1;
        return times;
    }

    [[nodiscard]] std::size_t accepted() const { return accepted_.size(); }

    Verdict verdict = Verdict::rejected;

  private:
    void take(Member& member) {
        if (!member.up()) return;
        for (const api::Delivery& one : member.deliveries().take()) {
            model::SettleItem item;
            item.sequence = one.sequence;
            item.generation = one.generation;
            item.verdict = verdict;
            if (verdict != Verdict::accepted) item.failure = model::Failure::status;
            if (verdict == Verdict::accepted) ++accepted_[one.payload];
            api::Dispatch::Settlement settlement;
            settlement.subscription = one.subscription;
            settlement.items.push_back(std::move(item));
            member.node().settle(std::move(settlement), {});
            member.node().grant(one.subscription, 1);
        }
    }

    World& world_;
    std::map<std::string, std::uint64_t> accepted_;
};

// What its leader had handed out and not settled when it died may come once more; all else comes
// once.
void a_redrive_outlives_its_leader(const model::MessageFilter& filter, std::uint64_t seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    World world(seed, 3, dispatching());
    Hook hook(world);
    hook.publish_all();
    ASSERT_TRUE(world.run_until([&] { return hook.waiting() == letters; }, 60'000));
    hook.verdict = Verdict::accepted;
    const std::uint64_t asked = world.bystander(data);
    api::RedriveDeadLetters redrive;
    redrive.queue = "news/hook";
    redrive.filter = filter;
    redrive.rate_per_s = rate;
    ASSERT_TRUE(world.ask(asked, redrive).has_value());
    ASSERT_TRUE(world.run_until([&] { return hook.accepted() >= letters / 4; }, 60'000));
    EXPECT_LT(hook.accepted(), letters / 2);
    world.crash(world.leader(data));
    ASSERT_TRUE(world.run_until([&] { return hook.accepted() == letters; }, 60'000))
        << hook.accepted() << " of " << letters;
    EXPECT_LE(hook.repeated(), rate);
    const auto finished = [&] {
        const auto job = world.ask(asked, api::GetJob{model::JobKind::redrive, "news/hook"});
        return job.has_value() && job->state == "done" && job->taken == letters;
    };
    EXPECT_TRUE(world.run_until(finished));
    EXPECT_EQ(hook.waiting(), 0U);
    EXPECT_TRUE(world.differences().empty());
}

TEST(Cluster, ARedriveByRateGoesOnUnderTheNextLeader) {
    for (std::uint64_t seed = 1; seed <= 3; ++seed) a_redrive_outlives_its_leader({}, seed);
}

TEST(Cluster, ARedriveByWhatBodiesSayGoesOnUnderTheNextLeader) {
    model::MessageFilter gold;
    gold.text = "gold";
    for (std::uint64_t seed = 1; seed <= 3; ++seed) a_redrive_outlives_its_leader(gold, seed);
}

TEST(Cluster, AReplayGoesOnUnderTheNextLeader) {
    World world(5, 3, dispatching());
    Hook hook(world);
    hook.verdict = Verdict::accepted;
    hook.publish_all();
    ASSERT_TRUE(world.run_until([&] { return hook.accepted() == letters; }, 60'000));
    const std::uint64_t asked = world.bystander(data);
    api::ReplayMessages replay{"news", "hook"};
    replay.rate_per_s = rate;
    ASSERT_TRUE(world.ask(asked, replay).has_value());
    ASSERT_TRUE(world.run_until([&] { return hook.repeated() >= letters / 4; }, 60'000));
    world.crash(world.leader(data));
    const auto finished = [&] {
        const auto job = world.ask(asked, api::GetJob{model::JobKind::replay, "news/hook"});
        return job.has_value() && job->state == "done" && job->taken == letters && job->open == 0;
    };
    EXPECT_TRUE(world.run_until(finished, 60'000));
    EXPECT_GE(hook.repeated(), letters);
    EXPECT_LE(hook.repeated(), letters + rate);
    EXPECT_TRUE(world.differences().empty());
}

}  // namespace
}  // namespace penstock::cluster::testing
