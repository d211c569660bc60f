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

}  // namespace penstock::cli
