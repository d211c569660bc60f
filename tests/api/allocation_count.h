// How many bytes the calling thread has asked of the heap so far, for tests that hold a decoder to
// a bound. Replaces the global operator new of the program it is linked into.
#pragma once

#include <cstddef>

namespace penstock::testing {

std::size_t allocated_bytes();

}  // namespace penstock::testing
