// Runs penstock-lua, which stands beside this program: commands that compile or try a script do so
// on the user's machine, behind the same walls as on the server. Waits for its end; one thread.
#pragma once

#include "broker/cli/session.h"

#include <string>
#include <vector>

namespace penstock::cli {

// Its output goes where this program's goes. Gives its exit code, or that of a failure to run it.
int run_tool(Session& session, const std::vector<std::string>& arguments);

}  // namespace penstock::cli
