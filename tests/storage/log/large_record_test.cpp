// The largest messages, 16 MiB, beside small ones: in segments of their own, whole or not there
// after a crash, and damage stays where it is.
#include "tests/storage/log/store_fixture.h"

#include <algorithm>

namespace penstock::storage::testing {

namespace {

constexpr SetId data{1};
constexpr EntryShape small{1, 1'000};
constexpr EntryShape large{1, 16U << 20};
constexpr LogIndex at = 3;  // of the large entry

// Small entries, the large one, small ones.
void append_all(LogStore& store) {
    append_entries(store, data, 1, at - 1, small);
    append_entries(store, data, at, at, large);
    append_entries(store, data, at + 1, at + 4, small);
}

void expect_all(const LogStore& store) {
    expect_entries(store, data, 1, at - 1, small);
    const auto body = read_body(store, MessageId{data, at, 0});
    ASSERT_TRUE(body.has_value()) << body.error().detail;
    EXPECT_EQ(body->bytes, body_text(data, at, 0, large.body_bytes));
    expect_entries(store, data, at + 1, at + 4, small);
}

// The segment file that holds the large record.
std::string large_file(const MemoryDisk& disk) {
    const std::string body = body_text(data, at, 0, large.body_bytes);
    for (const std::string& path : disk.files()) {
        if (disk.bytes_of(path).find(body) != std::string::npos) return path;
    }
    ADD_FAILURE() << "no file has the large body";
    return {};
}

LogIndex all_applied(SetId) {
    return at + 4;
}

TEST(LogStoreLargeRecord, IsReadBackAsSmallOnesAreAlsoAfterARestart) {
    MemoryDisk disk;
    auto store = open_store(disk);
    append_all(*store);
    expect_all(*store);
    store = open_store(disk);
    EXPECT_EQ(store->range(data).last, at + 4);
    expect_all(*store);
}

TEST(LogStoreLargeRecord, IsInASegmentThatIsLongEnoughAndSmallOnesGoOnInTheirs) {
    MemoryDisk disk;
    auto store = open_store(disk, small_segments(1 << 20));
    append_entries(*store, data, 1, at - 1, small);
    EXPECT_EQ(store->stats().segments, 1U);
    append_entries(*store, data, at, at, large);
    EXPECT_EQ(store->stats().segments, 2U);
    append_entries(*store, data, at + 1, at + 4, small);
    EXPECT_EQ(store->stats().segments, 2U) << "small ones go on where they were";
}

TEST(LogStoreLargeRecord, IsWholeOrNotThereAfterAPowerCutWhileItIsWritten) {
    MemoryDisk disk;
    auto store = open_store(disk, small_segments(32 << 20));
    append_entries(*store, data, 1, at - 1, small);
    std::vector<std::unique_ptr<MemoryDisk>> left;
    disk.during_syncs([&] {
        for (std::uint64_t seed = 1; seed <= 4; ++seed) left.push_back(disk.crash_image(seed));
    });
    append_entries(*store, data, at, at, large);
    disk.during_syncs({});
    ASSERT_FALSE(left.empty());
    for (const auto& image : left) {
        const auto reopened = open_store(*image, small_segments(32 << 20));
        ASSERT_TRUE(reopened);
        const LogIndex last = reopened->range(data).last;
        ASSERT_TRUE(last == at - 1 || last == at) << last;
        expect_entries(*reopened, data, 1, at - 1, small);
        if (last == at) expect_entries(*reopened, data, at, at, large);
        // It goes on where it was cut.
        append_entries(*reopened, data, last + 1, last + 1, small);
        expect_entries(*reopened, data, last + 1, last + 1, small);
    }
}

TEST(LogStoreLargeRecord, AFlippedBitOfItIsDamageOfItAlone) {
    MemoryDisk disk;
    auto store = open_store(disk, small_segments(32 << 20));
    append_all(*store);
    const std::string path = large_file(disk);
    std::string bytes = disk.bytes_of(path);
    const std::size_t begin = bytes.find(body_text(data, at, 0, large.body_bytes));
    const std::size_t place = begin + (8U << 20);
    bytes[place] = static_cast<char>(bytes[place] ^ 1);
    disk.put_bytes(path, bytes);
    store = open_store(disk, small_segments(32 << 20), all_applied);
    ASSERT_TRUE(store);
    const auto body = read_body(*store, MessageId{data, at, 0});
    ASSERT_FALSE(body.has_value());
    EXPECT_EQ(body.error().code, Errc::damaged);
    for (const LogIndex beside : {at - 1, at + 1}) {
        const auto whole = read_body(*store, MessageId{data, beside, 0});
        ASSERT_TRUE(whole.has_value()) << whole.error().detail;
        EXPECT_EQ(whole->bytes, body_text(data, beside, 0, small.body_bytes));
    }
}

TEST(LogStoreLargeRecord, DamageOfOneThatMayBeNeededStopsTheStart) {
    MemoryDisk disk;
    auto store = open_store(disk, small_segments(32 << 20));
    append_all(*store);
    const std::string path = large_file(disk);
    std::string bytes = disk.bytes_of(path);
    const std::size_t place = bytes.find(body_text(data, at, 0, large.body_bytes)) + 12'345;
    bytes[place] = static_cast<char>(bytes[place] ^ 1);
    disk.put_bytes(path, bytes);
    const auto refused = try_open(disk, small_segments(32 << 20), nothing_applied);
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().code, Errc::damaged);
    EXPECT_EQ(disk.bytes_of(path), bytes) << "nothing is changed";
}

}  // namespace

}  // namespace penstock::storage::testing
