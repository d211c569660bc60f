// Random clients and random faults against a whole cluster, from seeds; then everything heals, and
// what comes out is held against what was acknowledged.
#include "tests/cluster/world.h"
#include "tests/node/requests.h"
#include "tests/support/test_size.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>
#include <set>

namespace penstock::cluster::testing {
namespace {

using penstock::testing::create_queue;
using penstock::testing::receive;
using penstock::testing::remove;
using penstock::testing::send;

constexpr std::int64_t faults_ms = 4'000;
constexpr std::int64_t healing_ms = 15'000;

struct Ran {
    std::vector<std::string> complaints;
    std::uint64_t acknowledged = 0;
    std::uint64_t removed = 0;
    std::uint64_t crashes = 0;
};

MemberRules rules_of(std::uint64_t seed) {
    MemberRules rules;
    rules.flush_age_ms = seed % 2 == 0 ? 300 : 1'000'000'000;
    return rules;
}

class Nemesis {
  public:
    Nemesis(std::uint64_t seed, bool syncs_lie) : world_(seed, 3, rules_of(seed)) {
        world_.found();
        for (const char* queue : queues) {
            const auto made = world_.ask(1, create_queue(queue));
            check(made.has_value(), "a queue");
        }
        for (const auto& [id, member] : world_.members()) {
            member->disk().plant_lying_syncs(syncs_lie);
        }
    }

    Ran play() {
        const std::int64_t end_us = world_.clock.steady_us() + faults_ms * 1'000;
        while (world_.clock.steady_us() < end_us && world_.deaths().empty()) {
            world_.run(5);
            if (world_.chance(2) == 0) act();
            if (world_.chance(40) == 0) disturb();
            look();
        }
        heal();
        judge();
        for (const std::string& death : world_.deaths()) complain(death);
        for (const std::string& difference : world_.differences()) complain(difference);
        return std::move(ran_);
    }

  private:
    static constexpr const char* queues[] = {"one", "two", "three"};

    struct Sending {
        std::string body;
        Asked<api::SendMessages> asked;
    };

    struct Receiving {
        std::string queue;
        std::set<std::string> removed_before;
        Asked<api::ReceiveMessages> asked;
    };

    struct Removing {
        std::string body;
        Asked<api::DeleteMessages> asked;
    };

    void complain(std::string what) { ran_.complaints.push_back(std::move(what)); }

    Member* any_up() {
        Member& one = world_.member(1 + world_.chance(3));
        return one.up() ? &one : nullptr;
    }

    void act() {
        Member* member = any_up();
        if (member == nullptr) return;
        const std::string queue = queues[world_.chance(3)];
        if (world_.chance(2) == 0) {
            const std::string body = "body-" + std::to_string(next_++);
            sendings_.push_back({body, member->ask(send(queue, {body}))});
        } else {
            auto request = receive(queue, 2, static_cast<std::uint32_t>(world_.chance(3)));
            request.visibility_s = 1;
            receivings_.push_back({queue, removed_, member->ask(request)});
        }
    }

    void disturb() {
        const std::uint64_t id = 1 + world_.chance(3);
        switch (world_.chance(7)) {
            case 0:
            case 1:
                if (!world_.member(id).up()) break;
                world_.crash(id);
                ++ran_.crashes;
                break;
            case 2:
                world_.isolate(id);
                break;
            case 3:
                world_.member(id).hang_until(world_.clock.steady_us() +
                                             static_cast<std::int64_t>(world_.chance(900'000)));
                break;
            case 4:
                world_.network.set_weather({100, 40'000, world_.chance(100)});
                break;
            case 5:
                world_.network.heal_all();
                world_.network.set_weather({});
                break;
            default:
                for (std::uint64_t all = 1; all <= 3 && world_.chance(4) == 0; ++all) {
                    world_.crash(all);
                }
                break;
        }
        for (std::uint64_t all = 1; all <= 3; ++all) {
            if (!world_.member(all).up() && world_.chance(2) == 0) world_.start(all);
        }
    }

    void look() {
        std::erase_if(sendings_, [&](const Sending& sending) {
            if (!sending.asked.answered()) return false;
            if (*sending.asked) {
                acknowledged_.insert(sending.body);
                know((*sending.asked)->ids.front(), sending.body);
            }
            return true;
        });
        std::vector<Receiving> arrived;
        std::erase_if(receivings_, [&](Receiving& receiving) {
            if (!receiving.asked.answered()) return false;
            arrived.push_back(receiving);
            return true;
        });
        for (const Receiving& receiving : arrived) {
            if (*receiving.asked) take(receiving);
        }
        std::erase_if(removings_, [&](const Removing& removing) {
            if (!removing.asked.answered()) return false;
            if (*removing.asked && (*removing.asked)->removed.front()) {
                removed_.insert(removing.body);
                doubted_.erase(removing.body);
            }
            return true;
        });
    }

    void know(model::MessageId id, const std::string& body) {
        const auto [known, fresh] = ids_.emplace(id, body);
        if (!fresh && known->second != body) complain("two messages have one id: " + body);
    }

    void take(const Receiving& receiving) {
        for (const api::ReceivedMessage& message : (*receiving.asked)->messages) {
            know(message.id, message.payload);
            seen_.insert(message.payload);
            if (receiving.removed_before.contains(message.payload)) {
                complain("came after its acknowledged delete: " + message.payload);
            }
            Member* member = any_up();
            if (member == nullptr || draining_ || world_.chance(2) == 0) continue;
            doubted_.insert(message.payload);
            removings_.push_back(
                {message.payload, member->ask(remove(receiving.queue, {message.receipt}))});
        }
    }

    void heal() {
        world_.network.heal_all();
        world_.network.set_weather({});
        for (std::uint64_t id = 1; id <= 3; ++id) {
            world_.member(id).hang_until(0);
            if (!world_.member(id).up() && world_.deaths().empty()) world_.start(id);
        }
        if (!world_.deaths().empty()) return;
        if (!world_.run_until([&] { return world_.all_led(); }, healing_ms)) {
            complain("a set is not led after everything healed");
        }
        // Everything under way ends, leases too.
        for (int at = 0; at < 150; ++at) {
            world_.run(100);
            look();
        }
        const std::size_t open = sendings_.size() + removings_.size() + receivings_.size();
        const bool crashed = ran_.crashes > 0;
        if (open > 0 && !crashed) complain("a request was never answered");
    }

    void judge() {
        if (!world_.deaths().empty() || !ran_.complaints.empty()) return;
        draining_ = true;
        seen_.clear();
        for (const char* queue : queues) {
            for (int empty = 0; empty < 2;) {
                auto request = receive(queue, 16, 0);
                request.visibility_s = 3'600;
                const Receiving receiving{queue, removed_, world_.member(1).ask(request)};
                world_.run_until([&] { return receiving.asked.answered(); });
                const bool answered = receiving.asked.answered() && *receiving.asked;
                if (!answered || (*receiving.asked)->messages.empty()) ++empty;
                if (answered) take(receiving);
            }
        }
        for (const std::string& body : acknowledged_) {
            const bool may_be_gone = removed_.contains(body) || doubted_.contains(body);
            if (!seen_.contains(body) && !may_be_gone) complain("lost: " + body);
        }
        ran_.acknowledged = acknowledged_.size();
        ran_.removed = removed_.size();
    }

    World world_;
    Ran ran_;
    std::vector<Sending> sendings_;
    std::vector<Receiving> receivings_;
    std::vector<Removing> removings_;
    std::set<std::string> acknowledged_;
    std::set<std::string> removed_;
    std::set<std::string> doubted_;  // a delete was asked for
    std::set<std::string> seen_;
    std::map<model::MessageId, std::string> ids_;
    std::uint64_t next_ = 1;
    bool draining_ = false;
};

Ran play(std::uint64_t seed, bool syncs_lie = false) {
    Nemesis nemesis(seed, syncs_lie);
    return nemesis.play();
}

std::uint64_t first_seed() {
    const char* asked = std::getenv("PENSTOCK_SEED");
    return asked == nullptr ? 1 : std::strtoull(asked, nullptr, 10);
}

std::uint64_t seeds() {
    if (std::getenv("PENSTOCK_SEED") != nullptr) return 1;
    return penstock::testing::is_full_size() ? 500 : 20;
}

TEST(Nemesis, NothingAcknowledgedIsLostOrComesBack) {
    Ran sum;
    for (std::uint64_t seed = first_seed(); seed < first_seed() + seeds(); ++seed) {
        const Ran ran = play(seed);
        for (const std::string& what : ran.complaints) {
            ADD_FAILURE() << "PENSTOCK_SEED=" << seed << ": " << what;
        }
        sum.acknowledged += ran.acknowledged;
        sum.removed += ran.removed;
        sum.crashes += ran.crashes;
    }
    std::cout << "acknowledged " << sum.acknowledged << ", removed " << sum.removed << ", crashes "
              << sum.crashes << "\n";
    // What never happened was not tested.
    EXPECT_GT(sum.acknowledged, 20 * seeds());
    EXPECT_GT(sum.removed, 3 * seeds());
    EXPECT_GT(sum.crashes, seeds());
}

TEST(Nemesis, SyncsThatLieAreNoticed) {
    bool noticed = false;
    for (std::uint64_t seed = 1; seed <= 60 && !noticed; ++seed) {
        noticed = !play(seed, true).complaints.empty();
    }
    EXPECT_TRUE(noticed);
}

}  // namespace
}  // namespace penstock::cluster::testing
