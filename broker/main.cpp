#include "broker/cli/cli.h"
#include "broker/config_check.h"
#include "broker/recover.h"
#include "broker/restore.h"
#include "broker/serve.h"
#include "broker/store.h"

#include <exception>
#include <iostream>
#include <string>
#include <vector>

namespace {

int run(const std::vector<std::string>& words) {
    const std::string first = words.empty() ? std::string() : words.front();
    if (first == "--version") {
        std::cout << "penstock " << penstock::version << "\n";
        return 0;
    }
    if (first == "serve") return penstock::serve({words.begin() + 1, words.end()});
    if (first == "cluster" && words.size() > 1 && words[1] == "recover")
        return penstock::recover({words.begin() + 2, words.end()});
    if (first == "store") return penstock::store({words.begin() + 1, words.end()});
    if (first == "restore") return penstock::restore({words.begin() + 1, words.end()});
    if (first == "config") return penstock::config_command({words.begin() + 1, words.end()});
    return penstock::cli::run_cli(words);
}

}  // namespace

int main(int count, char** words) {
    try {
        return run({words + 1, words + count});
    } catch (const std::exception& problem) {
        std::cerr << "penstock: " << problem.what() << "\n";
        return 1;
    }
}
