// Bytes that rot on one node's disk: its readers get what the other nodes have, and so does its
// disk.
#include "tests/cluster/world.h"
#include "tests/node/requests.h"

#include <gtest/gtest.h>

#include <set>

namespace penstock::cluster::testing {
namespace {

using penstock::testing::create_queue;
using penstock::testing::receive;
using penstock::testing::send;

constexpr SetId data{1};
constexpr int messages = 300;

std::string payload(int number) {
    return "message-" + std::to_string(number) + "-" + std::string(8'000, 'x');
}

// More than two segments of messages in one queue.
struct Filled {
    Filled() : world(21, 3, rules()) {
        world.found();
        check(world.ask(1, create_queue("q")).has_value(), "a queue");
        for (int at = 0; at < messages; ++at) {
            check(world.ask(1, send("q", {payload(at)})).has_value(), "a message");
        }
    }

    static MemberRules rules() {
        MemberRules rules;
        rules.data_sets = 1;
        rules.flush_age_ms = 200;
        rules.keep_bytes = 256U << 10;
        return rules;
    }

    // The file of that node's log that holds the message's bytes; empty: none does.
    [[nodiscard]] std::string file_of(std::uint64_t id, int number) {
        MemoryDisk& disk = world.member(id).disk();
        for (const std::string& file : disk.files()) {
            if (file.find("/log/") == std::string::npos) continue;
            if (disk.bytes_of(file).find(payload(number)) != std::string::npos) return file;
        }
        return {};
    }

    void damage(std::uint64_t id, int number) {
        MemoryDisk& disk = world.member(id).disk();
        const std::string file = file_of(id, number);
        check(!file.empty(), "the message is on the disk");
        std::string bytes = disk.bytes_of(file);
        bytes[bytes.find(payload(number)) + 100] ^= 1;
        disk.put_bytes(file, bytes);
    }

    [[nodiscard]] std::set<std::string> drained(std::uint64_t id) {
        std::set<std::string> bodies;
        for (int empty = 0; empty < 2;) {
            const auto got = world.ask(id, receive("q", 16, 1));
            if (!got || got->messages.empty()) ++empty;
            if (!got) continue;
            for (const auto& message : got->messages) bodies.insert(message.payload);
        }
        return bodies;
    }

    World world;
};

TEST(ClusterRepairs, AReaderOfDamagedBytesGetsWhatAnotherNodeHas) {
    Filled filled;
    const std::uint64_t leader = filled.world.leader(data);
    for (const int number : {3, 4, 77, 299}) filled.damage(leader, number);
    const std::set<std::string> bodies = filled.drained(leader);
    EXPECT_EQ(bodies.size(), 300U);
    for (int at = 0; at < messages; ++at) EXPECT_TRUE(bodies.contains(payload(at))) << at;
    EXPECT_GE(filled.world.member(leader).repairs().repaired, 4U);
    EXPECT_EQ(filled.world.member(leader).repairs().failed, 0U);
    EXPECT_TRUE(filled.world.deaths().empty());
}

TEST(ClusterRepairs, WhatAScrubFindsIsWrittenAnew) {
    Filled filled;
    const std::uint64_t node = filled.world.leader(data) % 3 + 1;
    // Not in the first segment: the names have entries there, which their log may still send.
    filled.damage(node, 150);
    ASSERT_EQ(filled.file_of(node, 150), "");
    // A snapshot that somebody may still read keeps the segment for a minute.
    filled.world.run(150'000);
    EXPECT_GE(filled.world.member(node).repairs().repaired, 1U);
    EXPECT_NE(filled.file_of(node, 150), "");
    EXPECT_TRUE(filled.world.deaths().empty());
}

TEST(ClusterRepairs, DamageInTheNewestEntriesThatWereAppliedStopsNoStart) {
    Filled filled;
    const std::uint64_t node = filled.world.leader(data) % 3 + 1;
    filled.world.run(1'000);
    for (const int number : {290, 295}) filled.damage(node, number);
    filled.world.crash(node);
    filled.world.start(node);
    ASSERT_TRUE(filled.world.deaths().empty()) << filled.world.deaths().front();
    ASSERT_TRUE(filled.world.run_until([&] { return filled.world.all_led(); }));
    EXPECT_EQ(filled.drained(node).size(), 300U);
    EXPECT_TRUE(filled.world.differences().empty());
}

TEST(ClusterRepairs, WhatEveryNodeHasLostIsNotHandedOutAndHoldsUpNothing) {
    Filled filled;
    for (std::uint64_t id = 1; id <= 3; ++id) filled.damage(id, 9);
    const std::uint64_t leader = filled.world.leader(data);
    const std::set<std::string> bodies = filled.drained(leader);
    EXPECT_EQ(bodies.size(), 299U);
    EXPECT_FALSE(bodies.contains(payload(9)));
    EXPECT_GE(filled.world.member(leader).repairs().failed, 1U);
    EXPECT_TRUE(filled.world.deaths().empty());
}

}  // namespace
}  // namespace penstock::cluster::testing
