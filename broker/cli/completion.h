// Scripts that complete `penstock` in a shell: commands, flags, the values of those that have a
// list, file names where one is wanted. Pure functions; any thread.
#pragma once

#include "broker/cli/grammar.h"

#include <string>

namespace penstock::cli {

std::string bash_completion(const Command& root);
std::string zsh_completion(const Command& root);
std::string fish_completion(const Command& root);

}  // namespace penstock::cli
