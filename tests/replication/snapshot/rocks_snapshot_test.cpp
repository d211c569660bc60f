// The same with RocksDB on a real folder.
#include "broker/base/random.h"
#include "tests/replication/snapshot/snapshot_pair.h"
#include "tests/support/temp_folder.h"

#include <filesystem>

namespace penstock::replication::testing {
namespace {

std::unique_ptr<storage::LogStore> small_log(Disk& disk, const std::string& folder) {
    storage::LogStoreOptions options;
    options.segment_bytes = 1 << 20;
    return *storage::LogStore::open(disk, folder, options, [](SetId) { return LogIndex{0}; });
}

model::RowBatch many_rows(int count) {
    SeededRandom random(7);
    model::RowBatch batch;
    for (int at = 0; at < count; ++at) {
        batch.push_back(
            {model::RowWrite::Kind::put, "k" + std::to_string(1'000'000 + at), random.fill(200)});
    }
    return batch;
}

TEST(RocksSnapshot, AWipedReplicaHasTheRowsAndBodiesOfItsMoment) {
    penstock::testing::TempFolder from;
    penstock::testing::TempFolder to;
    PosixDisk disk;
    auto rows = *storage::open_rocks_rows(from.file("rows"), {});
    ASSERT_TRUE(rows->apply(many_rows(20'000), snapshot_index));
    ASSERT_EQ(*rows->checkpoint(from.file("checkpoint")), snapshot_index);
    ASSERT_TRUE(rows->apply({{model::RowWrite::Kind::put, "k1000000", "later"}}, 121));

    Giver giver;
    SnapshotManifest facts;
    facts.set = moved_set;
    facts.index = snapshot_index;
    facts.term = snapshot_term;
    SnapshotSource source(disk,
                          *giver.store,
                          from.file("checkpoint"),
                          facts,
                          std::make_unique<HeldEntries>(giver.held));
    for (int step = 0; step < 1'000 && !*source.prepare(); ++step) {
    }
    ASSERT_GT(source.manifest().files.size(), 3U);

    const std::string data = to.file("data");
    ASSERT_TRUE(disk.make_folder(data + "/rows"));
    SnapshotSink sink(disk, data, source.manifest());
    const auto fetched = fetch(source, sink);
    ASSERT_TRUE(fetched) << fetched.error().detail;
    const auto store = small_log(disk, data + "/log");
    auto install = SnapshotInstall::begin(disk, data, source.manifest());
    ASSERT_TRUE(install) << install.error().detail;
    const auto done = finish(**install, *store);
    ASSERT_TRUE(done) << done.error().detail;
    expect_bodies(*store, giver);

    const auto moved = storage::open_rocks_rows(data + "/rows/set-1", {});
    ASSERT_TRUE(moved) << moved.error().detail;
    EXPECT_EQ((*moved)->flushed_applied(), snapshot_index);
    for (const model::RowWrite& row : many_rows(20'000)) {
        ASSERT_EQ((*moved)->get(row.key), row.value);
    }
    ASSERT_TRUE(source.remove());
    EXPECT_EQ(rows->get("k1000000"), "later");
}

TEST(RocksSnapshot, ASecondSnapshotReplacesTheFirst) {
    penstock::testing::TempFolder to;
    PosixDisk disk;
    const std::string data = to.file("data");
    ASSERT_TRUE(disk.make_folder(data + "/rows"));
    const auto store = small_log(disk, data + "/log");
    for (const int rows_held : {100, 200}) {
        penstock::testing::TempFolder from;
        auto rows = *storage::open_rocks_rows(from.file("rows"), {});
        ASSERT_TRUE(rows->apply(many_rows(rows_held), snapshot_index));
        ASSERT_TRUE(rows->checkpoint(from.file("checkpoint")));
        Giver giver;
        SnapshotManifest facts;
        facts.set = moved_set;
        facts.index = snapshot_index;
        facts.term = snapshot_term;
        SnapshotSource source(disk,
                              *giver.store,
                              from.file("checkpoint"),
                              facts,
                              std::make_unique<HeldEntries>(giver.held));
        for (int step = 0; step < 1'000 && !*source.prepare(); ++step) {
        }
        SnapshotSink sink(disk, data, source.manifest());
        ASSERT_TRUE(fetch(source, sink));
        auto install = SnapshotInstall::begin(disk, data, source.manifest());
        const auto done = finish(**install, *store);
        ASSERT_TRUE(done) << done.error().detail;
        expect_bodies(*store, giver);
        const auto moved = storage::open_rocks_rows(data + "/rows/set-1", {});
        ASSERT_TRUE(moved) << moved.error().detail;
        const std::string last = "k" + std::to_string(1'000'000 + rows_held - 1);
        EXPECT_TRUE((*moved)->get(last).has_value());
    }
}

}  // namespace
}  // namespace penstock::replication::testing
