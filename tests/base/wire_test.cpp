#include "broker/base/wire.h"

#include "broker/base/ids.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace penstock {
namespace {

using namespace std::string_literals;

enum class Colour : std::uint8_t { red = 1, green = 2, blue = 7 };

using Number = Id<struct NumberTag, std::uint32_t>;

struct Point {
    std::int64_t x = 0;
    std::uint16_t y = 0;
    friend bool operator==(const Point&, const Point&) = default;
};

struct Everything {
    bool flag = false;
    std::uint8_t small = 0;
    std::uint64_t large = 0;
    Colour colour = Colour::red;
    Number id;
    std::string text;
    std::vector<Point> points;
    std::vector<bool> flags;
    std::optional<std::uint32_t> maybe;
    std::map<std::string, Colour> colours;
    std::pair<std::string, bool> pair;
    std::array<std::uint32_t, 3> three{};
    std::variant<Point, std::string> either;
    friend bool operator==(const Everything&, const Everything&) = default;
};

struct Nothing {};

struct Tree {
    std::vector<Tree> branches;
};

Everything sample() {
    Everything value;
    value.flag = true;
    value.small = 0xFF;
    value.large = 300;
    value.colour = Colour::blue;
    value.id = Number{5};
    value.text = "ab";
    value.points = {{-1, 2}, {1, 0}};
    value.flags = {true, false};
    value.maybe = 9;
    value.colours = {{"a", Colour::red}, {"b", Colour::green}};
    value.pair = {"p", true};
    value.three = {1, 2, 3};
    value.either = "e"s;
    return value;
}

template <class T>
bool refuses(std::string_view bytes) {
    const auto value = wire::decode<T>(bytes, "a sample");
    return !value && value.error().code == Errc::damaged;
}

TEST(Wire, WritesEveryKindOfValueAsItsHeaderSays) {
    EXPECT_EQ(wire::encode(sample()),
              "\x01"
              "\xFF"
              "\xAC\x02"
              "\x07"
              "\x05"
              "\x02"
              "ab"
              "\x02\x01\x02\x02\x00"
              "\x02\x01\x00"
              "\x01\x09"
              "\x02\x01"
              "a\x01\x01"
              "b\x02"
              "\x01p\x01"
              "\x01\x02\x03"
              "\x01\x01"
              "e"s);
}

TEST(Wire, ReadsBackWhatItWrote) {
    const auto back = wire::decode<Everything>(wire::encode(sample()), "a sample");
    ASSERT_TRUE(back);
    EXPECT_EQ(*back, sample());
    EXPECT_TRUE(wire::decode<Nothing>("", "nothing"));
}

TEST(Wire, ReadsTheEndsOfEveryRange) {
    for (const std::int64_t number : {INT64_MIN, INT64_C(-1), INT64_C(0), INT64_MAX}) {
        EXPECT_EQ(*wire::decode<std::int64_t>(wire::encode(number), "a number"), number);
    }
    for (const std::int32_t number : {INT32_MIN, -1, 0, INT32_MAX}) {
        EXPECT_EQ(*wire::decode<std::int32_t>(wire::encode(number), "a number"), number);
    }
    EXPECT_EQ(*wire::decode<std::int8_t>(wire::encode(std::int8_t{-128}), "a number"), -128);
    EXPECT_EQ(*wire::decode<std::uint64_t>(wire::encode(UINT64_MAX), "a number"), UINT64_MAX);
}

TEST(Wire, RefusesEveryCutAndEverythingLeftOver) {
    const std::string bytes = wire::encode(sample());
    for (std::size_t length = 0; length < bytes.size(); ++length) {
        EXPECT_TRUE(refuses<Everything>(bytes.substr(0, length))) << length;
    }
    EXPECT_TRUE(refuses<Everything>(bytes + '\0'));
    EXPECT_TRUE(refuses<Nothing>("a"));
}

TEST(Wire, RefusesWhatIsOutOfRange) {
    EXPECT_TRUE(refuses<bool>("\x02"));
    EXPECT_TRUE(refuses<std::uint16_t>("\x80\x80\x04"));  // 65536
    EXPECT_TRUE(refuses<Number>("\x80\x80\x80\x80\x10"));
    EXPECT_TRUE(refuses<std::int32_t>("\x80\x80\x80\x80\x10"));
    for (const char* number : {"\x03", "\x08", "\x80", "\xFF"}) {
        EXPECT_TRUE(refuses<Colour>(number));
    }
    EXPECT_TRUE(refuses<Colour>("\0"s));
    EXPECT_TRUE((refuses<std::variant<bool, Colour>>("\x02\x01")));
    EXPECT_TRUE(refuses<std::optional<bool>>("\x02\x01"));
}

TEST(Wire, RefusesMapsWhoseKeysDoNotRise) {
    using Map = std::map<std::uint8_t, bool>;
    EXPECT_TRUE(wire::decode<Map>("\x02\x01\x01\x02\x01", "a map"));
    EXPECT_TRUE(refuses<Map>("\x02\x02\x01\x01\x01"));
    EXPECT_TRUE(refuses<Map>("\x02\x01\x01\x01\x01"));
}

TEST(Wire, HoldsEveryLengthAgainstWhatIsLeft) {
    EXPECT_TRUE(refuses<std::string>("\x05rest"));
    EXPECT_TRUE(refuses<std::string>("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01"));
    EXPECT_TRUE(refuses<std::vector<Point>>("\xFF\xFF\xFF\xFF\x7F\x01\x01"));
    EXPECT_TRUE(refuses<std::vector<Point>>("\x02\x01\x01\x01"));
    EXPECT_EQ(wire::Kind<Point>::bytes_min, 2U);
    EXPECT_EQ(wire::Kind<Everything>::bytes_min, 16U);
}

TEST(Wire, RefusesValuesNestedTooDeeply) {
    // Each level is a struct and its list: the innermost has no branches.
    const auto nested = [](unsigned levels) {
        return std::string(levels - 1, '\x01') + '\0';
    };
    EXPECT_TRUE(wire::decode<Tree>(nested(wire::depth_max / 2), "a tree"));
    EXPECT_TRUE(refuses<Tree>(nested(wire::depth_max / 2 + 1)));
    EXPECT_TRUE(refuses<Tree>(nested(1'000'000)));
}

struct Before {
    std::uint32_t number = 0;
    std::string text;
};

struct Renamed {
    std::uint32_t another = 0;
    std::string name;
};

struct WithOneMore {
    std::uint32_t number = 0;
    std::string text;
    bool flag = false;
};

struct Swapped {
    std::string text;
    std::uint32_t number = 0;
};

struct Wider {
    std::uint64_t number = 0;
    std::string text;
};

enum class FewerColours : std::uint8_t { red = 1, green = 2 };
enum class OtherColours : std::uint8_t { red = 1, green = 2, yellow = 6 };

TEST(WireSchema, IsTheSameForTheSameShapeAndAnotherForAnother) {
    const std::uint64_t before = wire::schema<Before>();
    EXPECT_EQ(wire::schema<Before>(), before);
    EXPECT_EQ(wire::schema<Renamed>(), before);
    EXPECT_NE(wire::schema<WithOneMore>(), before);
    EXPECT_NE(wire::schema<Swapped>(), before);
    EXPECT_NE(wire::schema<Wider>(), before);
    EXPECT_NE(wire::schema<std::vector<Before>>(), before);
    EXPECT_NE(wire::schema<std::vector<Before>>(), wire::schema<std::vector<WithOneMore>>());
    EXPECT_NE(wire::schema<std::vector<Before>>(), wire::schema<std::optional<Before>>());
}

TEST(WireSchema, KnowsTheEnumeratorsAndTheAlternatives) {
    EXPECT_NE(wire::schema<Colour>(), wire::schema<FewerColours>());
    EXPECT_NE(wire::schema<Colour>(), wire::schema<OtherColours>());
    EXPECT_NE((wire::schema<std::variant<bool, Colour>>()),
              (wire::schema<std::variant<Colour, bool>>()));
    EXPECT_NE((wire::schema<std::array<bool, 2>>()), (wire::schema<std::array<bool, 3>>()));
}

TEST(WireSchema, EndsForTypesThatHoldThemselves) {
    EXPECT_NE(wire::schema<Tree>(), wire::schema<Nothing>());
}

}  // namespace
}  // namespace penstock
