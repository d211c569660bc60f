#include "tests/storage/log/store_fixture.h"

#include <algorithm>

namespace penstock::storage::testing {

std::string body_text(
    SetId set, LogIndex index, std::uint32_t ordinal, std::size_t bytes, std::uint64_t term) {
    const std::string place = "<" + std::to_string(set.value) + ":" + std::to_string(index) + ":" +
                              std::to_string(ordinal) + ":" + std::to_string(term) + ">";
    std::string text;
    text.reserve(bytes + place.size());
    while (text.size() < bytes) text += place;
    text.resize(bytes);
    // What ends with zeros looks like nothing that was ever written.
    constexpr std::size_t zeros = 24;
    if (index % 3 == 0 && bytes > 8 * zeros) std::fill(text.end() - zeros, text.end(), '\0');
    return text;
}

std::string body_of(SetId set, LogIndex index, std::uint32_t ordinal, const EntryShape& shape) {
    constexpr SetId everywhere{999};
    const std::size_t bytes = shape.bytes_of(ordinal);
    if (shape.alike != 0) return body_text(everywhere, shape.alike, ordinal, bytes);
    return body_text(set, index, ordinal, bytes, shape.term);
}

EntryRecord make_entry(SetId set, LogIndex index, const EntryShape& shape) {
    EntryRecord entry;
    entry.set = set;
    entry.term = shape.term;
    entry.index = index;
    entry.time_ms = 1'700'000'000'000 + static_cast<TimeMs>(index);
    entry.commands = "commands " + std::to_string(index) + " of " + std::to_string(shape.term);
    for (std::uint32_t ordinal = 0; ordinal < shape.bodies; ++ordinal) {
        entry.bodies.push_back(body_of(set, index, ordinal, shape));
    }
    return entry;
}

void append_entries(
    LogStore& store, SetId set, LogIndex first, LogIndex last, const EntryShape& shape) {
    for (LogIndex index = first; index <= last; ++index) {
        store.append(make_entry(set, index, shape));
        const Result<void> synced = store.sync();
        ASSERT_TRUE(synced.has_value()) << synced.error().detail;
    }
}

Result<BodySource::Body> read_body(const LogStore& store,
                                   MessageId message,
                                   BodySource::Wait wait) {
    const auto source = store.find(message);
    if (!source) return source.error();
    return source->read(wait);
}

void expect_entries(
    const LogStore& store, SetId set, LogIndex first, LogIndex last, const EntryShape& shape) {
    LogIndex next = first;
    const Result<void> scanned = store.scan(set, first, [&](const StoredEntry& entry) {
        const EntryRecord wanted = make_entry(set, next, shape);
        EXPECT_EQ(entry.index, wanted.index);
        EXPECT_EQ(entry.term, wanted.term);
        EXPECT_EQ(entry.time_ms, wanted.time_ms);
        EXPECT_EQ(entry.commands, wanted.commands);
        EXPECT_EQ(entry.bodies.size(), wanted.bodies.size());
        for (std::size_t at = 0; at < entry.bodies.size(); ++at) {
            EXPECT_TRUE(entry.bodies[at].present);
            EXPECT_EQ(entry.bodies[at].bytes, wanted.bodies[at]);
        }
        return ++next <= last;
    });
    ASSERT_TRUE(scanned.has_value()) << scanned.error().detail;
    EXPECT_EQ(next, last + 1);
    for (LogIndex index = first; index <= last; ++index) {
        for (std::uint32_t ordinal = 0; ordinal < shape.bodies; ++ordinal) {
            const auto body = read_body(store, MessageId(set, index, ordinal));
            ASSERT_TRUE(body.has_value()) << body.error().detail;
            EXPECT_EQ(body->bytes, body_of(set, index, ordinal, shape));
            EXPECT_EQ(body->time_ms, 1'700'000'000'000 + static_cast<TimeMs>(index));
        }
    }
}

}  // namespace penstock::storage::testing
