// Patterns of scripts: our matcher, which counts its steps, against Lua's own, which does not.
#include "lua/text_pattern.h"
#include "tests/fuzz/target.h"

#include <lua.hpp>

#include <memory>
#include <optional>

namespace penstock::fuzz {
namespace {

constexpr std::int64_t steps_max = 20'000;  // Lua's own then needs not much more

struct Found {
    bool failed = false;  // the pattern is malformed
    std::ptrdiff_t first = -1;
    std::ptrdiff_t last = -1;  // one behind; both -1: not found
};

bool never() {
    return false;
}

// Nothing: it takes too many steps.
std::optional<Found> ours(std::string_view subject, std::string_view pattern) {
    if (lua::is_plain_pattern(pattern)) {  // is not matched but looked for
        const auto at = subject.find(pattern);
        if (at == std::string_view::npos) return Found{};
        return Found{false,
                     static_cast<std::ptrdiff_t>(at),
                     static_cast<std::ptrdiff_t>(at + pattern.size())};
    }
    const bool anchored = pattern.starts_with('^');
    if (anchored) pattern.remove_prefix(1);
    std::int64_t steps = steps_max;
    for (std::size_t at = 0; at <= subject.size(); ++at) {
        lua::TextPattern matcher(subject, pattern, steps, &never);
        const char* end = matcher.match_at(subject.data() + at);
        if (matcher.out_of_steps()) return std::nullopt;
        if (!matcher.problem().empty()) return Found{true};
        check(matcher.captures() <= lua::TextPattern::captures_max, "captures have a limit");
        steps = matcher.steps_left();
        for (std::size_t one = 0; end != nullptr && one < matcher.captures(); ++one) {
            // Told by whoever reads the captures.
            if (matcher.capture(one).length == lua::TextPattern::unfinished) return Found{true};
        }
        if (end != nullptr) {
            check(end >= subject.data() + at && end <= subject.data() + subject.size(), "inside");
            return Found{false, static_cast<std::ptrdiff_t>(at), end - subject.data()};
        }
        if (anchored) break;
    }
    return Found{};
}

struct CloseState {
    void operator()(lua_State* state) const { lua_close(state); }
};

Found theirs(std::string_view subject, std::string_view pattern) {
    static const std::unique_ptr<lua_State, CloseState> owned(luaL_newstate());
    lua_State* state = owned.get();
    lua_settop(state, 0);
    luaL_requiref(state, "string", luaopen_string, 1);
    lua_getfield(state, -1, "find");
    lua_pushlstring(state, subject.data(), subject.size());
    lua_pushlstring(state, pattern.data(), pattern.size());
    if (lua_pcall(state, 2, LUA_MULTRET, 0) != LUA_OK) return Found{true};
    if (lua_isnil(state, 2)) return Found{};
    return Found{false, lua_tointeger(state, 2) - 1, lua_tointeger(state, 3)};
}

}  // namespace

// The pattern, a line end, what it is tried on.
void one_input(std::string_view bytes) {
    const std::string_view pattern = bytes.substr(0, std::min<std::size_t>(bytes.find('\n'), 64));
    const std::string_view subject =
        bytes.substr(std::min(bytes.size(), pattern.size() + 1)).substr(0, 128);
    const std::optional<Found> our = ours(subject, pattern);
    if (!our) return;
    const Found their = theirs(subject, pattern);
    check(our->failed == their.failed, "malformed for both, or for none");
    check(our->first == their.first && our->last == their.last, "found at the same place");
}

std::vector<std::string> seeds() {
    return {"(%a+)%s*=%s*(.-)$\nkey = value",
            "^%[(.*)%]$\n[section]",
            "%b()\nf(a(b)c)",
            "%f[%w]%w+\n  word",
            "([^,]*),(%1)\na,a",
            "()ab?c*d-\nabccd",
            "[%]a-z^]+\n]az^",
            "[a\nx",
            "%\nx",
            "(a\na",
            "%1\na",
            ".-.-.-.-.-.-b\naaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            "plain\na plain text"};
}

}  // namespace penstock::fuzz
