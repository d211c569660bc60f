#include "tests/support/heap_use.h"

#include <cstdlib>
#include <new>

namespace {

thread_local penstock::testing::HeapUse taken_here;

}  // namespace

void* operator new(std::size_t bytes) {
    ++taken_here.allocations;
    taken_here.bytes += bytes;
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

HeapUse heap_use() {
    return taken_here;
}

}  // namespace penstock::testing
