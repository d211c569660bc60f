// Large bodies that nobody holds any longer: their space comes back, and nothing else goes.
#include "tests/storage/log/held_rows.h"
#include "tests/storage/log/large_fixture.h"

namespace penstock::storage::testing {

namespace {

class LogLargeSpace : public ::testing::Test {
  protected:
    LogLargeSpace() : store_(open_store(disk_, roomy())) {
        store_->recount_done();
        append_entries(*store_, data, 1, last_, mixed);
        for (LogIndex index = 1; index <= last_; ++index) {
            for (std::uint32_t at = 0; at < 3; ++at) rows_.held.insert(MessageId(data, index, at));
        }
        rows_.flushed = last_;
    }

    void release(LogIndex index, std::uint32_t ordinal) {
        rows_.held.erase(MessageId(data, index, ordinal));
        store_->release(data, index, 1);
    }

    void release_whole(LogIndex first, LogIndex last) {
        for (LogIndex index = first; index <= last; ++index) {
            for (std::uint32_t at = 0; at < 3; ++at) release(index, at);
        }
    }

    void restart() {
        store_ = open_store(disk_, roomy(), applied_to(rows_.flushed));
        ASSERT_NE(store_, nullptr);
        for (LogIndex index = 1; index <= last_; ++index) {
            const auto held = static_cast<std::uint32_t>(rows_.live_ordinals(data, index).size());
            if (held > 0) store_->count_live(data, index, held);
        }
        store_->recount_done();
    }

    void expect_body(LogIndex index, std::uint32_t ordinal) {
        const auto body = read_body(*store_, MessageId(data, index, ordinal));
        ASSERT_TRUE(body.has_value()) << index << ": " << body.error().detail;
        EXPECT_EQ(body->bytes, body_text(data, index, ordinal, mixed.bytes_of(ordinal)));
    }

    const LogIndex last_ = 10;
    MemoryDisk disk_;
    std::unique_ptr<LogStore> store_;
    HeldRows rows_;
};

TEST_F(LogLargeSpace, ComesBackWhileSmallBodiesOfTheSameEntriesAreHeld) {
    for (LogIndex index = 1; index <= 8; ++index) {
        release(index, 0);
        release(index, 1);
    }
    reclaim_all(*store_, rows_);
    EXPECT_EQ(store_->stats().large_segments, 1U);
    EXPECT_EQ(large_files(disk_).size(), 1U);
    EXPECT_EQ(store_->range(data).first, 9U) << "entries before it are not whole";
    for (int round = 0; round < 2; ++round) {
        for (LogIndex index = 1; index <= 8; ++index) {
            expect_body(index, 2);
            EXPECT_EQ(read_body(*store_, MessageId(data, index, 0)).error().code, Errc::not_found);
        }
        expect_entries(*store_, data, 9, last_, mixed);
        EXPECT_EQ(store_->range(data).first, 9U);
        restart();
    }
}

TEST_F(LogLargeSpace, SparseOnesAreRewrittenAndEarlierReadersGoOn) {
    const auto source = store_->find(MessageId(data, 3, 0));
    ASSERT_TRUE(source.has_value());
    for (const LogIndex index : {1U, 2U, 4U}) release_whole(index, index);
    const std::uint64_t before = store_->stats().bytes;
    reclaim_all(*store_, rows_);
    EXPECT_GT(store_->stats().rewritten_bytes, 0U);
    EXPECT_LT(store_->stats().bytes, before - 2 * large_bytes);
    EXPECT_EQ(source->read(BodySource::Wait::yes)->bytes, body_text(data, 3, 0, large_bytes));
    for (int round = 0; round < 2; ++round) {
        for (LogIndex index = 3; index <= last_; ++index) {
            if (index != 4) expect_body(index, 0);
        }
        EXPECT_EQ(read_body(*store_, MessageId(data, 4, 0)).error().code, Errc::not_found);
        reclaim_all(*store_, rows_);
        restart();
    }
}

TEST(LogLargeLives, ABodyIsGoneThoughOneOfAnEarlierLifeOfItsEntryIsThere) {
    MemoryDisk disk;
    auto store = open_store(disk, roomy());
    store->recount_done();
    append_entries(*store, data, 1, 4, mixed_of(1));
    append_entries(*store, data, 2, 9, mixed_of(2));
    HeldRows rows;
    rows.flushed = 9;
    for (const LogIndex index : {1U, 5U, 6U, 7U, 8U, 9U}) {
        for (std::uint32_t at = 0; at < 3; ++at) rows.held.insert(MessageId(data, index, at));
    }
    for (const LogIndex index : {2U, 3U, 4U}) store->release(data, index, 3);
    reclaim_all(*store, rows);
    EXPECT_GT(store->stats().rewritten_bytes, 0U);
    store = open_store(disk, roomy(), applied_to(9));
    ASSERT_NE(store, nullptr);
    EXPECT_EQ(read_body(*store, MessageId(data, 2, 0)).error().code, Errc::not_found);
    EXPECT_EQ(read_body(*store, MessageId(data, 1, 0))->bytes, body_text(data, 1, 0, large_bytes));
    expect_entries(*store, data, 5, 9, mixed_of(2));
}

TEST_F(LogLargeSpace, NothingGoesAboveWhatMayGoOrWhilePinned) {
    release_whole(1, 8);
    rows_.flushed = 3;
    reclaim_all(*store_, rows_);
    EXPECT_EQ(store_->stats().large_segments, 3U);
    rows_.flushed = last_;
    {
        const auto pin = store_->pin(data);
        reclaim_all(*store_, rows_);
        EXPECT_EQ(store_->stats().large_segments, 3U);
    }
    reclaim_all(*store_, rows_);
    EXPECT_EQ(store_->stats().large_segments, 1U);
}

TEST_F(LogLargeSpace, AHeldBodyStaysThoughTooMuchWasReleased) {
    for (LogIndex index = 1; index <= 8; ++index) store_->release(data, index, 5);
    for (LogIndex index = 1; index <= 8; ++index) {
        if (index == 3) continue;
        for (std::uint32_t at = 0; at < 3; ++at) rows_.held.erase(MessageId(data, index, at));
    }
    reclaim_all(*store_, rows_);
    expect_body(3, 0);
    EXPECT_EQ(store_->stats().large_segments, 2U);
}

TEST_F(LogLargeSpace, ADroppedOrReplacedSetIsLetGoOf) {
    const SetId other{2};
    append_entries(*store_, other, 1, 4, mixed);
    store_->drop_set(data);
    store_->replace_log(other, {20, 2});
    store_->append_body(make_entry(other, 3, mixed_of(2)));
    ASSERT_TRUE(store_->sync().has_value());
    rows_.held = {MessageId(other, 3, 0)};
    rows_.flushed = 20;
    for (int round = 0; round < 2; ++round) {
        reclaim_all(*store_, rows_);
        EXPECT_EQ(store_->find(MessageId(data, 3, 0)).error().code, Errc::not_found);
        const auto body = read_body(*store_, MessageId(other, 3, 0));
        ASSERT_TRUE(body.has_value()) << body.error().detail;
        EXPECT_EQ(body->bytes, body_text(other, 3, 0, large_bytes, 2));
        store_ = open_store(disk_, roomy(), applied_to(nothing_needed));
        ASSERT_NE(store_, nullptr);
        store_->count_live(other, 3, 1);
        store_->recount_done();
    }
    reclaim_all(*store_, rows_);
    EXPECT_EQ(store_->stats().large_segments, 1U);
    // The set comes again, from its first entry on.
    append_entries(*store_, data, 1, 3, mixed_of(7));
    expect_entries(*store_, data, 1, 3, mixed_of(7));
    EXPECT_EQ(store_->range(data).first, 1U);
}

TEST_F(LogLargeSpace, ReadersOfSealedSegmentsGetThemOnAnyThread) {
    restart();
    store_ = open_store(disk_, small_segments(), applied_to(last_));
    append_entries(*store_, data, last_ + 1, last_ + 400, {4, 200});
    const auto pin = store_->pin(data);
    const auto records = store_->sealed_records(data, 1, 100);
    ASSERT_TRUE(records.has_value());
    ASSERT_FALSE(records->empty());
    std::vector<LogIndex> whole;
    const auto scanned = records->front().scan(1, [&](const StoredEntry& entry) {
        if (entry.index > last_) return false;
        const std::string wanted = body_text(data, entry.index, 0, large_bytes);
        if (entry.bodies.at(0).bytes == wanted) whole.push_back(entry.index);
        return true;
    });
    ASSERT_TRUE(scanned.has_value()) << scanned.error().detail;
    EXPECT_EQ(whole.size(), last_);
}

}  // namespace

}  // namespace penstock::storage::testing
