// The numbers a bench is called with.
#pragma once

#include <cstddef>
#include <cstdlib>

namespace penstock {

// The word at `at` of main()'s as a number; `otherwise` where there is none.
inline std::size_t argument(int count, char** values, int at, std::size_t otherwise) {
    return count > at ? std::strtoul(values[at], nullptr, 10) : otherwise;
}

}  // namespace penstock
