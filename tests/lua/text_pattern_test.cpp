// Our matcher against Lua's own: same answers and same errors for patterns made at random.
#include "lua/text_pattern.h"

#include "lua/budget.h"
#include "lua/interpreter.h"
#include "lua/string_library.h"
#include "lua/table_library.h"

#include <gtest/gtest.h>

#include <memory>

namespace penstock::lua {
namespace {

class QuietHost final : public Host {
  public:
    void log(const Run*, std::string_view, std::string_view) override {}

    void breathe() override {}

    [[nodiscard]] std::int64_t wall_ms() const override { return 0; }
};

struct CloseState {
    void operator()(lua_State* state) const { lua_close(state); }
};

// A state with all of Lua, our functions as `ours` and Lua's as `theirs`.
class BothLibraries : public ::testing::Test {
  protected:
    BothLibraries() : interpreter_(Limits{}, host_), state_(luaL_newstate()) {
        *static_cast<Interpreter**>(lua_getextraspace(state_.get())) = &interpreter_;
        interpreter_.budget = &budget_;
        budget_.instructions = 1'000'000'000'000;
        luaL_openlibs(state_.get());
        split("string", &replace_string_functions);
        split("table", &replace_table_functions);
    }

    void split(const char* library, void (*replace)(lua_State*)) {
        lua_State* state = state_.get();
        lua_newtable(state);
        lua_getglobal(state, library);
        for (lua_pushnil(state); lua_next(state, -2) != 0;) {
            lua_pushvalue(state, -2);
            lua_insert(state, -2);
            lua_settable(state, -5);
        }
        lua_pop(state, 1);
        lua_setglobal(state, (std::string("their_") + library).c_str());
        lua_newtable(state);
        replace(state);
        lua_setglobal(state, (std::string("our_") + library).c_str());
    }

    // Runs `code` with a function same(name, ...) that calls both and compares; gives the first
    // difference or an error.
    std::string differences(const std::string& library, const std::string& code) {
        const std::string whole = R"(
            local function show(...)
                local list = table.pack(...)
                for at = 1, list.n do list[at] = tostring(list[at]):gsub("to '.-'", "to f") end
                return table.concat(list, "|")
            end
            local function same(name, ...)
                local theirs = show(pcall(their_)" +
                                  library + R"([name], ...))
                local ours = show(pcall(our_)" +
                                  library + R"([name], ...))
                if theirs ~= ours then
                    error(name .. "(" .. show(...) .. ")\n  theirs " .. theirs ..
                          "\n  ours   " .. ours)
                end
            end
        )" + code;
        lua_State* state = state_.get();
        if (luaL_dostring(state, whole.c_str()) == LUA_OK) return {};
        std::string text = lua_tostring(state, -1);
        lua_pop(state, 1);
        return text;
    }

    QuietHost host_;
    Budget budget_;
    Interpreter interpreter_;
    std::unique_ptr<lua_State, CloseState> state_;
};

using PatternsAgree = BothLibraries;
using TablesAgree = BothLibraries;

TEST_F(PatternsAgree, OnTheExamplesOfTheManual) {
    EXPECT_EQ(differences("string", R"LUA(
        same("find", "hello world", "o w")
        same("find", "hello world", "o", 6)
        same("find", "hello", "l+")
        same("find", "a.b", ".", 1, true)
        same("find", "abc", "", 10)
        same("find", "abc", "", 4)
        same("find", "abc", "b", -1)
        same("find", "abc", "b", -2)
        same("match", "key = value", "^(%w+)%s*=%s*(%w+)$")
        same("match", "2026-11-20", "(%d+)-(%d+)-(%d+)")
        same("match", "  trim  ", "^%s*(.-)%s*$")
        same("match", "f(a(b)c)d", "%b()")
        same("match", "THE (quick) fox", "%f[%a]%a+%f[%A]")
        same("match", "hello", "()ll()")
        same("match", [["quoted" 'text']], "([\"'])(.-)%1")
        same("find", "a\0z", "%z")
        same("find", "a\0z", "%Z+$")
        same("find", "a\0z", "[%z]z")
        same("gsub", "hello world", "(%w+)", "%1 %1")
        same("gsub", "hello world", "%w+", "%0 %0", 1)
        same("gsub", "hello", "", "-")
        same("gsub", "abc", "%w", {a = "1", b = true, c = false})
        same("gsub", "abc", "b", function() return nil end)
        same("gsub", "abc", "^a", "x")
        same("gsub", "abc", "b", "%2")
        same("gsub", "abc", "()b", "%1")
        same("gsub", "abc", "b", "%%")
        same("gsub", "abc", "b", "%x")
        same("gsub", "abc", "b", "%")
        same("gsub", "abc", "b", {b = {}})
        same("gsub", "abc", "b")
        same("gsub", "abc", ".", "x", -1)
        same("rep", "ab", 3, ",")
        same("rep", "ab", 0)
        same("rep", "ab", -1)
        same("rep", "", 100)
        same("rep", "x", 1, "sep")
        same("rep", "", 3, ",")
    )LUA"),
              "");
}

TEST_F(PatternsAgree, OnWhatIsMalformed) {
    EXPECT_EQ(differences("string", R"LUA(
        for _, pattern in ipairs{"%", "[", "[a", "[]", "[^]", "[%", "[%]", "(", ")", "(()", "%1",
                                 "(%1)", "%0", "%b", "%bx", "%f", "%fa", "%f[", "(a", "a)", "[a-",
                                 "[a-]", "[]]", "[^]]", "[]-a]", "%9", "^*", "*", "+a", "a**",
                                 "$", "$$", "^", "^^", "a$b", "[[]", "[%a-z]", "[a%-z]",
                                 ("()"):rep(32), ("()"):rep(33), ("(a"):rep(33), "\0", "a\0b"
}

do
            for
                _, subject in ipairs {
                    "", "a", "ab]", "a-z", "$^*", "a\0b", "aaa"
                }
do
                same("find", subject, pattern)
                same("match", subject, pattern)
                same("gsub", subject, pattern, "<%0>")
                same("gsub", subject, pattern, "<%1>")
            end
        end
    )LUA"),
              "");
}

TEST_F(PatternsAgree, OnThousandsMadeAtRandom) {
    EXPECT_EQ(differences("string", R"LUA(
        math.randomseed(20261120)
        local pieces = {"a", "b", "c", ".", "%a", "%d", "%w", "%s", "%A", "%p", "[ab]", "[^a]",
                        "[a-c]", "[%w_]", "(", ")", "()", "%1", "%2", "*", "+", "-", "?", "^",
                        "$", "%b()",
                        "%f[a]", "%f[%W]", "[", "]", "%", "%%", "-", "x", "1", " "}
        local letters = {"a", "b", "c", "1", " ", "(", ")", "x", "_", "\n", "\xe9", "\0"}
        local function made(from, longest)
            local text = {}
            for at = 1, math.random(0, longest) do text[at] = from[math.random(#from)] end
            return table.concat(text)
        end
        local function matches(library, subject, pattern, start)
            local list = {}
            local ok, problem = pcall(function()
                for one, two in library.gmatch(subject, pattern, start) do
                    list[#list + 1] = tostring(one) .. "/" .. tostring(two)
                end
            end)
            return table.concat(list, ",") .. tostring(ok) ..
                   (ok and "" or problem:gsub("^.-:%d+: ", ""))
        end
        for round = 1, 15000 do
            local subject, pattern = made(letters, 12), made(pieces, 7)
            same("find", subject, pattern, math.random(-13, 13))
            same("match", subject, pattern)
            same("gsub", subject, pattern, "<%0%1>", math.random(0, 5))
            same("gsub", subject, pattern, {a = "A", b = false})
            local start = math.random(-3, 5)
            local theirs = matches(their_string, subject, pattern, start)
            local ours = matches(our_string, subject, pattern, start)
            assert(theirs == ours, subject .. " ~ " .. pattern .. " " .. theirs .. " " .. ours)
        end
    )LUA"),
              "");
}

TEST_F(TablesAgree, OnListsMadeAtRandom) {
    EXPECT_EQ(differences("table", R"LUA(
        math.randomseed(20261120)
        local function list(size)
            local t = {}
            for at = 1, size do t[at] = math.random(0, 20) end
            return t
        end
        local function copy(t) return {table.unpack(t)} end
        local function text(t)
            local all = {}
            for at = 1, 24 do all[at] = tostring(t[at]) end
            return table.concat(all, ",")
        end
        local function both(name, t, ...)
            local one, two = copy(t), copy(t)
            local a = table.pack(pcall(their_table[name], one, ...))
            local b = table.pack(pcall(our_table[name], two, ...))
            for at = 1, 2 do
                local x, y = a[at], b[at]
                if type(x) == "string" then
                    x, y = x:gsub("#%d to '.-'", "to f"), y:gsub("#%d to '.-'", "to f")
                end
                if type(x) == "table" then x, y = text(x), text(y) end
                assert(x == y, name .. ": " .. tostring(x) .. " and " .. tostring(y))
            end
            assert(text(one) == text(two), name .. ": " .. text(one) .. " and " .. text(two))
        end
        for round = 1, 3000 do
            local t = list(math.random(0, 12))
            both("insert", t, 7)
            both("insert", t, math.random(-1, 14), 7)
            both("insert", t, 1, 2, 3)
            both("remove", t)
            both("remove", t, math.random(-1, 14))
            both("concat", t, "-", math.random(1, 4), math.random(0, 14))
            both("sort", t)
            both("sort", t, function(a, b) return a > b end)
            both("move", t, math.random(1, 5), math.random(0, 8), math.random(1, 10))
            both("move", t, 1, 3, 2, {1, 2, 3})
        end
        same("move", {}, 1, math.maxinteger, 2)
        same("move", {}, -1, math.maxinteger, 2)
        same("concat", {1, {}, 3})
        same("sort", {3, 1}, 5)
        same("insert", {})
        same("insert", 5, 1)
    )LUA"),
              "");
}

TEST(TextPattern, StopsWhenItsStepsAreUsedUp) {
    const std::string subject(3'000, 'a');
    TextPattern pattern(subject, ".-.-.-b", 100'000, [] { return false; });
    EXPECT_EQ(pattern.match_at(subject.data()), nullptr);
    EXPECT_TRUE(pattern.out_of_steps());
    EXPECT_EQ(pattern.problem(), "");
}

TEST(TextPattern, StopsWhenItIsTold) {
    const std::string subject(3'000, 'a');
    TextPattern pattern(subject, ".-.-.-b", 1'000'000'000, [] { return true; });
    EXPECT_EQ(pattern.match_at(subject.data()), nullptr);
    EXPECT_TRUE(pattern.out_of_steps());
}

TEST(TextPattern, TakesStepsInProportionToPlainWork) {
    const std::string subject(1'000, 'a');
    TextPattern pattern(subject, "a*", 1'000'000, [] { return false; });
    EXPECT_EQ(pattern.match_at(subject.data()), subject.data() + 1'000);
    EXPECT_LT(1'000'000 - pattern.steps_left(), 1'100);
}

}  // namespace
}  // namespace penstock::lua
