#include "tests/api/allocation_count.h"

#include <cstdlib>
#include <new>

namespace {

thread_local std::size_t allocated = 0;

}  // namespace

void* operator new(std::size_t bytes) {
    allocated += bytes;
    if (void* memory = std::malloc(bytes == 0 ? 1 : bytes)) return memory;
    throw std::bad_alloc();
}

void operator delete(void* memory) noexcept {
    std::free(memory);
}

void operator delete(void* memory, std::size_t) noexcept {
    std::free(memory);
}

namespace penstock::testing {

std::size_t allocated_bytes() {
    return allocated;
}

}  // namespace penstock::testing
