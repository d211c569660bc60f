#include "tests/planted/games.h"

#include "tests/cluster/nemesis.h"
#include "tests/reference/history.h"
#include "tests/replication/raft_game.h"
#include "tests/simulation/one_node.h"
#include "tests/simulation/outbox_world.h"

#include <map>
#include <vector>

namespace penstock::planted_bugs {

namespace {

constexpr int acts_of_a_node = 600;
constexpr int acts_of_a_long_node = 2'500;
constexpr int acts_of_a_damaged_node = 150;
constexpr int acts_of_an_outbox = 1'500;

std::string first_of(const std::vector<std::string>& complaints) {
    return complaints.empty() ? std::string() : complaints.front();
}

std::string play_node(std::uint64_t seed) {
    simulation::OneNode node(seed);
    node.run(acts_of_a_node);
    return first_of(node.complaints());
}

// Long enough for segments of its log to be dropped.
std::string play_long_node(std::uint64_t seed) {
    simulation::OneNode node(seed * 4);  // rows are never flushed
    node.run(acts_of_a_long_node);
    return first_of(node.complaints());
}

std::string play_damage(std::uint64_t seed) {
    simulation::OneNode node(seed * 4);
    node.run(acts_of_a_damaged_node);
    return first_of(node.complaints_after_damage());
}

std::string play_cluster(std::uint64_t seed) {
    return first_of(cluster::testing::play(cluster::testing::game_of(seed)).told.complaints);
}

std::string play_raft(std::uint64_t seed) {
    return first_of(replication::testing::play(seed).violations);
}

std::string play_outbox(std::uint64_t seed) {
    simulation::OutboxWorld world(seed);
    for (int at = 0; at < acts_of_an_outbox && world.complaints().empty(); ++at) world.act();
    world.finish();
    return first_of(world.complaints());
}

std::string play_history(std::uint64_t seed) {
    return reference::complaint_of(reference::draw_history(seed));
}

}  // namespace

Play game_of(std::string_view name) {
    static const std::map<std::string_view, Play> games{{"cluster", play_cluster},
                                                        {"damage", play_damage},
                                                        {"long-node", play_long_node},
                                                        {"history", play_history},
                                                        {"node", play_node},
                                                        {"outbox", play_outbox},
                                                        {"raft", play_raft}};
    const auto found = games.find(name);
    return found == games.end() ? nullptr : found->second;
}

}  // namespace penstock::planted_bugs
