#include "broker/model/format.h"

#include <gtest/gtest.h>

namespace penstock::model {
namespace {

TEST(Format, TheFirstByteOfCommandsIsTheirLevel) {
    EXPECT_EQ(format_of(encode_commands({Tick{}})), 1);
    EXPECT_EQ(format_of(encode_commands_at({Tick{}}, 1)), 1);
    EXPECT_EQ(format_of(encode_commands_at({}, 2)), 2);
    EXPECT_EQ(format_of(""), 0);
}

TEST(Format, ALevelThatThisBuildDoesNotKnowIsNotGuessedAt) {
    EXPECT_TRUE(decode_commands(encode_commands_at({Tick{}}, 1)).has_value());
    EXPECT_TRUE(decode_commands(encode_commands_at({Tick{}}, 2)).has_value());
    EXPECT_TRUE(decode_commands(encode_commands_at({Tick{}}, 3)).has_value());
    EXPECT_TRUE(decode_commands(encode_commands_at({Tick{}}, 4)).has_value());
    EXPECT_FALSE(decode_commands(encode_commands_at({Tick{}}, 5)).has_value());
    EXPECT_FALSE(decode_commands(encode_commands_at({Tick{}}, 0)).has_value());
    EXPECT_EQ(too_new("entry 7 of set 3", 5),
              "entry 7 of set 3 has format level 5, this build knows 1 to 4: upgrade this node "
              "first");
}

}  // namespace
}  // namespace penstock::model
