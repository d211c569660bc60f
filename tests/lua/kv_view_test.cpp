#include "lua/kv_view.h"

#include <gtest/gtest.h>

namespace penstock::lua {
namespace {

using sinks::worker::Write;
using Writes = std::vector<Write>;

TEST(KvView, ReadsItsOwnWrites) {
    KvView view;
    EXPECT_EQ(view.find("a"), nullptr);
    view.put("a", "1", 0);
    EXPECT_EQ(*view.find("a"), "1");
    view.erase("a");
    ASSERT_NE(view.find("a"), nullptr);
    EXPECT_FALSE(view.find("a")->has_value());
    EXPECT_EQ(view.writes(), (Writes{{"a", Write::Kind::erase, "", 0, 0}}));
    EXPECT_TRUE(view.reads().empty());
}

TEST(KvView, BlindIncrementsStayBlindAndAreSummed) {
    KvView view;
    EXPECT_FALSE(view.add("n", 2, 0));
    EXPECT_FALSE(view.add("n", -5, 1'000));
    EXPECT_EQ(view.find("n"), nullptr);
    EXPECT_EQ(view.writes(), (Writes{{"n", Write::Kind::add, "", -3, 1'000}}));
    EXPECT_FALSE(view.add("n", 4, 0));
    EXPECT_EQ(view.writes(), (Writes{{"n", Write::Kind::add, "", 1, 1'000}}));
}

TEST(KvView, ARowThatIsReadLaterShowsTheIncrementsBefore) {
    KvView view;
    EXPECT_FALSE(view.add("n", 2, 0));
    EXPECT_FALSE(view.note_row("n", "40", 7));
    EXPECT_EQ(*view.find("n"), "42");
    EXPECT_FALSE(view.add("n", 1, 0));
    EXPECT_EQ(*view.find("n"), "43");
    EXPECT_EQ(view.writes(), (Writes{{"n", Write::Kind::add, "", 3, 0}}));
    EXPECT_EQ(view.reads(), (std::vector<sinks::worker::Read>{{"n", 7}}));
}

TEST(KvView, IncreaseIsAReadAndAWrite) {
    KvView view;
    EXPECT_FALSE(view.add("n", 2, 0));
    EXPECT_FALSE(view.note_row("n", std::nullopt, 0));
    std::int64_t result = 0;
    EXPECT_FALSE(view.increase("n", 10, 500, result));
    EXPECT_EQ(result, 12);
    EXPECT_EQ(view.writes(), (Writes{{"n", Write::Kind::put, "12", 0, 500}}));
    EXPECT_FALSE(view.add("n", 1, 0));
    EXPECT_EQ(view.writes(), (Writes{{"n", Write::Kind::put, "13", 0, 500}}));
}

TEST(KvView, AnIncrementAfterAnErasureCountsFromNothing) {
    KvView view;
    view.erase("n");
    EXPECT_FALSE(view.add("n", 4, 0));
    EXPECT_EQ(view.writes(), (Writes{{"n", Write::Kind::put, "4", 0, 0}}));
}

TEST(KvView, RefusesTextsAndOverflows) {
    KvView view;
    view.put("t", "x", 0);
    EXPECT_EQ(*view.add("t", 1, 0), "the value of key 't' is not a whole number");
    view.put("n", "9223372036854775807", 0);
    std::int64_t result = 0;
    EXPECT_EQ(*view.increase("n", 1, 0, result), "the number of key 'n' would be beyond 64 bits");
    EXPECT_FALSE(view.add("b", 9'223'372'036'854'775'807, 0));
    EXPECT_EQ(*view.add("b", 1, 0), "the sum for key 'b' would be beyond 64 bits");
    EXPECT_EQ(*view.note_row("b", "1", 1), "the number of key 'b' would be beyond 64 bits");
}

}  // namespace
}  // namespace penstock::lua
