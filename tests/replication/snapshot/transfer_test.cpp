// A snapshot on its way: chunks, restarts, damage, what is gone meanwhile.
#include "tests/replication/snapshot/snapshot_pair.h"

#include <algorithm>

namespace penstock::replication::testing {
namespace {

constexpr const char* data = "/data";

// What reclaiming asks of rows that hold nothing any more.
class NothingHeld final : public storage::LiveBodies {
  public:
    [[nodiscard]] LogIndex droppable_to(SetId) const override { return snapshot_index; }

    [[nodiscard]] std::vector<std::uint32_t> live_ordinals(SetId, LogIndex) const override {
        return {};
    }
};

void release_all(Giver& giver) {
    giver.store->recount_done();
    for (LogIndex index = 1; index <= snapshot_index; ++index) {
        giver.store->release(moved_set, index, 2);
    }
    const NothingHeld rows;
    for (int step = 0; step < 1'000; ++step) {
        const auto more = giver.store->reclaim(rows);
        ASSERT_TRUE(more);
        if (!*more) return;
    }
}

std::string received(MemoryDisk& disk, const std::string& part) {
    return disk.bytes_of("/data/incoming/set-1/" + part);
}

TEST(SnapshotTransfer, BringsEveryPartWhole) {
    Giver giver;
    const auto source = giver.source();
    EXPECT_EQ(source->manifest().files.size(), 1U);
    EXPECT_EQ(source->manifest().ranges.size(), 5U);
    MemoryDisk disk;
    SnapshotSink sink(disk, data, source->manifest());
    ASSERT_TRUE(fetch(*source, sink));
    EXPECT_EQ(sink.lost_bodies(), 0U);
    EXPECT_EQ(received(disk, "rows/rows"), giver.disk.bytes_of("/data/snapshots/1/rows"));
    EXPECT_EQ(disk.files().size(), 7U);
}

TEST(SnapshotTransfer, GoesThroughChunksOfAnySize) {
    Giver giver;
    const auto source = giver.source();
    MemoryDisk whole;
    SnapshotSink first(whole, data, source->manifest());
    ASSERT_TRUE(fetch(*source, first));
    for (const std::size_t chunk : {7U, 100U, 1'000U, 5'000U}) {
        MemoryDisk disk;
        SnapshotSink sink(disk, data, source->manifest());
        ASSERT_TRUE(fetch(*source, sink, chunk));
        for (int range = 0; range < 5; ++range) {
            const std::string part = "bodies-" + std::to_string(range);
            EXPECT_EQ(received(disk, part), received(whole, part)) << chunk;
        }
    }
}

TEST(SnapshotTransfer, ARecordLongerThanAChunkComesInPieces) {
    Giver giver(50'000);
    const auto source = giver.source();
    MemoryDisk disk;
    SnapshotSink sink(disk, data, source->manifest());
    ASSERT_TRUE(fetch(*source, sink, 30'000));
    EXPECT_GT(sink.received_bytes(), 50U * 50'000U);
    MemoryDisk whole;
    SnapshotSink at_once(whole, data, source->manifest());
    ASSERT_TRUE(fetch(*source, at_once));
    for (int range = 0; range < 5; ++range) {
        const std::string part = "bodies-" + std::to_string(range);
        EXPECT_EQ(received(disk, part), received(whole, part)) << part;
    }
}

TEST(SnapshotTransfer, GoesOnWhereACrashCutItOff) {
    Giver giver;
    const auto source = giver.source();
    std::uint64_t saved = 0;
    for (std::uint64_t stop = 1; stop < 200; stop += 3) {
        MemoryDisk disk;
        disk.stop_after(stop);
        SnapshotSink cut_off(disk, data, source->manifest());
        if (fetch(*source, cut_off, 400)) break;
        const auto image = disk.crash_image(stop);
        SnapshotSink sink(*image, data, source->manifest());
        const auto fetched = fetch(*source, sink, 400);
        ASSERT_TRUE(fetched) << fetched.error().detail;
        MemoryDisk fresh;
        SnapshotSink whole(fresh, data, source->manifest());
        ASSERT_TRUE(fetch(*source, whole, 400));
        if (sink.received_bytes() < whole.received_bytes()) ++saved;
        for (int range = 0; range < 5; ++range) {
            const std::string part = "bodies-" + std::to_string(range);
            ASSERT_EQ(received(*image, part), received(fresh, part)) << stop;
        }
    }
    EXPECT_GT(saved, 20U);
}

TEST(SnapshotTransfer, ADamagedChunkBeginsItsPartAnew) {
    Giver giver;
    const auto source = giver.source();
    for (const std::uint32_t part : {0U, 2U}) {
        MemoryDisk disk;
        SnapshotSink sink(disk, data, source->manifest());
        bool damaged = false;
        while (!sink.complete()) {
            ASSERT_TRUE(sink.step());
            const auto wanted = sink.wanted();
            if (!wanted) continue;
            std::string bytes = *source->read(wanted->part, wanted->offset, 1'000);
            if (wanted->part != part || damaged) {
                ASSERT_TRUE(sink.take(bytes));
                continue;
            }
            damaged = true;
            // Behind the length of the first frame.
            const std::size_t at = std::min<std::size_t>(bytes.size() / 2, 60);
            bytes[at] = static_cast<char>(bytes[at] ^ 0x20);
            EXPECT_EQ(sink.take(bytes).error().code, Errc::damaged);
            EXPECT_EQ(sink.wanted(), (SnapshotSink::Wanted{part, 0}));
            EXPECT_EQ(sink.take("").error().code, Errc::damaged);
            EXPECT_EQ(sink.take(std::string(chunk_bytes_max + 1, 'x')).error().code, Errc::damaged);
        }
        EXPECT_TRUE(damaged);
    }
}

TEST(SnapshotTransfer, BodiesOfOtherEntriesThanThoseListedAreRefused) {
    Giver giver;
    const auto source = giver.source();
    giver.held.erase(12);
    const auto other = giver.source();
    MemoryDisk disk;
    SnapshotSink sink(disk, data, source->manifest());
    const auto fetched = fetch(*other, sink);
    ASSERT_FALSE(fetched);
    EXPECT_EQ(fetched.error().code, Errc::damaged);
}

TEST(SnapshotTransfer, AnotherSnapshotClearsWhatWasReceivedOfTheFirst) {
    Giver giver;
    const auto first = giver.source();
    MemoryDisk disk;
    {
        SnapshotSink sink(disk, data, first->manifest());
        ASSERT_TRUE(fetch(*first, sink));
    }
    giver.held = {{9, {0}}};
    const auto second = giver.source();
    SnapshotSink sink(disk, data, second->manifest());
    ASSERT_TRUE(fetch(*second, sink));
    EXPECT_EQ(disk.files(),
              (std::vector<std::string>{"/data/incoming/set-1/bodies-0",
                                        "/data/incoming/set-1/manifest",
                                        "/data/incoming/set-1/rows/rows"}));
}

// Removed and not synced, a part may be there again after a power cut.
TEST(SnapshotTransfer, ACrashBringsNoPartOfTheSnapshotBeforeBack) {
    Giver giver;
    const auto first = giver.source();
    giver.held = {{9, {0}}};
    const auto second = giver.source();
    MemoryDisk fresh;
    SnapshotSink whole(fresh, data, second->manifest());
    ASSERT_TRUE(fetch(*second, whole));
    for (std::uint64_t stop = 1; stop < 60; ++stop) {
        MemoryDisk disk;
        SnapshotSink before(disk, data, first->manifest());
        ASSERT_TRUE(fetch(*first, before));
        {
            auto rows = disk.open("/data/incoming/set-1/rows/rows", Disk::Open::existing);
            ASSERT_TRUE((*rows)->write_at(0, {"of another moment"}));
            ASSERT_TRUE((*rows)->sync());
        }
        disk.stop_after(stop);
        SnapshotSink cut_off(disk, data, second->manifest());
        (void)fetch(*second, cut_off);
        const auto image = disk.crash_image(stop);
        SnapshotSink sink(*image, data, second->manifest());
        ASSERT_TRUE(fetch(*second, sink));
        ASSERT_EQ(received(*image, "rows/rows"), received(fresh, "rows/rows")) << stop;
    }
}

TEST(SnapshotTransfer, WhatIsReleasedMeanwhileStaysUntilTheSourceRests) {
    Giver giver;
    const auto source = giver.source();
    release_all(giver);
    MemoryDisk disk;
    {
        SnapshotSink sink(disk, data, source->manifest());
        ASSERT_TRUE(fetch(*source, sink));
        EXPECT_EQ(sink.lost_bodies(), 0U);
    }
    source->rest();
    release_all(giver);
    MemoryDisk later;
    SnapshotSink sink(later, data, source->manifest());
    ASSERT_TRUE(fetch(*source, sink));
    EXPECT_GT(sink.lost_bodies(), 30U);
}

TEST(SnapshotTransfer, ADamagedBodyIsSaidToBeLostAndStopsNothing) {
    Giver giver;
    const std::string wanted = body_text(60, 1, giver.body_bytes);
    for (const std::string& path : giver.disk.files()) {
        std::string bytes = giver.disk.bytes_of(path);
        const std::size_t at = bytes.find(wanted);
        if (at == std::string::npos) continue;
        bytes[at + 5] = '!';
        giver.disk.put_bytes(path, bytes);
    }
    const auto source = giver.source();
    MemoryDisk disk;
    SnapshotSink sink(disk, data, source->manifest());
    ASSERT_TRUE(fetch(*source, sink));
    EXPECT_EQ(sink.lost_bodies(), 1U);
}

// Whoever has the one before need not have them again.
TEST(SnapshotTransfer, RangesStayAsTheyAreWhenAMessageBeforeThemIsGone) {
    Giver giver;
    const std::vector<BodyRange> before = giver.source()->manifest().ranges;
    giver.held.erase(3);
    const std::vector<BodyRange> after = giver.source()->manifest().ranges;
    ASSERT_EQ(after.size(), 5U);
    EXPECT_NE(after[0], before[0]);
    for (std::size_t at = 1; at < after.size(); ++at) EXPECT_EQ(after[at], before[at]) << at;
}

TEST(SnapshotTransfer, ASourceAnswersForNoPlaceOutsideOfIt) {
    Giver giver;
    const auto source = giver.source();
    EXPECT_EQ(source->read(6, 0, 100).error().code, Errc::invalid);
    EXPECT_EQ(source->read(0, 1'000'000, 100).error().code, Errc::invalid);
    EXPECT_EQ(source->read(1, 10ULL << frame_shift, 100).error().code, Errc::invalid);
    EXPECT_EQ(*source->read(1, 9ULL << frame_shift, 100), "");
    EXPECT_EQ(giver.make_source()->read(0, 0, 100).error().code, Errc::invalid);
    ASSERT_TRUE(source->remove());
    EXPECT_EQ(source->read(0, 0, 100).error().code, Errc::invalid);
}

}  // namespace
}  // namespace penstock::replication::testing
