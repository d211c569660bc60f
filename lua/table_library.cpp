#include "lua/table_library.h"

#include "lua/budget.h"

#include <limits>

namespace penstock::lua {
namespace {

constexpr lua_Integer integer_max = std::numeric_limits<lua_Integer>::max();

lua_Integer length_of(lua_State* state, int at) {
    luaL_checktype(state, at, LUA_TTABLE);
    return luaL_len(state, at);
}

int table_insert(lua_State* state) {
    const lua_Integer past = static_cast<lua_Integer>(
        static_cast<lua_Unsigned>(length_of(state, 1)) + 1);  // may wrap, as in Lua
    lua_Integer at = past;
    switch (lua_gettop(state)) {
        case 2:
            break;
        case 3:
            at = luaL_checkinteger(state, 2);
            luaL_argcheck(state,
                          static_cast<lua_Unsigned>(at) - 1U < static_cast<lua_Unsigned>(past),
                          2,
                          "position out of bounds");
            for (lua_Integer to = past; to > at; --to) {
                charge(state, 1);
                lua_geti(state, 1, to - 1);
                lua_seti(state, 1, to);
            }
            break;
        default:
            return luaL_error(state, "wrong number of arguments to 'insert'");
    }
    lua_seti(state, 1, at);
    return 0;
}

int table_remove(lua_State* state) {
    const lua_Integer size = length_of(state, 1);
    lua_Integer at = luaL_optinteger(state, 2, size);
    const bool inside =
        static_cast<lua_Unsigned>(at) - 1U <= static_cast<lua_Unsigned>(size) || at == size;
    luaL_argcheck(state, inside, 2, "position out of bounds");
    lua_geti(state, 1, at);
    for (; at < size; ++at) {
        charge(state, 1);
        lua_geti(state, 1, at + 1);
        lua_seti(state, 1, at);
    }
    lua_pushnil(state);
    lua_seti(state, 1, at);
    return 1;
}

int table_move(lua_State* state) {
    const lua_Integer first = luaL_checkinteger(state, 2);
    const lua_Integer last = luaL_checkinteger(state, 3);
    const lua_Integer to = luaL_checkinteger(state, 4);
    const int target = lua_isnoneornil(state, 5) ? 1 : 5;
    luaL_checktype(state, 1, LUA_TTABLE);
    luaL_checktype(state, target, LUA_TTABLE);
    if (last >= first) {
        luaL_argcheck(
            state, first > 0 || last < integer_max + first, 3, "too many elements to move");
        const lua_Integer count = last - first + 1;
        luaL_argcheck(state, to <= integer_max - count + 1, 4, "destination wrap around");
        const bool overlaps = to > first && to <= last && lua_rawequal(state, 1, target) != 0;
        for (lua_Integer done = 0; done < count; ++done) {
            charge(state, 1);
            const lua_Integer step = overlaps ? count - 1 - done : done;
            lua_geti(state, 1, first + step);
            lua_seti(state, target, to + step);
        }
    }
    lua_pushvalue(state, target);
    return 1;
}

void add_element(lua_State* state, luaL_Buffer& out, lua_Integer at) {
    charge(state, 1);
    lua_geti(state, 1, at);
    if (lua_isstring(state, -1) == 0)
        luaL_error(state,
                   "invalid value (%s) at index %I in table for 'concat'",
                   luaL_typename(state, -1),
                   static_cast<LUAI_UACINT>(at));
    luaL_addvalue(&out);
}

int table_concat(lua_State* state) {
    lua_Integer last = length_of(state, 1);
    std::size_t between_size = 0;
    const char* between = luaL_optlstring(state, 2, "", &between_size);
    lua_Integer at = luaL_optinteger(state, 3, 1);
    last = luaL_optinteger(state, 4, last);
    luaL_Buffer out;
    luaL_buffinit(state, &out);
    for (; at < last; ++at) {
        add_element(state, out, at);
        luaL_addlstring(&out, between, between_size);
    }
    if (at == last) add_element(state, out, at);
    luaL_pushresult(&out);
    return 1;
}

// Element `left` before element `right`? Both stay where they are.
bool before(lua_State* state, lua_Integer left, lua_Integer right) {
    charge(state, 2);
    const bool compared = !lua_isnil(state, 2);
    if (compared) lua_pushvalue(state, 2);
    lua_geti(state, 1, left);
    lua_geti(state, 1, right);
    if (compared) {
        lua_call(state, 2, 1);
        const bool result = lua_toboolean(state, -1) != 0;
        lua_pop(state, 1);
        return result;
    }
    const bool result = lua_compare(state, -2, -1, LUA_OPLT) != 0;
    lua_pop(state, 2);
    return result;
}

void swap(lua_State* state, lua_Integer left, lua_Integer right) {
    lua_geti(state, 1, left);
    lua_geti(state, 1, right);
    lua_seti(state, 1, left);
    lua_seti(state, 1, right);
}

// Lets the element at `root` sink to its place in the heap that ends at `last`.
void sink(lua_State* state, lua_Integer root, lua_Integer last) {
    while (2 * root <= last) {
        lua_Integer child = 2 * root;
        if (child < last && before(state, child, child + 1)) ++child;
        if (!before(state, root, child)) return;
        swap(state, root, child);
        root = child;
    }
}

// By heap: no order function, however wrong, makes it take longer.
int table_sort(lua_State* state) {
    const lua_Integer size = length_of(state, 1);
    if (size < 2) return 0;
    luaL_argcheck(state, size < std::numeric_limits<int>::max(), 1, "array too big");
    if (!lua_isnoneornil(state, 2)) luaL_checktype(state, 2, LUA_TFUNCTION);
    lua_settop(state, 2);
    for (lua_Integer root = size / 2; root >= 1; --root) sink(state, root, size);
    for (lua_Integer last = size; last > 1; --last) {
        swap(state, 1, last);
        sink(state, 1, last - 1);
    }
    return 0;
}

}  // namespace

void replace_table_functions(lua_State* state) {
    static constexpr luaL_Reg functions[] = {{"insert", &table_insert},
                                             {"remove", &table_remove},
                                             {"move", &table_move},
                                             {"concat", &table_concat},
                                             {"sort", &table_sort},
                                             {nullptr, nullptr}};
    luaL_setfuncs(state, static_cast<const luaL_Reg*>(functions), 0);
}

}  // namespace penstock::lua
