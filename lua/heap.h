// Heap: the memory of one Lua state, with a cap. Beyond it Lua collects its garbage and, if that
// does not help, raises "not enough memory" in the script. Owned by its Interpreter; one thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdlib>
#include <memory>
#include <vector>

namespace penstock::lua {

class Heap {
  public:
    explicit Heap(std::size_t limit) : limit_(limit) {}

    // The lua_Alloc of the state; `self` is the Heap.
    static void* allocate(void* self, void* block, std::size_t old_size, std::size_t new_size);

    // While a message is in the state, the cap is higher by its size.
    void widen(std::size_t bytes) { limit_ += bytes; }

    void narrow(std::size_t bytes) { limit_ -= bytes; }

    [[nodiscard]] std::size_t used() const { return used_; }

    [[nodiscard]] std::size_t limit() const { return limit_; }

  private:
    // Blocks up to this size come from chunks, by size class: scripts make and drop many. A chunk
    // goes back with the Heap.
    static constexpr std::size_t small_max = 256;
    static constexpr std::size_t class_bytes = 16;
    static constexpr std::size_t chunk_bytes = 32 * 1024;

    struct Free {
        Free* next;
    };

    struct Release {
        void operator()(std::byte* chunk) const { std::free(chunk); }
    };

    using Chunk = std::unique_ptr<std::byte, Release>;

    static std::size_t class_of(std::size_t size) { return (size - 1) / class_bytes; }

    void* take(std::size_t size);
    void give(void* block, std::size_t size);
    bool refill(std::size_t size_class);
    void* move(void* block, std::size_t old_size, std::size_t new_size);

    std::size_t used_ = 0;
    std::size_t limit_;
    std::array<Free*, small_max / class_bytes> free_{};
    std::vector<Chunk> chunks_;
};

}  // namespace penstock::lua
