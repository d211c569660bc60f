#include "tests/cluster/nemesis.h"

#include "tests/cluster/push_end.h"
#include "tests/cluster/watch.h"

#include <array>
#include <iterator>
#include <map>
#include <memory>
#include <utility>
#include <vector>

namespace penstock::cluster::testing {

namespace {

using What = api::ChangeCluster::What;

constexpr std::int64_t faults_ms = 4'000;
constexpr std::uint64_t events_of_faults = 14'000;
constexpr std::int64_t faults_ms_max = 20'000;
constexpr std::int64_t progress_ms = 30'000;
// A replica that lacks what the others have dropped waits for the second offer of a snapshot.
constexpr std::int64_t progress_by_snapshot_ms = 90'000;
constexpr std::uint64_t all_of_a_log = 1ULL << 30;
// A snapshot whose offer was lost is offered again after a minute: see RaftOptions.
constexpr std::int64_t healing_ms = 120'000;
constexpr std::uint64_t members_max = 7;
constexpr std::uint64_t one_fetch_in = 8;  // breaks the disk, in each look,
constexpr std::uint64_t spoiled_max = 3;   // but no more of them in a game
constexpr std::size_t members_kept = 3;    // none leaves a cluster that has no more

MemberRules rules_of(const Game& game) {
    MemberRules rules;
    rules.data_sets = game.data_sets;
    rules.flush_age_ms = game.flush_age_ms;
    rules.ack = game.ack;
    rules.skew_ms = game.skew_ms;
    rules.keep_bytes = game.keep_bytes;
    return rules;
}

class Nemesis {
  public:
    explicit Nemesis(const Game& game)
        : game_(game), world_(game.seed, game.members, rules_of(game)), clients_(world_) {
        clients_.receiver().clocks_differ(game.skew_ms != 0);
        world_.after_turn = [this](Member& member) {
            watch_.look(member);
        };
        world_.after_quantum = [this] {
            push();
        };
        world_.found();
        clients_.make();
        for (const auto& [id, member] : world_.members()) staying_.insert(id.value);
    }

    Ran play() {
        misuse();
        const bool whole = !game_.changes && world_.deaths().empty();
        if (whole) go_on_without_one();
        heal();
        if (world_.deaths().empty() && clients_.told().complaints.empty()) clients_.judge();
        for (const std::string& what : watch_.complaints()) clients_.complain(what);
        for (const std::string& death : world_.deaths()) clients_.complain(death);
        for (const std::string& difference : world_.differences()) clients_.complain(difference);
        ran_.told = clients_.told();
        ran_.events = world_.events() + clients_.receiver().attempts();
        ran_.trace = watch_.trace();
        ran_.attempts = clients_.receiver().attempts();
        return std::move(ran_);
    }

  private:
    std::uint64_t any() { return 1 + world_.chance(world_.members().size()); }

    Member& anyone() { return world_.member(any()); }

    // The first phase: clients, and everything that may go wrong.
    void misuse() {
        const std::int64_t began_us = world_.clock.steady_us();
        const auto goes_on = [&] {
            const std::int64_t passed_us = world_.clock.steady_us() - began_us;
            const bool enough =
                passed_us >= faults_ms * 1'000 && world_.events() >= events_of_faults;
            return !enough && passed_us < faults_ms_max * 1'000;
        };
        while (goes_on() && world_.deaths().empty() && watch_.complaints().empty()) {
            world_.run(5);
            if (world_.chance(2) == 0) clients_.act();
            if (world_.chance(40) == 0) disturb();
            if (game_.faults.contains(Fault::broken_disk)) spoil_snapshots();
            if (game_.changes && world_.chance(150) == 0) change();
            clients_.look();
        }
    }

    // The second phase: one stays broken for good, the others are well and must be of use again.
    void go_on_without_one() {
        calm_down();
        const std::uint64_t broken = any();
        for (const auto& [id, member] : world_.members()) {
            member->hang_until(0);
            if (!member->up() && world_.deaths().empty()) world_.start(id.value);
        }
        const std::uint64_t well = broken % world_.members().size() + 1;
        break_for_good(broken, well);
        std::vector<std::uint64_t> others;
        for (const auto& [id, member] : world_.members()) {
            if (id.value != broken) others.push_back(id.value);
        }
        const std::string stuck = clients_.progress(
            others, game_.keep_bytes < all_of_a_log ? progress_by_snapshot_ms : progress_ms);
        if (!stuck.empty() && world_.deaths().empty()) {
            clients_.complain("with node " + std::to_string(broken) + " broken " + stuck);
        }
        if (game_.broken != Broken::wiped || !world_.deaths().empty()) return;
        // It must not vote for what it has forgotten, and is no member until it is replaced.
        lost_ = broken;
        if (world_.member(broken).leader_of(model::names_set).value != 0) {
            clients_.complain("a node without the disk it joined with takes part");
        }
        world_.crash(broken);
    }

    void break_for_good(std::uint64_t broken, std::uint64_t well) {
        for (const auto& [id, member] : world_.members()) {
            if (id.value == broken) continue;
            if (game_.broken == Broken::deaf) world_.network.mute(id, NodeId{broken});
            if (game_.broken == Broken::dumb) world_.network.mute(NodeId{broken}, id);
        }
        if (game_.broken == Broken::down) world_.crash(broken);
        if (game_.broken == Broken::isolated) world_.isolate(broken);
        if (game_.broken == Broken::wiped) {
            world_.crash(broken);
            world_.member(broken).wipe();
            world_.start(broken);
        }
        if (game_.broken == Broken::half_cut) world_.network.cut(NodeId{broken}, NodeId{well});
    }

    // Every member's dispatcher; one that begins again begins with nothing.
    void push() {
        for (const auto& [id, member] : world_.members()) {
            if (!member->up()) continue;
            std::unique_ptr<PushEnd>& end = ends_[{id, member->lives()}];
            if (!end) {
                const std::uint64_t seed = game_.seed * 1'000 + id.value * 100 + member->lives();
                end = std::make_unique<PushEnd>(clients_.receiver(), world_.clock, seed);
                member->node().attach(*end);
                watch_.begins(id);
            }
            end->step(member->node(), calm_);
        }
    }

    Fault any_fault() {
        auto at = game_.faults.begin();
        std::advance(at, static_cast<std::ptrdiff_t>(world_.chance(game_.faults.size())));
        return *at;
    }

    void disturb() {
        if (world_.chance(8) == 0) calm_down();
        switch (any_fault()) {
            case Fault::crash:
                crash(any());
                break;
            case Fault::isolate:
                world_.isolate(any());
                break;
            case Fault::hang:
                anyone().hang_until(world_.clock.steady_us() +
                                    static_cast<std::int64_t>(world_.chance(900'000)));
                break;
            case Fault::weather:
                world_.network.set_weather({100, 40'000, world_.chance(100)});
                break;
            case Fault::mute:
                ++ran_.mutes;
                world_.network.mute(NodeId{any()}, NodeId{any()});
                break;
            case Fault::slow_disk:
                ++ran_.slow;
                anyone().slow_disk(static_cast<std::int64_t>(world_.chance(60'000)));
                break;
            case Fault::broken_disk:
                break_disk(anyone());
                break;
            case Fault::cut:
                world_.network.cut(NodeId{any()}, NodeId{any()});
                break;
            case Fault::power_cut:
                for (const auto& [id, member] : world_.members()) {
                    if (world_.chance(4) == 0) crash(id.value);
                }
                break;
        }
        for (const auto& [id, member] : world_.members()) {
            if (!member->up() && world_.chance(2) == 0) world_.start(id.value);
        }
    }

    void break_disk(Member& member) {
        if (!member.up()) return;
        member.break_disk(world_.chance(40));
        ++ran_.crashes;
    }

    // A snapshot is taken into use within a few changes of the disk: few nodes would end there.
    void spoil_snapshots() {
        for (const auto& [id, member] : world_.members()) {
            if (spoiled_ == spoiled_max || !member->up() || member->breaks()) continue;
            if (!member->fetches() || world_.chance(one_fetch_in) != 0) continue;
            ++spoiled_;
            break_disk(*member);
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
        for (const auto& [id, member] : world_.members()) {
            member->slow_disk(0);
            if (member->up() && member->breaks()) crash(id.value);
        }
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
                wanted.set = static_cast<std::uint32_t>(world_.chance(game_.data_sets + 1U));
                break;
            default:
                wanted.what = What::balance;
                break;
        }
        changes_.push_back(member->ask(wanted));
    }

    void heal() {
        calm_down();
        calm_ = true;
        for (const auto& [id, member] : world_.members()) {
            member->hang_until(0);
            if (id.value == lost_) continue;
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
        const bool crashed = ran_.crashes > 0 || game_.broken == Broken::down || lost_ != 0;
        if (clients_.open() > 0 && !crashed) clients_.complain("a request was never answered");
        for (const auto& asked : changes_) {
            if (asked.answered() && *asked) ++ran_.changes;
        }
    }

    Game game_;
    Watch watch_;
    std::map<std::pair<NodeId, std::uint64_t>, std::unique_ptr<PushEnd>> ends_;  // by life
    World world_;
    bool calm_ = false;
    std::uint64_t spoiled_ = 0;
    std::uint64_t lost_ = 0;  // the member whose disk is gone; 0: none
    Clients clients_;
    Ran ran_;
    std::set<std::uint64_t> staying_;  // members that nobody wanted to leave
    std::vector<Asked<api::ChangeCluster>> changes_;
};

}  // namespace

Game game_of(std::uint64_t seed) {
    constexpr std::array all{Fault::crash,
                             Fault::power_cut,
                             Fault::isolate,
                             Fault::cut,
                             Fault::mute,
                             Fault::hang,
                             Fault::weather,
                             Fault::slow_disk,
                             Fault::broken_disk};
    constexpr std::uint64_t little_bytes = 8U << 10;
    SeededRandom random(seed * 977 + 5);
    Game game;
    game.seed = seed;
    game.members = random.below(5) == 0 ? 5 : 3;
    game.data_sets = static_cast<std::uint16_t>(1 + random.below(2));
    game.changes = random.below(4) == 0;
    game.ack = random.below(4) == 0 ? Ack::majority : Ack::all;
    game.flush_age_ms = random.below(2) == 0 ? 300 : 1'000'000'000;
    if (random.below(3) == 0) {
        game.flush_age_ms = 100;
        game.keep_bytes = little_bytes;
    }
    game.skew_ms = random.below(3) == 0 ? 400 : 0;
    for (const Fault fault : all) {
        if (random.below(3) != 0) game.faults.insert(fault);
    }
    if (game.faults.empty()) game.faults.insert(Fault::crash);
    game.broken = static_cast<Broken>(random.below(6));
    return game;
}

std::string show(const Game& game) {
    constexpr std::array faults{"crash",
                                "power-cut",
                                "isolate",
                                "cut",
                                "mute",
                                "hang",
                                "weather",
                                "slow-disk",
                                "broken-disk"};
    constexpr std::array broken{"down", "isolated", "deaf", "dumb", "half-cut", "wiped"};
    std::string text = "members=" + std::to_string(game.members) +
                       " sets=" + std::to_string(game.data_sets) +
                       " ack=" + (game.ack == Ack::all ? "all" : "majority") +
                       " changes=" + (game.changes ? "yes" : "no") +
                       " flush-ms=" + std::to_string(game.flush_age_ms) +
                       " log-bytes=" + std::to_string(game.keep_bytes) +
                       " skew-ms=" + std::to_string(game.skew_ms) + " faults=";
    for (const Fault fault : game.faults) {
        if (text.back() != '=') text += ',';
        text += faults.at(static_cast<std::size_t>(fault));
    }
    return text + " broken=" + broken.at(static_cast<std::size_t>(game.broken));
}

Ran play(const Game& game) {
    Nemesis nemesis(game);
    return nemesis.play();
}

}  // namespace penstock::cluster::testing
