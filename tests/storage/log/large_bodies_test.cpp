// Large bodies apart from their entries: how they are written, that a crash anywhere leaves all of
// an entry or nothing, and damage of them.
#include "broker/base/bytes.h"
#include "broker/base/hash.h"
#include "broker/storage/log/active_segment.h"
#include "broker/storage/log/segment_format.h"
#include "tests/storage/log/held_rows.h"
#include "tests/storage/log/large_fixture.h"
#include "tests/storage/log/log_check.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <tuple>

namespace penstock::storage::testing {

namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::uint8_t manifest_version(const MemoryDisk& disk) {
    return static_cast<std::uint8_t>(disk.bytes_of(folder + "/manifest")[8]);
}

// Where the large body of that entry is.
struct Found {
    std::string path;
    std::size_t at = 0;
};

Found place_of(const MemoryDisk& disk, LogIndex index) {
    const std::string body = body_text(data, index, 0, large_bytes);
    for (const std::string& path : disk.files()) {
        const std::size_t at = disk.bytes_of(path).find(body);
        if (at != std::string::npos) return {path, at};
    }
    ADD_FAILURE() << "no file has the large body of " << index;
    return {};
}

void flip(MemoryDisk& disk, const std::string& path, std::size_t at) {
    std::string bytes = disk.bytes_of(path);
    bytes[at] = static_cast<char>(bytes[at] ^ 0x40);
    disk.put_bytes(path, bytes);
}

TEST(LogLargeBodies, LieInASegmentOfTheirOwnAndAreReadBackAlsoAfterRestarts) {
    MemoryDisk disk;
    auto store = open_store(disk, roomy());
    append_entries(*store, data, 1, 3, mixed);
    EXPECT_EQ(store->stats().large_segments, 1U);
    EXPECT_THAT(place_of(disk, 2).path, HasSubstr("/large-"));
    for (LogIndex last = 3; last < 12; last += 3) {
        expect_entries(*store, data, 1, last, mixed);
        EXPECT_EQ(check_facts(
                      *store, data, [](LogIndex index) { return make_entry(data, index, mixed); }),
                  "");
        store = open_store(disk, roomy());
        ASSERT_NE(store, nullptr);
        expect_entries(*store, data, 1, last, mixed);
        // A large segment that an earlier process began is left as it is.
        append_entries(*store, data, last + 1, last + 3, mixed);
        EXPECT_EQ(large_files(disk).size(), last / 3 + 1);
    }
}

TEST(LogLargeBodies, AreSyncedBeforeTheirEntriesAndSmallOnesCostNothingMore) {
    MemoryDisk disk;
    auto store = open_store(disk, roomy());
    append_entries(*store, data, 1, 1, mixed);
    const auto turn = [&](LogIndex index, const EntryShape& shape) {
        const std::uint64_t before = disk.operations();
        append_entries(*store, data, index, index, shape);
        return disk.operations() - before;
    };
    EXPECT_EQ(turn(2, {4, 100}), 2U);
    EXPECT_EQ(turn(3, mixed), 4U);
    EXPECT_EQ(turn(4, {4, large_body_bytes - 1}), 2U);
    // Between the two syncs the entry is not there yet.
    std::vector<LogIndex> lasts;
    disk.during_syncs([&] {
        const auto image = disk.crash_image(lasts.size());
        lasts.push_back(open_store(*image, roomy())->range(data).last);
    });
    store->append(make_entry(data, 5, mixed));
    ASSERT_TRUE(store->sync().has_value());
    disk.during_syncs({});
    ASSERT_EQ(lasts.size(), 2U);
    EXPECT_EQ(lasts.front(), 4U);
}

TEST(LogLargeBodies, OlderBuildsReadTheStoreUntilThereIsOne) {
    MemoryDisk disk;
    auto store = open_store(disk);
    append_entries(*store, data, 1, 100, {4, 200});
    EXPECT_EQ(manifest_version(disk), 1);
    append_entries(*store, data, 101, 101, mixed);
    EXPECT_EQ(manifest_version(disk), 2);
}

TEST(LogLargeBodies, AStoreOfALaterFormatIsRefusedAndSaysSo) {
    MemoryDisk disk;
    auto store = open_store(disk);
    append_entries(*store, data, 1, 3, mixed);
    const std::string path = folder + "/manifest";
    std::string bytes = disk.bytes_of(path);
    bytes[8] = 4;
    bytes.resize(bytes.size() - 4);
    Writer(bytes).u32(crc32c(bytes));
    disk.put_bytes(path, bytes);
    const auto refused = try_open(disk);
    ASSERT_FALSE(refused.has_value());
    EXPECT_THAT(refused.error().detail, HasSubstr("written by a later version"));
    EXPECT_EQ(disk.bytes_of(path), bytes);
}

// What builds before this one wrote: all bodies in the entry's record.
TEST(LogLargeBodies, ThatStandInTheirEntryAreRead) {
    MemoryDisk disk;
    std::ignore = open_store(disk, roomy());
    const SegmentName name{1, 0};
    const std::string path = folder + "/" + segment_file_name(name);
    auto file = disk.open(path, Disk::Open::existing);
    const std::uint64_t size = *(*file)->size();
    ActiveSegment segment(std::make_shared<Segment>(std::move(*file), name, path, size),
                          {{}, file_header_bytes, 0, {}});
    std::vector<StagedRecord> records;
    records.push_back(stage_entry(make_entry(data, 1, mixed)));
    FactsBySet facts;
    ASSERT_TRUE(segment.write(records, facts).has_value());
    const auto store = open_store(disk, roomy());
    ASSERT_NE(store, nullptr);
    append_entries(*store, data, 2, 2, mixed);
    expect_entries(*store, data, 1, 2, mixed);
    EXPECT_EQ(store->stats().large_segments, 1U);
}

TEST(LogLargeBodies, ACrashAnywhereInATurnLeavesAllOfItOrNothing) {
    MemoryDisk before;
    auto store = open_store(before, roomy());
    append_entries(*store, data, 1, 2, mixed);
    store.reset();
    for (std::uint64_t stop = 0; stop < 30; ++stop) {
        SCOPED_TRACE(stop);
        const auto disk = before.crash_image(1);
        store = open_store(*disk, roomy());
        append_entries(*store, data, 3, 3, {1, 100});
        disk->stop_after(stop);
        // The second turn replaces what the first one wrote.
        LogIndex acknowledged = 3;
        store->append(make_entry(data, 4, mixed_of(1)));
        store->append(make_entry(data, 5, mixed_of(1)));
        if (store->sync()) acknowledged = 5;
        store->append(make_entry(data, 4, mixed_of(2)));
        const bool replaced = acknowledged == 5 && store->sync();
        const auto image = disk->crash_image(stop);
        store = open_store(*image, roomy());
        ASSERT_NE(store, nullptr);
        const LogIndex last = store->range(data).last;
        const auto facts = store->facts(data, 4, 1);
        ASSERT_TRUE(facts.has_value());
        const std::uint64_t term = facts->empty() ? 0 : facts->front().term;
        ASSERT_TRUE(!replaced || term == 2);
        ASSERT_EQ(last, term == 2 ? 4U : std::max(last, acknowledged));
        if (term != 0) expect_entries(*store, data, 4, last, mixed_of(term));
        expect_entries(*store, data, 1, 2, mixed);
        append_entries(*store, data, last + 1, last + 2, mixed_of(3));
        store = open_store(*image, roomy());
        ASSERT_NE(store, nullptr);
        if (term != 0) expect_entries(*store, data, 4, 4, mixed_of(term));
        expect_entries(*store, data, last + 1, last + 2, mixed_of(3));
        if (::testing::Test::HasFailure()) return;
    }
}

// A start writes the footer of the segment that was written to behind what it holds.
TEST(LogLargeBodies, ThatEndWithZerosAreWholeAfterRestarts) {
    for (const std::size_t zeros : {std::size_t{9}, large_bytes / 2, large_bytes}) {
        SCOPED_TRACE(zeros);
        MemoryDisk disk;
        auto store = open_store(disk, roomy());
        EntryRecord record = make_entry(data, 1, mixed);
        std::string& body = record.bodies.front();
        std::fill(body.end() - static_cast<std::ptrdiff_t>(zeros), body.end(), '\0');
        const std::string wanted = body;
        store->append(std::move(record));
        ASSERT_TRUE(store->sync().has_value());
        for (LogIndex next = 2; next < 5; ++next) {
            store = open_store(disk, roomy());
            ASSERT_NE(store, nullptr);
            const auto found = read_body(*store, MessageId(data, 1, 0));
            ASSERT_TRUE(found.has_value()) << found.error().detail;
            EXPECT_TRUE(found->bytes == wanted);
            append_entries(*store, data, next, next, mixed);
        }
        expect_entries(*store, data, 2, 4, mixed);
    }
}

TEST(LogLargeBodies, ABodyOfAnEndedSuffixIsNeverTakenForTheNewOne) {
    MemoryDisk disk;
    auto store = open_store(disk, roomy());
    append_entries(*store, data, 1, 4, mixed_of(1));
    append_entries(*store, data, 3, 3, mixed_of(2));
    append_entries(*store, data, 4, 4, {3, 100, 2});
    for (int round = 0; round < 2; ++round) {
        expect_entries(*store, data, 1, 2, mixed_of(1));
        expect_entries(*store, data, 3, 3, mixed_of(2));
        expect_entries(*store, data, 4, 4, {3, 100, 2});
        store = open_store(disk, roomy());
        ASSERT_NE(store, nullptr);
    }
}

TEST(LogLargeBodies, AreNoDamageWhileTheirFileCannotBeOpened) {
    MemoryDisk disk;
    auto store = open_store(disk);
    append_entries(*store, data, 1, 6, mixed);
    append_entries(*store, data, 7, 100, {4, 1'000});
    const auto pin = store->pin(data);
    const auto records = store->sealed_records(data, 1, 1);
    ASSERT_TRUE(records.has_value());
    ASSERT_EQ(records->size(), 1U);
    const auto any = [](const StoredEntry&) {
        return false;
    };
    disk.refuse_opens(true);
    EXPECT_EQ(read_body(*store, MessageId(data, 1, 0)).error().code, Errc::unavailable);
    EXPECT_TRUE(read_body(*store, MessageId(data, 1, 1)).has_value());
    EXPECT_EQ(store->scan(data, 1, any).error().code, Errc::unavailable);
    EXPECT_EQ(records->front().scan(1, any).error().code, Errc::unavailable);
    disk.refuse_opens(false);
    EXPECT_TRUE(records->front().scan(1, any).has_value());
    expect_entries(*store, data, 1, 6, mixed);
}

class LogLargeDamage : public ::testing::Test {
  protected:
    LogLargeDamage() {
        auto store = open_store(disk_, roomy());
        append_entries(*store, data, 1, last_, mixed);
        EXPECT_EQ(store->stats().large_segments, 3U);
    }

    std::vector<MessageId> scrub_all(LogStore& store) {
        const auto damaged = store.scrub(1ULL << 30);
        EXPECT_TRUE(damaged.has_value());
        if (!damaged) return {};
        // A round may pass a segment twice.
        std::vector<MessageId> found = *damaged;
        found.erase(std::unique(found.begin(), found.end()), found.end());
        return found;
    }

    const LogIndex last_ = 10;
    MemoryDisk disk_;
};

TEST_F(LogLargeDamage, IsOfTheBodyItHitsAloneAndIsScrubbedAndRepaired) {
    const Found place = place_of(disk_, 2);
    flip(disk_, place.path, place.at + 500);
    auto store = open_store(disk_, roomy(), applied_to(last_));
    ASSERT_NE(store, nullptr);
    const MessageId hit(data, 2, 0);
    const auto body = read_body(*store, hit);
    ASSERT_FALSE(body.has_value());
    EXPECT_EQ(body.error().code, Errc::damaged);
    EXPECT_THAT(body.error().detail, HasSubstr(place.path));
    EXPECT_EQ(read_body(*store, MessageId(data, 2, 1))->bytes, body_text(data, 2, 1, 100));
    expect_entries(*store, data, 3, last_, mixed);
    EXPECT_THAT(scrub_all(*store), ElementsAre(hit));
    std::vector<bool> damaged;
    ASSERT_TRUE(store->scan_records(data, 2, [&](const StoredEntry& entry) {
        for (const StoredBodyView& one : entry.bodies) damaged.push_back(one.damaged);
        return false;
    }));
    EXPECT_THAT(damaged, ElementsAre(true, false, false));
    EXPECT_EQ(store->scan(data, 2, [](const StoredEntry&) { return true; }).error().code,
              Errc::damaged);
}

TEST_F(LogLargeDamage, IsWhatTheDiskRefusesToRead) {
    const Found place = place_of(disk_, 2);
    auto store = open_store(disk_, roomy(), applied_to(last_));
    ASSERT_NE(store, nullptr);
    disk_.lose_byte(place.path, place.at + 5'000);
    const MessageId hit(data, 2, 0);
    EXPECT_EQ(read_body(*store, hit).error().code, Errc::damaged);
    expect_entries(*store, data, 3, last_, mixed);
    EXPECT_THAT(scrub_all(*store), ElementsAre(hit));
}

TEST_F(LogLargeDamage, IsRepairedWithACopyOnceItsEntryIsInASealedSegment) {
    const Found place = place_of(disk_, 2);
    flip(disk_, place.path, place.at + 500);
    auto store = open_store(disk_, small_segments(), applied_to(last_));
    ASSERT_NE(store, nullptr);
    HeldRows rows;
    for (LogIndex index = 1; index <= last_; ++index) {
        store->count_live(data, index, 3);
        for (std::uint32_t at = 0; at < 3; ++at) rows.held.insert(MessageId(data, index, at));
    }
    store->recount_done();
    // Until the segment with the entries is sealed.
    EntryShape small{4, 1'000};
    LogIndex last = last_;
    while (!store->repair(make_entry(data, 2, mixed))) {
        ASSERT_LT(last, 1'000U);
        append_entries(*store, data, last + 1, last + 50, small);
        last += 50;
    }
    rows.flushed = last;
    reclaim_all(*store, rows);
    EXPECT_EQ(read_body(*store, MessageId(data, 2, 0))->bytes, body_text(data, 2, 0, large_bytes));
    EXPECT_THAT(scrub_all(*store), IsEmpty()) << "what no entry needs is no damage";
}

TEST_F(LogLargeDamage, OfWhatTheRowsStillNeedStopsAStartAndChangesNothing) {
    const Found place = place_of(disk_, 9);
    for (const std::size_t at : {place.at + 500, place.at - 10, place.at - 100}) {
        const auto image = disk_.crash_image(1);
        flip(*image, place.path, at);
        const auto files = image->files();
        const auto refused = try_open(*image, roomy(), applied_to(8));
        ASSERT_FALSE(refused.has_value()) << at;
        EXPECT_EQ(refused.error().code, Errc::damaged);
        EXPECT_THAT(refused.error().detail, HasSubstr("nothing was changed"));
        EXPECT_EQ(image->files(), files);
        const auto opened = try_open(*image, roomy(), applied_to(last_));
        ASSERT_TRUE(opened.has_value()) << opened.error().detail;
        EXPECT_EQ(read_body(**opened, MessageId(data, 9, 0)).error().code, Errc::damaged);
        expect_entries(**opened, data, 10, 10, mixed);
        expect_entries(**opened, data, 1, 8, mixed);
    }
}

TEST_F(LogLargeDamage, AMissingOrShortFileStopsAStart) {
    const std::string path = large_files(disk_).front();
    auto image = disk_.crash_image(1);
    ASSERT_TRUE(image->remove(path).has_value());
    auto refused = try_open(*image, roomy(), applied_to(last_));
    ASSERT_FALSE(refused.has_value());
    EXPECT_THAT(refused.error().detail, HasSubstr(path + ": the segment is missing"));
    LogStoreOptions options = roomy();
    options.salvage = true;
    const auto salvaged = try_open(*image, options, applied_to(last_));
    ASSERT_TRUE(salvaged.has_value()) << salvaged.error().detail;
    EXPECT_EQ(read_body(**salvaged, MessageId(data, 2, 0)).error().code, Errc::damaged);
    EXPECT_EQ(read_body(**salvaged, MessageId(data, 2, 1))->bytes, body_text(data, 2, 1, 100));
    image = disk_.crash_image(1);
    image->put_bytes(path, disk_.bytes_of(path).substr(0, 5'000));
    refused = try_open(*image, roomy(), applied_to(last_));
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().code, Errc::damaged);
}

TEST_F(LogLargeDamage, OfAFooterIsMadeGoodFromTheRecords) {
    const std::string path = large_files(disk_).front();
    const std::string bytes = disk_.bytes_of(path);
    flip(disk_, path, bytes.find_last_not_of('\0') - 20);
    const auto store = open_store(disk_, roomy(), applied_to(last_));
    ASSERT_NE(store, nullptr);
    EXPECT_EQ(store->stats().damaged_records, 1U);
    expect_entries(*store, data, 1, last_, mixed);
}

}  // namespace

}  // namespace penstock::storage::testing
