// planted_games BUG GAME FIRST SEEDS: plays seeds of a game with a bug planted (0: none) until one
// of them complains. Says which seed it plays before it does: a bug may end the process. Ends with
// 0 when the bug was caught, 1 when it was not, 2 when it was called wrongly.
#include "tests/planted/games.h"
#include "tests/planted/plant.h"
#include "tests/planted/recorded.h"
#include "tests/replication/etcd_raft/engine_under_test.h"

#include <cstdlib>
#include <iostream>
#include <optional>
#include <string>

namespace penstock {

namespace {

std::optional<replication::EngineLibrary>& loaded() {
    static std::optional<replication::EngineLibrary> library;
    return library;
}

int play(planted_bugs::Play game, std::uint64_t first, std::uint64_t seeds) {
    for (std::uint64_t seed = first; seed < first + seeds; ++seed) {
        std::cout << "seed " << seed << std::endl;
        const std::string complaint = game(seed);
        if (complaint.empty()) continue;
        std::cout << "caught " << seed << ": " << complaint << std::endl;
        return 0;
    }
    return 1;
}

}  // namespace

const replication::EngineLibrary& replication::testing::library() {
    return *loaded();
}

}  // namespace penstock

int main(int count, char** words) {
    using namespace penstock;
    const planted_bugs::Play game = count == 5 ? planted_bugs::game_of(words[2]) : nullptr;
    if (game == nullptr) {
        std::cerr << "planted_games BUG GAME FIRST SEEDS: " << planted_bugs::build_mark << "\n";
        return 2;
    }
    auto library = replication::EngineLibrary::load(PENSTOCK_ETCD_RAFT_OBJECT);
    if (!library) {
        std::cerr << library.error().detail << "\n";
        return 2;
    }
    loaded().emplace(std::move(*library));
    planted_bugs::plant(static_cast<Bug>(std::strtoul(words[1], nullptr, 10)));
    int ended = 1;
    const auto run = [&] {
        ended =
            play(game, std::strtoull(words[3], nullptr, 10), std::strtoull(words[4], nullptr, 10));
    };
    loaded()->run_inside(run);
    return ended;
}
