#include "tests/node/requests.h"
#include "tests/support/stepped_node.h"
#include "tests/support/temp_folder.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace penstock::testing {

TEST(Restart, ReplayingTheLogGivesTheSameStateHashAndMessages) {
    SteppedNode node;
    ASSERT_TRUE(node.ask(create_queue("orders")));
    ASSERT_TRUE(node.ask(send("orders", {"one", "two"})));
    const auto leased = node.ask(receive("orders"));
    ASSERT_EQ(leased->messages.size(), 1U);
    node.settle_down();
    const auto before = core::progress(node.node->data_set().rows());
    node.restart();
    const auto receipt = leased->messages[0].receipt;
    // What a start itself proposes follows what was there.
    EXPECT_GT(node.node->data_set().applied(), before.applied);
    EXPECT_TRUE(node.ask(remove("orders", {receipt}))->removed.at(0));
    const auto rest = node.ask(receive("orders", 16));
    ASSERT_EQ(rest->messages.size(), 1U);
    EXPECT_EQ(rest->messages[0].payload, "two");
}

TEST(Restart, ARunLeavesNoMoreToBeRedoneThanItHasDone) {
    constexpr std::uint64_t mib = 1U << 20;
    SteppedNode node;
    ASSERT_TRUE(node.ask(create_queue("orders")));
    const storage::RowStore& rows = node.node->data_set().row_store();
    const std::vector<std::string> sixteen(16, "body");
    // Kill after kill must not add up: the first flush comes early, each later one after twice as
    // much.
    for (const std::uint64_t due : {mib, 2 * mib, 4 * mib}) {
        const model::LogIndex flushed = rows.flushed_applied();
        std::uint64_t most = 0;
        while (rows.flushed_applied() == flushed && most < 2 * due) {
            ASSERT_TRUE(node.ask(send("orders", sixteen)));
            most = std::max(most, rows.unflushed_bytes());
        }
        EXPECT_GT(most, due / 10 * 9);
        EXPECT_LT(most, due / 10 * 11);
    }
}

TEST(Restart, AnUnsyncedTailIsGoneButNothingAnsweredIsLost) {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        SteppedNode node;
        ASSERT_TRUE(node.ask(create_queue("orders")));
        ASSERT_TRUE(node.ask(send("orders", {"one"})));
        ASSERT_TRUE(node.ask(send("orders", {"two"})));
        node.node.reset();
        node.disk.crash(seed);
        node.open();
        EXPECT_EQ(node.ask(receive("orders", 16))->messages.size(), 2U) << "seed " << seed;
    }
}

TEST(Restart, ACreateCutInHalfIsFinishedOrUndone) {
    // One turn more before the end each time, until the create is through.
    for (int turns = 1; turns <= 5; ++turns) {
        SteppedNode node;
        ASSERT_TRUE(node.ask(api::CreateTopic{"news", {}}));
        const auto half = node.start(subscribe("news", "hook"));
        for (int turn = 0; turn < turns; ++turn) node.step();
        node.restart();
        EXPECT_TRUE(core::unfinished_names(node.node->names_set().rows()).empty()) << turns;
        const bool exists = node.ask(api::GetSubscription{"news", "hook"}).has_value();
        EXPECT_TRUE(exists || !half.answered()) << turns;
        if (exists) continue;
        EXPECT_TRUE(node.ask(subscribe("news", "hook"))) << "the name is free " << turns;
    }
}

TEST(Restart, ADeleteCutInHalfIsFinished) {
    for (int turns = 1; turns <= 3; ++turns) {
        SteppedNode node;
        ASSERT_TRUE(node.ask(create_queue("orders")));
        node.start(api::DeleteQueue{"orders"});
        for (int turn = 0; turn < turns; ++turn) node.step();
        node.restart();
        EXPECT_FALSE(node.ask(api::GetQueue{"orders"})) << turns;
        EXPECT_TRUE(core::unfinished_names(node.node->names_set().rows()).empty()) << turns;
    }
}

TEST(Restart, KeysSurviveAndTheDevelopmentKeyOpensNothingWithoutIt) {
    node::NodeOptions options;
    options.dev = true;
    SteppedNode node(options);
    EXPECT_EQ(node.node->key_of("AKIDpenstockdev")->secret, "penstock-dev-secret");
    EXPECT_FALSE(node.node->first_start_key());
    node.options.dev = false;
    node.restart();
    EXPECT_FALSE(node.node->key_of("AKIDpenstockdev"));
    ASSERT_TRUE(node.node->first_start_key());
    const node::RootKey key = *node.node->first_start_key();
    EXPECT_EQ(key.key_id.substr(0, 4), "AKID");
    EXPECT_EQ(key.key_id.size(), 36U);
    EXPECT_GE(key.secret.size(), 32U);
    node.restart();
    EXPECT_FALSE(node.node->first_start_key());
    EXPECT_EQ(node.node->key_of(key.key_id)->secret, key.secret);
}

TEST(Restart, ARootKeyThatCannotBeKeptStopsTheFirstStart) {
    SteppedNode world;
    MemoryDisk disk;
    node::NodeOptions options = world.options;
    options.save_root_key = [](const node::RootKey&) -> Result<void> {
        return error(Errc::io, "no");
    };
    const auto rows = [](const std::string&) {
        return storage::make_memory_rows();
    };
    node::Node::World parts{disk, world.clock, world.random, world.offload, rows};
    node::Node node(std::move(parts), options);
    EXPECT_FALSE(node.open());
    EXPECT_FALSE(node.ready());
}

TEST(Restart, WithRocksDbAFlushedAndAnUnflushedStopBothKeepEverything) {
    const TempFolder folder;
    PosixDisk disk;
    ManualClock clock;
    SeededRandom random(3);
    node::Offload offload(node::Offload::Kind::stepped);
    node::NodeOptions options;
    options.data_folder = folder.file("data");
    options.log.segment_bytes = 1U << 20;
    const auto rows = [](const std::string& path) {
        return storage::open_rocks_rows(path, {4U << 20, 4U << 20});
    };
    for (int start = 1; start <= 3; ++start) {
        node::Node node(node::Node::World{disk, clock, random, offload, rows}, options);
        ASSERT_TRUE(node.open());
        bool answered = false;
        const std::string name = "queue" + std::to_string(start);
        node.call({}, create_queue(name), {}, [&answered](const std::any& outcome) {
            answered = std::any_cast<api::Outcome<api::QueueView>>(outcome).has_value();
        });
        for (int turn = 0; turn < 20; ++turn) ASSERT_TRUE(node.step());
        EXPECT_TRUE(answered);
        const auto page =
            core::list_names(node.names_set().rows(), model::ObjectKind::queue, {}, 0, 10);
        EXPECT_EQ(page.total, static_cast<std::uint64_t>(start));
        if (start == 1) {
            ASSERT_TRUE(node.close());
        }
    }
}

}  // namespace penstock::testing
