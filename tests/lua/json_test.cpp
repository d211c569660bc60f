// JSON as scripts see it: through a handler that decodes its body and returns it.
#include "tests/lua/lua_fixture.h"

#include <gmock/gmock.h>

namespace penstock::lua {
namespace {

using ::testing::HasSubstr;

class LuaJson : public LuaFixture {
  protected:
    std::string round_trip(const std::string& json) {
        return run("return json.encode(event:json())", json).answer.result;
    }

    std::string encoded(const std::string& expression) {
        const auto answer = run("return json.encode(" + expression + ")").answer;
        return answer.ok ? sinks::worker::result_body(answer) : answer.error;
    }
};

TEST_F(LuaJson, KeepsWhatItWasGiven) {
    for (const std::string json : {"null",
                                   "true",
                                   "[]",
                                   "{}",
                                   "[[],{}]",
                                   R"({"a":[],"b":{},"c":null})",
                                   "[1,-1,9223372036854775807,-9223372036854775808]",
                                   "[1.0,0.1,1e+300,-2.5]",
                                   R"(["","é","\u0000","\"\\\n\t\u0001","😀"])",
                                   "[[[[[[1]]]]]]"}) {
        const auto answer = run("return json.encode(event:json())", json).answer;
        EXPECT_EQ(sinks::worker::result_body(answer), json) << answer.error;
    }
}

TEST_F(LuaJson, PutsKeysInOrder) {
    EXPECT_EQ(encoded("{b = 1, a = 2, c = {z = 1, y = 2}}"), R"({"a":2,"b":1,"c":{"y":2,"z":1}})");
}

TEST_F(LuaJson, TellsListsFromObjects) {
    EXPECT_EQ(encoded("{}"), "{}");
    EXPECT_EQ(encoded("json.array{}"), "[]");
    EXPECT_EQ(encoded("json.array()"), "[]");
    EXPECT_EQ(encoded("{1, 2, 3}"), "[1,2,3]");
    EXPECT_EQ(encoded("{1, json.null, 3}"), "[1,null,3]");
    EXPECT_THAT(encoded("{1, 2, x = 3}"), HasSubstr("mixed keys"));
    EXPECT_THAT(encoded("{[1] = 1, [2] = 2, [5] = 5}"), HasSubstr("gaps"));
    EXPECT_THAT(encoded("json.array(setmetatable({}, {}))"), HasSubstr("has a metatable already"));
}

TEST_F(LuaJson, DecodesOnceAndShares) {
    const auto answer = run("local a, b = event:json(), event:json()\n"
                            "a.x = 1\n"
                            "return {a == b, b.x, rawequal(event:json(), a)}")
                            .answer;
    EXPECT_EQ(answer.result, "[true,1,true]");
}

TEST_F(LuaJson, KnowsNullAndBigNumbers) {
    const auto answer = run("local v = event:json()\n"
                            "return {v.n == json.null, tostring(v.n), math.type(v.i), "
                            "math.type(v.u), math.type(v.f), v.i + 0}",
                            R"({"n":null,"i":9007199254740993,"u":18446744073709551615,"f":1.0})")
                            .answer;
    EXPECT_EQ(answer.result, R"([true,"null","integer","float","float",9007199254740993])");
}

TEST_F(LuaJson, RefusesWhatIsNone) {
    for (const auto& [text, wanted] : std::vector<std::pair<std::string, std::string>>{
             {"", "is no JSON"},
             {"{", "is no JSON"},
             {"{'a':1}", "at byte 2"},
             {"[1] x", "is no JSON: extra data at byte 5"},
             {"\"\xFF\"", "is no JSON"},
             {std::string(33, '[') + std::string(33, ']'), "is no JSON"}}) {
        const auto answer = run("return event:json()", text).answer;
        EXPECT_FALSE(answer.ok);
        EXPECT_THAT(answer.error, HasSubstr(wanted)) << text;
    }
    EXPECT_TRUE(run("event:json()", std::string(32, '[') + std::string(32, ']')).answer.ok);
}

TEST_F(LuaJson, LimitsTheSizeOfWhatItWrites) {
    EXPECT_THAT(encoded("('x'):rep(3000000)"), HasSubstr("JSON of over 2 MiB"));
    EXPECT_THAT(encoded("('\\1'):rep(1000000)"), HasSubstr("JSON of over 2 MiB"));
}

}  // namespace
}  // namespace penstock::lua
