// What the calling thread has asked of the heap so far, for tests that hold code to a bound or a
// budget. Replaces the global operator new of the program it is linked into: what C code takes with
// malloc is not seen, what shared C++ libraries take is.
#pragma once

#include <cstdint>

namespace penstock::testing {

struct HeapUse {
    std::uint64_t allocations = 0;
    std::uint64_t bytes = 0;
};

[[nodiscard]] HeapUse heap_use();

}  // namespace penstock::testing
