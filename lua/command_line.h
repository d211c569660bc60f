// The command line of penstock-lua. A value; one thread.
#pragma once

#include "broker/base/error.h"
#include "lua/limits.h"

#include <string>
#include <vector>

namespace penstock::lua {

struct CommandLine {
    enum class Mode : std::uint8_t { serve, check, test, help };
    Mode mode = Mode::serve;
    Limits limits;
    std::string file;
    std::string role;  // empty: by the function that the file defines
    std::string event;
    std::string kv;
    std::string http;
};

extern const char* const usage;

// Error{invalid}: one line for the user.
Result<CommandLine> read_command_line(const std::vector<std::string>& arguments);

}  // namespace penstock::lua
