#include "broker/config/command.h"

#include "broker/config/load.h"

#include <algorithm>
#include <ostream>
#include <string_view>

namespace penstock::config {

namespace {

constexpr std::string_view usage =
    "usage: penstock config check FILE             say what is wrong with a file\n"
    "       penstock config show [--config FILE]   what is in force, and where it comes from\n";

int check_file(const std::string& file, std::ostream& out, std::ostream& errors) {
    const auto loaded = load({file, {}, {}});
    if (!loaded) {
        errors << loaded.error().detail << "\n";
        return 1;
    }
    out << file << ": ok\n";
    return 0;
}

int show_effective(const std::string& file, std::ostream& out, std::ostream& errors) {
    const auto loaded = load({file, process_environment(), {}});
    if (!loaded) {
        errors << loaded.error().detail << "\n";
        return 1;
    }
    out << show(loaded.value());
    return 0;
}

}  // namespace

bool asks_for_help(const std::vector<std::string>& arguments) {
    return std::any_of(arguments.begin(), arguments.end(), [](const std::string& argument) {
        return argument == "--help" || argument == "-h";
    });
}

int run_command(const std::vector<std::string>& arguments,
                std::ostream& out,
                std::ostream& errors) {
    if (asks_for_help(arguments)) {
        out << usage;
        return 0;
    }
    const std::size_t words = arguments.size();
    if (words == 2 && arguments[0] == "check") return check_file(arguments[1], out, errors);
    if (words == 1 && arguments[0] == "show") return show_effective({}, out, errors);
    if (words == 3 && arguments[0] == "show" && arguments[1] == "--config")
        return show_effective(arguments[2], out, errors);
    errors << usage;
    return 2;
}

}  // namespace penstock::config
