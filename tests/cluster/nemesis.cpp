#include "tests/cluster/nemesis.h"

#include <utility>

namespace penstock::cluster::testing {

namespace {

using What = api::ChangeCluster::What;

constexpr std::int64_t faults_ms = 4'000;
// A snapshot whose offer was lost is offered again after a minute: see RaftOptions.
constexpr std::int64_t healing_ms = 120'000;
constexpr std::uint64_t members_max = 7;
constexpr std::size_t members_kept = 3;  // none leaves a cluster that has no more
constexpr std::uint16_t data_sets = 2;

MemberRules rules_of(std::uint64_t seed, const Game& game) {
    MemberRules rules;
    rules.data_sets = data_sets;
    rules.flush_age_ms = seed % 2 == 0 ? 300 : 1'000'000'000;
    rules.dispatches = true;
    rules.ack = game.ack;
    rules.skew_ms = seed % 3 == 0 ? 0 : 400;
    return rules;
}

class Nemesis {
  public:
    Nemesis(std::uint64_t seed, const Game& game)
        : game_(game), world_(seed, game.members, rules_of(seed, game)), clients_(world_) {
        world_.found();
        clients_.make();
        for (const auto& [id, member] : world_.members()) {
            staying_.insert(id.value);
        }
    }

    Ran play() {
        const std::int64_t end_us = world_.clock.steady_us() + faults_ms * 1'000;
        while (world_.clock.steady_us() < end_us && world_.deaths().empty()) {
            world_.run(5);
            if (world_.chance(2) == 0) clients_.act();
            if (world_.chance(40) == 0) disturb();
            if (game_.changes && world_.chance(150) == 0) change();
            clients_.look();
        }
        heal();
        if (world_.deaths().empty() && clients_.told().complaints.empty()) clients_.judge();
        for (const std::string& death : world_.deaths()) clients_.complain(death);
        for (const std::string& difference : world_.differences()) clients_.complain(difference);
        ran_.told = clients_.told();
        return std::move(ran_);
    }

  private:
    std::uint64_t any() { return 1 + world_.chance(world_.members().size()); }

    Member& anyone() { return world_.member(any()); }

    void disturb() {
        switch (world_.chance(10)) {
            case 0:
            case 1:
                crash(any());
                break;
            case 2:
                world_.isolate(any());
                break;
            case 3:
                anyone().hang_until(world_.clock.steady_us() +
                                    static_cast<std::int64_t>(world_.chance(900'000)));
                break;
            case 4:
                world_.network.set_weather({100, 40'000, world_.chance(100)});
                break;
            case 5:
                calm_down();
                break;
            case 6:
                ++ran_.mutes;
                world_.network.mute(NodeId{any()}, NodeId{any()});
                break;
            case 7:
                ++ran_.slow;
                anyone().slow_disk(static_cast<std::int64_t>(world_.chance(60'000)));
                break;
            case 8:
                world_.network.cut(NodeId{any()}, NodeId{any()});
                break;
            default:
                for (const auto& [id, member] : world_.members()) {
                    if (world_.chance(4) == 0) crash(id.value);
                }
                break;
        }
        for (const auto& [id, member] : world_.members()) {
            if (!member->up() && world_.chance(2) == 0) world_.start(id.value);
        }
    }

    void crash(std::uint64_t id) {
        if (!world_.member(id).up()) return;
        world_.crash(id);
        ++ran_.crashes;
    }

    void calm_down() {
        world_.network.heal_all();
        world_.network.set_weather({});
        for (const auto& [id, member] : world_.members()) member->slow_disk(0);
    }

    void change() {
        Member* member = clients_.any_up();
        if (member == nullptr) return;
        api::ChangeCluster wanted;
        switch (world_.chance(4)) {
            case 0: {
                if (world_.members().size() >= members_max) return;
                const std::uint64_t id = world_.members().size() + 1;
                wanted = world_.enlist(id);
                staying_.insert(id);
                break;
            }
            case 1: {
                // Node 1 is asked at the end.
                const std::uint64_t id = any();
                if (id == 1 || staying_.size() <= members_kept || !staying_.erase(id)) return;
                wanted.what = What::remove;
                wanted.node = id;
                break;
            }
            case 2:
                wanted.what = What::transfer;
                wanted.node = any();
                wanted.set = static_cast<std::uint32_t>(world_.chance(data_sets + 1));
                break;
            default:
                wanted.what = What::balance;
                break;
        }
        changes_.push_back(member->ask(wanted));
    }

    void heal() {
        calm_down();
        clients_.calm();
        for (const auto& [id, member] : world_.members()) {
            member->hang_until(0);
            if (!member->up() && world_.deaths().empty()) world_.start(id.value);
        }
        if (!world_.deaths().empty()) return;
        if (!world_.run_until([&] { return world_.all_led(); }, healing_ms)) {
            clients_.complain("after everything healed " + world_.not_led());
        }
        // Everything under way ends, leases too.
        for (int at = 0; at < 150 && world_.deaths().empty(); ++at) {
            world_.run(100);
            clients_.look();
        }
        const bool crashed = ran_.crashes > 0;
        if (clients_.open() > 0 && !crashed) clients_.complain("a request was never answered");
        for (const auto& asked : changes_) {
            if (asked.answered() && *asked) ++ran_.changes;
        }
    }

    Game game_;
    World world_;
    Clients clients_;
    Ran ran_;
    std::set<std::uint64_t> staying_;  // members that nobody wanted to leave
    std::vector<Asked<api::ChangeCluster>> changes_;
};

}  // namespace

Game game_of(std::uint64_t seed) {
    Game game;
    game.members = seed % 5 == 0 ? 5 : 3;
    game.changes = seed % 3 == 0;
    game.ack = seed % 4 == 1 ? Ack::majority : Ack::all;
    return game;
}

Ran play(std::uint64_t seed, const Game& game) {
    Nemesis nemesis(seed, game);
    return nemesis.play();
}

}  // namespace penstock::cluster::testing
