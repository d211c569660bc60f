// The frame: what a decoder makes of right, damaged, replayed and random bytes.
#include "broker/replication/transport/frame.h"

#include "broker/base/random.h"
#include "broker/replication/transport/send_queue.h"

#include <gtest/gtest.h>

namespace penstock::replication::transport {
namespace {

using State = FrameDecoder::State;

std::string encoded(FrameEncoder& encoder, FrameKind kind, std::string_view payload) {
    std::string out;
    encoder.append(out, kind, payload, {});
    return out;
}

State feed(FrameDecoder& decoder, std::string_view bytes, Frame& frame) {
    return decoder.feed(bytes, frame);
}

TEST(PeerFrame, BytesAreAsDrawn) {
    FrameEncoder encoder;
    encoder.begin_conversation(0x1122334455667788U);
    std::string out = encoded(encoder, FrameKind::beat, {});
    out = encoded(encoder, FrameKind::message, "hi");
    const std::string head("\x02\0\0\0\x05\x88\x77\x66\x55\x44\x33\x22\x11\x01\0\0\0\0\0\0\0", 21);
    EXPECT_EQ(out.substr(0, 21), head);
    EXPECT_EQ(out.substr(25), "hi");
    EXPECT_EQ(out.size(), 27U);
}

TEST(PeerFrame, WhatIsWrittenIsReadHoweverItIsCut) {
    FrameEncoder encoder;
    FrameDecoder decoder(1'000);
    std::string bytes = encoded(encoder, FrameKind::message, "one");
    bytes += encoded(encoder, FrameKind::beat, "");
    bytes += encoded(encoder, FrameKind::answer, std::string(1'000, 'z'));
    std::vector<Frame> frames;
    for (const char& byte : bytes) {
        Frame frame;
        if (feed(decoder, std::string_view(&byte, 1), frame) == State::whole)
            frames.push_back(std::move(frame));
    }
    ASSERT_EQ(frames.size(), 3U);
    EXPECT_EQ(frames[0].payload, "one");
    EXPECT_EQ(frames[1].kind, FrameKind::beat);
    EXPECT_EQ(frames[2].payload, std::string(1'000, 'z'));
}

TEST(PeerFrame, EveryFlippedBitIsNoticed) {
    FrameEncoder encoder;
    const std::string right = encoded(encoder, FrameKind::question, "12345678 what?");
    for (std::size_t bit = 0; bit < right.size() * 8; ++bit) {
        std::string wrong = right;
        wrong[bit / 8] = static_cast<char>(wrong[bit / 8] ^ (1 << (bit % 8)));
        FrameDecoder decoder(1'000);
        Frame frame;
        // A length that grew waits for bytes that do not come: no frame either.
        EXPECT_NE(feed(decoder, wrong, frame), State::whole) << "bit " << bit;
    }
}

TEST(PeerFrame, ALengthBeyondTheLimitIsRefusedBeforeAnythingOfItArrives) {
    FrameEncoder encoder;
    const std::string bytes = encoded(encoder, FrameKind::message, std::string(101, 'x'));
    FrameDecoder decoder(100);
    Frame frame;
    EXPECT_EQ(feed(decoder, bytes.substr(0, frame_header_bytes), frame), State::malformed);
}

TEST(PeerFrame, FramesOfAnotherConversationOrOutOfOrderAreReplays) {
    FrameEncoder first;
    first.begin_conversation(7);
    const std::string captured = encoded(first, FrameKind::message, "pay 5");
    Frame frame;
    FrameDecoder other(1'000);
    other.begin_conversation(8);
    EXPECT_EQ(feed(other, captured, frame), State::replayed);
    FrameDecoder same(1'000);
    same.begin_conversation(7);
    EXPECT_EQ(feed(same, captured, frame), State::whole);
    EXPECT_EQ(feed(same, captured, frame), State::replayed);
    FrameDecoder gap(1'000);
    gap.begin_conversation(7);
    EXPECT_EQ(feed(gap, encoded(first, FrameKind::message, "later"), frame), State::replayed);
}

TEST(PeerFrame, ConversationsDependOnBothSidesAndTheirOrder) {
    EXPECT_NE(conversation_of({1, 2}, {3, 4}), conversation_of({3, 4}, {1, 2}));
    EXPECT_NE(conversation_of({1, 2}, {3, 4}), conversation_of({1, 2}, {3, 5}));
    EXPECT_EQ(conversation_of({1, 2}, {3, 4}), conversation_of({1, 2}, {3, 4}));
}

// A stream of right frames in which a few bytes are changed, lost or doubled.
std::string spoilt(std::string bytes, Random& random) {
    for (std::uint64_t wrongs = 1 + random.below(4); wrongs > 0 && !bytes.empty(); --wrongs) {
        const std::size_t at = random.below(bytes.size());
        switch (random.below(4)) {
            case 0:
                bytes[at] = static_cast<char>(random.next());
                break;
            case 1:
                bytes.erase(at, 1 + random.below(40));
                break;
            case 2:
                bytes.insert(at, bytes.substr(at / 2, random.below(60)));
                break;
            default:
                bytes.insert(at, random.fill(random.below(30)));
        }
    }
    return bytes;
}

TEST(PeerFrame, RandomBytesNeverMakeAFrameThatWasNotSent) {
    for (std::uint64_t seed = 1; seed <= 3'000; ++seed) {
        SeededRandom random(seed);
        FrameEncoder encoder;
        std::string bytes;
        std::vector<std::string> sent;
        for (std::uint64_t count = random.below(6); count > 0; --count) {
            sent.push_back(random.fill(random.below(100)));
            encoder.append(bytes, FrameKind::message, sent.back(), {});
        }
        bytes = sent.empty() ? random.fill(random.below(500)) : spoilt(bytes, random);
        FrameDecoder decoder(4'096);
        std::string_view rest = bytes;
        Frame frame;
        std::size_t got = 0;
        while (decoder.feed(rest, frame) == State::whole) {
            ASSERT_LT(got, sent.size()) << "seed " << seed;
            ASSERT_EQ(frame.payload, sent[got++]) << "seed " << seed;
        }
    }
}

TEST(SendQueue, IsBoundedInBytesAndFrames) {
    SendQueue by_frames(1'000'000, 2);
    EXPECT_TRUE(by_frames.push({FrameKind::message, 0, "a"}));
    EXPECT_TRUE(by_frames.push({FrameKind::message, 0, "b"}));
    EXPECT_FALSE(by_frames.push({FrameKind::message, 0, "c"}));
    SendQueue by_bytes(1'000, 100);
    EXPECT_TRUE(by_bytes.push({FrameKind::message, 0, std::string(700, 'x')}));
    EXPECT_FALSE(by_bytes.push({FrameKind::message, 0, std::string(700, 'x')}));
    EXPECT_TRUE(by_bytes.push({FrameKind::message, 0, "small"}));
}

TEST(SendQueue, GathersSmallFramesAndLeavesOutTheUnwanted) {
    SendQueue queue(10'000'000, 100);
    for (const char* body : {"a", "b", "c"}) queue.push({FrameKind::message, 0, body});
    FrameEncoder encoder;
    std::string batch;
    queue.fill(batch, encoder, [](const Outgoing& frame) { return frame.body != "b"; });
    EXPECT_EQ(batch.size(), 2 * (frame_header_bytes + 1));
    EXPECT_TRUE(queue.empty());
    EXPECT_EQ(queue.bytes(), 0U);
    for (int count = 0; count < 3; ++count)
        queue.push({FrameKind::message, 0, std::string(200'000, 'x')});
    batch.clear();
    queue.fill(batch, encoder, [](const Outgoing&) { return true; });
    EXPECT_FALSE(queue.empty());  // one write is not everything
}

}  // namespace
}  // namespace penstock::replication::transport
