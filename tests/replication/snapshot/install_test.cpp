// A snapshot taken into use, with a crash after every change of the disk.
#include "broker/base/bytes.h"
#include "tests/replication/snapshot/snapshot_pair.h"

#include <algorithm>
#include <optional>

namespace penstock::replication::testing {
namespace {

constexpr const char* data = "/data";
const std::string rows_folder = "/data/rows/set-1";
constexpr LogIndex old_last = 40;
constexpr LogIndex old_applied = 30;

LogIndex applied_of(Disk& disk) {
    const auto rows = storage::read_memory_rows(disk, rows_folder);
    if (!rows) return 0;
    return Reader(rows->at(std::string(storage::applied_index_key))).u64();
}

// A replica that fell behind, beside a set that is none of the snapshot's business.
std::unique_ptr<MemoryDisk> late_node() {
    auto disk = std::make_unique<MemoryDisk>();
    EXPECT_TRUE(disk->make_folder("/data/rows"));
    const auto rows = storage::make_memory_rows(nullptr, disk.get());
    EXPECT_TRUE(rows->apply({{model::RowWrite::Kind::put, "row", "old"}}, old_applied));
    EXPECT_TRUE(rows->checkpoint(rows_folder));
    const auto store = open_log(*disk, [](SetId) { return LogIndex{0}; });
    for (LogIndex index = 1; index <= old_last; ++index) {
        store->append(make_entry(moved_set, index, 250));
        store->append(make_entry(other_set, index, 90));
    }
    store->append_hard_state(moved_set, {2, 9, 35});
    EXPECT_TRUE(store->sync());
    return disk;
}

// As a node starts: what was being installed is finished or given up first.
struct Started {
    std::unique_ptr<storage::LogStore> store;
    LogIndex applied = 0;
};

Result<Started> start(Disk& disk) {
    const auto marked = marked_sets(disk, data);
    if (!marked) return marked.error();
    Started started;
    started.store = open_log(disk, [&](SetId set) {
        const bool replaced = std::find(marked->begin(), marked->end(), set) != marked->end();
        if (replaced) return storage::nothing_needed;
        return set == moved_set ? applied_of(disk) : LogIndex{0};
    });
    if (!started.store) return error(Errc::io, "the store does not open");
    for (const SetId set : *marked) {
        auto install = SnapshotInstall::resume(disk, data, set, *started.store);
        if (!install) return install.error();
        if (!*install) continue;
        if (const auto done = finish(**install, *started.store); !done) return done.error();
    }
    started.applied = applied_of(disk);
    return started;
}

// Fetches and installs, unless that is done.
Result<void> catch_up(Disk& disk, Started& node, SnapshotSource& source) {
    if (node.applied >= snapshot_index) return {};
    SnapshotSink sink(disk, data, source.manifest());
    if (const auto fetched = fetch(source, sink); !fetched) return fetched;
    auto install = SnapshotInstall::begin(disk, data, source.manifest());
    if (!install) return install.error();
    if (const auto done = finish(**install, *node.store); !done) return done;
    node.applied = applied_of(disk);
    return {};
}

void expect_caught_up(MemoryDisk& disk, const Started& node, const Giver& giver) {
    EXPECT_EQ(node.applied, snapshot_index);
    EXPECT_EQ(storage::read_memory_rows(disk, rows_folder)->at("row"), "new");
    expect_bodies(*node.store, giver);
    LogIndex next = 1;
    ASSERT_TRUE(node.store->scan(
        other_set, 1, [&](const storage::StoredEntry& entry) { return entry.index == next++; }));
    EXPECT_EQ(next, old_last + 1);
    const auto marked = marked_sets(disk, data);
    EXPECT_EQ(*marked, std::vector<SetId>{});
}

TEST(SnapshotInstall, ReplacesLogAndRowsAndLeavesNothingBehind) {
    Giver giver;
    const auto source = giver.source();
    const auto disk = late_node();
    auto node = start(*disk);
    ASSERT_TRUE(node);
    ASSERT_TRUE(catch_up(*disk, *node, *source));
    expect_caught_up(*disk, *node, giver);
    EXPECT_EQ(node->store->hard_state(moved_set),
              (storage::HardState{snapshot_term, 0, snapshot_index}));
    for (const std::string& path : disk->files()) {
        EXPECT_EQ(path.find("/incoming/"), std::string::npos) << path;
    }
    node->store->append(make_entry(moved_set, snapshot_index + 1, 10));
    ASSERT_TRUE(node->store->sync());
    node = start(*disk);
    ASSERT_TRUE(node);
    EXPECT_EQ(node->store->range(moved_set).last, snapshot_index + 1);
}

TEST(SnapshotInstall, KeepsTheVoteOfALaterTerm) {
    Giver giver;
    const auto source = giver.source();
    const auto disk = late_node();
    auto node = start(*disk);
    ASSERT_TRUE(node);
    node->store->append_hard_state(moved_set, {7, 2, 35});
    ASSERT_TRUE(catch_up(*disk, *node, *source));
    EXPECT_EQ(node->store->hard_state(moved_set), (storage::HardState{7, 2, snapshot_index}));
}

TEST(SnapshotInstall, ACrashAfterAnyChangeOfTheDiskIsMadeGood) {
    Giver giver;
    const auto source = giver.source();
    const auto before = late_node();
    std::uint64_t span = 0;
    {
        const auto disk = before->crash_image(1);
        auto node = start(*disk);
        ASSERT_TRUE(catch_up(*disk, *node, *source));
        span = disk->operations();
    }
    ASSERT_GT(span, 50U);
    std::uint64_t resumed = 0;
    for (std::uint64_t stop = 0; stop <= span; ++stop) {
        SCOPED_TRACE(stop);
        const auto disk = before->crash_image(1);
        disk->stop_after(stop);
        if (auto node = start(*disk)) {
            const auto cut_off = catch_up(*disk, *node, *source);
            EXPECT_TRUE(cut_off || cut_off.error().code == Errc::io) << cut_off.error().detail;
        }
        const auto image = disk->crash_image(stop);
        const auto marked = marked_sets(*image, data);
        if (!marked->empty()) ++resumed;
        auto node = start(*image);
        ASSERT_TRUE(node) << node.error().detail;
        // Nothing in between: the old replica, or the new one.
        ASSERT_TRUE(node->applied == snapshot_index || node->applied == old_applied);
        if (node->applied == old_applied) {
            ASSERT_EQ(node->store->range(moved_set).last, old_last);
            ASSERT_EQ(node->store->hard_state(moved_set), (storage::HardState{2, 9, 35}));
        }
        const auto caught_up = catch_up(*image, *node, *source);
        ASSERT_TRUE(caught_up) << caught_up.error().detail;
        expect_caught_up(*image, *node, giver);
        if (HasFatalFailure()) return;
        node = start(*image);
        ASSERT_TRUE(node) << node.error().detail;
        expect_caught_up(*image, *node, giver);
    }
    EXPECT_GT(resumed, 15U);
}

TEST(SnapshotInstall, ASnapshotThatTheLogHasOvertakenIsGivenUp) {
    Giver giver;
    const auto source = giver.source();
    const auto disk = late_node();
    auto node = start(*disk);
    ASSERT_TRUE(node);
    SnapshotSink sink(*disk, data, source->manifest());
    ASSERT_TRUE(fetch(*source, sink));
    ASSERT_TRUE(SnapshotInstall::begin(*disk, data, source->manifest()));
    for (LogIndex index = old_last + 1; index <= snapshot_index + 3; ++index) {
        node->store->append(make_entry(moved_set, index, 50));
    }
    ASSERT_TRUE(node->store->sync());
    node = start(*disk);
    ASSERT_TRUE(node);
    EXPECT_EQ(node->store->range(moved_set).last, snapshot_index + 3);
    EXPECT_EQ(node->applied, old_applied);
    EXPECT_EQ(*marked_sets(*disk, data), std::vector<SetId>{});
}

TEST(SnapshotInstall, RevokedItStaysReceived) {
    Giver giver;
    const auto source = giver.source();
    const auto disk = late_node();
    SnapshotSink sink(*disk, data, source->manifest());
    ASSERT_TRUE(fetch(*source, sink));
    auto install = SnapshotInstall::begin(*disk, data, source->manifest());
    EXPECT_EQ(*marked_sets(*disk, data), std::vector<SetId>{moved_set});
    ASSERT_TRUE((*install)->revoke());
    EXPECT_EQ(*marked_sets(*disk, data), std::vector<SetId>{});
    SnapshotSink again(*disk, data, source->manifest());
    ASSERT_TRUE(fetch(*source, again));
    EXPECT_EQ(again.received_bytes(), 0U);
    // Kept while it is ahead of the rows, then cleared away.
    EXPECT_EQ(*clear_stale(*disk, data, moved_set, old_applied), false);
    EXPECT_TRUE((*sink.manifest().ranges.begin()).entries > 0);
    EXPECT_EQ(*clear_stale(*disk, data, moved_set, snapshot_index), false);
    for (const std::string& path : disk->files()) {
        EXPECT_EQ(path.find("/incoming/"), std::string::npos) << path;
    }
}

}  // namespace
}  // namespace penstock::replication::testing
