#include "tests/replication/snapshot/snapshot_pair.h"

#include <algorithm>

namespace penstock::replication::testing {

std::string body_text(LogIndex index, std::uint32_t ordinal, std::size_t bytes) {
    const std::string place = "<" + std::to_string(index) + ":" + std::to_string(ordinal) + ">";
    std::string text;
    while (text.size() < bytes) text += place;
    text.resize(bytes);
    return text;
}

storage::EntryRecord make_entry(SetId set, LogIndex index, std::size_t body_bytes) {
    storage::EntryRecord entry;
    entry.set = set;
    entry.term = snapshot_term;
    entry.index = index;
    entry.time_ms = 1'700'000'000'000 + static_cast<TimeMs>(index);
    entry.commands = "commands " + std::to_string(index);
    entry.bodies = {body_text(index, 0, body_bytes), body_text(index, 1, body_bytes)};
    return entry;
}

Result<std::vector<LiveEntry>> HeldEntries::from(LogIndex first, std::size_t count_max) const {
    std::vector<LiveEntry> entries;
    for (auto at = held_.lower_bound(first); at != held_.end(); ++at) {
        if (entries.size() == count_max) break;
        entries.push_back({at->first, at->second});
    }
    return entries;
}

std::unique_ptr<storage::LogStore> open_log(Disk& disk,
                                            const std::function<LogIndex(SetId)>& applied) {
    storage::LogStoreOptions options;
    options.segment_bytes = 16 << 10;
    auto opened = storage::LogStore::open(disk, "/data/log", options, applied);
    if (!opened) return nullptr;
    return std::move(*opened);
}

Giver::Giver(std::size_t bytes)
    : store(open_log(disk, [](SetId) { return LogIndex{0}; })), body_bytes(bytes) {
    for (LogIndex index = 1; index <= snapshot_index; ++index) {
        store->append(make_entry(moved_set, index, body_bytes));
        if (index % 3 == 0) held[index] = {1};
        if (index % 12 == 0) held[index] = {0, 1};
    }
    EXPECT_TRUE(store->sync());
}

std::unique_ptr<SnapshotSource> Giver::make_source(std::size_t range_entries) {
    const std::string folder = "/data/snapshots/" + std::to_string(++checkpoints);
    const auto rows = storage::make_memory_rows(nullptr, &disk);
    EXPECT_TRUE(rows->apply({{model::RowWrite::Kind::put, "row", "new"}}, snapshot_index));
    EXPECT_TRUE(rows->checkpoint(folder));
    SnapshotManifest facts;
    facts.set = moved_set;
    facts.index = snapshot_index;
    facts.term = snapshot_term;
    facts.conf_state = "members";
    return std::make_unique<SnapshotSource>(
        disk, *store, folder, facts, std::make_unique<HeldEntries>(held), range_entries);
}

std::unique_ptr<SnapshotSource> Giver::source(std::size_t range_entries) {
    auto made = make_source(range_entries);
    for (int step = 0; step < 1'000; ++step) {
        const auto ready = made->prepare();
        EXPECT_TRUE(ready) << ready.error().detail;
        if (!ready || *ready) break;
    }
    return made;
}

Result<void> fetch(SnapshotSource& source, SnapshotSink& sink, std::size_t chunk_bytes) {
    for (int turn = 0; turn < 100'000; ++turn) {
        const Result<bool> busy = sink.step();
        if (!busy) return busy.error();
        if (*busy) continue;
        if (sink.complete()) return {};
        const auto wanted = sink.wanted();
        auto bytes = source.read(wanted->part, wanted->offset, chunk_bytes);
        if (!bytes) return bytes.error();
        EXPECT_LE(bytes->size(), chunk_bytes);
        if (const auto taken = sink.take(*bytes); !taken) return taken;
    }
    return error(Errc::timeout, "the transfer does not end");
}

Result<void> finish(SnapshotInstall& install, storage::LogStore& store) {
    for (int turn = 0; turn < 100'000; ++turn) {
        const Result<bool> more = install.step(store);
        if (!more) return more.error();
        if (const auto synced = store.sync(); !synced) return synced;
        if (!*more) return {};
    }
    return error(Errc::timeout, "the installation does not end");
}

void expect_bodies(const storage::LogStore& store, const Giver& giver) {
    const storage::LogStore::Range range = store.range(moved_set);
    EXPECT_EQ(range.first, snapshot_index + 1);
    EXPECT_EQ(range.last, snapshot_index);
    EXPECT_EQ(store.start(moved_set), (storage::LogStart{snapshot_index, snapshot_term}));
    EXPECT_GE(store.hard_state(moved_set).commit, snapshot_index);
    EXPECT_GE(store.hard_state(moved_set).term, snapshot_term);
    for (LogIndex index = 1; index <= snapshot_index; ++index) {
        const auto listed = giver.held.find(index);
        for (std::uint32_t ordinal = 0; ordinal < 2; ++ordinal) {
            const bool held = listed != giver.held.end() &&
                              std::find(listed->second.begin(), listed->second.end(), ordinal) !=
                                  listed->second.end();
            const auto source = store.find(model::MessageId(moved_set, index, ordinal));
            const auto body = source ? source->read(storage::BodySource::Wait::yes)
                                     : Result<storage::BodySource::Body>(source.error());
            if (!held) {
                ASSERT_FALSE(body) << index << ":" << ordinal;
                EXPECT_EQ(body.error().code, Errc::not_found) << body.error().detail;
                continue;
            }
            ASSERT_TRUE(body) << index << ":" << ordinal << " " << body.error().detail;
            EXPECT_EQ(body->bytes, body_text(index, ordinal, giver.body_bytes));
            EXPECT_EQ(body->time_ms, 1'700'000'000'000 + static_cast<TimeMs>(index));
        }
    }
}

}  // namespace penstock::replication::testing
