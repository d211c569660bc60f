#include "tests/cluster/world.h"

#include "broker/core/data_query.h"
#include "broker/core/names_query.h"
#include "broker/core/placement.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace penstock::cluster::testing {

namespace {

constexpr std::int64_t quantum_us = 500;
constexpr std::int64_t us_per_ms = 1'000;

}  // namespace

World::World(std::uint64_t seed, std::uint64_t members, MemberRules rules)
    : network(seed), random_(seed * 31 + 7), rules_(std::move(rules)) {
    for (std::uint64_t id = 1; id <= members; ++id) {
        rules_.peers.push_back({NodeId{id}, "peer-" + std::to_string(id)});
    }
    for (std::uint64_t id = 1; id <= members; ++id) {
        members_[NodeId{id}] = std::make_unique<Member>(NodeId{id}, clock, network, rules_);
    }
}

World::~World() = default;

api::ChangeCluster World::enlist(std::uint64_t id) {
    MemberRules rules = rules_;
    rules.peers.push_back({NodeId{id}, "peer-" + std::to_string(id)});
    members_[NodeId{id}] = std::make_unique<Member>(NodeId{id}, clock, network, rules);
    start(id);
    api::ChangeCluster add;
    add.node = id;
    add.peer_address = rules.peers.back().address;
    return add;
}

void World::join(std::uint64_t id) {
    const auto added = ask(1, enlist(id));
    check(added.has_value(), added ? "" : added.error().detail.c_str());
}

void World::start(std::uint64_t id) {
    auto started = member(id).start();
    if (started) return;
    deaths_.push_back("node " + std::to_string(id) + " does not start: " + started.error().detail);
}

void World::crash(std::uint64_t id) {
    if (member(id).up()) member(id).crash(random_.next());
}

void World::found() {
    for (const auto& [id, member] : members_) start(id.value);
    run(20);
    const auto founded = ask(1, api::InitCluster{});
    check(founded.has_value(), founded ? "" : founded.error().detail.c_str());
    const bool led = run_until([this] { return all_led(); });
    check(deaths_.empty(), deaths_.empty() ? "" : deaths_.front().c_str());
    check(led, "every set of a new cluster is led");
}

void World::slow_syncs(std::uint64_t id, std::int64_t milliseconds) {
    if (milliseconds == 0) return member(id).disk().during_syncs({});
    member(id).disk().during_syncs([this, id, milliseconds] {
        const std::int64_t until_us = clock.steady_us() + milliseconds * us_per_ms;
        // It is in the middle of a turn: not to be stepped, however long the others' syncs take.
        member(id).hang_until(std::numeric_limits<std::int64_t>::max());
        run_until([&] { return clock.steady_us() >= until_us; }, milliseconds + 1);
        member(id).hang_until(0);
    });
}

void World::run(std::int64_t milliseconds) {
    const std::int64_t until_us = clock.steady_us() + milliseconds * us_per_ms;
    run_until([&] { return clock.steady_us() >= until_us; }, milliseconds + 1);
}

bool World::run_until(const std::function<bool()>& done, std::int64_t at_most_ms) {
    const std::int64_t until_us = clock.steady_us() + at_most_ms * us_per_ms;
    while (!done()) {
        if (clock.steady_us() >= until_us) return false;
        clock.advance_us(quantum_us);
        network.run_until(network.now_us() + quantum_us);
        for (const auto& [id, member] : members_) {
            if (!member->up() || member->next_wake_us() > clock.steady_us()) continue;
            auto ran = member->run();
            if (ran && after_turn) after_turn(*member);
            if (ran) continue;
            const bool meant = member->breaks();
            const std::string what = "node " + std::to_string(id.value) + " ends: ";
            if (!meant) deaths_.push_back(what + ran.error().detail);
            crash(id.value);
        }
        if (after_quantum) after_quantum();
    }
    return true;
}

std::uint64_t World::events() const {
    std::uint64_t sum = network.happened();
    for (const auto& [id, member] : members_) sum += member->turns() + member->disk_operations();
    return sum;
}

std::uint64_t World::leader(SetId set) {
    std::uint64_t best = 0;
    std::uint64_t term = 0;
    for (const auto& [id, member] : members_) {
        if (!member->up() || !member->leads(set)) continue;
        const std::uint64_t own = member->node().hosted(set)->log().leadership().term;
        if (own < term) continue;
        best = id.value;
        term = own;
    }
    return best;
}

std::uint64_t World::bystander(SetId set) {
    for (const auto& [id, member] : members_) {
        const bool leads = id.value == leader(set) || id.value == leader(model::names_set);
        if (member->up() && !leads) return id.value;
    }
    return 0;
}

// Who was removed, or not yet taken in, follows nobody.
bool World::belongs(NodeId id) {
    const std::uint64_t asked = leader(model::names_set);
    if (asked == 0) return true;
    const auto nodes = core::list_nodes(member(asked).node().names_set().rows());
    return std::any_of(
        nodes.begin(), nodes.end(), [&](const auto& info) { return info.node == id; });
}

std::string World::not_led() {
    for (std::uint16_t number = 0; number <= rules_.data_sets; ++number) {
        const SetId set{number};
        const std::string name = "set " + std::to_string(number);
        const std::uint64_t leading = leader(set);
        if (leading == 0) return name + " has no leader";
        for (const auto& [id, member] : members_) {
            const bool holds = member->up() && member->node().hosted(set) != nullptr;
            if (!holds || !belongs(id) || member->leader_of(set).value == leading) continue;
            return name + " is led by node " + std::to_string(leading) + ", not as node " +
                   std::to_string(id.value) + " knows it";
        }
    }
    return {};
}

SetId World::set_of(const std::string& queue) {
    for (const auto& [id, member] : members_) {
        if (!member->up()) continue;
        const auto found =
            core::find_name(member->node().names_set().rows(), model::ObjectKind::queue, queue);
        if (found) return found->set;
    }
    return {};
}

std::vector<std::string> World::differences() {
    std::vector<std::string> found;
    for (std::uint16_t number = 0; number <= rules_.data_sets; ++number) {
        std::map<model::LogIndex, std::pair<std::uint64_t, std::uint64_t>> seen;
        for (const auto& [id, member] : members_) {
            if (!member->up()) continue;
            const node::HostedSet* hosted = member->node().hosted(SetId{number});
            if (hosted == nullptr) continue;
            const core::SetProgress progress = hosted->progress();
            const auto [other, first] =
                seen.try_emplace(progress.applied, progress.state_hash, id.value);
            if (first || other->second.first == progress.state_hash) continue;
            found.push_back("set " + std::to_string(number) + " at " +
                            std::to_string(progress.applied) + " differs between node " +
                            std::to_string(other->second.second) + " and node " +
                            std::to_string(id.value));
        }
    }
    return found;
}

}  // namespace penstock::cluster::testing
