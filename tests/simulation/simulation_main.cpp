#include "broker/model/ids.h"
#include "tests/simulation/seed.h"

#include <gtest/gtest.h>

#include <iostream>
#include <optional>
#include <string_view>

namespace {

std::optional<std::uint64_t>& asked_seed() {
    static std::optional<std::uint64_t> seed;
    return seed;
}

}  // namespace

std::vector<std::uint64_t> penstock::simulation::seeds_to_play(std::uint64_t count) {
    if (asked_seed()) return {*asked_seed()};
    std::vector<std::uint64_t> seeds;
    for (std::uint64_t seed = 1; seed <= count; ++seed) seeds.push_back(seed);
    return seeds;
}

int main(int count, char** words) {
    ::testing::InitGoogleTest(&count, words);
    for (int at = 1; at + 1 < count; ++at) {
        if (std::string_view(words[at]) == "--seed") {
            asked_seed() = penstock::model::parse_decimal(words[at + 1]);
            std::cout << "seed " << words[at + 1] << "\n";
        }
    }
    return RUN_ALL_TESTS();
}
