// Names of globals a compiled chunk reads and writes, for `--check`: the chunk is compiled, dumped
// and its instructions looked through, so that scopes are the compiler's own. Pure, any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace penstock::lua {

struct GlobalUse {
    std::string name;
    int line = 0;
    bool write = false;
};

// In order of appearance; empty if `code` does not compile.
std::vector<GlobalUse> global_uses(std::string_view code, const std::string& name);

// What a user should look at: "NAME:LINE: global 'x' is never set", once a name.
std::vector<std::string> unknown_globals(std::string_view code, const std::string& name);

}  // namespace penstock::lua
