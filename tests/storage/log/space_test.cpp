// Full and failing disks, and the space that comes back.
#include "tests/storage/log/held_rows.h"

#include <algorithm>
#include <set>

namespace penstock::storage::testing {

namespace {

constexpr SetId data{1};

TEST(LogStoreSpace, ReturnsWhenNothingIsHeld) {
    MemoryDisk disk;
    auto store = open_store(disk);
    append_entries(*store, data, 1, 100, {4, 200});
    HeldRows rows;
    for (LogIndex index = 1; index <= 100; ++index) store->release(data, index, 4);
    store->recount_done();
    rows.flushed = 50;
    reclaim_all(*store, rows);
    const auto range = store->range(data);
    EXPECT_GT(range.first, 30U);
    EXPECT_LE(range.first, 51U);
    rows.flushed = 100;
    reclaim_all(*store, rows);
    EXPECT_EQ(store->stats().segments, 1U);
    EXPECT_EQ(disk.files().size(), 2U);
    store = open_store(disk, small_segments(), [](SetId) { return LogIndex{100}; });
    EXPECT_EQ(store->range(data).last, 100U);
    EXPECT_GT(store->range(data).first, 90U);
    append_entries(*store, data, 101, 101, {4, 200});
    expect_entries(*store, data, 101, 101, {4, 200});
}

TEST(LogStoreSpace, AStartIsRefusedWhenTheRowsNeedWhatWasReclaimed) {
    MemoryDisk disk;
    auto store = open_store(disk);
    append_entries(*store, data, 1, 100, {4, 200});
    store->recount_done();
    HeldRows rows;
    rows.flushed = 100;
    for (LogIndex index = 1; index <= 100; ++index) store->release(data, index, 4);
    reclaim_all(*store, rows);
    const auto reopened = try_open(disk);
    ASSERT_FALSE(reopened.has_value());
    EXPECT_EQ(reopened.error().code, Errc::damaged);
}

TEST(LogStoreSpace, NothingIsReclaimedBeforeTheRecount) {
    MemoryDisk disk;
    auto store = open_store(disk);
    append_entries(*store, data, 1, 100, {4, 200});
    store = open_store(disk);
    HeldRows rows;
    rows.flushed = 100;
    EXPECT_FALSE(*store->reclaim(rows));
    store->count_live(data, 1, 4);
    EXPECT_FALSE(*store->reclaim(rows));
    store->release(data, 50, 4);  // not counted yet: the rows will show it
    EXPECT_EQ(store->stats().bodies_live, 4U);
}

TEST(LogStoreSpace, SparseSegmentsAreRewrittenKeepingOrdinals) {
    MemoryDisk disk;
    auto store = open_store(disk);
    append_entries(*store, data, 1, 100, {4, 200});
    store->recount_done();
    HeldRows rows;
    rows.flushed = 90;
    for (LogIndex index = 1; index <= 90; ++index) {
        const bool kept = index % 10 == 0;
        store->release(data, index, kept ? 3 : 4);
        if (kept) rows.held.insert(MessageId(data, index, 2));
    }
    const std::uint64_t before = store->stats().bytes;
    reclaim_all(*store, rows);
    EXPECT_LT(store->stats().bytes, before / 2);
    EXPECT_GT(store->stats().rewritten_bytes, 0U);
    EXPECT_EQ(store->stats().bodies_live, 9U + 40U);
    for (int round = 0; round < 2; ++round) {
        for (LogIndex index = 10; index <= 80; index += 10) {
            EXPECT_EQ(read_body(*store, MessageId(data, index, 2))->bytes,
                      body_text(data, index, 2, 200));
            EXPECT_EQ(read_body(*store, MessageId(data, index, 1)).error().code, Errc::not_found);
            EXPECT_EQ(read_body(*store, MessageId(data, index + 1, 0)).error().code,
                      Errc::not_found);
        }
        expect_entries(*store, data, 91, 100, {4, 200});
        store = open_store(disk, small_segments(), [](SetId) { return LogIndex{90}; });
    }
}

TEST(LogStoreSpace, AHeldBodyIsFoundThoughTooMuchWasReleased) {
    MemoryDisk disk;
    auto store = open_store(disk);
    append_entries(*store, data, 1, 60, {4, 200});
    store->recount_done();
    HeldRows rows;
    rows.flushed = 60;
    rows.held.insert(MessageId(data, 3, 1));
    for (LogIndex index = 1; index <= 60; ++index) store->release(data, index, 5);
    reclaim_all(*store, rows);
    EXPECT_EQ(read_body(*store, MessageId(data, 3, 1))->bytes, body_text(data, 3, 1, 200));
}

// A server that has too many files open goes on, and makes room when it may open some again.
TEST(LogStoreSpace, WhatWantsAFileIsDoneLaterWhereNoneMayBeOpened) {
    MemoryDisk disk;
    auto store = open_store(disk);
    append_entries(*store, data, 1, 100, {4, 200});
    store->recount_done();
    HeldRows rows;
    rows.flushed = 90;
    // Some segments are empty, others sparse.
    for (LogIndex index = 1; index <= 90; ++index) {
        const bool kept = index > 45 && index % 10 == 0;
        store->release(data, index, kept ? 3 : 4);
        if (kept) rows.held.insert(MessageId(data, index, 2));
    }
    const auto refused = [&] {
        disk.refuse_opens(true);
        const auto more = store->reclaim(rows);
        const auto scrubbed = store->scrub(1ULL << 30);
        disk.refuse_opens(false);
        EXPECT_TRUE(more || more.error().code == Errc::unavailable) << more.error().detail;
        EXPECT_TRUE(scrubbed || scrubbed.error().code == Errc::unavailable);
        return !more;
    };
    EXPECT_TRUE(refused()) << "the list of segments cannot be written";
    int refusals = 0;
    for (int step = 0; step < 200; ++step) {
        const auto more = store->reclaim(rows);
        ASSERT_TRUE(more.has_value()) << more.error().detail;
        if (!*more) break;
        refusals += refused() ? 1 : 0;
    }
    EXPECT_GT(refusals, 0);
    EXPECT_EQ(store->stats().bodies_live, 5U + 40U);
    for (int round = 0; round < 2; ++round) {
        for (LogIndex index = 50; index <= 90; index += 10) {
            EXPECT_EQ(read_body(*store, MessageId(data, index, 2))->bytes,
                      body_text(data, index, 2, 200));
        }
        expect_entries(*store, data, 91, 100, {4, 200});
        store = open_store(disk, small_segments(), [](SetId) { return LogIndex{90}; });
    }
}

TEST(LogStoreSpace, ABodySourceOutlivesItsSegment) {
    MemoryDisk disk;
    auto store = open_store(disk);
    append_entries(*store, data, 1, 100, {4, 200});
    store->recount_done();
    const auto source = store->find(MessageId(data, 5, 3));
    HeldRows rows;
    rows.flushed = 100;
    for (LogIndex index = 1; index <= 100; ++index) store->release(data, index, 4);
    reclaim_all(*store, rows);
    EXPECT_EQ(store->find(MessageId(data, 5, 3)).error().code, Errc::not_found);
    EXPECT_EQ(source->read(BodySource::Wait::yes)->bytes, body_text(data, 5, 3, 200));
}

TEST(LogStoreSpace, AFullDiskIsAnErrorAndLosesNothing) {
    MemoryDisk disk;
    disk.limit(100'000);
    auto store = open_store(disk, small_segments());
    EXPECT_NE(store->space(), SpaceLevel::exhausted);
    LogIndex last = 0;
    Result<void> synced;
    while (last < 1'000) {
        store->append(make_entry(data, last + 1, {4, 200}));
        synced = store->sync();
        if (!synced) break;
        ++last;
    }
    ASSERT_FALSE(synced.has_value());
    EXPECT_EQ(synced.error().code, Errc::disk_full);
    EXPECT_EQ(store->space(), SpaceLevel::exhausted);
    EXPECT_EQ(store->sync().error().code, Errc::disk_full);
    EXPECT_GT(last, 50U);
    store = open_store(disk);
    expect_entries(*store, data, 1, last, {4, 200});
}

TEST(LogStoreSpace, LevelsFollowWhatIsFree) {
    MemoryDisk disk;
    disk.limit(200ULL << 20);
    const auto store = open_store(disk, small_segments(64 << 20));
    // 200 MiB / 256 is below 1 MiB, the least; eight segments are less than five percent of it.
    EXPECT_EQ(store->stats().bytes, 1U << 20);
    EXPECT_EQ(store->space(), SpaceLevel::normal);
    disk.put_bytes("/data/other", std::string(191 << 20, 'x'));
    EXPECT_EQ(store->space(), SpaceLevel::below_reserve);
    disk.put_bytes("/data/more", std::string(7 << 20, 'x'));
    EXPECT_EQ(store->space(), SpaceLevel::exhausted);
}

TEST(LogStoreSpace, TheReserveHasRoomForTheLargestRecords) {
    MemoryDisk disk;
    disk.limit(200ULL << 20);
    LogStoreOptions options = small_segments(1 << 20);
    options.record_bytes = 16ULL << 20;
    const auto store = open_store(disk, options);
    EXPECT_EQ(store->space(), SpaceLevel::normal);
    disk.put_bytes("/data/other", std::string(80 << 20, 'x'));
    EXPECT_EQ(store->space(), SpaceLevel::below_reserve) << "eight of 16 MiB are not free";
    disk.put_bytes("/data/more", std::string(96 << 20, 'x'));
    EXPECT_EQ(store->space(), SpaceLevel::exhausted) << "nor two";
}

TEST(LogStoreSpace, AFailedWriteOrSyncIsFinal) {
    for (const bool write : {true, false}) {
        MemoryDisk disk;
        auto store = open_store(disk);
        append_entries(*store, data, 1, 3);
        if (write) disk.fail_writes_from(1, Errc::io);
        if (!write) disk.fail_syncs_from(1, Errc::io);
        store->append(make_entry(data, 4));
        EXPECT_EQ(store->sync().error().code, Errc::io);
        disk.heal();
        EXPECT_EQ(store->sync().error().code, Errc::io);
        store = open_store(disk);
        EXPECT_GE(store->range(data).last, 3U);
        expect_entries(*store, data, 1, 3);
    }
}

TEST(LogStoreSpace, ScrubNamesTheDamagedBody) {
    MemoryDisk disk;
    auto store = open_store(disk);
    append_entries(*store, data, 1, 100, {4, 200});
    const std::string path = folder + "/segment-000000000002-0";
    std::string bytes = disk.bytes_of(path);
    const std::string wanted = body_text(data, 25, 2, 200);
    const std::size_t at = bytes.find(wanted);
    ASSERT_NE(at, std::string::npos);
    bytes[at + 100] = '!';
    disk.put_bytes(path, bytes);
    std::vector<MessageId> damaged;
    for (int step = 0; step < 40; ++step) {
        const auto found = store->scrub(4'096);
        ASSERT_TRUE(found.has_value());
        for (const MessageId message : *found) {
            if (damaged.empty() || damaged.back() != message) damaged.push_back(message);
        }
    }
    EXPECT_EQ(damaged, std::vector<MessageId>{MessageId(data, 25, 2)});
    EXPECT_EQ(store->stats().damaged_records, 1U);
    EXPECT_EQ(read_body(*store, MessageId(data, 25, 2)).error().code, Errc::damaged);
    EXPECT_EQ(read_body(*store, MessageId(data, 25, 1))->bytes, body_text(data, 25, 1, 200));
}

TEST(LogStoreSpace, WhatTheDiskRefusesToReadIsDamageOfThatBodyAloneAndIsRepaired) {
    constexpr EntryShape shape{1, 20'000};
    MemoryDisk disk;
    auto store = open_store(disk, small_segments(64 << 10));
    store->recount_done();
    append_entries(*store, data, 1, 9, shape);
    const std::string path = folder + "/segment-000000000001-0";
    const std::size_t at = disk.bytes_of(path).find(body_text(data, 2, 0, 20'000));
    ASSERT_NE(at, std::string::npos);
    disk.lose_byte(path, at + 10'000);
    const MessageId hit(data, 2, 0);
    EXPECT_EQ(read_body(*store, hit).error().code, Errc::damaged);
    const auto scrubbed = store->scrub(1ULL << 30);
    ASSERT_TRUE(scrubbed.has_value()) << scrubbed.error().detail;
    EXPECT_EQ(std::set<MessageId>(scrubbed->begin(), scrubbed->end()), std::set<MessageId>{hit});
    HeldRows rows;
    rows.flushed = 9;
    for (LogIndex index = 1; index <= 9; ++index) rows.held.insert(MessageId(data, index, 0));
    ASSERT_TRUE(store->repair(make_entry(data, 2, shape)));
    reclaim_all(*store, rows);
    expect_entries(*store, data, 4, 9, shape);
    for (LogIndex index = 1; index <= 3; ++index) {
        const auto body = read_body(*store, MessageId(data, index, 0));
        ASSERT_TRUE(body.has_value()) << index << ": " << body.error().detail;
        EXPECT_TRUE(body->bytes == body_text(data, index, 0, 20'000));
    }
}

// It may read it another time, or from a copy that somebody makes of it.
TEST(LogStoreSpace, WhatTheDiskRefusesToReadIsNotRewrittenAsZeros) {
    constexpr EntryShape shape{1, 20'000};
    const LogStoreOptions options = small_segments(64 << 10);
    MemoryDisk disk;
    auto store = open_store(disk, options);
    store->recount_done();
    append_entries(*store, data, 1, 9, shape);
    const std::string path = folder + "/segment-000000000001-0";
    const std::size_t at = disk.bytes_of(path).find(body_text(data, 2, 0, 20'000));
    ASSERT_NE(at, std::string::npos);
    disk.lose_byte(path, at + 10'000);
    HeldRows rows;
    rows.flushed = 9;
    for (LogIndex index = 2; index <= 9; ++index) rows.held.insert(MessageId(data, index, 0));
    rows.held.erase(MessageId(data, 3, 0));
    store->release(data, 1, 1);
    store->release(data, 3, 1);
    reclaim_all(*store, rows);
    const auto readable = disk.crash_image(1);
    store = open_store(*readable, options, [](SetId) { return LogIndex{9}; });
    ASSERT_NE(store, nullptr);
    const auto body = read_body(*store, MessageId(data, 2, 0));
    ASSERT_TRUE(body.has_value()) << body.error().detail;
    EXPECT_TRUE(body->bytes == body_text(data, 2, 0, 20'000));
}

TEST(LogStoreSpace, AFooterLostWithTheRecordsBeforeItIsDamageOfItsSegmentAlone) {
    constexpr EntryShape shape{1, 1'000};
    constexpr LogIndex last = 40;
    MemoryDisk disk;
    auto store = open_store(disk);
    store->recount_done();
    append_entries(*store, data, 1, last, shape);
    const std::string path = folder + "/segment-000000000001-0";
    const std::size_t footer = disk.bytes_of(path).rfind("PnRc");
    ASSERT_NE(footer % 4096, 0U);
    disk.lose_byte(path, footer);
    EXPECT_EQ(read_body(*store, MessageId(data, 1, 0)).error().code, Errc::damaged);
    const auto scrubbed = store->scrub(1ULL << 30);
    ASSERT_TRUE(scrubbed.has_value()) << scrubbed.error().detail;
    EXPECT_EQ(store->stats().damaged_records, 1U);
    HeldRows rows;
    rows.flushed = last;
    const auto release_to = [&](LogIndex to) {
        rows.held.clear();
        for (LogIndex index = to + 1; index <= last; ++index) {
            rows.held.insert(MessageId(data, index, 0));
        }
    };
    for (LogIndex index = 1; index <= 9; ++index) store->release(data, index, 1);
    release_to(9);
    reclaim_all(*store, rows);
    EXPECT_EQ(disk.bytes_of(path).rfind("PnRc"), footer) << "it may be read another time";
    append_entries(*store, data, last + 1, last + 1, shape);
    const auto readable = disk.crash_image(1);
    const auto reopened =
        open_store(*readable, small_segments(), [](SetId) { return LogIndex{last + 1}; });
    ASSERT_NE(reopened, nullptr);
    for (LogIndex index = 10; index <= last; ++index) {
        EXPECT_TRUE(read_body(*reopened, MessageId(data, index, 0)).has_value()) << index;
    }
    for (LogIndex index = 10; index <= 20; ++index) store->release(data, index, 1);
    release_to(20);
    reclaim_all(*store, rows);
    const auto files = disk.files();
    EXPECT_EQ(std::count(files.begin(), files.end(), path), 0);
    EXPECT_TRUE(read_body(*store, MessageId(data, 21, 0)).has_value());
}

}  // namespace

}  // namespace penstock::storage::testing
