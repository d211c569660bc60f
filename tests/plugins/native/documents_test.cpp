#include "plugins/native/documents.h"

#include "broker/base/base64.h"
#include "broker/base/instant.h"

#include <gtest/gtest.h>

namespace penstock::plugins::native {

namespace {

std::string problem_of(const Fields& fields) {
    return fields.problem() ? fields.problem()->code + ": " + fields.problem()->detail : "none";
}

TEST(NativeJson, AnEmptyBodyIsAnEmptyObject) {
    EXPECT_EQ(problem_of(json_fields("", {"a"})), "none");
    EXPECT_EQ(problem_of(json_fields("{}", {"a"})), "none");
}

TEST(NativeJson, WhatIsNotAnObjectIsRefused) {
    for (const char* body : {"[]", "1", "\"x\"", "null", "true"}) {
        EXPECT_EQ(problem_of(json_fields(body, {})),
                  "invalid_json: The body must be a JSON object.")
            << body;
    }
    for (const char* body :
         {"{", "{\"a\":}", "{'a':1}", "{\"a\":1,}", "{} {}", "{\"a\":01}", " "}) {
        const auto fields = json_fields(body, {"a"});
        ASSERT_TRUE(fields.problem()) << body;
        EXPECT_EQ(fields.problem()->code, "invalid_json") << body;
    }
}

TEST(NativeJson, BytesThatAreNotUtf8AreRefused) {
    const auto fields = json_fields("{\"a\":\"\xC3\x28\"}", {"a"});
    ASSERT_TRUE(fields.problem());
    EXPECT_EQ(fields.problem()->code, "invalid_json");
}

TEST(NativeJson, NestingEndsAtThirtyTwoLevels) {
    const auto nested = [](std::size_t levels) {
        return "{\"a\":" + std::string(levels - 1, '[') + std::string(levels - 1, ']') + "}";
    };
    EXPECT_EQ(problem_of(json_fields(nested(32), {"a"})), "none");
    EXPECT_EQ(problem_of(json_fields(nested(33), {"a"})),
              "invalid_json: The JSON is nested deeper than 32 levels.");
    EXPECT_EQ(json_fields(std::string(1'000'000, '['), {"a"}).problem()->status, 400U);
}

TEST(NativeJson, AFieldNamedTwiceIsRefusedAtAnyDepth) {
    EXPECT_EQ(problem_of(json_fields(R"({"a":1,"a":2})", {"a"})),
              "invalid_json: A field of the JSON body is named twice.");
    EXPECT_EQ(problem_of(json_fields(R"({"a":[{"b":1,"b":1}]})", {"a"})),
              "invalid_json: A field of the JSON body is named twice.");
}

TEST(NativeJson, ValuesAreCutOutAsTheyAreWritten) {
    using Parts = std::vector<std::string_view>;
    EXPECT_EQ(json_parts("{}"), Parts{});
    EXPECT_EQ(json_parts(" [ ] "), Parts{});
    EXPECT_EQ(json_parts("7"), Parts{});
    EXPECT_EQ(json_parts(R"( {"a" : 1.50 ,"b":"x" } )"), (Parts{"1.50", R"("x")"}));
    EXPECT_EQ(json_parts(R"({"a":{"b":[1,2]},"c":[{"d":3},[]]})"),
              (Parts{R"({"b":[1,2]})", R"([{"d":3},[]])"}));
    EXPECT_EQ(json_parts(R"({"\"}:,":"\\\"]}","b\\":"{"})"), (Parts{R"("\\\"]}")", R"("{")"}));
    EXPECT_EQ(json_parts("[null,\n[1],{},\"\"]"), (Parts{"null", "[1]", "{}", "\"\""}));
}

TEST(NativeJson, AnOverlongBodyIs413) {
    const auto fields = json_fields(std::string(json_bytes_max + 1, ' '), {});
    EXPECT_EQ(fields.problem()->status, 413U);
}

TEST(NativeJson, ALongBodyHasFewValues) {
    const std::string text(json_bytes_usual, 'x');
    EXPECT_EQ(problem_of(json_fields("{\"a\":\"" + text + "\"}", {"a"})), "none");
    std::string many = "{\"a\":[0";
    while (many.size() <= json_bytes_usual) many += ",0";
    EXPECT_EQ(problem_of(json_fields(many + "]}", {"a"})),
              "invalid_json: JSON of more than 4194304 bytes may have at most 100000 values.");
    EXPECT_EQ(problem_of(json_fields("{\"a\":[0" + many.substr(7, 400'000) + "]}", {"a"})), "none")
        << "a short one has what fits into it";
}

TEST(NativeFields, AnUnknownFieldNamesTheNearestKnownOne) {
    EXPECT_EQ(problem_of(json_fields(R"({"visiblity":1})", {"visibility", "wait"})),
              "invalid_parameter: 'visiblity': There is no such field. Did you mean 'visibility'? "
              "Allowed: visibility, wait.");
    EXPECT_EQ(problem_of(json_fields(R"({"zzzzzzzz":1})", {"visibility"})),
              "invalid_parameter: 'zzzzzzzz': There is no such field. Allowed: visibility.");
    EXPECT_EQ(problem_of(query_fields("x=1", {})),
              "invalid_parameter: 'x': There is no such field. None is allowed here.");
}

TEST(NativeFields, NumbersAreWholeAndInRange) {
    for (const char* value :
         {"0", "17", "-1", "1.5", "1e3", "\"5\"", "true", "[]", "{}", "18446744073709551616"}) {
        auto fields = json_fields(std::string("{\"n\":") + value + "}", {"n"});
        EXPECT_FALSE(fields.whole("n", {1, 16})) << value;
        EXPECT_EQ(problem_of(fields),
                  "invalid_parameter: 'n': must be a whole number from 1 to 16.")
            << value;
    }
    auto good = json_fields(R"({"n":16})", {"n"});
    EXPECT_EQ(good.whole("n", {1, 16}), 16U);
    auto null = json_fields(R"({"n":null})", {"n"});
    EXPECT_EQ(null.whole("n", {1, 16}), std::nullopt);
    EXPECT_TRUE(null.ok());
    EXPECT_TRUE(null.is_null("n"));
}

TEST(NativeFields, TextHasALengthAndNoControlCharacters) {
    auto fields = json_fields(R"({"t":"a\nb"})", {"t"});
    EXPECT_FALSE(fields.text("t", {1, 10}));
    EXPECT_EQ(problem_of(fields), "invalid_parameter: 't': must not hold control characters.");
    auto empty = json_fields(R"({"t":""})", {"t"});
    EXPECT_FALSE(empty.text("t", {1, 10}));
    EXPECT_EQ(problem_of(empty), "invalid_parameter: 't': must be 1 to 10 bytes long.");
    auto payload = json_fields(R"({"t":"a\nb"})", {"t"});
    EXPECT_EQ(payload.payload("t", {1, 10}), "a\nb");
}

TEST(NativeFields, OnlyTheFirstProblemIsKept) {
    auto fields = json_fields(R"({"a":0,"b":0})", {"a", "b"});
    fields.whole("a", {1, 2});
    fields.whole("b", {1, 2});
    EXPECT_EQ(fields.problem()->subject, "a");
}

TEST(NativeFields, NestedProblemsCarryTheirPath) {
    auto fields = json_fields(R"({"steps":[{"min_ms":1},{"max":2}]})", {"steps"});
    fields.objects("steps", {"min_ms", "max_ms"}, {1, 4});
    EXPECT_EQ(fields.problem()->subject, "steps[1].max");
}

TEST(NativeQuery, IsDecodedStrictly) {
    auto fields = query_fields("a=x%20y+z&n=5&f=true", {"a", "n", "f"});
    EXPECT_EQ(fields.text("a", {1, 10}), "x y z");
    EXPECT_EQ(fields.whole("n", {1, 10}), 5U);
    EXPECT_EQ(fields.flag("f"), true);
    for (const char* query : {"a=%", "a=%4", "a=%GG", "a=%FF", "%C3%28=1"}) {
        EXPECT_EQ(query_fields(query, {"a"}).problem()->code, "invalid_query") << query;
    }
    EXPECT_EQ(problem_of(query_fields("n=1&n=2", {"n"})),
              "invalid_parameter: 'n': is there twice.");
    EXPECT_EQ(query_fields(std::string(129 * 2, '&') + "a=1", {"a"}).problem(), std::nullopt);
}

TEST(NativeQuery, RepeatableFieldsBecomeLists) {
    auto one = query_fields("tag=a", {"tag"}, {"tag"});
    EXPECT_EQ(one.texts("tag", {0, 4}, {1, 9}), (std::vector<std::string>{"a"}));
    auto two = query_fields("tag=a&tag=b", {"tag"}, {"tag"});
    EXPECT_EQ(two.texts("tag", {0, 4}, {1, 9}), (std::vector<std::string>{"a", "b"}));
}

TEST(NativeCursor, OpensOnlyInItsOwnKindOfList) {
    const std::string cursor = encode_cursor('n', 18'446'744'073'709'551'615ULL);
    EXPECT_EQ(decode_cursor('n', cursor), 18'446'744'073'709'551'615ULL);
    EXPECT_EQ(decode_cursor('d', cursor), std::nullopt);
    EXPECT_EQ(encode_cursor('n', 7), "bjo3");
    for (const char* text :
         {"bjo3=", "bjo3==", "", "b", "bjo", "bjo=", "!!!!", "bjot", "bjo3bjo3bjo3"}) {
        EXPECT_EQ(decode_cursor('n', text), std::nullopt) << text;
    }
}

TEST(Base64, IsStrict) {
    EXPECT_EQ(encode_base64(std::string("\x00\xFF\x10", 3)), "AP8Q");
    EXPECT_EQ(encode_base64("a"), "YQ==");
    EXPECT_EQ(encode_base64("ab"), "YWI=");
    EXPECT_EQ(decode_base64("YWI="), "ab");
    EXPECT_EQ(decode_base64(""), "");
    for (const char* text : {"YQ", "YR==", "Y===", "====", "YW I=", "YQ==YQ==", "YQ=\n"}) {
        EXPECT_EQ(decode_base64(text), std::nullopt) << text;
    }
}

TEST(Instant, IsReadAndWritten) {
    EXPECT_EQ(format_instant(0), "1970-01-01T00:00:00.000Z");
    EXPECT_EQ(format_instant(1'700'000'000'123), "2023-11-14T22:13:20.123Z");
    EXPECT_EQ(parse_instant("2023-11-14T22:13:20.123Z"), 1'700'000'000'123);
    EXPECT_EQ(parse_instant("2023-11-15T06:13:20+08:00"), 1'700'000'000'000);
    EXPECT_EQ(parse_instant("2024-02-29T00:00:00Z"), 1'709'164'800'000);
    for (const char* text : {"",
                             "2023-11-14",
                             "2023-02-29T00:00:00Z",
                             "2023-13-01T00:00:00Z",
                             "2023-11-14T24:00:00Z",
                             "2023-11-14T22:13:20",
                             "2023-11-14T22:13:20.Z",
                             "1969-12-31T23:59:59Z",
                             "2023-11-14T22:13:20Zx",
                             "20231114T221320Z"}) {
        EXPECT_EQ(parse_instant(text), std::nullopt) << text;
    }
}

}  // namespace

}  // namespace penstock::plugins::native
