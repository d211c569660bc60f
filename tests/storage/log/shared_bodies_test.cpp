// A body that another set brought already is written once a segment: what is shared, and that it
// is read back whole in every way. Damage and space: shared_damage_test.cpp.
#include "broker/base/hash.h"
#include "broker/storage/log/body_reader.h"
#include "broker/storage/log/recent_bodies.h"
#include "tests/storage/log/large_fixture.h"
#include "tests/storage/log/log_check.h"
#include "tests/storage/log/shared_fixture.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <optional>
#include <utility>

namespace penstock::storage::testing {

namespace {

using ::testing::SizeIs;

constexpr std::uint64_t one_segment = 1ULL << 20;

std::uint8_t manifest_version(const MemoryDisk& disk) {
    return static_cast<std::uint8_t>(disk.bytes_of(folder + "/manifest")[8]);
}

TEST(LogSharedBodies, AreWrittenOnceHoweverManySetsHaveThem) {
    MemoryDisk disk;
    auto store = open_beside(disk, small_segments(one_segment));
    const std::vector<SetId> to = queues(8);
    for (LogIndex number = 1; number <= 20; ++number) fan_out(*store, number, to);
    for (LogIndex number = 1; number <= 20; ++number) {
        EXPECT_THAT(places_of(disk, number), SizeIs(1));
    }
    EXPECT_EQ(store->stats().shared_bytes, 20 * 8 * copy_bytes);
    // Of one turn too, the topic's with them.
    for (const SetId set : queues(4)) store->append(make_entry(set, 21, copy_of(21)));
    store->append(make_entry(topic, 21, copy_of(21)));
    ASSERT_TRUE(store->sync().has_value());
    EXPECT_THAT(places_of(disk, 21), SizeIs(1));
}

TEST(LogSharedBodies, TakeAFractionOfTheBytes) {
    const auto written = [](std::uint64_t alike) {
        MemoryDisk disk;
        auto store = open_beside(disk, small_segments(one_segment));
        for (const SetId set : queues(9)) {
            append_entries(*store, set, 1, 1, {1, 4'000, 1, 0, alike});
        }
        const std::string bytes = disk.bytes_of(folder + "/" + segment_file_name({1, 0}));
        return bytes.find_last_not_of('\0');
    };
    EXPECT_GT(written(0), 36'000U);
    EXPECT_LT(written(1), 36'000U / 5);
}

// In several segments, the last one still written to.
class LogSharedReading : public ::testing::Test {
  protected:
    LogSharedReading() : store_(open_store(disk_, options_)) {
        for (LogIndex number = 1; number <= last_; ++number) fan_out(*store_, number, to_);
        EXPECT_GT(store_->stats().segments, 4U);
        EXPECT_GT(store_->stats().shared_bytes, last_ * copy_bytes);
    }

    void restart() {
        store_ = open_store(disk_, options_);
        ASSERT_NE(store_, nullptr);
    }

    static EntryRecord wanted(SetId set, LogIndex number) {
        return make_entry(set, number, copy_of(number));
    }

    const LogIndex last_ = 200;
    const LogStoreOptions options_ = small_segments(64 << 10);
    const std::vector<SetId> to_ = queues(3);
    MemoryDisk disk_;
    std::unique_ptr<LogStore> store_;
};

TEST_F(LogSharedReading, GivesWholeEntriesAndTheirFacts) {
    for (int round = 0; round < 2; ++round) {
        for (const SetId set : to_) {
            const auto entry = [set](LogIndex number) {
                return wanted(set, number);
            };
            EXPECT_EQ(check_entries(*store_, set, entry), "");
            EXPECT_EQ(check_facts(*store_, set, entry), "");
        }
        restart();
    }
}

TEST_F(LogSharedReading, GivesEachBodyAloneAndManyWithOneReader) {
    for (const auto wait : {BodySource::Wait::yes, BodySource::Wait::no}) {
        for (const auto next : {BodyReader::Next::neighbour, BodyReader::Next::elsewhere}) {
            BodyReader reader(wait);
            for (LogIndex number = 1; number <= last_; ++number) {
                for (const SetId set : to_) {
                    const auto source = store_->find(MessageId(set, number, 0));
                    ASSERT_TRUE(source.has_value()) << source.error().detail;
                    const auto alone = source->read(wait);
                    const auto body = reader.read(*source, next);
                    ASSERT_TRUE(alone.has_value()) << alone.error().detail;
                    ASSERT_TRUE(body.has_value()) << body.error().detail;
                    EXPECT_EQ(alone->bytes, wanted(set, number).bodies.front());
                    EXPECT_EQ(body->bytes, alone->bytes);
                    EXPECT_EQ(body->time_ms, wanted(set, number).time_ms);
                }
            }
        }
    }
}

TEST_F(LogSharedReading, WithoutWaitingSaysThatTheDiskMustBeAsked) {
    const auto source = store_->find(MessageId(to_.back(), 7, 0));
    ASSERT_TRUE(source.has_value());
    disk_.cached(false);
    EXPECT_EQ(source->read(BodySource::Wait::no).error().code, Errc::unavailable);
    EXPECT_TRUE(source->read(BodySource::Wait::yes).has_value());
}

// As a peer, a snapshot or a backup gets them.
TEST_F(LogSharedReading, OfSealedSegmentsGivesWholeEntries) {
    const SetId set = to_.front();
    const auto pin = store_->pin(set);
    const auto records = store_->sealed_records(set, 1, 100);
    ASSERT_TRUE(records.has_value());
    LogIndex next = 1;
    for (const SealedRecords& segment : *records) {
        const auto scanned = segment.scan(next, [&](const StoredEntry& entry) {
            EXPECT_EQ(entry.index, next);
            EXPECT_EQ(entry.bodies.at(0).bytes, wanted(set, next).bodies.front());
            EXPECT_FALSE(entry.bodies.at(0).damaged);
            ++next;
            return true;
        });
        ASSERT_TRUE(scanned.has_value()) << scanned.error().detail;
    }
    EXPECT_GT(next, last_ / 2);
}

TEST(LogSharedBodies, AreOfOtherSetsAndOneOfEach) {
    MemoryDisk disk;
    auto store = open_beside(disk, small_segments(one_segment));
    const SetId queue{2};
    append_entries(*store, topic, 1, 3, copy_of(1));
    EXPECT_THAT(places_of(disk, 1), SizeIs(3)) << "messages of one set stand for themselves";
    append_entries(*store, queue, 1, 4, copy_of(1));
    EXPECT_THAT(places_of(disk, 1), SizeIs(4));
    EXPECT_EQ(store->stats().shared_bytes, 3 * copy_bytes);
    expect_entries(*store, topic, 1, 3, copy_of(1));
    expect_entries(*store, queue, 1, 4, copy_of(1));
}

TEST(LogSharedBodies, AreNotRememberedWhileOneSetAloneHasBodies) {
    MemoryDisk disk;
    auto store = open_store(disk, small_segments(one_segment));
    append_entries(*store, topic, 1, 1, copy_of(1));
    append_entries(*store, SetId{2}, 1, 1, copy_of(1));
    EXPECT_THAT(places_of(disk, 1), SizeIs(2));
    append_entries(*store, topic, 2, 2, copy_of(2));
    append_entries(*store, SetId{3}, 1, 1, copy_of(2));
    EXPECT_THAT(places_of(disk, 2), SizeIs(1));
    // What is there at the start tells too.
    store = open_store(disk, small_segments(one_segment));
    append_entries(*store, topic, 3, 3, copy_of(3));
    append_entries(*store, SetId{4}, 1, 1, copy_of(3));
    EXPECT_THAT(places_of(disk, 3), SizeIs(1));
}

TEST(LogSharedBodies, SeveralOfAnEntryBesideOthersAreReadBack) {
    MemoryDisk disk;
    auto store = open_beside(disk, small_segments(one_segment));
    const EntryShape four{4, 700, 1, 0, 1};
    append_entries(*store, topic, 1, 1, four);
    // The same ones in another order, between bodies of its own.
    EntryRecord mixed_up = make_entry(SetId{2}, 1, four);
    std::reverse(mixed_up.bodies.begin(), mixed_up.bodies.end());
    mixed_up.bodies.insert(mixed_up.bodies.begin() + 2, std::string(5'000, 'o'));
    mixed_up.bodies.emplace_back("short");
    mixed_up.bodies.insert(mixed_up.bodies.begin(), "");
    const std::vector<std::string> wanted = mixed_up.bodies;
    store->append(std::move(mixed_up));
    ASSERT_TRUE(store->sync().has_value());
    EXPECT_EQ(store->stats().shared_bytes, 4 * 700U);
    for (int round = 0; round < 2; ++round) {
        for (std::uint32_t ordinal = 0; ordinal < wanted.size(); ++ordinal) {
            const auto body = read_body(*store, MessageId(SetId{2}, 1, ordinal));
            ASSERT_TRUE(body.has_value()) << body.error().detail;
            EXPECT_EQ(body->bytes, wanted[ordinal]) << ordinal;
        }
        store = open_store(disk, small_segments(one_segment));
    }
}

// Clients choose bodies: a checksum that is met on purpose must not pass one for another.
TEST(LogSharedBodies, OtherBytesWithTheSameChecksumAreWritten) {
    const std::string one(300, 'a');
    const std::string other = std::string(292, 'b') + "@MFTNPB@";
    ASSERT_EQ(crc32c(one), crc32c(other));
    ASSERT_EQ(one.size(), other.size());
    MemoryDisk disk;
    auto store = open_beside(disk, small_segments(one_segment));
    for (const auto& [set, body] : {std::pair(topic, one), std::pair(SetId{2}, other)}) {
        EntryRecord entry = make_entry(set, 1, {0});
        entry.bodies = {body};
        store->append(std::move(entry));
        ASSERT_TRUE(store->sync().has_value());
    }
    EXPECT_EQ(store->stats().shared_bytes, 0U);
    EXPECT_EQ(read_body(*store, MessageId(topic, 1, 0))->bytes, one);
    EXPECT_EQ(read_body(*store, MessageId(SetId{2}, 1, 0))->bytes, other);
}

TEST(LogSharedBodies, ShortAndLargeOnesStayWhereTheyWere) {
    MemoryDisk disk;
    auto store = open_beside(disk, roomy());
    for (const SetId set : queues(3)) {
        append_entries(*store, set, 1, 1, {3, shared_body_bytes_min - 1, 1, large_bytes, 1});
    }
    EXPECT_EQ(store->stats().shared_bytes, 0U);
    append_entries(*store, SetId{2}, 2, 2, {1, shared_body_bytes_min, 1, 0, 2});
    append_entries(*store, SetId{3}, 2, 2, {1, shared_body_bytes_min, 1, 0, 2});
    EXPECT_EQ(store->stats().shared_bytes, shared_body_bytes_min);
}

TEST(LogSharedBodies, CostATurnNothingMore) {
    MemoryDisk disk;
    auto store = open_beside(disk, small_segments(one_segment));
    append_entries(*store, topic, 1, 3, copy_of(1));
    const auto turn = [&](SetId set, LogIndex index) {
        const std::uint64_t before = disk.operations();
        append_entries(*store, set, index, index, copy_of(1));
        return disk.operations() - before;
    };
    EXPECT_GT(turn(SetId{2}, 1), 2U) << "the first one ever is listed, for older builds";
    EXPECT_EQ(turn(SetId{2}, 2), 2U);
    EXPECT_EQ(turn(SetId{3}, 1), 2U);
    store = open_store(disk, small_segments(one_segment));
    append_entries(*store, topic, 4, 4, copy_of(1));
    EXPECT_EQ(turn(SetId{2}, 3), 2U);
}

TEST(LogSharedBodies, OlderBuildsReadTheStoreUntilThereIsOne) {
    MemoryDisk disk;
    auto store = open_beside(disk, small_segments());
    append_entries(*store, topic, 1, 100, {1, copy_bytes});
    EXPECT_EQ(manifest_version(disk), 1);
    // Listed before it is there, wherever the power fails.
    std::uint64_t looked_at = 0;
    disk.during_syncs([&] {
        const auto image = disk.crash_image(++looked_at);
        const std::uint8_t version = manifest_version(*image);
        if (open_store(*image)->range(SetId{2}).last > 0) {
            EXPECT_EQ(version, 3);
        }
    });
    append_entries(*store, topic, 101, 101, copy_of(1));
    append_entries(*store, SetId{2}, 1, 1, copy_of(1));
    disk.during_syncs({});
    EXPECT_GE(looked_at, 3U);
    EXPECT_EQ(manifest_version(disk), 3);
    store = open_store(disk);
    append_entries(*store, topic, 102, 200, {1, copy_bytes});
    EXPECT_EQ(manifest_version(disk), 3) << "it stays so";
}

std::optional<std::uint32_t> found_by(RecentBodies& recent, SetId set, std::string_view body) {
    return recent.take(set, crc32c(body), body);
}

// `body` as it is in memory while it is written.
void written(RecentBodies& recent, std::string body, std::uint64_t place) {
    const std::uint32_t checksum = crc32c(body);
    recent.note(topic, checksum, body, place);
    recent.keep();
}

TEST(RecentBodies, AreTheLastOnesByNumber) {
    RecentBodies recent;
    const auto body = [](std::uint64_t number) {
        return body_text(topic, number, 0, 300);
    };
    const std::uint64_t last = 3 * recent_bodies_max;
    for (std::uint64_t number = 1; number <= last; ++number) written(recent, body(number), number);
    std::uint64_t found = 0;
    for (std::uint64_t number = 1; number <= last; ++number) {
        const auto place = found_by(recent, SetId{2}, body(number));
        if (!place) continue;
        EXPECT_EQ(*place, number);
        EXPECT_GT(number, last - recent_bodies_max);
        ++found;
    }
    // Where many fall together the oldest are not looked for.
    EXPECT_GT(found, recent_bodies_max - 8);
}

TEST(RecentBodies, AreTheLastOnesByBytes) {
    RecentBodies recent;
    const auto body = [](std::uint64_t number) {
        return body_text(topic, number, 0, recent_bodies_bytes_max / 4 - 100);
    };
    for (std::uint64_t number = 1; number <= 5; ++number) written(recent, body(number), number);
    EXPECT_FALSE(found_by(recent, SetId{2}, body(1)));
    for (std::uint64_t number = 2; number <= 5; ++number) {
        EXPECT_EQ(found_by(recent, SetId{2}, body(number)), number);
    }
    written(recent, std::string(recent_bodies_bytes_max + 1, 'x'), 6);
    EXPECT_FALSE(found_by(recent, SetId{2}, std::string(recent_bodies_bytes_max + 1, 'x')));
    EXPECT_EQ(found_by(recent, SetId{3}, body(5)), 5U);
}

TEST(RecentBodies, BehindWhatASlotHasRoomForAreNotNoted) {
    RecentBodies recent;
    const std::string body = body_text(topic, 1, 0, 300);
    written(recent, body, 1ULL << 32);
    EXPECT_FALSE(found_by(recent, SetId{2}, body));
    written(recent, body, (1ULL << 32) - 1);
    EXPECT_EQ(found_by(recent, SetId{2}, body), 0xFFFF'FFFFU);
}

}  // namespace

}  // namespace penstock::storage::testing
