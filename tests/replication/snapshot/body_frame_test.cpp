// Golden bytes of frames, and their reading from chunks.
#include "broker/replication/snapshot/body_frame.h"

#include "tests/replication/snapshot/hex.h"

#include <gtest/gtest.h>

namespace penstock::replication {
namespace {

std::string sample() {
    storage::StoredEntry entry;
    entry.index = 9;
    entry.term = 5;
    entry.time_ms = 1'700'000'000'000;
    entry.commands = "cmd";
    entry.bodies = {{true, "held"}, {true, "not"}, {false, ""}, {true, "bad", true}};
    return encode_frame({9, {0, 2, 3}}, entry);
}

TEST(BodyFrame, HasTheseBytes) {
    EXPECT_EQ(testing::hex(sample()),
              "28000000e8d6ed1801090000000000000005000000000000000068e5cf8b0100000003636d6404"
              "010468656c64000202");
    EXPECT_EQ(testing::hex(encode_lost_frame({9, {1}})),
              "1e000000d40d6303010900000000000000000000000000000000000000000000000000020002");
}

TEST(BodyFrame, IsReadBackWhereverTheChunksEnd) {
    const std::string bytes = sample() + encode_lost_frame({12, {1}}) + sample();
    for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
        FrameReader reader;
        std::vector<BodyFrame> frames;
        const auto keep = [&](BodyFrame&& frame) {
            frames.push_back(std::move(frame));
        };
        ASSERT_TRUE(reader.feed(std::string_view(bytes).substr(0, cut), keep));
        ASSERT_TRUE(reader.feed(std::string_view(bytes).substr(cut), keep));
        ASSERT_EQ(frames.size(), 3U);
        EXPECT_EQ(reader.pending(), 0U);
        EXPECT_EQ(reader.whole_bytes(), bytes.size());
        EXPECT_EQ(frames[0].listed, (LiveEntry{9, {0, 2, 3}}));
        EXPECT_EQ(frames[0].lost, 2U);
        EXPECT_EQ(frames[0].record.term, 5U);
        EXPECT_EQ(frames[0].record.commands, "cmd");
        EXPECT_EQ(frames[0].record.bodies, (std::vector<std::string>{"held", "", "", ""}));
        EXPECT_EQ(frames[0].record.absent, (std::vector<std::uint32_t>{1, 2, 3}));
        EXPECT_EQ(frames[1].listed, (LiveEntry{12, {1}}));
        EXPECT_EQ(frames[1].lost, 1U);
        EXPECT_EQ(frames[1].record.absent, (std::vector<std::uint32_t>{0, 1}));
    }
}

TEST(BodyFrame, IsDamagedWithAnyOfItsBytesChanged) {
    const std::string bytes = sample();
    for (std::size_t at = 0; at < bytes.size(); ++at) {
        std::string damaged = bytes;
        damaged[at] = static_cast<char>(damaged[at] ^ 1);
        FrameReader reader;
        int frames = 0;
        const auto fed = reader.feed(damaged, [&](BodyFrame&&) { ++frames; });
        EXPECT_EQ(frames, 0) << at;
        // A length that grew waits for more.
        EXPECT_TRUE(!fed || at < 4) << at;
    }
}

TEST(BodyFrame, ThatWouldBeEndlessIsRefused) {
    FrameReader reader;
    const auto fed = reader.feed(std::string(8, '\xFF'), [](BodyFrame&&) {});
    ASSERT_FALSE(fed);
    EXPECT_EQ(fed.error().code, Errc::damaged);
}

}  // namespace
}  // namespace penstock::replication
