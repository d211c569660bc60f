// Damages of every kind in every kind of file: never a wrong byte, and what lies beside them is
// served.
#include "broker/storage/log/body_reader.h"
#include "broker/storage/log/record_format.h"
#include "broker/storage/log/segment.h"
#include "broker/storage/log/segment_format.h"
#include "tests/storage/log/log_workload.h"

#include <algorithm>

namespace penstock::storage::testing {

namespace {

enum class Kind : std::uint8_t { flip, zero, swap, truncate };

struct Damage {
    std::string path;
    Kind kind = Kind::flip;
    std::uint64_t from = 0;
    std::uint64_t to = 0;
    std::uint64_t other = 0;  // swap: where the bytes were exchanged with
};

bool touches(const Damage& damage, std::uint64_t from, std::uint64_t to) {
    const std::uint64_t length = damage.to - damage.from;
    if (damage.kind == Kind::truncate) return to > damage.from;
    const bool here = from < damage.to && damage.from < to;
    const bool there = from < damage.other + length && damage.other < to;
    return here || (damage.kind == Kind::swap && there);
}

Damage inflict(MemoryDisk& disk, std::uint64_t seed) {
    SeededRandom random(seed);
    const auto files = disk.files();
    Damage damage;
    damage.path = files[random.below(files.size())];
    damage.kind = static_cast<Kind>(random.below(4));
    std::string bytes = disk.bytes_of(damage.path);
    // Behind the last byte that is not zero there is nothing to damage.
    const std::uint64_t used = bytes.find_last_not_of('\0') + 1;
    const std::uint64_t length = std::min(1 + random.below(random.below(2) ? 16 : 4096), used / 2);
    damage.from = random.below(used - length);
    damage.to = damage.from + length;
    damage.other = random.below(used - length);
    if (damage.kind == Kind::flip) {
        for (std::uint64_t at = damage.from; at < damage.to; ++at) {
            bytes[at] = static_cast<char>(bytes[at] ^ static_cast<char>(1 + random.below(255)));
        }
    }
    if (damage.kind == Kind::zero) bytes.replace(damage.from, length, length, '\0');
    if (damage.kind == Kind::swap) {
        const std::string here = bytes.substr(damage.from, length);
        const std::string there = bytes.substr(damage.other, length);
        bytes.replace(damage.from, length, there);
        bytes.replace(damage.other, length, here);
    }
    if (damage.kind == Kind::truncate) bytes.resize(damage.from);
    disk.put_bytes(damage.path, bytes);
    return damage;
}

struct Place {
    std::string path;
    std::uint64_t from = 0;
    std::uint64_t to = 0;
};

bool hits(const Damage& damage, const Place& place) {
    return place.path == damage.path && touches(damage, place.from, place.to);
}

using Places = std::map<std::pair<SetId, LogIndex>, Place>;

using Shared = std::map<std::pair<SetId, LogIndex>, std::vector<Place>>;

// Where the bodies of entries are that are elsewhere in their segment.
Shared shared_places(MemoryDisk& disk) {
    Shared found;
    for (const std::string& path : disk.files()) {
        const auto name = parse_segment_file_name(path.substr(folder.size() + 1));
        if (!name || name->large) continue;
        auto file = disk.open(path, Disk::Open::existing);
        const std::uint64_t size = *(*file)->size();
        const Segment segment(std::move(*file), *name, path, size);
        RecordScanner scanner(segment, file_header_bytes, size);
        while (*scanner.next()) {
            const RecordHeader& header = scanner.header();
            if (!has_bodies(header.tag)) continue;
            const auto head = read_entry_head(*scanner.head(), header.payload_bytes);
            for (const BodySlot& slot : head->bodies) {
                if (!slot.shared) continue;
                const std::uint64_t from = slot.offset;
                found[{header.set, header.index}].push_back({path, from, from + slot.length});
            }
        }
    }
    return found;
}

// Where each entry's record lies, or the one of its large bodies; of void ones too, the last one
// counts.
Places places(MemoryDisk& disk, bool apart) {
    Places found;
    for (const std::string& path : disk.files()) {
        const auto name = parse_segment_file_name(path.substr(folder.size() + 1));
        if (!name) continue;
        auto file = disk.open(path, Disk::Open::existing);
        const std::uint64_t size = *(*file)->size();
        const Segment segment(std::move(*file), *name, path, size);
        RecordScanner scanner(segment, file_header_bytes, size);
        while (*scanner.next()) {
            if (!has_bodies(scanner.header().tag)) continue;
            if (apart != (scanner.header().tag == Tag::apart)) continue;
            found[{scanner.header().set, scanner.header().index}] = {
                path, scanner.offset(), scanner.behind()};
        }
    }
    return found;
}

class LogStoreDamage : public ::testing::Test {
  protected:
    LogStoreDamage() {
        auto store = open_store(disk_);
        for (LogIndex index = 1; index <= last_; ++index) {
            store->append(make_entry(SetId{1}, index, shape(index)));
            if (index % 3 == 0) store->append(make_entry(SetId{2}, index / 3, {1, 64}));
            if (index == 1) store->append_hard_state(SetId{1}, {1, 0, 0});
            if (index == 20) store->replace_log(SetId{3}, {replaced_, 2});
            if (index >= 20) {
                store->append_body(make_entry(SetId{3}, index * 3, shape(index)));
            }
            if (index % 2 != 0) continue;
            EXPECT_TRUE(store->sync().has_value());
        }
        EXPECT_TRUE(store->sync().has_value());
        EXPECT_GT(store->stats().segments, 6U);
        places_ = places(disk_, false);
        apart_ = places(disk_, true);
        EXPECT_GT(apart_.size(), 6U);
        shared_ = shared_places(disk_);
        EXPECT_GT(shared_.size(), 20U);
    }

    static EntryShape shape(LogIndex index) {
        EntryShape made{static_cast<std::uint32_t>(1 + index % 3), 100 + index % 7 * 60};
        if (index % 40 == 0) made.first_bytes = 70'000;
        // Sets 1 and 3 have the same bodies there.
        if (index % 5 == 0) made.alike = index;
        if (made.alike != 0) made.body_bytes = 300;
        return made;
    }

    // Looks at every body, each alone and all with one reader.
    void expect_right_or_damaged(const LogStore& store, const Damage& damage) {
        BodyReader reader(BodySource::Wait::yes);
        const auto read_next = [&](MessageId message) -> Result<BodySource::Body> {
            const auto source = store.find(message);
            if (!source) return source.error();
            return reader.read(*source, BodyReader::Next::neighbour);
        };
        const auto read_alone = [&](MessageId message) {
            return read_body(store, message);
        };
        expect_right_or_damaged(read_alone, damage);
        expect_right_or_damaged(read_next, damage);
    }

    using Read = std::function<Result<BodySource::Body>(MessageId)>;

    void expect_right_or_damaged(const Read& read, const Damage& damage) {
        for (LogIndex index = 1; index <= last_; ++index) {
            expect_right_or_damaged(read, damage, SetId{1}, index, shape(index));
            if (index < 20) continue;
            expect_right_or_damaged(read, damage, SetId{3}, index * 3, shape(index));
        }
    }

    void expect_right_or_damaged(
        const Read& read, const Damage& damage, SetId set, LogIndex index, const EntryShape& made) {
        const Place& place = places_.at({set, index});
        const auto apart = apart_.find({set, index});
        const std::vector<Place>& shared = shared_[{set, index}];
        const bool hit = hits(damage, place) ||
                         (apart != apart_.end() && hits(damage, apart->second)) ||
                         std::any_of(shared.begin(), shared.end(), [&](const Place& elsewhere) {
                             return hits(damage, elsewhere);
                         });
        for (std::uint32_t ordinal = 0; ordinal < made.bodies; ++ordinal) {
            const auto body = read(MessageId(set, index, ordinal));
            if (body) {
                ASSERT_EQ(body->bytes, body_of(set, index, ordinal, made));
                continue;
            }
            ASSERT_EQ(body.error().code, Errc::damaged) << body.error().detail;
            ASSERT_TRUE(hit) << "entry " << index << " was not hit";
        }
    }

    const LogIndex last_ = 200;
    const LogIndex replaced_ = 700;  // the log of set 3 begins behind it
    MemoryDisk disk_;
    Places places_;
    Places apart_;
    Shared shared_;
};

constexpr std::uint64_t damages = PENSTOCK_DAMAGES;

LogIndex all_applied(SetId set) {
    if (set == SetId{1}) return 200;
    if (set == SetId{3}) return 700;
    return set == SetId{2} ? 66 : 0;
}

TEST_F(LogStoreDamage, NeverGivesAWrongByteAndKeepsServingTheRest) {
    std::uint64_t opened = 0;
    std::uint64_t refused = 0;
    for (std::uint64_t seed = 1; seed <= damages; ++seed) {
        SCOPED_TRACE(seed);
        const auto image = disk_.crash_image(seed);
        const Damage damage = inflict(*image, seed);
        auto store = try_open(*image, small_segments(), all_applied);
        if (!store) {
            ASSERT_EQ(store.error().code, Errc::damaged) << store.error().detail;
            ASSERT_NE(store.error().detail.find(folder), std::string::npos);
            ++refused;
            continue;
        }
        ++opened;
        expect_right_or_damaged(**store, damage);
        const auto scrubbed = (*store)->scrub(1 << 30);
        ASSERT_TRUE(scrubbed.has_value());
        for (const MessageId message : *scrubbed) {
            const auto body = read_body(**store, message);
            ASSERT_FALSE(body.has_value()) << "scrub named a body that can be read";
        }
        if (HasFatalFailure()) return;
    }
    // Truncations and a damaged manifest stop a start; bytes in the middle hardly ever do.
    EXPECT_GT(opened, damages / 2);
    RecordProperty("refused", static_cast<int>(refused));
}

TEST_F(LogStoreDamage, DoesNotStopAStartBelowTheAppliedIndex) {
    const Place place = places_.at({SetId{1}, 60});
    std::string bytes = disk_.bytes_of(place.path);
    for (std::uint64_t at = place.from; at < place.to; at += 40) {
        std::string damaged = bytes;
        damaged[at] = static_cast<char>(damaged[at] ^ 0x40);
        disk_.put_bytes(place.path, damaged);
        const auto store = open_store(disk_, small_segments(), all_applied);
        ASSERT_NE(store, nullptr);
        expect_right_or_damaged(*store, {place.path, Kind::flip, at, at + 1, 0});
    }
}

TEST_F(LogStoreDamage, StopsAStartAboveTheAppliedIndexNamingFileAndOffset) {
    const auto applied = [](SetId set) {
        return set == SetId{1} ? LogIndex{59} : all_applied(set);
    };
    const Place place = places_.at({SetId{1}, 60});
    std::string bytes = disk_.bytes_of(place.path);
    bytes[place.to - 20] = static_cast<char>(bytes[place.to - 20] ^ 0x40);
    disk_.put_bytes(place.path, bytes);
    const auto store = try_open(disk_, small_segments(), applied);
    ASSERT_FALSE(store.has_value());
    EXPECT_EQ(store.error().code, Errc::damaged);
    EXPECT_NE(store.error().detail.find(place.path + " at byte " + std::to_string(place.from)),
              std::string::npos)
        << store.error().detail;
    EXPECT_NE(store.error().detail.find("nothing was changed"), std::string::npos);
    EXPECT_EQ(disk_.bytes_of(place.path), bytes);
}

TEST_F(LogStoreDamage, StopsAStartWithAMissingShortOrSwappedSegment) {
    const std::string one = places_.at({SetId{1}, 60}).path;
    const std::string other = places_.at({SetId{1}, 120}).path;
    const auto expect_refused = [](MemoryDisk& disk) {
        const auto store = try_open(disk, small_segments(), all_applied);
        ASSERT_FALSE(store.has_value());
        EXPECT_EQ(store.error().code, Errc::damaged) << store.error().detail;
    };
    auto image = disk_.crash_image(1);
    ASSERT_TRUE(image->remove(one).has_value());
    expect_refused(*image);
    image = disk_.crash_image(1);
    image->put_bytes(one, disk_.bytes_of(one).substr(0, 5000));
    expect_refused(*image);
    image = disk_.crash_image(1);
    image->put_bytes(one, disk_.bytes_of(other));
    image->put_bytes(other, disk_.bytes_of(one));
    expect_refused(*image);
    image = disk_.crash_image(1);
    ASSERT_TRUE(image->remove(folder + "/manifest").has_value());
    expect_refused(*image);
}

TEST_F(LogStoreDamage, RebuildsADamagedFooterFromTheRecords) {
    const Place place = places_.at({SetId{1}, 60});
    std::string bytes = disk_.bytes_of(place.path);
    const std::size_t end = bytes.find_last_not_of('\0');
    for (std::size_t at = end - 40; at <= end; ++at) bytes[at] = 'x';
    disk_.put_bytes(place.path, bytes);
    const auto store = open_store(disk_, small_segments(), all_applied);
    ASSERT_NE(store, nullptr);
    EXPECT_EQ(store->stats().damaged_records, 1U);
    expect_right_or_damaged(*store, {place.path, Kind::flip, end - 40, end, 0});
}

}  // namespace

}  // namespace penstock::storage::testing
