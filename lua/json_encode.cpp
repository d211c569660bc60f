#include "lua/budget.h"
#include "lua/json.h"
#include "lua/json_marks.h"
#include "lua/limits.h"
#include "sinks/worker/protocol.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <utility>
#include <vector>

namespace penstock::lua {
namespace {

constexpr std::size_t small_members_max = 16;

class Encoder {
  public:
    Encoder(lua_State* state, std::string& out, const char* what)
        : state_(state), out_(out), begin_(out.size()), what_(what) {}

    // The value at the stack's top, which stays there.
    void whole() {
        value(0);
        charge(state_, work_);
    }

  private:
    void value(std::size_t depth) {
        switch (lua_type(state_, -1)) {
            case LUA_TNIL:
                out_ += "null";
                return;
            case LUA_TBOOLEAN:
                out_ += lua_toboolean(state_, -1) != 0 ? "true" : "false";
                return;
            case LUA_TNUMBER:
                number();
                return;
            case LUA_TSTRING:
                text();
                return;
            case LUA_TTABLE:
                table(depth);
                return;
            case LUA_TLIGHTUSERDATA:
                if (lua_touserdata(state_, -1) != nullptr) break;
                out_ += "null";
                return;
            default:
                break;
        }
        luaL_error(state_, "%s: a %s cannot be JSON", what_, luaL_typename(state_, -1));
    }

    void number() {
        std::array<char, 40> digits{};
        char* const first = digits.data();
        char* past = first + digits.size();
        if (lua_isinteger(state_, -1) != 0) {
            past = std::to_chars(first, past, lua_tointeger(state_, -1)).ptr;
        } else {
            const lua_Number real = lua_tonumber(state_, -1);
            if (!std::isfinite(real))
                luaL_error(state_, "%s: infinity and NaN cannot be JSON", what_);
            past = std::to_chars(first, past, real).ptr;
            // A real number stays one: 1.0, not 1.
            if (std::find_if(first, past, [](char c) { return c == '.' || c == 'e'; }) == past) {
                *past++ = '.';
                *past++ = '0';
            }
        }
        out_.append(first, past);
    }

    void text() {
        std::size_t length = 0;
        const char* bytes = lua_tolstring(state_, -1, &length);
        append(std::string_view(bytes, length));
    }

    void append(std::string_view text) {
        work_ += 1 + text.size() / 16;
        check_size(text.size());
        if (!sinks::worker::append_text(out_, text))
            luaL_error(state_, "%s: a text that is no UTF-8 cannot be JSON", what_);
        check_size(0);  // with its escapes
    }

    void check_size(std::size_t more) {
        if (out_.size() - begin_ + more > json_bytes_max)
            luaL_error(
                state_, "%s: JSON of over %d MiB", what_, static_cast<int>(json_bytes_max >> 20U));
    }

    void table(std::size_t depth) {
        if (depth >= json_depth_max)
            luaL_error(state_,
                       "%s: nested deeper than %d (a table within itself?)",
                       what_,
                       static_cast<int>(json_depth_max));
        luaL_checkstack(state_, 4, "JSON is too deep");
        charge(state_, std::exchange(work_, 4));
        check_size(0);
        const bool marked = is_marked_array(state_, lua_gettop(state_));
        const auto length = static_cast<lua_Integer>(lua_rawlen(state_, -1));
        if (marked || length > 0) {
            list(depth, length);
        } else {
            object(depth);
        }
    }

    void list(std::size_t depth, lua_Integer length) {
        lua_Integer keys = 0;
        for (lua_pushnil(state_); lua_next(state_, -2) != 0; lua_pop(state_, 1)) {
            const bool whole = lua_isinteger(state_, -2) != 0;
            const lua_Integer key = whole ? lua_tointeger(state_, -2) : 0;
            if (key < 1 || key > length)
                luaL_error(state_, "%s: a table with gaps or mixed keys cannot be JSON", what_);
            ++keys;
        }
        if (keys != length) luaL_error(state_, "%s: a list with gaps cannot be JSON", what_);
        charge(state_, static_cast<std::size_t>(length));
        out_.push_back('[');
        for (lua_Integer at = 1; at <= length; ++at) {
            if (at > 1) out_.push_back(',');
            lua_rawgeti(state_, -1, at);
            value(depth + 1);
            lua_pop(state_, 1);
        }
        out_.push_back(']');
    }

    // Keys in order, so that the same value is always the same text.
    void object(std::size_t depth) {
        out_.push_back('{');
        if (!small_object(depth)) large_object(depth);
        out_.push_back('}');
    }

    std::string_view key_at(int at) {
        if (lua_type(state_, at) != LUA_TSTRING)
            luaL_error(state_, "%s: a %s as key cannot be JSON", what_, luaL_typename(state_, at));
        std::size_t length = 0;
        const char* key = lua_tolstring(state_, at, &length);
        return {key, length};
    }

    // With all keys and values on the stack. False: there are too many, and the stack is as before.
    bool small_object(std::size_t depth) {
        struct Member {
            std::string_view key;
            int value;
        };

        std::array<Member, small_members_max> members;
        luaL_checkstack(state_, 2 * static_cast<int>(members.size()) + 4, "JSON is too deep");
        const int table = lua_gettop(state_);
        std::size_t count = 0;
        for (lua_pushnil(state_); lua_next(state_, table) != 0; lua_pushvalue(state_, -2)) {
            if (count == members.size()) {
                lua_settop(state_, table);
                return false;
            }
            members[count++] = {key_at(-2), lua_gettop(state_)};
        }
        std::sort(members.begin(),
                  members.begin() + count,
                  [](const auto& left, const auto& right) { return left.key < right.key; });
        for (std::size_t at = 0; at < count; ++at) {
            if (at > 0) out_.push_back(',');
            append(members[at].key);
            out_.push_back(':');
            lua_pushvalue(state_, members[at].value);
            value(depth + 1);
            lua_pop(state_, 1);
        }
        lua_settop(state_, table);
        return true;
    }

    void large_object(std::size_t depth) {
        std::vector<std::string_view> keys;
        for (lua_pushnil(state_); lua_next(state_, -2) != 0; lua_pop(state_, 1))
            keys.push_back(key_at(-2));
        std::sort(keys.begin(), keys.end());
        for (std::size_t at = 0; at < keys.size(); ++at) {
            if (at > 0) out_.push_back(',');
            append(keys[at]);
            out_.push_back(':');
            lua_pushlstring(state_, keys[at].data(), keys[at].size());
            lua_rawget(state_, -2);
            value(depth + 1);
            lua_pop(state_, 1);
        }
    }

    lua_State* state_;
    std::string& out_;
    std::size_t begin_;
    const char* what_;
    std::size_t work_ = 0;  // not charged yet
};

}  // namespace

void append_json(lua_State* state, std::string& out, const char* what) {
    Encoder(state, out, what).whole();
}

}  // namespace penstock::lua
