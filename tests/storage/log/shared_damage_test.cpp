// Shared bodies and what happens to their segment: rewrites, void entries and sets, damage, repair.
#include "tests/storage/log/held_rows.h"
#include "tests/storage/log/shared_fixture.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <tuple>

namespace penstock::storage::testing {

namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

constexpr SetId one{2};
constexpr SetId other{3};

LogStoreOptions some_segments() {
    return small_segments(32 << 10);
}

// A topic with queues in two other sets, in several segments.
class LogSharedSpace : public ::testing::Test {
  protected:
    LogSharedSpace() : store_(open_beside(disk_, some_segments())) {
        store_->recount_done();
        for (LogIndex number = 1; number <= last_; ++number) fan_out(*store_, number, {one, other});
        EXPECT_GT(store_->stats().segments, 4U);
        for (const SetId set : {topic, one, other}) {
            for (LogIndex number = 1; number <= last_; ++number) {
                rows_.held.insert(MessageId(set, number, 0));
            }
        }
        rows_.flushed = last_;
    }

    void release(SetId set, LogIndex number) {
        if (rows_.held.erase(MessageId(set, number, 0)) == 1) store_->release(set, number, 1);
    }

    void restart() {
        const auto applied = applied_by([this](SetId) { return rows_.flushed; });
        store_ = open_store(disk_, some_segments(), applied);
        ASSERT_NE(store_, nullptr);
        for (const MessageId message : rows_.held)
            store_->count_live(message.set(), message.index(), 1);
        store_->recount_done();
    }

    void expect_held() const {
        for (const MessageId message : rows_.held) {
            expect_copy(*store_, message.set(), message.index());
        }
    }

    // Of those that lie in a sealed segment, the last message but some.
    [[nodiscard]] LogIndex sealed_to() const { return last_ - 30; }

    const LogIndex last_ = 100;
    MemoryDisk disk_;
    std::unique_ptr<LogStore> store_;
    HeldRows rows_;
};

TEST_F(LogSharedSpace, ARewriteCarriesThemThoughTheEntriesThatHadThemFirstAreLeftBehind) {
    for (LogIndex number = 1; number <= last_; ++number) {
        release(topic, number);
        if (number % 5 == 0) continue;
        release(one, number);
        release(other, number);
    }
    const std::uint64_t before = store_->stats().bytes;
    reclaim_all(*store_, rows_);
    EXPECT_GT(store_->stats().rewritten_bytes, 0U);
    EXPECT_LT(store_->stats().bytes, before * 2 / 3);
    for (int round = 0; round < 2; ++round) {
        expect_held();
        for (LogIndex number = 1; number <= sealed_to(); ++number) {
            EXPECT_THAT(places_of(disk_, number), SizeIs(number % 5 == 0 ? 1 : 0)) << number;
        }
        restart();
    }
    // And are left behind themselves by the next one.
    for (LogIndex number = 1; number <= last_; ++number) release(one, number);
    for (LogIndex number = 1; number <= last_; number += 2) release(other, number);
    reclaim_all(*store_, rows_);
    expect_held();
    EXPECT_THAT(places_of(disk_, 5), IsEmpty());
}

TEST_F(LogSharedSpace, TheSegmentStaysUntilTheLastOfThemIsReleased) {
    for (LogIndex number = 1; number <= last_; ++number) release(topic, number);
    const std::uint64_t segments = store_->stats().segments;
    reclaim_all(*store_, rows_);
    EXPECT_EQ(store_->stats().segments, segments);
    EXPECT_EQ(store_->stats().rewritten_bytes, 0U) << "two of three are held, and take little";
    expect_held();
    for (LogIndex number = 1; number <= last_; ++number) {
        release(one, number);
        release(other, number);
    }
    reclaim_all(*store_, rows_);
    EXPECT_EQ(store_->stats().segments, 1U);
}

TEST_F(LogSharedSpace, TheyAreReadThoughTheSetThatHadThemFirstIsGone) {
    store_->drop_set(topic);
    store_->replace_log(one, {last_ + 50, 2});
    store_->append_body(make_entry(one, 7, copy_of(7)));
    ASSERT_TRUE(store_->sync().has_value());
    std::erase_if(rows_.held, [](MessageId message) {
        return message.set() == topic || (message.set() == one && message.index() != 7);
    });
    for (int round = 0; round < 2; ++round) {
        reclaim_all(*store_, rows_);
        expect_held();
        rows_.flushed = nothing_needed;
        restart();
    }
}

TEST(LogSharedBodiesOfVoidEntries, AreReadThoughTheEntryThatHadThemFirstWasReplaced) {
    MemoryDisk disk;
    auto store = open_beside(disk, small_segments());
    fan_out(*store, 1, {one, other});
    fan_out(*store, 2, {one, other});
    append_entries(*store, topic, 1, 2, {1, 500, 2});
    append_entries(*store, one, 2, 2, {1, 500, 2});
    for (int round = 0; round < 2; ++round) {
        expect_copy(*store, one, 1);
        expect_copy(*store, other, 2);
        expect_entries(*store, topic, 1, 2, {1, 500, 2});
        expect_entries(*store, one, 2, 2, {1, 500, 2});
        store = open_store(disk);
    }
}

// As builds before wrote: each set's copies for themselves.
TEST(LogSharedRewrite, OfCopiesThatStandForThemselvesSharesThemAndIsListed) {
    constexpr LogIndex copies = 20;
    constexpr LogIndex last = 80;
    const LogStoreOptions options = small_segments(64 << 10);
    MemoryDisk disk;
    auto store = open_store(disk, options);
    store->recount_done();
    for (const SetId set : {topic, one}) {
        for (LogIndex at = 1; at <= copies; ++at) append_entries(*store, set, at, at, copy_of(at));
    }
    append_entries(*store, one, copies + 1, last, {1, copy_bytes});
    EXPECT_EQ(store->stats().shared_bytes, 0U);
    EXPECT_EQ(disk.bytes_of(folder + "/manifest")[8], 1);
    HeldRows rows;
    rows.flushed = last;
    for (LogIndex at = 1; at <= last; ++at) {
        for (const SetId set : {topic, one}) {
            const bool held = at % 4 == 0 && at <= copies;
            if (held) rows.held.insert(MessageId(set, at, 0));
            if (!held && (set == one || at <= copies)) store->release(set, at, 1);
        }
    }
    reclaim_all(*store, rows);
    EXPECT_GT(store->stats().rewritten_bytes, 0U);
    EXPECT_EQ(disk.bytes_of(folder + "/manifest")[8], 3);
    const auto applied = [](SetId set) {
        return set == topic ? copies : last;
    };
    for (int round = 0; round < 2; ++round) {
        for (const MessageId message : rows.held) {
            EXPECT_THAT(places_of(disk, message.index()), SizeIs(1)) << message.index();
            expect_copy(*store, message.set(), message.index());
        }
        store = open_store(disk, options, applied);
        ASSERT_NE(store, nullptr);
    }
}

TEST(LogSharedRewrite, LeavesAloneWhatTheDiskRefusesToRead) {
    constexpr EntryShape shape{1, 20'000, 1, 0, 1};
    const LogStoreOptions options = small_segments(64 << 10);
    MemoryDisk disk;
    auto store = open_beside(disk, options);
    store->recount_done();
    append_entries(*store, topic, 1, 1, shape);
    append_entries(*store, one, 1, 1, shape);
    append_entries(*store, other, 1, 6, {1, 20'000});
    EXPECT_EQ(store->stats().shared_bytes, 20'000U);
    const std::string path = folder + "/" + segment_file_name({1, 0});
    const std::size_t at = disk.bytes_of(path).find(body_of(topic, 1, 0, shape));
    ASSERT_NE(at, std::string::npos);
    disk.lose_byte(path, at + 10'000);
    HeldRows rows;
    rows.flushed = 6;
    rows.held = {MessageId(one, 1, 0)};
    for (LogIndex index = 3; index <= 6; ++index) rows.held.insert(MessageId(other, index, 0));
    store->release(topic, 1, 1);
    store->release(other, 1, 1);
    store->release(other, 2, 1);
    reclaim_all(*store, rows);
    const auto readable = disk.crash_image(1);
    const auto applied =
        applied_by([](SetId set) { return set == other ? LogIndex{6} : LogIndex{1}; });
    store = open_store(*readable, options, applied);
    ASSERT_NE(store, nullptr);
    const auto body = read_body(*store, MessageId(one, 1, 0));
    ASSERT_TRUE(body.has_value()) << body.error().detail;
    EXPECT_TRUE(body->bytes == body_of(one, 1, 0, shape));
}

class LogSharedDamage : public LogSharedSpace {
  protected:
    // Flips a byte of the only copy of a message.
    void damage(LogIndex number) {
        const auto places = places_of(disk_, number);
        ASSERT_THAT(places, SizeIs(1));
        flip(disk_, {places.front().path, places.front().at + 100});
    }

    std::vector<MessageId> scrub_all() {
        const auto damaged = store_->scrub(1ULL << 30);
        EXPECT_TRUE(damaged.has_value());
        if (!damaged) return {};
        std::vector<MessageId> found = *damaged;  // a round may pass a segment twice
        std::sort(found.begin(), found.end());
        found.erase(std::unique(found.begin(), found.end()), found.end());
        return found;
    }

    void expect_damaged(SetId set, LogIndex number) {
        const auto body = read_body(*store_, MessageId(set, number, 0));
        ASSERT_FALSE(body.has_value());
        EXPECT_EQ(body.error().code, Errc::damaged);
        EXPECT_THAT(body.error().detail, HasSubstr("segment-"));
        const auto scanned = store_->scan(set, number, [](const StoredEntry&) { return false; });
        ASSERT_FALSE(scanned.has_value());
        EXPECT_EQ(scanned.error().code, Errc::damaged);
        std::vector<bool> marked;
        EXPECT_TRUE(store_->scan_records(set, number, [&](const StoredEntry& entry) {
            if (entry.index == number) marked.push_back(entry.bodies.at(0).damaged);
            return false;
        }));
        // The record that has the bytes itself is found too, with its body marked.
        EXPECT_EQ(marked, std::vector<bool>{true});
    }

    const LogIndex hit_ = 7;
};

TEST_F(LogSharedDamage, OfTheBytesIsDamageOfEachEntryThatHasThemAndOfNoOther) {
    damage(hit_);
    restart();
    for (const SetId set : {topic, one, other}) {
        expect_damaged(set, hit_);
        rows_.held.erase(MessageId(set, hit_, 0));
    }
    expect_held();
    EXPECT_THAT(scrub_all(),
                UnorderedElementsAre(
                    MessageId(topic, hit_, 0), MessageId(one, hit_, 0), MessageId(other, hit_, 0)));
}

TEST_F(LogSharedDamage, IsRepairedEntryByEntryAndNeverServedMeanwhile) {
    damage(hit_);
    restart();
    ASSERT_TRUE(store_->repair(make_entry(other, hit_, copy_of(hit_))));
    reclaim_all(*store_, rows_);
    expect_copy(*store_, other, hit_);
    // What was copied with its damage keeps it, also beside the right bytes.
    expect_damaged(topic, hit_);
    expect_damaged(one, hit_);
    for (const SetId set : {topic, one}) {
        ASSERT_TRUE(store_->repair(make_entry(set, hit_, copy_of(hit_))));
    }
    reclaim_all(*store_, rows_);
    for (int round = 0; round < 2; ++round) {
        expect_held();
        EXPECT_THAT(scrub_all(), IsEmpty());
        EXPECT_THAT(places_of(disk_, hit_), SizeIs(1));
        restart();
    }
}

TEST_F(LogSharedDamage, OfAReferenceIsOfItsEntryAlone) {
    const std::string commands = make_entry(one, hit_, copy_of(hit_)).commands;
    const Stands body = places_of(disk_, hit_).front();
    const std::string bytes = disk_.bytes_of(body.path);
    // Behind the topic's entry come those of the next turn: `one` first.
    const std::size_t at = bytes.find(commands, body.at);
    ASSERT_NE(at, std::string::npos);
    flip(disk_, {body.path, at - body_slot_bytes + 1});
    restart();
    EXPECT_EQ(read_body(*store_, MessageId(one, hit_, 0)).error().code, Errc::damaged);
    rows_.held.erase(MessageId(one, hit_, 0));
    expect_held();
    EXPECT_THAT(scrub_all(), UnorderedElementsAre(MessageId(one, hit_, 0)));
}

// The write that refers to the bytes was synced: they are no sign that it is torn.
TEST(LogSharedStart, DamageOfWhatTheLastWriteRefersToStopsAStartAndCutsNothingOff) {
    MemoryDisk disk;
    auto store = open_beside(disk, small_segments());
    fan_out(*store, 1, {one});
    store.reset();
    flip(disk, {places_of(disk, 1).front().path, places_of(disk, 1).front().at + 100});
    const std::string path = folder + "/" + segment_file_name({1, 0});
    const std::string before = disk.bytes_of(path);
    const auto applied = [](SetId set) {
        return set == topic ? LogIndex{1} : LogIndex{0};
    };
    const auto refused = try_open(disk, small_segments(), applied);
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().code, Errc::damaged);
    EXPECT_THAT(refused.error().detail, HasSubstr("nothing was changed"));
    EXPECT_EQ(disk.bytes_of(path), before);
    store = open_store(disk, small_segments(), [](SetId) { return LogIndex{1}; });
    ASSERT_NE(store, nullptr);
    EXPECT_EQ(store->range(one).last, 1U);
    EXPECT_EQ(store->stats().damaged_records, 2U);
    EXPECT_EQ(read_body(*store, MessageId(one, 1, 0)).error().code, Errc::damaged);
}

TEST(LogSharedStart, DamageInASealedSegmentStopsAStartThatNeedsIt) {
    MemoryDisk disk;
    auto store = open_beside(disk, small_segments());
    for (LogIndex number = 1; number <= 40; ++number) fan_out(*store, number, {one});
    store.reset();
    flip(disk, {places_of(disk, 3).front().path, places_of(disk, 3).front().at + 100});
    const auto applied = [](LogIndex queued) {
        return applied_by([queued](SetId set) { return set == topic ? LogIndex{40} : queued; });
    };
    const auto refused = try_open(disk, small_segments(), applied(2));
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().code, Errc::damaged);
    EXPECT_THAT(refused.error().detail, HasSubstr("that the rows still need"));
    store = open_store(disk, small_segments(), applied(3));
    ASSERT_NE(store, nullptr);
    for (LogIndex number = 4; number <= 40; ++number) expect_copy(*store, one, number);
}

// A torn write is void as a whole, so that nothing is left that refers to what never was.
TEST(LogSharedStart, AWriteThatIsTornLeavesNeitherTheBytesNorWhoRefersToThem) {
    MemoryDisk disk;
    auto store = open_beside(disk, small_segments());
    fan_out(*store, 1, {one, other});
    std::vector<std::unique_ptr<MemoryDisk>> left;
    disk.during_syncs([&] {
        for (std::uint64_t seed = 1; seed <= 8; ++seed) left.push_back(disk.crash_image(seed));
    });
    for (const SetId set : {topic, one, other}) store->append(make_entry(set, 2, copy_of(2)));
    ASSERT_TRUE(store->sync().has_value());
    disk.during_syncs({});
    ASSERT_THAT(left, SizeIs(8));
    bool torn = false;
    for (const auto& image : left) {
        auto reopened = open_store(*image);
        ASSERT_NE(reopened, nullptr);
        const LogIndex last = reopened->range(topic).last;
        torn = torn || last == 1;
        for (const SetId set : {topic, one, other}) {
            EXPECT_EQ(reopened->range(set).last, last);
            expect_entries(*reopened, set, 1, 1, copy_of(1));
            if (last == 2) expect_copy(*reopened, set, 2);
        }
        // What comes next is not taken for the bytes of before the crash.
        fan_out(*reopened, last + 1, {one, other});
        reopened = open_store(*image);
        ASSERT_NE(reopened, nullptr);
        for (const SetId set : {topic, one, other}) expect_copy(*reopened, set, last + 1);
    }
    EXPECT_TRUE(torn);
}

}  // namespace

}  // namespace penstock::storage::testing
