#include "broker/cluster/frame_packs.h"

#include "broker/base/bytes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>
#include <vector>

namespace penstock::testing {

namespace {

using cluster::FramePacks;
using model::NodeId;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

struct Sent {
    std::vector<std::pair<NodeId, std::string>> packs;
    FramePacks frames{[this](NodeId to, std::string pack) {
        packs.emplace_back(to, std::move(pack));
    }};
};

std::vector<std::string> frames_of(const std::string& pack, std::uint64_t mark, bool whole = true) {
    std::vector<std::string> frames;
    EXPECT_EQ(FramePacks::open(pack, mark, [&](auto frame) { frames.emplace_back(frame); }), whole);
    return frames;
}

TEST(FramePacks, WhatATurnSaysToAPeerGoesAsOne) {
    Sent sent;
    sent.frames.add(NodeId{2}, 7, "a");
    sent.frames.add(NodeId{3}, 7, "b");
    sent.frames.add(NodeId{2}, 7, "c");
    EXPECT_THAT(sent.packs, IsEmpty());
    sent.frames.flush();
    ASSERT_EQ(sent.packs.size(), 2U);
    EXPECT_EQ(sent.packs[0].first, NodeId{2});
    EXPECT_THAT(frames_of(sent.packs[0].second, 7), ElementsAre("a", "c"));
    EXPECT_THAT(frames_of(sent.packs[1].second, 7), ElementsAre("b"));
    sent.frames.flush();
    EXPECT_EQ(sent.packs.size(), 2U);
}

TEST(FramePacks, APackThatHasGrownLargeGoesAtOnceAndALargeFrameGoesAlone) {
    Sent sent;
    sent.frames.add(NodeId{2}, 7, std::string(300'000, 'x'));
    EXPECT_EQ(sent.packs.size(), 1U);
    sent.frames.add(NodeId{2}, 7, "small");
    sent.frames.add(NodeId{2}, 7, std::string(2'000'000, 'y'));
    ASSERT_EQ(sent.packs.size(), 3U);
    EXPECT_THAT(frames_of(sent.packs[1].second, 7), ElementsAre("small"));
    EXPECT_EQ(frames_of(sent.packs[2].second, 7).at(0).size(), 2'000'000U);
}

TEST(FramePacks, AnotherClustersPackAndWhatIsNoneAreNotTaken) {
    Sent sent;
    sent.frames.add(NodeId{2}, 7, "first");
    sent.frames.add(NodeId{2}, 7, "second");
    sent.frames.flush();
    const std::string& pack = sent.packs.at(0).second;
    EXPECT_THAT(frames_of(pack, 8, false), IsEmpty());
    EXPECT_THAT(frames_of("", 7, false), IsEmpty());
    EXPECT_THAT(frames_of(pack.substr(0, pack.size() - 1), 7, false), ElementsAre("first"));
}

}  // namespace

}  // namespace penstock::testing
