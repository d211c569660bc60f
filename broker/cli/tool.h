// Runs penstock-lua, which stands beside this program: commands that compile or try a script do so
// on the user's machine, behind the same walls as on the server. Waits for its end; one thread.
#pragma once

#include "broker/cli/session.h"

#include <string>
#include <vector>

namespace penstock::cli {

// Its output goes where this program's goes, or all of it to standard error. Gives its exit code,
// or that of a failure to run it.
enum class ToolOutput { as_is, to_stderr };
int run_tool(Session& session, const std::vector<std::string>& arguments, ToolOutput output);

struct ToolRun {
    int exit_code = 0;
    std::string output;  // at most 16 MiB of it
};

// As run_tool with its output handed over; `input` is a file that it reads, named behind `option`.
boost::system::result<ToolRun, Failure> capture_tool(Session& session,
                                                     std::vector<std::string> arguments,
                                                     const std::string& option,
                                                     const std::string& input);

}  // namespace penstock::cli
