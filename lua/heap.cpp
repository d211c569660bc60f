#include "lua/heap.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace penstock::lua {

void* Heap::allocate(void* self, void* block, std::size_t old_size, std::size_t new_size) {
    Heap& heap = *static_cast<Heap*>(self);
    if (block == nullptr) old_size = 0;  // Lua passes a type there
    if (new_size == 0) {
        if (block != nullptr) heap.give(block, old_size);
        heap.used_ -= old_size;
        return nullptr;
    }
    const bool grows = new_size > old_size;
    if (grows && heap.used_ + (new_size - old_size) > heap.limit_) return nullptr;
    void* moved = block == nullptr ? heap.take(new_size) : heap.move(block, old_size, new_size);
    if (moved != nullptr) heap.used_ += new_size - old_size;
    return moved;
}

void* Heap::take(std::size_t size) {
    if (size > small_max) return std::malloc(size);
    const std::size_t at = class_of(size);
    if (free_[at] == nullptr && !refill(at)) return nullptr;
    Free* block = free_[at];
    free_[at] = block->next;
    return block;
}

void Heap::give(void* block, std::size_t size) {
    if (size > small_max) return std::free(block);
    const std::size_t at = class_of(size);
    auto* free = static_cast<Free*>(block);
    free->next = free_[at];
    free_[at] = free;
}

bool Heap::refill(std::size_t size_class) {
    const std::size_t size = (size_class + 1) * class_bytes;
    Chunk chunk(static_cast<std::byte*>(std::malloc(chunk_bytes)));
    if (chunk == nullptr) return false;
    std::byte* bytes = chunk.get();
    chunks_.push_back(std::move(chunk));
    for (std::size_t at = 0; at + size <= chunk_bytes; at += size) give(bytes + at, size);
    return true;
}

void* Heap::move(void* block, std::size_t old_size, std::size_t new_size) {
    const bool small = old_size <= small_max;
    if (small && new_size <= small_max && class_of(old_size) == class_of(new_size)) return block;
    if (!small && new_size > small_max) return std::realloc(block, new_size);
    void* moved = take(new_size);
    if (moved == nullptr) return nullptr;
    std::memcpy(moved, block, std::min(old_size, new_size));
    give(block, old_size);
    return moved;
}

}  // namespace penstock::lua
