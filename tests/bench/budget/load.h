// Load: one path of a message through the server, made ready outside of what is counted and then
// run as one counted piece. Owned by one test, one thread; what goes wrong ends the program.
#pragma once

#include "tests/bench/budget/spent.h"

#include <cstddef>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

namespace penstock::budget {

class Load {
  public:
    virtual ~Load() = default;

    // Makes ready what run() takes through for so many messages. Called again for each run.
    virtual void prepare(std::size_t messages) = 0;

    virtual void run() = 0;

    // Everything spent so far, by whatever was prepared too.
    [[nodiscard]] virtual Spent spent() const = 0;
};

struct Path {
    std::string_view name;  // the row of the budget
    std::function<std::unique_ptr<Load>()> make;
};

// In the order of the budget.
std::vector<Path> node_paths();
std::vector<Path> wire_paths();

}  // namespace penstock::budget
