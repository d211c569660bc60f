// A log whose engine may begin it anew: starts, replaced logs and their body records, dropped sets.
#include "tests/storage/log/held_rows.h"
#include "tests/storage/log/log_check.h"

namespace penstock::storage::testing {

namespace {

constexpr SetId data{1};
constexpr SetId other{2};

LogIndex whatever(SetId) {
    return nothing_needed;
}

EntryRecord entry_of(LogIndex index) {
    return make_entry(data, index, {4, 200});
}

EntryRecord body_record(LogIndex index, std::vector<std::uint32_t> absent = {}) {
    EntryRecord record = make_entry(data, index, {2, 300});
    for (const std::uint32_t ordinal : absent) record.bodies[ordinal].clear();
    record.absent = std::move(absent);
    return record;
}

void sync(LogStore& store) {
    const auto synced = store.sync();
    ASSERT_TRUE(synced.has_value()) << synced.error().detail;
}

std::vector<LogIndex> recorded(const LogStore& store, LogIndex from = 0) {
    std::vector<LogIndex> indexes;
    EXPECT_TRUE(store.scan_records(data, from, [&](const StoredEntry& entry) {
        indexes.push_back(entry.index);
        return true;
    }));
    return indexes;
}

// A new set's members all begin behind an entry 1 that nobody ever wrote.
TEST(LogStart, ASetWhoseRowsWereNeverFlushedOpensBehindItsImaginedEntry) {
    MemoryDisk disk;
    auto store = open_store(disk);
    store->replace_log(data, {1, 1});
    append_entries(*store, data, 2, 30, {4, 200});
    sync(*store);
    store = open_store(disk);
    ASSERT_NE(store, nullptr);
    EXPECT_EQ(store->range(data).first, 2U);
    EXPECT_EQ(store->range(data).last, 30U);
}

TEST(LogStart, HidesWhatIsBeforeItFromTheEngineAlone) {
    MemoryDisk disk;
    auto store = open_store(disk);
    append_entries(*store, data, 1, 100, {4, 200});
    store->append_start(data, {40, 1});
    EXPECT_EQ(store->range(data).first, 41U);
    sync(*store);
    for (int round = 0; round < 2; ++round) {
        EXPECT_EQ(store->start(data), (LogStart{40, 1}));
        EXPECT_EQ(store->range(data).first, 41U);
        EXPECT_EQ(check_entries(*store, data, entry_of), "");
        EXPECT_EQ(check_facts(*store, data, entry_of), "");
        EXPECT_EQ(store->facts(data, 40, 1).error().code, Errc::not_found);
        EXPECT_EQ(store->term_of(data, 39).error().code, Errc::not_found);
        EXPECT_EQ(store->facts(data, 99, 10)->size(), 2U);
        EXPECT_EQ(store->facts(data, 101, 10)->size(), 0U);
        EXPECT_EQ(read_body(*store, MessageId(data, 7, 2))->bytes, body_text(data, 7, 2, 200));
        store = open_store(disk);
    }
}

TEST(LogStart, SurvivesTheSegmentItWasWrittenTo) {
    MemoryDisk disk;
    auto store = open_store(disk);
    append_entries(*store, data, 1, 20, {4, 200});
    store->append_start(data, {20, 1});
    append_entries(*store, data, 21, 100, {4, 200});
    store->recount_done();
    HeldRows rows;
    rows.flushed = 20;
    for (LogIndex index = 1; index <= 100; ++index) store->release(data, index, 4);
    reclaim_all(*store, rows);
    EXPECT_EQ(store->find(MessageId(data, 1, 0)).error().code, Errc::not_found);
    store = open_store(disk, small_segments(), [](SetId) { return LogIndex{20}; });
    EXPECT_EQ(store->range(data).first, 21U);
    EXPECT_EQ(*store->term_of(data, 20), 1U);
    EXPECT_EQ(check_facts(*store, data, entry_of), "");
}

TEST(LogStart, TheTermOfTheLastEntryOutlivesTheEntry) {
    MemoryDisk disk;
    auto store = open_store(disk);
    append_entries(*store, data, 1, 100, {4, 200, 6});
    append_entries(*store, other, 1, 100, {4, 200});
    store->recount_done();
    HeldRows rows;
    rows.flushed = 100;
    for (LogIndex index = 1; index <= 100; ++index) store->release(data, index, 4);
    for (LogIndex index = 1; index <= 100; ++index) store->release(other, index, 4);
    reclaim_all(*store, rows);
    store = open_store(disk, small_segments(), [](SetId) { return LogIndex{100}; });
    EXPECT_EQ(store->range(data).first, 101U);
    EXPECT_EQ(*store->term_of(data, 100), 6U);
    store->append_start(data, {100, 6});
    store->append(make_entry(data, 101));
    sync(*store);
    EXPECT_EQ(store->facts(data, 101, 1)->front().index, 101U);
}

TEST(LogEntries, KeepTheirKind) {
    MemoryDisk disk;
    auto store = open_store(disk);
    EntryRecord change = make_entry(data, 1, {0, 0, 3});
    change.kind = EntryKind::membership;
    change.commands = "conf";
    EntryRecord empty;
    empty.set = data;
    empty.term = 4;
    empty.index = 2;
    store->append(std::move(change));
    store->append(std::move(empty));
    sync(*store);
    store = open_store(disk);
    const std::vector<EntryFacts> wanted{{3, 1, EntryKind::membership, 4},
                                         {4, 2, EntryKind::command, 0}};
    EXPECT_EQ(*store->facts(data, 1, 9), wanted);
    std::vector<EntryKind> kinds;
    ASSERT_TRUE(store->scan(data, 1, [&](const StoredEntry& entry) {
        kinds.push_back(entry.kind);
        return true;
    }));
    EXPECT_EQ(kinds, (std::vector{EntryKind::membership, EntryKind::command}));
}

TEST(ReplacedLog, BeginsBehindItsStartAndKeepsOnlyTheBodiesThatCame) {
    MemoryDisk disk;
    auto store = open_store(disk);
    append_entries(*store, data, 1, 60, {4, 200});
    append_entries(*store, other, 1, 60, {1, 200});
    store->append_hard_state(data, {9, 2, 500});
    store->replace_log(data, {500, 8});
    EXPECT_EQ(store->range(data).first, 501U);
    EXPECT_EQ(store->range(data).last, 500U);
    store->append_body(body_record(3, {0}));
    sync(*store);
    for (const LogIndex index : {40U, 41U, 499U, 500U}) store->append_body(body_record(index));
    sync(*store);
    append_entries(*store, data, 501, 520, {4, 200});
    const auto applied = [](SetId set) {
        return set == data ? LogIndex{500} : LogIndex{0};
    };
    for (int round = 0; round < 2; ++round) {
        EXPECT_EQ(store->hard_state(data), (HardState{9, 2, 500}));
        EXPECT_EQ(*store->term_of(data, 500), 8U);
        EXPECT_EQ(check_entries(*store, data, entry_of), "");
        EXPECT_EQ(check_facts(*store, data, entry_of), "");
        EXPECT_EQ(read_body(*store, MessageId(data, 3, 1))->bytes, body_text(data, 3, 1, 300));
        EXPECT_EQ(read_body(*store, MessageId(data, 3, 0)).error().code, Errc::not_found);
        EXPECT_EQ(read_body(*store, MessageId(data, 4, 0)).error().code, Errc::not_found);
        EXPECT_EQ(read_body(*store, MessageId(data, 42, 0)).error().code, Errc::not_found);
        EXPECT_EQ(recorded(*store, 41).front(), 41U);
        EXPECT_EQ(recorded(*store).at(4), 500U);
        EXPECT_EQ(recorded(*store).size(), 25U);
        expect_entries(*store, other, 1, 60, {1, 200});
        store = open_store(disk, small_segments(), applied);
    }
}

TEST(ReplacedLog, LetsGoOfEverythingBeforeIt) {
    MemoryDisk disk;
    auto store = open_store(disk);
    store->recount_done();
    append_entries(*store, data, 1, 200, {4, 200});
    EXPECT_EQ(store->stats().bodies_live, 800U);
    store->replace_log(data, {300, 2});
    store->append_body(body_record(7));
    sync(*store);
    EXPECT_EQ(store->stats().bodies_live, 2U);
    reclaim_all(*store, HeldRows{});
    EXPECT_EQ(store->stats().segments, 1U);
    EXPECT_EQ(read_body(*store, MessageId(data, 7, 1))->bytes, body_text(data, 7, 1, 300));
}

TEST(ReplacedLog, ItsBodyRecordsAreRewrittenLikeAnyOther) {
    MemoryDisk disk;
    auto store = open_store(disk);
    store->replace_log(data, {1'000'000, 2});
    for (LogIndex index = 1; index <= 100; ++index) store->append_body(body_record(index * 9));
    append_entries(*store, data, 1'000'001, 1'000'060, {4, 200});
    store->recount_done();
    HeldRows rows;
    rows.flushed = 1'000'000;
    rows.held = {MessageId(data, 9, 1), MessageId(data, 450, 0)};
    for (LogIndex index = 1; index <= 100; ++index) {
        const bool holds = index == 1 || index == 50;
        store->release(data, index * 9, holds ? 1 : 2);
    }
    reclaim_all(*store, rows);
    EXPECT_GT(store->stats().rewritten_bytes, 0U);
    store = open_store(disk, small_segments(), [](SetId) { return LogIndex{1'000'000}; });
    for (const MessageId message : rows.held) {
        EXPECT_EQ(read_body(*store, message)->bytes,
                  body_text(data, message.index(), message.ordinal(), 300));
    }
    EXPECT_EQ(read_body(*store, MessageId(data, 9, 0)).error().code, Errc::not_found);
    EXPECT_EQ(check_facts(*store, data, entry_of), "");
}

TEST(ReplacedLog, GapsBetweenBodyRecordsCostNothing) {
    MemoryDisk disk;
    auto store = open_store(disk);
    const LogIndex last = 1ULL << 41;
    store->replace_log(data, {last, 2});
    store->append_body(body_record(1));
    store->append_body(body_record(last - 5));
    sync(*store);
    for (int round = 0; round < 2; ++round) {
        EXPECT_EQ(recorded(*store), (std::vector<LogIndex>{1, last - 5}));
        EXPECT_EQ(recorded(*store, 2), (std::vector<LogIndex>{last - 5}));
        EXPECT_EQ(read_body(*store, MessageId(data, 77, 0)).error().code, Errc::not_found);
        store = open_store(disk, small_segments(), whatever);
    }
}

TEST(ReplacedLog, ADamagedBodyRecordStopsNoStartAndIsMarked) {
    MemoryDisk disk;
    auto store = open_store(disk);
    store->replace_log(data, {100, 2});
    for (const LogIndex index : {10U, 20U, 30U}) store->append_body(body_record(index));
    sync(*store);
    append_entries(*store, data, 101, 103, {4, 200});
    const std::string path = folder + "/segment-000000000001-0";
    std::string bytes = disk.bytes_of(path);
    bytes[bytes.find(body_text(data, 20, 1, 300))] = '!';
    disk.put_bytes(path, bytes);
    store = open_store(disk, small_segments(), [](SetId) { return LogIndex{100}; });
    ASSERT_NE(store, nullptr);
    EXPECT_EQ(store->stats().damaged_records, 1U);
    EXPECT_EQ(read_body(*store, MessageId(data, 20, 1)).error().code, Errc::damaged);
    EXPECT_EQ(read_body(*store, MessageId(data, 20, 0))->bytes, body_text(data, 20, 0, 300));
    std::vector<bool> damaged;
    ASSERT_TRUE(store->scan_records(data, 20, [&](const StoredEntry& entry) {
        for (const StoredBodyView& body : entry.bodies) damaged.push_back(body.damaged);
        return false;
    }));
    EXPECT_EQ(damaged, (std::vector<bool>{false, true}));
}

TEST(DroppedSet, IsForgottenAndItsSpaceReturns) {
    MemoryDisk disk;
    auto store = open_store(disk);
    store->recount_done();
    append_entries(*store, data, 1, 100, {4, 200});
    append_entries(*store, other, 1, 10, {1, 100});
    store->append_hard_state(data, {3, 2, 1});
    store->drop_set(data);
    EXPECT_EQ(store->range(data).last, 0U);
    sync(*store);
    reclaim_all(*store, HeldRows{});
    for (int round = 0; round < 2; ++round) {
        EXPECT_EQ(store->stats().segments, 1U);
        EXPECT_EQ(store->range(data).last, 0U);
        EXPECT_EQ(store->hard_state(data), HardState{});
        EXPECT_EQ(store->find(MessageId(data, 1, 0)).error().code, Errc::not_found);
        expect_entries(*store, other, 1, 10, {1, 100});
        store = open_store(disk);
    }
    append_entries(*store, data, 1, 3, {4, 200});
    store = open_store(disk);
    expect_entries(*store, data, 1, 3, {4, 200});
}

TEST(RepairedEntry, IsReadAgainAndStaysSoOverARestart) {
    for (const bool head : {false, true}) {
        MemoryDisk disk;
        auto store = open_store(disk);
        append_entries(*store, data, 1, 100, {4, 200});
        store->recount_done();
        HeldRows rows;
        rows.flushed = 100;
        for (LogIndex index = 1; index <= 100; ++index) {
            for (std::uint32_t at = 0; at < 4; ++at) rows.held.insert(MessageId(data, index, at));
        }
        const std::string path = folder + "/segment-000000000002-0";
        std::string bytes = disk.bytes_of(path);
        const std::string wanted = body_text(data, 25, 0, 200);
        const std::size_t at = bytes.find(wanted) - (head ? 60 : 0);
        bytes[at] = static_cast<char>(bytes[at] ^ 0x40);
        disk.put_bytes(path, bytes);
        EXPECT_EQ(read_body(*store, MessageId(data, 25, 0)).error().code, Errc::damaged);
        EXPECT_EQ(store->scrub(1 << 30)->front(), MessageId(data, 25, 0));
        EXPECT_FALSE(store->repair(make_entry(data, 200, {4, 200})));
        EXPECT_FALSE(store->repair(make_entry(data, 100, {4, 200})));
        EXPECT_TRUE(store->repair(make_entry(data, 25, {4, 200})));
        reclaim_all(*store, rows);
        EXPECT_EQ(store->stats().damaged_records, 0U);
        for (int round = 0; round < 2; ++round) {
            for (LogIndex index = 1; index <= 100; ++index) {
                for (std::uint32_t ordinal = 0; ordinal < 4; ++ordinal) {
                    const auto body = read_body(*store, MessageId(data, index, ordinal));
                    ASSERT_TRUE(body.has_value()) << body.error().detail;
                    ASSERT_EQ(body->bytes, body_text(data, index, ordinal, 200));
                }
            }
            store = open_store(disk, small_segments(), [](SetId) { return LogIndex{100}; });
        }
    }
}

TEST(RepairedEntry, OfAnotherTermIsNotUsed) {
    MemoryDisk disk;
    auto store = open_store(disk);
    append_entries(*store, data, 1, 100, {4, 200});
    store->recount_done();
    HeldRows rows;
    rows.flushed = 100;
    for (std::uint32_t at = 0; at < 4; ++at) rows.held.insert(MessageId(data, 25, at));
    EXPECT_TRUE(store->repair(make_entry(data, 25, {4, 200, 9})));
    reclaim_all(*store, rows);
    EXPECT_EQ(read_body(*store, MessageId(data, 25, 0))->bytes, body_text(data, 25, 0, 200));
}

TEST(PinnedSet, KeepsItsSegmentsUntilThePinEnds) {
    MemoryDisk disk;
    auto store = open_store(disk);
    append_entries(*store, data, 1, 100, {4, 200});
    store->recount_done();
    HeldRows rows;
    rows.flushed = 100;
    auto pin = store->pin(data);
    for (LogIndex index = 1; index <= 100; ++index) store->release(data, index, 4);
    reclaim_all(*store, rows);
    EXPECT_EQ(recorded(*store).size(), 100U);
    pin.reset();
    reclaim_all(*store, rows);
    EXPECT_EQ(store->stats().segments, 1U);
}

TEST(PinnedSet, ARewriteThatHadBegunIsGivenUp) {
    MemoryDisk disk;
    LogStoreOptions options;
    options.segment_bytes = 8 << 20;
    auto store = open_store(disk, options);
    for (LogIndex index = 1; index <= 100; ++index) {
        store->append(make_entry(data, index, {4, 40'000}));
    }
    sync(*store);
    store->recount_done();
    HeldRows rows;
    rows.flushed = 100;
    for (LogIndex index = 1; index <= 50; ++index) {
        const bool holds = index % 3 == 0;
        for (std::uint32_t ordinal = 0; holds && ordinal < 4; ++ordinal) {
            rows.held.insert(MessageId(data, index, ordinal));
        }
        store->release(data, index, holds ? 0 : 4);
    }
    ASSERT_EQ(store->stats().segments, 2U);
    ASSERT_TRUE(*store->reclaim(rows));
    const auto pin = store->pin(data);
    reclaim_all(*store, rows);
    EXPECT_EQ(recorded(*store).size(), 100U);
    EXPECT_EQ(store->stats().rewritten_bytes, 0U);
    EXPECT_EQ(disk.files().size(), 3U);
}

}  // namespace

}  // namespace penstock::storage::testing
