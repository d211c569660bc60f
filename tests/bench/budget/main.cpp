// budget_paths: takes messages along each path and prints what one of them costs, a row a path.
//
//   budget_paths [messages [path]]
//
// counted() is where a tool that counts instructions begins and ends (budget.py).
#include "tests/bench/budget/load.h"

#include <cstdio>
#include <cstdlib>

namespace penstock::budget {

[[gnu::noipa]] Spent counted(Load& load) {
    const Spent before = load.spent();
    load.run();
    Spent spent = load.spent();
    return spent -= before;
}

namespace {

constexpr std::size_t messages_usual = 4'096;

void print_header() {
    std::printf("%-26s", "path");
    for (const std::string_view name : figure_names) {
        std::printf(" %12.*s", static_cast<int>(name.size()), name.data());
    }
    std::printf("\n");
}

void print_row(const Path& path, const Spent& spent, std::size_t messages) {
    std::printf("%-26.*s", static_cast<int>(path.name.size()), path.name.data());
    for (const std::uint64_t figure : spent.figures) {
        std::printf(" %12.2f", static_cast<double>(figure) / static_cast<double>(messages));
    }
    std::printf("\n");
}

// The first run makes room that later ones find.
void measure(const Path& path, std::size_t messages) {
    const auto load = path.make();
    load->prepare(messages);
    load->run();
    load->prepare(messages);
    print_row(path, counted(*load), messages);
}

// All paths, or the one of that name; 1: there is none.
int run(std::size_t messages, std::string_view name) {
    bool found = false;
    print_header();
    for (const auto& paths : {node_paths(), wire_paths()}) {
        for (const Path& path : paths) {
            if (!name.empty() && name != path.name) continue;
            measure(path, messages);
            found = true;
        }
    }
    return found ? 0 : 1;
}

}  // namespace

}  // namespace penstock::budget

int main(int count, char** values) {
    using penstock::budget::messages_usual;
    const std::size_t messages =
        count > 1 ? std::strtoul(values[1], nullptr, 10) : penstock::budget::messages_usual;
    return penstock::budget::run(messages, count > 2 ? values[2] : "");
}
