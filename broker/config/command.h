// `penstock config check FILE` and `penstock config show [--config FILE]`: what a configuration
// says before a server is started with it. Called by main, once; answers the exit code.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

namespace penstock::config {

// Whether they ask how it is used, not for it to be done.
bool asks_for_help(const std::vector<std::string>& arguments);

// `arguments` follow the word "config". 0 fine, 1 mistakes in the file, 2 usage.
int run_command(const std::vector<std::string>& arguments, std::ostream& out, std::ostream& errors);

}  // namespace penstock::config
