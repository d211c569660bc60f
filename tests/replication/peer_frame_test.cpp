// The bytes between engines: what they are, and what is refused.
#include "broker/replication/peer_frame.h"

#include "broker/base/random.h"
#include "tests/model/hex.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

namespace penstock::replication {
namespace {

using model::testing::to_hex;

constexpr SetId set{258};

std::string payload(TimeMs time_ms, std::string_view commands) {
    const std::array<std::string_view, 2> bodies{"one", ""};
    return encode_payload(time_ms, commands, bodies);
}

Message heartbeat() {
    Message message;
    message.type = MessageType::heartbeat;
    message.to = NodeId{2};
    message.from = NodeId{1};
    message.term = 7;
    message.commit = 300;
    return message;
}

std::string append_frame() {
    const std::string commands = payload(1'000, "send");
    const std::string change = "change";
    std::array<RaftEntry, 3> entries;
    entries[0] = {7, 11, EntryKind::normal, 0, nullptr};
    entries[1] = {7, 12, EntryKind::normal, static_cast<std::uint32_t>(commands.size()), &commands};
    entries[2] = {
        8, 13, EntryKind::membership, static_cast<std::uint32_t>(change.size()), change.data()};
    Message message;
    message.type = MessageType::append;
    message.to = NodeId{2};
    message.from = NodeId{1};
    message.term = 8;
    message.log_term = 6;
    message.index = 10;
    message.commit = 9;
    message.entries = entries;
    const std::array<std::string_view, 3> payloads{"", commands, change};
    return encode_frame(set, message, payloads, nullptr);
}

std::string snapshot_frame() {
    const SnapshotPoint point{{6, 40}, {{NodeId{1}, NodeId{2}}, {NodeId{3}}}};
    const HeldSnapshot held{40, 5'000, encode_members(point.members), "manifest"};
    Message message;
    message.type = MessageType::snapshot;
    message.to = NodeId{3};
    message.from = NodeId{1};
    message.term = 7;
    message.snapshot = &point;
    return encode_frame(set, message, {}, &held);
}

TEST(PeerFrame, AHeartbeatIsTheseBytes) {
    Message message = heartbeat();
    message.context = "read";
    EXPECT_EQ(to_hex(encode_frame(set, message, {}, nullptr)),
              "01"    // level
              "0201"  // set
              "08"    // heartbeat
              "00"    // no refusal
              "02"    // to
              "01"    // from
              "07"    // term
              "00"    // log term
              "00"    // index
              "ac02"  // commit
              "00"    // reject hint
              "0472656164");
}

TEST(PeerFrame, AnAppendIsTheseBytes) {
    EXPECT_EQ(to_hex(append_frame()),
              "01"
              "0201"
              "03"
              "00"
              "02"
              "01"
              "08"
              "06"
              "0a"
              "09"
              "00"
              "00"
              "03"  // entries
              "00"
              "07"  // the engine's own
              "01"
              "07"
              "13"  // commands: time, commands, bodies
              "e803000000000000"
              "0473656e64"
              "02"
              "036f6e65"
              "00"
              "02"
              "08"
              "06"
              "6368616e6765");
}

TEST(PeerFrame, AnAppendComesBackWithItsEntries) {
    const auto frame = decode_frame(append_frame());
    ASSERT_TRUE(frame);
    EXPECT_EQ(frame->set, set);
    const Message message = frame->view();
    EXPECT_EQ(message.log_term, 6U);
    ASSERT_EQ(message.entries.size(), 3U);
    EXPECT_EQ(message.entries[0].bytes, 0U);
    EXPECT_EQ(message.entries[0].index, 11U);
    const auto* commands = static_cast<const Payload*>(message.entries[1].payload);
    const auto view = decode_payload(commands->bytes);
    ASSERT_TRUE(view);
    EXPECT_EQ(view->time_ms, 1'000);
    EXPECT_EQ(view->commands, "send");
    EXPECT_THAT(view->bodies, ::testing::ElementsAre("one", ""));
    EXPECT_EQ(message.entries[2].kind, EntryKind::membership);
    EXPECT_EQ(message.entries[2].text(), "change");
    EXPECT_EQ(message.entries[2].term, 8U);
}

TEST(PeerFrame, ASnapshotComesBackWithItsManifest) {
    const auto frame = decode_frame(snapshot_frame());
    ASSERT_TRUE(frame);
    ASSERT_NE(frame->view().snapshot, nullptr);
    EXPECT_EQ(frame->view().snapshot->point, (LogPoint{6, 40}));
    EXPECT_TRUE(frame->view().snapshot->members.is_learner(NodeId{3}));
    EXPECT_EQ(frame->snapshot.manifest, "manifest");
    EXPECT_EQ(frame->snapshot.time_ms, 5'000);
}

TEST(PeerFrame, TheSetIsReadWithoutTheRest) {
    EXPECT_EQ(frame_set(append_frame()), set);
    EXPECT_EQ(frame_set(""), std::nullopt);
    EXPECT_EQ(frame_set(std::string("\x02\x01\x00", 3)), std::nullopt);  // another level
    EXPECT_EQ(frame_set(std::string("\x01\xff\xff", 3)), std::nullopt);  // more than 12 bits
}

TEST(PeerFrame, EveryPrefixAndEveryExtensionIsRefused) {
    for (const std::string& whole : {append_frame(), snapshot_frame()}) {
        for (std::size_t length = 0; length < whole.size(); ++length) {
            EXPECT_FALSE(decode_frame(std::string_view(whole).substr(0, length))) << length;
        }
        EXPECT_FALSE(decode_frame(whole + '\0'));
    }
}

TEST(PeerFrame, OnlyTypesThatTravelAreRead) {
    std::string frame = encode_frame(set, heartbeat(), {}, nullptr);
    std::vector<int> read;
    for (int type = 0; type < 256; ++type) {
        frame[3] = static_cast<char>(type);
        if (decode_frame(frame)) read.push_back(type);
    }
    // Not 3 and 7: appends and snapshots go on behind the context.
    EXPECT_THAT(read, ::testing::ElementsAre(4, 5, 6, 8, 9, 14, 17, 18));
}

TEST(PeerFrame, LongContextsAndUnknownFlagsAreRefused) {
    Message message = heartbeat();
    const std::string longest(message_context_max, 'x');
    message.context = longest;
    std::string frame = encode_frame(set, message, {}, nullptr);
    EXPECT_TRUE(decode_frame(frame));
    frame[4] = 2;
    EXPECT_FALSE(decode_frame(frame));
    const std::string longer(message_context_max + 1, 'x');
    message.context = longer;
    EXPECT_FALSE(decode_frame(encode_frame(set, message, {}, nullptr)));
}

// Whatever is read says the same when it is written again.
void expect_stable(std::string_view bytes) {
    const auto frame = decode_frame(bytes);
    if (!frame) return;
    std::vector<std::string_view> payloads;
    std::size_t next = 0;
    for (const RaftEntry& entry : frame->entries) {
        payloads.emplace_back();
        if (entry.bytes > 0) payloads.back() = frame->payloads[next++]->bytes;
    }
    const auto again =
        decode_frame(encode_frame(frame->set, frame->view(), payloads, &frame->snapshot));
    ASSERT_TRUE(again);
    EXPECT_EQ(again->message.term, frame->message.term);
    EXPECT_EQ(again->entries.size(), frame->entries.size());
}

TEST(PeerFrame, DamagedAndInventedFramesNeverBreakAnything) {
    SeededRandom random(11);
    const std::array<std::string, 3> seeds{
        append_frame(), snapshot_frame(), encode_frame(set, heartbeat(), {}, nullptr)};
    for (int round = 0; round < 60'000; ++round) {
        std::string bytes = seeds[random.below(seeds.size())];
        for (std::uint64_t hits = 1 + random.below(4); hits > 0; --hits) {
            bytes[random.below(bytes.size())] = static_cast<char>(random.below(256));
        }
        if (random.below(4) == 0) bytes.resize(random.below(bytes.size()));
        if (random.below(8) == 0) bytes = "\x01" + random.fill(random.below(80));
        expect_stable(bytes);
    }
}

TEST(PeerFrame, AHostileCountCostsNoMemory) {
    std::string frame = encode_frame(set, heartbeat(), {}, nullptr);
    frame[3] = 3;
    frame += "\xff\xff\xff\xff\x0f";
    EXPECT_FALSE(decode_frame(frame));
}

}  // namespace
}  // namespace penstock::replication
