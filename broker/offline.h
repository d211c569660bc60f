// What the commands share that work on a data folder without a server: words, exit codes, output.
// Free functions, main's thread.
#pragma once

#include <CLI/App.hpp>

#include <string>
#include <vector>

namespace penstock {

inline constexpr int exit_failure = 1;
inline constexpr int exit_usage = 2;
inline constexpr int exit_conflict = 4;

// False: --help or wrong usage, `exit` says which.
bool parse_words(CLI::App& app, const std::vector<std::string>& words, int& exit);

// Says why, and gives the exit code.
int fail(const std::string& what, int exit = exit_failure);

// As a JSON string.
std::string in_quotes(const std::string& text);

}  // namespace penstock
