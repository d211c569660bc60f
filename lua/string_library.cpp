#include "lua/string_library.h"

#include "lua/budget.h"
#include "lua/cpu_watch.h"
#include "lua/interpreter.h"
#include "lua/text_pattern.h"

#include <algorithm>
#include <cstring>
#include <string_view>

namespace penstock::lua {
namespace {

std::string_view text_argument(lua_State* state, int at) {
    std::size_t length = 0;
    const char* text = luaL_checklstring(state, at, &length);
    return {text, length};
}

// Where a search begins, from 0; beyond the text's length: nowhere.
std::size_t start_argument(lua_State* state, int at, std::size_t length) {
    const lua_Integer start = luaL_optinteger(state, at, 1);
    if (start > 0) return static_cast<std::size_t>(start) - 1;
    const auto size = static_cast<lua_Integer>(length);
    if (start == 0 || start < -size) return 0;
    return static_cast<std::size_t>(size + start);
}

void check_pattern(lua_State* state, std::string_view subject, std::string_view pattern) {
    if (pattern.size() > pattern_bytes_max)
        luaL_error(state,
                   "pattern of %d bytes; at most %d",
                   static_cast<int>(pattern.size()),
                   static_cast<int>(pattern_bytes_max));
    if (subject.size() > pattern_subject_max)
        luaL_error(state,
                   "text of %d bytes is too long for a pattern; at most %d",
                   static_cast<int>(subject.size()),
                   static_cast<int>(pattern_subject_max));
}

std::int64_t steps_allowed(lua_State* state) {
    const Budget* budget = interpreter_of(state).budget;
    return budget == nullptr ? 0 : std::max<std::int64_t>(budget->instructions, 0);
}

// A matcher whose steps are charged when it is asked to settle.
class ChargedPattern {
  public:
    ChargedPattern(lua_State* state, std::string_view subject, std::string_view pattern)
        : state_(state),
          subject_(subject),
          pattern_(subject, pattern, steps_allowed(state), &CpuWatch::expired),
          charged_(pattern_.steps_left()) {}

    const char* match_at(const char* begin) {
        const char* end = pattern_.match_at(begin);
        const std::int64_t used = charged_ - pattern_.steps_left();
        charged_ = pattern_.steps_left();
        charge(state_, static_cast<std::size_t>(used));
        if (!pattern_.problem().empty()) luaL_error(state_, "%s", pattern_.problem().c_str());
        return end;
    }

    // Pushes capture `at`, or the whole match if there are none. `with_length` as text bytes.
    void push_capture(std::size_t at, const char* begin, const char* end) {
        if (at >= pattern_.captures()) {
            if (at != 0) luaL_error(state_, "invalid capture index %%%d", static_cast<int>(at + 1));
            lua_pushlstring(state_, begin, static_cast<std::size_t>(end - begin));
            return;
        }
        const TextPattern::Capture& capture = pattern_.capture(at);
        if (capture.length == TextPattern::unfinished) luaL_error(state_, "unfinished capture");
        if (capture.length == TextPattern::position) {
            lua_pushinteger(state_, capture.begin - subject_.data() + 1);
        } else {
            lua_pushlstring(state_, capture.begin, static_cast<std::size_t>(capture.length));
        }
    }

    // All captures; of a pattern without any the whole match, unless `begin` is null.
    int push_captures(const char* begin, const char* end) {
        const bool whole = pattern_.captures() == 0 && begin != nullptr;
        const std::size_t count = whole ? 1 : pattern_.captures();
        luaL_checkstack(state_, static_cast<int>(count), "too many captures");
        for (std::size_t at = 0; at < count; ++at) push_capture(at, begin, end);
        return static_cast<int>(count);
    }

  private:
    lua_State* state_;
    std::string_view subject_;
    TextPattern pattern_;
    std::int64_t charged_;
};

int push_found(lua_State* state, std::size_t first, std::size_t past) {
    lua_pushinteger(state, static_cast<lua_Integer>(first) + 1);
    lua_pushinteger(state, static_cast<lua_Integer>(past));
    return 2;
}

int find_plain(lua_State* state,
               std::string_view subject,
               std::string_view wanted,
               std::size_t start) {
    charge(state, (subject.size() - start) / 16);
    const auto at = subject.find(wanted, start);
    if (at != std::string_view::npos) return push_found(state, at, at + wanted.size());
    luaL_pushfail(state);
    return 1;
}

int search(lua_State* state, bool find) {
    const std::string_view subject = text_argument(state, 1);
    std::string_view pattern = text_argument(state, 2);
    const std::size_t start = start_argument(state, 3, subject.size());
    if (start > subject.size()) {
        luaL_pushfail(state);
        return 1;
    }
    if (find && (lua_toboolean(state, 4) != 0 || is_plain_pattern(pattern)))
        return find_plain(state, subject, pattern, start);
    check_pattern(state, subject, pattern);
    const bool anchored = !pattern.empty() && pattern.front() == '^';
    if (anchored) pattern.remove_prefix(1);
    ChargedPattern matcher(state, subject, pattern);
    const char* past = subject.data() + subject.size();
    for (const char* begin = subject.data() + start; begin <= past; ++begin) {
        const char* end = matcher.match_at(begin);
        if (end != nullptr && !find) return matcher.push_captures(begin, end);
        if (end != nullptr) {
            push_found(state,
                       static_cast<std::size_t>(begin - subject.data()),
                       static_cast<std::size_t>(end - subject.data()));
            return matcher.push_captures(nullptr, nullptr) + 2;
        }
        if (anchored) break;
    }
    luaL_pushfail(state);
    return 1;
}

int text_find(lua_State* state) {
    return search(state, true);
}

int text_match(lua_State* state) {
    return search(state, false);
}

// Upvalues: subject, pattern, where to go on (from 0), end of the last match (-1: none).
int next_match(lua_State* state) {
    const std::string_view subject = text_argument(state, lua_upvalueindex(1));
    const std::string_view pattern = text_argument(state, lua_upvalueindex(2));
    const auto start = static_cast<std::size_t>(lua_tointeger(state, lua_upvalueindex(3)));
    const lua_Integer last = lua_tointeger(state, lua_upvalueindex(4));
    if (start > subject.size()) return 0;
    ChargedPattern matcher(state, subject, pattern);
    const char* past = subject.data() + subject.size();
    for (const char* begin = subject.data() + start; begin <= past; ++begin) {
        const char* end = matcher.match_at(begin);
        if (end == nullptr || end - subject.data() == last) continue;
        lua_pushinteger(state, end - subject.data());
        lua_pushvalue(state, -1);
        lua_replace(state, lua_upvalueindex(3));
        lua_replace(state, lua_upvalueindex(4));
        return matcher.push_captures(begin, end);
    }
    lua_pushinteger(state, static_cast<lua_Integer>(subject.size()) + 1);
    lua_replace(state, lua_upvalueindex(3));
    return 0;
}

int text_gmatch(lua_State* state) {
    const std::string_view subject = text_argument(state, 1);
    const std::string_view pattern = text_argument(state, 2);
    const std::size_t start = start_argument(state, 3, subject.size());
    check_pattern(state, subject, pattern);
    lua_settop(state, 2);
    lua_pushinteger(state, static_cast<lua_Integer>(std::min(start, subject.size() + 1)));
    lua_pushinteger(state, -1);
    lua_pushcclosure(state, &next_match, 4);
    return 1;
}

void add_template(lua_State* state,
                  luaL_Buffer& out,
                  ChargedPattern& matcher,
                  const char* begin,
                  const char* end) {
    const std::string_view text = text_argument(state, 3);
    charge(state, text.size() / 16);
    for (std::size_t at = 0; at < text.size();) {
        const auto mark = std::min(text.find('%', at), text.size());
        luaL_addlstring(&out, text.data() + at, mark - at);
        if (mark == text.size()) return;
        const char kind = mark + 1 < text.size() ? text[mark + 1] : '\0';
        at = mark + 2;
        if (kind == '%') {
            luaL_addchar(&out, '%');
        } else if (kind == '0') {
            luaL_addlstring(&out, begin, static_cast<std::size_t>(end - begin));
        } else if (kind >= '1' && kind <= '9') {
            matcher.push_capture(static_cast<std::size_t>(kind - '1'), begin, end);
            luaL_tolstring(state, -1, nullptr);
            lua_remove(state, -2);
            luaL_addvalue(&out);
        } else {
            luaL_error(state, "invalid use of '%%' in replacement string");
        }
    }
}

// Adds what stands for the match; false: the match itself.
bool add_replacement(lua_State* state,
                     luaL_Buffer& out,
                     ChargedPattern& matcher,
                     const char* begin,
                     const char* end) {
    const int type = lua_type(state, 3);
    if (type == LUA_TFUNCTION) {
        lua_pushvalue(state, 3);
        lua_call(state, matcher.push_captures(begin, end), 1);
    } else if (type == LUA_TTABLE) {
        matcher.push_capture(0, begin, end);
        lua_gettable(state, 3);
    } else {
        add_template(state, out, matcher, begin, end);
        return true;
    }
    if (lua_toboolean(state, -1) == 0) {
        lua_pop(state, 1);
        luaL_addlstring(&out, begin, static_cast<std::size_t>(end - begin));
        return false;
    }
    if (lua_isstring(state, -1) == 0)
        luaL_error(state, "invalid replacement value (a %s)", luaL_typename(state, -1));
    luaL_addvalue(&out);
    return true;
}

int text_gsub(lua_State* state) {
    const std::string_view subject = text_argument(state, 1);
    std::string_view pattern = text_argument(state, 2);
    const int type = lua_type(state, 3);
    luaL_argexpected(
        state,
        type == LUA_TNUMBER || type == LUA_TSTRING || type == LUA_TTABLE || type == LUA_TFUNCTION,
        3,
        "string/function/table");
    const auto most = luaL_optinteger(state, 4, static_cast<lua_Integer>(subject.size()) + 1);
    check_pattern(state, subject, pattern);
    const bool anchored = !pattern.empty() && pattern.front() == '^';
    if (anchored) pattern.remove_prefix(1);
    ChargedPattern matcher(state, subject, pattern);
    luaL_Buffer out;
    luaL_buffinit(state, &out);
    const char* begin = subject.data();
    const char* past = begin + subject.size();
    const char* last = nullptr;
    lua_Integer count = 0;
    bool changed = false;
    while (count < most) {
        const char* end = matcher.match_at(begin);
        if (end != nullptr && end != last) {
            ++count;
            changed = add_replacement(state, out, matcher, begin, end) || changed;
            begin = last = end;
        } else if (begin < past) {
            luaL_addchar(&out, *begin);
            ++begin;
        } else {
            break;
        }
        if (anchored) break;
    }
    if (changed) {
        luaL_addlstring(&out, begin, static_cast<std::size_t>(past - begin));
        luaL_pushresult(&out);
    } else {
        lua_pushvalue(state, 1);
    }
    lua_pushinteger(state, count);
    return 2;
}

int text_rep(lua_State* state) {
    const std::string_view text = text_argument(state, 1);
    const lua_Integer times = luaL_checkinteger(state, 2);
    std::size_t between_size = 0;
    const char* between_text = luaL_optlstring(state, 3, "", &between_size);
    const std::string_view between(between_text, between_size);
    const std::size_t piece = text.size() + between.size();
    if (times <= 0 || piece == 0) {
        lua_pushliteral(state, "");
        return 1;
    }
    const auto count = static_cast<std::size_t>(times);
    if (count > interpreter_of(state).heap.limit() / piece + 1)
        return luaL_error(state, "resulting string too large");
    charge(state, count + count * piece / 16);
    luaL_Buffer out;
    const std::size_t size = count * piece - between.size();
    char* const first = luaL_buffinitsize(state, &out, size);
    std::size_t done = text.copy(first, text.size());
    if (count > 1) done += between.copy(first + done, between.size());
    // What is there is copied behind itself, twice as much each time.
    for (; done < size; done += std::min(done, size - done))
        std::memcpy(first + done, first, std::min(done, size - done));
    luaL_pushresultsize(&out, size);
    return 1;
}

}  // namespace

void replace_string_functions(lua_State* state) {
    static constexpr luaL_Reg functions[] = {{"find", &text_find},
                                             {"match", &text_match},
                                             {"gmatch", &text_gmatch},
                                             {"gsub", &text_gsub},
                                             {"rep", &text_rep},
                                             {nullptr, nullptr}};
    luaL_setfuncs(state, static_cast<const luaL_Reg*>(functions), 0);
    lua_pushnil(state);
    lua_setfield(state, -2, "dump");
}

}  // namespace penstock::lua
