#include "lua/heap.h"

#include <cstdlib>

namespace penstock::lua {

void* Heap::allocate(void* self, void* block, std::size_t old_size, std::size_t new_size) {
    Heap& heap = *static_cast<Heap*>(self);
    if (block == nullptr) old_size = 0;  // Lua passes a type there
    if (new_size == 0) {
        std::free(block);
        heap.used_ -= old_size;
        return nullptr;
    }
    const bool grows = new_size > old_size;
    if (grows && heap.used_ + (new_size - old_size) > heap.limit_) return nullptr;
    void* moved = std::realloc(block, new_size);
    if (moved != nullptr) heap.used_ += new_size - old_size;
    return moved;
}

}  // namespace penstock::lua
