#include "tests/storage/log/store_fixture.h"

#include <gmock/gmock.h>

namespace penstock::storage::testing {

namespace {

using model::first_data_set;
using model::names_set;

TEST(LogStore, AnswersForAnUnknownSet) {
    MemoryDisk disk;
    const auto store = open_store(disk);
    EXPECT_EQ(store->range(SetId{7}).first, 1U);
    EXPECT_EQ(store->range(SetId{7}).last, 0U);
    EXPECT_EQ(store->hard_state(SetId{7}), HardState{});
    EXPECT_EQ(store->conf_state(SetId{7}), "");
    EXPECT_EQ(store->find(MessageId(SetId{7}, 1, 0)).error().code, Errc::not_found);
}

TEST(LogStore, GivesBackWhatWasAppendedAlsoAfterReopening) {
    MemoryDisk disk;
    auto store = open_store(disk);
    append_entries(*store, names_set, 1, 5, {0, 0});
    append_entries(*store, first_data_set, 1, 40, {3, 200});
    expect_entries(*store, names_set, 1, 5, {0, 0});
    expect_entries(*store, first_data_set, 1, 40, {3, 200});
    store = open_store(disk);
    EXPECT_GT(store->stats().segments, 1U);
    EXPECT_EQ(store->range(first_data_set).first, 1U);
    EXPECT_EQ(store->range(first_data_set).last, 40U);
    expect_entries(*store, names_set, 1, 5, {0, 0});
    expect_entries(*store, first_data_set, 1, 40, {3, 200});
    append_entries(*store, first_data_set, 41, 50, {3, 200});
    expect_entries(*store, first_data_set, 1, 50, {3, 200});
}

TEST(LogStore, SyncsEverythingStagedWithOneWriteAndOneSync) {
    MemoryDisk disk;
    const auto store = open_store(disk, small_segments(1 << 20));
    for (LogIndex index = 1; index <= 20; ++index) {
        store->append(make_entry(first_data_set, index, {4, 100}));
        store->append(make_entry(names_set, index, {0, 0}));
    }
    store->append_hard_state(first_data_set, {3, 2, 1});
    const std::uint64_t operations = disk.operations();
    const std::uint64_t syncs = disk.syncs();
    ASSERT_TRUE(store->sync().has_value());
    EXPECT_EQ(disk.operations(), operations + 2);
    EXPECT_EQ(disk.syncs(), syncs + 1);
    ASSERT_TRUE(store->sync().has_value());
    EXPECT_EQ(disk.operations(), operations + 2);
}

TEST(LogStore, ZerosAheadChangeNothingAndAreWrittenInOneSyncOfSome) {
    LogStoreOptions options = small_segments(1 << 20);
    MemoryDisk plain;
    append_entries(*open_store(plain, options), first_data_set, 1, 200, {1, 500});
    options.zero_ahead = 64 << 10;
    MemoryDisk zeroed;
    const auto store = open_store(zeroed, options);
    std::uint64_t with_zeros = 0;
    for (LogIndex index = 1; index <= 200; ++index) {
        const std::uint64_t before = zeroed.operations();
        append_entries(*store, first_data_set, index, index, {1, 500});
        if (zeroed.operations() - before > 2) ++with_zeros;
    }
    EXPECT_GE(with_zeros, 1U);
    EXPECT_LE(with_zeros, 4U);  // 200 writes of less than 1 KiB, 64 KiB ahead each time
    ASSERT_EQ(zeroed.files(), plain.files());
    for (const std::string& file : plain.files()) {
        EXPECT_TRUE(zeroed.bytes_of(file) == plain.bytes_of(file)) << file;
    }
}

TEST(LogStore, AWriteAsLongAsTheZerosGoesAlone) {
    LogStoreOptions options = small_segments(1 << 20);
    options.zero_ahead = 64 << 10;
    MemoryDisk disk;
    const auto store = open_store(disk, options);
    store->append(make_entry(first_data_set, 1, {2, 40 << 10}));
    const std::uint64_t before = disk.operations();
    ASSERT_TRUE(store->sync().has_value());
    EXPECT_EQ(disk.operations(), before + 2);
}

TEST(LogStore, KeepsHardAndConfStatesThroughManySegments) {
    MemoryDisk disk;
    auto store = open_store(disk);
    store->append_hard_state(first_data_set, {9, 8, 7});
    store->append_conf_state(first_data_set, "one voter");
    append_entries(*store, names_set, 1, 300, {1, 300});
    EXPECT_GT(store->stats().segments, 5U);
    store = open_store(disk);
    EXPECT_EQ(store->hard_state(first_data_set), (HardState{9, 8, 7}));
    EXPECT_EQ(store->conf_state(first_data_set), "one voter");
}

TEST(LogStore, EndsTheSuffixAtAnEarlierIndex) {
    MemoryDisk disk;
    auto store = open_store(disk);
    append_entries(*store, first_data_set, 1, 60, {2, 200, 1});
    append_entries(*store, first_data_set, 31, 40, {2, 200, 2});
    append_entries(*store, first_data_set, 38, 45, {1, 50, 3});
    for (int round = 0; round < 2; ++round) {
        EXPECT_EQ(store->range(first_data_set).last, 45U);
        LogIndex next = 1;
        ASSERT_TRUE(store->scan(first_data_set, 1, [&](const StoredEntry& entry) {
            EXPECT_EQ(entry.index, next++);
            EXPECT_EQ(entry.term, entry.index < 31 ? 1U : entry.index < 38 ? 2U : 3U);
            return true;
        }));
        EXPECT_EQ(next, 46U);
        EXPECT_EQ(read_body(*store, MessageId(first_data_set, 30, 1))->bytes,
                  body_text(first_data_set, 30, 1, 200, 1));
        EXPECT_EQ(read_body(*store, MessageId(first_data_set, 37, 1))->bytes,
                  body_text(first_data_set, 37, 1, 200, 2));
        EXPECT_EQ(read_body(*store, MessageId(first_data_set, 38, 0))->bytes,
                  body_text(first_data_set, 38, 0, 50, 3));
        EXPECT_EQ(read_body(*store, MessageId(first_data_set, 38, 1)).error().code,
                  Errc::not_found);
        EXPECT_EQ(store->find(MessageId(first_data_set, 46, 0)).error().code, Errc::not_found);
        store = open_store(disk);
    }
}

TEST(LogStore, GivesARecordLargerThanASegmentOneOfItsOwn) {
    MemoryDisk disk;
    auto store = open_store(disk);
    append_entries(*store, first_data_set, 1, 1, {1, 100});
    append_entries(*store, first_data_set, 2, 2, {5, 20'000});
    append_entries(*store, first_data_set, 3, 3, {1, 100});
    for (int round = 0; round < 2; ++round) {
        expect_entries(*store, first_data_set, 1, 1, {1, 100});
        expect_entries(*store, first_data_set, 2, 2, {5, 20'000});
        expect_entries(*store, first_data_set, 3, 3, {1, 100});
        EXPECT_EQ(store->stats().segments, 3U);
        store = open_store(disk);
    }
}

TEST(LogStore, RefusesOrdinalsAndIndexesThatAreNotThere) {
    MemoryDisk disk;
    const auto store = open_store(disk);
    append_entries(*store, first_data_set, 1, 100, {2, 300});
    EXPECT_EQ(read_body(*store, MessageId(first_data_set, 1, 2)).error().code, Errc::not_found);
    EXPECT_EQ(read_body(*store, MessageId(first_data_set, 0, 0)).error().code, Errc::not_found);
    EXPECT_EQ(read_body(*store, MessageId(first_data_set, 101, 0)).error().code, Errc::not_found);
    EXPECT_EQ(read_body(*store, MessageId(names_set, 1, 0)).error().code, Errc::not_found);
}

TEST(LogStore, ReadsWithoutWaitingOnlyWhatIsInMemory) {
    MemoryDisk disk;
    const auto store = open_store(disk);
    append_entries(*store, first_data_set, 1, 100, {2, 300});
    const MessageId message(first_data_set, 3, 1);
    EXPECT_EQ(read_body(*store, message, BodySource::Wait::no)->bytes,
              body_text(first_data_set, 3, 1, 300));
    disk.cached(false);
    EXPECT_EQ(read_body(*store, message, BodySource::Wait::no).error().code, Errc::unavailable);
    EXPECT_EQ(read_body(*store, message)->bytes, body_text(first_data_set, 3, 1, 300));
}

}  // namespace

}  // namespace penstock::storage::testing
