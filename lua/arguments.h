// Arguments: reads what scripts hand to ctx functions, with errors a user understands. Runs inside
// Lua: fails by Lua errors; one thread.
#pragma once

#include <lua.hpp>

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

namespace penstock::lua {

// A table of options at a place of the stack; none given is an empty one.
class Options {
  public:
    // Raises an error for a key that is not among `known`: a misspelt option is never ignored.
    Options(lua_State* state,
            int at,
            const char* function,
            std::initializer_list<std::string_view> known);

    // Pushes the option and says whether it is there; if not, nothing is pushed.
    bool push(const char* name);

    // A text, also from a number; nothing if it is not there.
    std::optional<std::string> text(const char* name);

    // Seconds, with decimals, as milliseconds.
    std::uint64_t milliseconds(const char* name);

    // A whole number from 0 on; `absent` if it is not there.
    std::uint64_t count(const char* name, std::uint64_t absent);

    [[noreturn]] void refuse(const char* name, const char* what);

  private:
    lua_State* state_;
    int at_;
    const char* function_;
};

// Text bytes of argument `at`: a string, or a number as text. Tables get the hint to encode them.
std::string text_or_number(lua_State* state, int at, const char* function, const char* name);

// A method that was called as object.method(...) in place of object:method(...).
void check_method(lua_State* state, const char* object, const char* method);

}  // namespace penstock::lua
