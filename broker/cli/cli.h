// The client commands of `penstock`: everything but `serve` and `config`. They speak /v1 over HTTP
// and nothing else. Called once by main, on its thread; failures are exit codes with a message.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace penstock::cli {

// Runs one command line (without the program's name); the answer is the exit code.
int run_cli(const std::vector<std::string>& words);

// "queue", "topic", ...: run_cli knows what to do with it.
bool is_client_command(std::string_view noun);

}  // namespace penstock::cli
