// What the tests of shared bodies share: a message that goes to several sets. One test, one thread.
#pragma once

#include "broker/storage/log/segment_format.h"
#include "tests/storage/log/store_fixture.h"

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace penstock::storage::testing {

inline constexpr SetId topic{1};
inline constexpr std::size_t copy_bytes = 1'000;

// A set beside those of the tests: bodies are remembered once there are several sets with some.
inline constexpr SetId beside{99};

inline std::unique_ptr<LogStore> open_beside(MemoryDisk& disk, const LogStoreOptions& options) {
    auto store = open_store(disk, options);
    append_entries(*store, beside, 1, 1, {1, 300});
    store->release(beside, 1, 1);
    return store;
}

// What rows have applied: all of the set beside, of the others what `applied` says.
inline std::function<LogIndex(SetId)> applied_by(std::function<LogIndex(SetId)> applied) {
    return [applied = std::move(applied)](SetId set) {
        return set == beside ? LogIndex{1} : applied(set);
    };
}

// The sets with a queue of the topic, `count` of them.
inline std::vector<SetId> queues(std::uint16_t count) {
    std::vector<SetId> found;
    for (std::uint16_t set = 2; set < 2 + count; ++set) found.push_back(SetId{set});
    return found;
}

// The message of that number: entry `number` of each set that has it.
inline EntryShape copy_of(LogIndex number) {
    return {1, copy_bytes, 1, 0, number};
}

// Appends the message to the topic's set, and to the others in the turn after.
inline void fan_out(LogStore& store, LogIndex number, const std::vector<SetId>& to) {
    append_entries(store, topic, number, number, copy_of(number));
    for (const SetId set : to) store.append(make_entry(set, number, copy_of(number)));
    const Result<void> synced = store.sync();
    ASSERT_TRUE(synced.has_value()) << synced.error().detail;
}

struct Stands {
    std::string path;
    std::size_t at = 0;
};

// Where the log has the bytes of the message.
inline std::vector<Stands> places_of(const MemoryDisk& disk, LogIndex number) {
    const std::string body = body_of(topic, number, 0, copy_of(number));
    std::vector<Stands> found;
    for (const std::string& path : disk.files()) {
        const std::string bytes = disk.bytes_of(path);
        std::size_t at = bytes.find(body);
        for (; at != std::string::npos; at = bytes.find(body, at + 1)) found.push_back({path, at});
    }
    return found;
}

inline void flip(MemoryDisk& disk, const Stands& place) {
    std::string bytes = disk.bytes_of(place.path);
    bytes[place.at] = static_cast<char>(bytes[place.at] ^ 0x40);
    disk.put_bytes(place.path, bytes);
}

inline void expect_copy(const LogStore& store, SetId set, LogIndex number) {
    const auto body = read_body(store, MessageId(set, number, 0));
    ASSERT_TRUE(body.has_value()) << body.error().detail;
    EXPECT_EQ(body->bytes, body_of(set, number, 0, copy_of(number)));
}

}  // namespace penstock::storage::testing
