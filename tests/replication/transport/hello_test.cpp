// The greeting: its bytes, and who may speak with whom.
#include "broker/replication/transport/hello.h"

#include "broker/base/random.h"
#include "broker/model/peer_name.h"

#include <gtest/gtest.h>

#include <set>

namespace penstock::replication::transport {
namespace {

Greeting sample() {
    Greeting greeting;
    greeting.lane = Lane::bulk;
    greeting.nonce = {0x0102030405060708U, 9};
    greeting.hello.formats = {2, 5};
    greeting.hello.cluster = "orders";
    greeting.hello.cluster_id = {0xAB, 0xCD};
    greeting.hello.incarnation = 3;
    greeting.hello.node = NodeId{7};
    greeting.hello.process = 99;
    greeting.hello.peer_address = "10.0.0.7:7072";
    greeting.hello.http_address = "10.0.0.7:7070";
    greeting.hello.zone = "b";
    greeting.hello.build = "0.1.0";
    greeting.hello.wall_ms = 1'700'000'000'123;
    return greeting;
}

TEST(Hello, WhatIsWrittenIsReadBack) {
    const auto read = decode_greeting(encode_greeting(sample()));
    ASSERT_TRUE(read) << read.error().detail;
    EXPECT_EQ(read.value(), sample());
}

TEST(Hello, BytesAreAsDrawn) {
    const std::string bytes = encode_greeting(sample());
    EXPECT_EQ(bytes.substr(0, 8), "PSTKPEER");
    EXPECT_EQ(bytes.substr(8, 10), std::string("\x01\x02\x08\x07\x06\x05\x04\x03\x02\x01", 10));
    EXPECT_EQ(bytes.substr(26, 4), std::string("\x02\0\x05\0", 4));
    EXPECT_EQ(bytes.substr(bytes.size() - 6),
              std::string("\x05"
                          "0.1.0"));
}

TEST(Hello, WhatALaterBuildAppendsIsPassedOver) {
    const auto read = decode_greeting(encode_greeting(sample()) + "more");
    ASSERT_TRUE(read);
    EXPECT_EQ(read.value(), sample());
}

TEST(Hello, CutImpossibleAndRandomBytesAreNoGreeting) {
    const std::string bytes = encode_greeting(sample());
    for (std::size_t length = 0; length < bytes.size(); ++length)
        EXPECT_FALSE(decode_greeting(bytes.substr(0, length))) << length;
    std::string other = bytes;
    other[8] = 2;  // version
    EXPECT_FALSE(decode_greeting(other));
    other = bytes;
    other[9] = 3;  // lane
    EXPECT_FALSE(decode_greeting(other));
    Greeting nobody = sample();
    nobody.hello.node = NodeId{0};
    EXPECT_FALSE(decode_greeting(encode_greeting(nobody)));
    for (std::uint64_t seed = 1; seed <= 2'000; ++seed) {
        SeededRandom random(seed);
        EXPECT_FALSE(decode_greeting(random.fill(random.below(300)))) << seed;
    }
}

TEST(Hello, TextsAreCutToTheirLimit) {
    Greeting greeting = sample();
    greeting.hello.zone = std::string(1'000, 'z');
    const std::string bytes = encode_greeting(greeting);
    EXPECT_LT(bytes.size(), greeting_bytes_max);
    EXPECT_EQ(decode_greeting(bytes).value().hello.zone, std::string(255, 'z'));
}

Refusal verdict(const Hello& ours, const Hello& theirs) {
    const auto refused = judge(ours, theirs);
    EXPECT_TRUE(refused);
    return refused ? refused->reason : Refusal::too_slow;
}

TEST(Hello, EachMismatchHasItsReason) {
    const Hello ours = sample().hello;
    Hello theirs = ours;
    theirs.node = NodeId{8};
    EXPECT_FALSE(judge(ours, theirs));
    EXPECT_EQ(verdict(ours, ours), Refusal::own_id);
    Hello other = theirs;
    other.cluster = "billing";
    EXPECT_EQ(verdict(ours, other), Refusal::wrong_cluster);
    other = theirs;
    other.cluster_id = {1, 1};
    EXPECT_EQ(verdict(ours, other), Refusal::wrong_cluster_id);
    other = theirs;
    other.incarnation = 2;
    EXPECT_EQ(verdict(ours, other), Refusal::old_incarnation);
    other.incarnation = 4;
    EXPECT_FALSE(judge(ours, other));  // we are the old one: they say so
    EXPECT_EQ(verdict(other, theirs), Refusal::old_incarnation);
    other = theirs;
    other.formats = {6, 9};
    EXPECT_EQ(verdict(ours, other), Refusal::no_common_format);
}

TEST(Hello, WhoIsNotYetAMemberMaySpeak) {
    const Hello ours = sample().hello;
    Hello theirs = ours;
    theirs.node = NodeId{8};
    theirs.cluster_id = {};
    theirs.incarnation = 0;
    EXPECT_FALSE(judge(ours, theirs));
    EXPECT_FALSE(judge(theirs, ours));
}

TEST(Hello, TheCommonFormatIsTheHighestThatBothCan) {
    EXPECT_EQ(common_format({1, 3}, {2, 5}), 3);
    EXPECT_EQ(common_format({2, 5}, {1, 3}), 3);
    EXPECT_EQ(common_format({1, 1}, {1, 1}), 1);
    EXPECT_EQ(common_format({1, 2}, {3, 4}), std::nullopt);
}

TEST(Hello, NamesOfReasonsAndLanesAreDistinct) {
    std::set<std::string_view> names;
    for (std::size_t at = 0; at < refusal_count; ++at)
        names.insert(refusal_name(static_cast<Refusal>(at)));
    EXPECT_EQ(names.size(), refusal_count);
    EXPECT_EQ(refusal_name(Refusal::too_many_connections), "too_many_connections");
    EXPECT_EQ(lane_name(Lane::requests), "requests");
    EXPECT_EQ(to_text(ClusterId{0xAB, 0xCD}), "00000000000000ab00000000000000cd");
}

TEST(Hello, ACertificateNamesNodeAndCluster) {
    EXPECT_EQ(model::peer_name(NodeId{7}, "orders"), "node-7.orders.penstock");
    EXPECT_TRUE(model::is_cluster_name("orders-2"));
    EXPECT_TRUE(model::is_cluster_name(std::string(40, 'a')));
    for (const char* name : {"", "-a", "a-", "A", "a.b", "a b", "a_b"})
        EXPECT_FALSE(model::is_cluster_name(name)) << name;
    EXPECT_FALSE(model::is_cluster_name(std::string(41, 'a')));
}

}  // namespace
}  // namespace penstock::replication::transport
