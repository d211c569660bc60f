#include "broker/base/nearest.h"

#include <gtest/gtest.h>

#include <string_view>
#include <vector>

namespace penstock {
namespace {

const std::vector<std::string_view> names = {"visibility", "retention", "rewind", "poll"};

TEST(Nearest, AMissingAWrongAndAnExtraCharacterAreOneChangeEach) {
    EXPECT_EQ(nearest("visiblity", names, 1), "visibility");
    EXPECT_EQ(nearest("rewend", names, 1), "rewind");
    EXPECT_EQ(nearest("polll", names, 1), "poll");
}

TEST(Nearest, WhatIsFartherThanAllowedIsNothing) {
    EXPECT_EQ(nearest("retantoin", names, 2), "");
    EXPECT_EQ(nearest("retantoin", names, 3), "retention");
    EXPECT_EQ(nearest("x", {}, 3), "");
}

TEST(Nearest, OfTwoThatAreEquallyNearTheFirstIsMeant) {
    EXPECT_EQ(nearest("tab", {"tag", "tax"}, 1), "tag");
}

}  // namespace
}  // namespace penstock
