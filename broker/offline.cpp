#include "broker/offline.h"

#include <CLI/CLI.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/string.hpp>

#include <iostream>

namespace penstock {

bool parse_words(CLI::App& app, const std::vector<std::string>& words, int& exit) {
    try {
        // CLI11 takes the words from the back.
        app.parse(std::vector<std::string>(words.rbegin(), words.rend()));
    } catch (const CLI::ParseError& problem) {
        exit = app.exit(problem) == 0 ? 0 : exit_usage;
        return false;
    }
    return true;
}

int fail(const std::string& what, int exit) {
    std::cerr << "penstock: " << what << "\n";
    return exit;
}

std::string in_quotes(const std::string& text) {
    return boost::json::serialize(boost::json::string(text));
}

}  // namespace penstock
