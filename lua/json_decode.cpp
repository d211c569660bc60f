#include "lua/budget.h"
#include "lua/json.h"
#include "lua/json_marks.h"
#include "lua/limits.h"

#include <boost/json/basic_parser_impl.hpp>

#include <algorithm>
#include <array>
#include <limits>

namespace penstock::lua {
namespace {

namespace json = boost::json;

// Builds values on the Lua stack as the parser meets them: of an open object the table and, behind
// it, the key at hand; of an open array the table.
struct Builder {
    static constexpr std::size_t max_object_size = std::numeric_limits<std::size_t>::max();
    static constexpr std::size_t max_array_size = max_object_size;
    static constexpr std::size_t max_key_size = max_object_size;
    static constexpr std::size_t max_string_size = max_object_size;
    static constexpr int members_guess = 4;  // room made beforehand
    static constexpr std::size_t members_max = 32;
    using Failure = boost::system::error_code;

    explicit Builder(lua_State* its_state) : state(its_state) {}

    lua_State* state;
    std::string part;
    std::size_t depth = 0;
    std::array<lua_Integer, json_depth_max + 1> next{};  // index in an array; 0: an object
    std::array<int, json_depth_max + 1> members{};       // of the last object there: a good guess

    bool place() {
        if (depth == 0) return true;
        lua_Integer& index = next[depth];
        if (index > 0) {
            lua_rawseti(state, -2, index++);
        } else {
            lua_rawset(state, -3);
        }
        return true;
    }

    void push_text(json::string_view last) {
        if (part.empty()) {
            lua_pushlstring(state, last.data(), last.size());
            return;
        }
        part.append(last.data(), last.size());
        lua_pushlstring(state, part.data(), part.size());
        part.clear();
    }

    bool on_document_begin(Failure&) { return true; }

    bool on_document_end(Failure&) { return true; }

    bool on_array_begin(Failure&) {
        lua_newtable(state);
        mark_array(state);
        next[++depth] = 1;
        return true;
    }

    bool on_array_end(std::size_t, Failure&) {
        --depth;
        return place();
    }

    bool on_object_begin(Failure&) {
        ++depth;
        lua_createtable(state, 0, std::max(members[depth], members_guess));
        next[depth] = 0;
        return true;
    }

    bool on_object_end(std::size_t count, Failure&) {
        members[depth] = static_cast<int>(std::min<std::size_t>(count, members_max));
        --depth;
        return place();
    }

    bool on_string_part(json::string_view text, std::size_t, Failure&) {
        part.append(text.data(), text.size());
        return true;
    }

    bool on_string(json::string_view text, std::size_t, Failure&) {
        push_text(text);
        return place();
    }

    bool on_key_part(json::string_view text, std::size_t, Failure&) {
        part.append(text.data(), text.size());
        return true;
    }

    bool on_key(json::string_view text, std::size_t, Failure&) {
        push_text(text);
        return true;
    }

    bool on_number_part(json::string_view, Failure&) { return true; }

    bool on_int64(std::int64_t number, json::string_view, Failure&) {
        lua_pushinteger(state, number);
        return place();
    }

    bool on_uint64(std::uint64_t number, json::string_view, Failure&) {
        lua_pushnumber(state, static_cast<lua_Number>(number));
        return place();
    }

    bool on_double(double number, json::string_view, Failure&) {
        lua_pushnumber(state, number);
        return place();
    }

    bool on_bool(bool value, Failure&) {
        lua_pushboolean(state, value ? 1 : 0);
        return place();
    }

    bool on_null(Failure&) {
        push_null(state);
        return place();
    }

    bool on_comment_part(json::string_view, Failure&) { return true; }

    bool on_comment(json::string_view, Failure&) { return true; }
};

}  // namespace

void push_json(lua_State* state, std::string_view text, const char* what) {
    charge(state, 10 + text.size() / 16);
    luaL_checkstack(state, 2 * static_cast<int>(json_depth_max) + 8, "JSON is too deep");
    json::parse_options options;
    options.max_depth = json_depth_max;
    json::basic_parser<Builder> parser(options, state);
    boost::system::error_code failure;
    const std::size_t taken = parser.write_some(false, text.data(), text.size(), failure);
    if (!failure && taken < text.size()) failure = json::error::extra_data;
    if (failure)
        luaL_error(state,
                   "%s is no JSON: %s at byte %d",
                   what,
                   failure.message().c_str(),
                   static_cast<int>(taken + 1));
}

}  // namespace penstock::lua
