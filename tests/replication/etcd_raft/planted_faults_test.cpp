// The referee must be able to say no: mistakes a node could make are planted, and found within a
// bounded number of seeds.
#include "tests/replication/etcd_raft/simulation.h"

#include <gtest/gtest.h>

#include <iostream>
#include <string>

namespace penstock::replication::testing {
namespace {

// The first complaint within `seeds` seeds; empty: none.
std::string first_complaint(const Plan& plan, std::uint64_t seeds) {
    for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
        Simulation simulation(seed, plan);
        simulation.run();
        if (simulation.complaints().empty()) continue;
        std::cout << "seed " << seed << " " << simulation.complaints().front() << "\n";
        return simulation.complaints().front();
    }
    return {};
}

bool is_about_safety(const std::string& complaint) {
    return !complaint.empty() && complaint.find("no progress") == std::string::npos;
}

TEST(PlantedFaults, VotesThatAreNotSyncedAreFound) {
    EXPECT_TRUE(is_about_safety(first_complaint({.faults = {.votes_unsynced = true}}, 1'000)));
}

TEST(PlantedFaults, ConfirmationsBeforeTheWriteAreFound) {
    EXPECT_TRUE(is_about_safety(first_complaint({.faults = {.all_early = true}}, 1'000)));
}

TEST(PlantedFaults, R1BrokenOnASoleVoterIsFound) {
    const Plan plan{
        .founders = 1, .changes = true, .promotes = false, .faults = {.appends_early = true}};
    EXPECT_TRUE(is_about_safety(first_complaint(plan, 1'000)));
}

TEST(PlantedFaults, TheSameSetsWithoutAFaultAreClean) {
    EXPECT_EQ(first_complaint({.founders = 1, .changes = true, .promotes = false}, 50), "");
}

}  // namespace
}  // namespace penstock::replication::testing
