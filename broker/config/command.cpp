#include "broker/config/command.h"

#include "broker/config/load.h"

#include <ostream>

namespace penstock::config {

namespace {

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

int run_command(const std::vector<std::string>& arguments,
                std::ostream& out,
                std::ostream& errors) {
    const std::size_t words = arguments.size();
    if (words == 2 && arguments[0] == "check") return check_file(arguments[1], out, errors);
    if (words == 1 && arguments[0] == "show") return show_effective({}, out, errors);
    if (words == 3 && arguments[0] == "show" && arguments[1] == "--config")
        return show_effective(arguments[2], out, errors);
    errors << "usage: penstock config check FILE\n"
              "       penstock config show [--config FILE]\n";
    return 2;
}

}  // namespace penstock::config
