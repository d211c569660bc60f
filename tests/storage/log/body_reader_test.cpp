// Bodies read one after the other: what neighbours share is never another body's, and no more is
// read than is needed.
#include "broker/storage/log/body_reader.h"

#include "broker/base/random.h"
#include "broker/storage/log/segment_format.h"
#include "broker/storage/log/staged_record.h"
#include "tests/storage/log/store_fixture.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace penstock::storage::testing {

namespace {

constexpr SetId set{1};
constexpr SetId other_set{2};

// A file that notes what is read of it. Behind `cached_to` nothing is in memory.
class NotedFile final : public File {
  public:
    struct Reads {
        std::vector<std::size_t> lengths;
    };

    NotedFile(std::string bytes, Reads& reads, std::uint64_t cached_to)
        : bytes_(std::move(bytes)), reads_(reads), cached_to_(cached_to) {}

    Result<void> read_at(std::uint64_t offset, std::size_t length, char* out) const override {
        if (offset + length > bytes_.size()) return error(Errc::damaged, "the file is short");
        std::memcpy(out, bytes_.data() + offset, length);
        reads_.lengths.push_back(length);
        return {};
    }

    Result<bool> try_read_cached(std::uint64_t offset,
                                 std::size_t length,
                                 char* out) const override {
        if (offset + length > cached_to_) return false;
        const auto read = read_at(offset, length, out);
        if (!read) return read.error();
        return true;
    }

    Result<void> write_at(std::uint64_t /*offset*/,
                          const std::vector<std::string_view>& /*parts*/) override {
        return error(Errc::io, "not written to");
    }

    Result<void> sync() override { return {}; }

    Result<void> allocate(std::uint64_t /*bytes*/) override { return {}; }

    Result<void> truncate(std::uint64_t /*bytes*/) override { return {}; }

    [[nodiscard]] Result<std::uint64_t> size() const override { return bytes_.size(); }

  private:
    std::string bytes_;
    Reads& reads_;
    std::uint64_t cached_to_;
};

constexpr std::uint64_t segment_bytes = 1ULL << 20;
constexpr std::size_t body_bytes = 1'024;

// A segment with one entry of so many bodies, in memory up to its last byte.
class OneEntry : public ::testing::Test {
  protected:
    void write(std::uint32_t bodies) {
        std::vector<StagedRecord> records;
        records.push_back(stage_entry(make_entry(set, 1, {bodies, body_bytes})));
        const SegmentName name{7, 0};
        std::string bytes(file_header_bytes, '\0');
        const GatheredWrite write = gather(records, {name, bytes.size(), 1}, bytes.size(), {});
        offset_ = bytes.size() + write.head.size();
        for (const std::string_view part : write.parts) bytes += part;
        const std::uint64_t written = bytes.size();
        bytes.resize(segment_bytes, '\0');
        segment_ = std::make_shared<Segment>(
            std::make_unique<NotedFile>(std::move(bytes), reads_, written),
            name,
            "segment",
            segment_bytes);
    }

    [[nodiscard]] BodySource source(std::uint32_t ordinal) const {
        return {segment_, offset_, MessageId(set, 1, ordinal)};
    }

    static void expect_body(const Result<BodySource::Body>& body, std::uint32_t ordinal) {
        ASSERT_TRUE(body.has_value()) << body.error().detail;
        EXPECT_EQ(body->bytes, body_text(set, 1, ordinal, body_bytes));
    }

    NotedFile::Reads reads_;
    std::shared_ptr<const Segment> segment_;
    std::uint64_t offset_ = 0;
};

TEST_F(OneEntry, WithASmallBodyIsReadAtOnce) {
    write(1);
    expect_body(source(0).read(BodySource::Wait::yes), 0);
    EXPECT_EQ(reads_.lengths, (std::vector<std::size_t>{4'096}));
}

TEST_F(OneEntry, GivesOneOfManyBodiesWithoutTheOthers) {
    write(64);
    expect_body(source(40).read(BodySource::Wait::yes), 40);
    EXPECT_EQ(reads_.lengths, (std::vector<std::size_t>{4'096, body_bytes}));
}

TEST_F(OneEntry, ReadsNeighboursTogether) {
    write(64);
    BodyReader reader(BodySource::Wait::yes);
    for (std::uint32_t ordinal = 0; ordinal < 64; ++ordinal) {
        expect_body(reader.read(source(ordinal), BodyReader::Next::neighbour), ordinal);
    }
    EXPECT_LE(reads_.lengths.size(), 3U);
}

// Behind the last record nothing was ever written: no page of that is in memory.
TEST_F(OneEntry, IsReadWithoutWaitingThoughNothingBehindItIsInMemory) {
    write(2);
    BodyReader reader(BodySource::Wait::no);
    expect_body(reader.read(source(0), BodyReader::Next::neighbour), 0);
    expect_body(reader.read(source(1)), 1);
}

TEST_F(OneEntry, HasNoBodyOfAnotherOrdinal) {
    write(2);
    BodyReader reader(BodySource::Wait::yes);
    EXPECT_EQ(reader.read(source(2)).error().code, Errc::not_found);
    expect_body(reader.read(source(1)), 1);
}

// Entries of two sets in several segments, some of them void and written again.
class ManyEntries : public ::testing::Test {
  protected:
    ManyEntries() : store_(open_store(disk_)) {
        for (LogIndex index = 1; index <= last_; ++index) {
            append(set, index, 1);
            append(other_set, index, 1);
            // The entries from here on are void, those behind them too.
            if (index % 10 != 0) continue;
            append(set, index - 4, 2);
            for (LogIndex again = index - 3; again <= index; ++again) append(set, again, 2);
        }
        EXPECT_GT(store_->stats().segments, 5U);
    }

    static std::uint64_t term_of(SetId of, LogIndex index) {
        const bool again = of == set && (index % 10 >= 6 || index % 10 == 0);
        return again ? 2 : 1;
    }

    static EntryShape shape(LogIndex index, std::uint64_t term) {
        return {static_cast<std::uint32_t>(1 + index % 4), 40 + index % 7 * 60, term};
    }

    void append(SetId of, LogIndex index, std::uint64_t term) {
        store_->append(make_entry(of, index, shape(index, term)));
        ASSERT_TRUE(store_->sync().has_value());
    }

    [[nodiscard]] std::vector<MessageId> all() const {
        std::vector<MessageId> found;
        for (LogIndex index = 1; index <= last_; ++index) {
            for (const SetId of : {set, other_set}) {
                const EntryShape made = shape(index, 1);
                for (std::uint32_t ordinal = 0; ordinal < made.bodies; ++ordinal) {
                    found.emplace_back(of, index, ordinal);
                }
            }
        }
        return found;
    }

    // With one reader, told of neighbours as `next` says.
    void expect_bodies(const std::vector<MessageId>& messages, BodyReader::Next next) const {
        BodyReader reader(BodySource::Wait::yes);
        for (const MessageId message : messages) {
            const auto source = store_->find(message);
            ASSERT_TRUE(source.has_value()) << source.error().detail;
            const auto body = reader.read(*source, next);
            ASSERT_TRUE(body.has_value()) << body.error().detail;
            const EntryShape made = shape(message.index(), term_of(message.set(), message.index()));
            ASSERT_EQ(
                body->bytes,
                body_text(
                    message.set(), message.index(), message.ordinal(), made.body_bytes, made.term));
            ASSERT_EQ(body->time_ms, 1'700'000'000'000 + static_cast<TimeMs>(message.index()));
        }
    }

    const LogIndex last_ = 200;
    MemoryDisk disk_;
    std::unique_ptr<LogStore> store_;
};

TEST_F(ManyEntries, AreReadInEveryOrder) {
    std::vector<MessageId> messages = all();
    SeededRandom random(7);
    // Opened anew all but the last segment are sealed, and entries are found by samples.
    for (int round = 0; round < 2; ++round) {
        for (const auto next : {BodyReader::Next::neighbour, BodyReader::Next::elsewhere}) {
            std::sort(messages.begin(), messages.end());
            expect_bodies(messages, next);
            std::reverse(messages.begin(), messages.end());
            expect_bodies(messages, next);
            for (std::size_t at = 1; at < messages.size(); ++at) {
                std::swap(messages[at], messages[random.below(at + 1)]);
            }
            expect_bodies(messages, next);
        }
        store_ = open_store(disk_);
    }
}

// A reading may hold places that were found before and after a suffix ended.
TEST(BodyReader, GivesEachPlaceWhatLiesThere) {
    MemoryDisk disk;
    const auto store = open_store(disk);
    const MessageId message(set, 2, 0);
    append_entries(*store, set, 1, 2, {1, 100, 1});
    const auto before = store->find(message);
    append_entries(*store, set, 2, 2, {1, 100, 2});
    const auto after = store->find(message);
    ASSERT_TRUE(before.has_value() && after.has_value());
    for (const auto next : {BodyReader::Next::neighbour, BodyReader::Next::elsewhere}) {
        BodyReader reader(BodySource::Wait::yes);
        EXPECT_EQ(reader.read(*before, next)->bytes, body_text(set, 2, 0, 100, 1));
        EXPECT_EQ(reader.read(*after, next)->bytes, body_text(set, 2, 0, 100, 2));
        // Of a place that lies before the one read last the first entry is its own.
        EXPECT_EQ(reader.read(*before, next)->bytes, body_text(set, 2, 0, 100, 1));
    }
}

}  // namespace

}  // namespace penstock::storage::testing
