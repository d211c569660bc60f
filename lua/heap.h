// Heap: the memory of one Lua state, with a cap. Beyond it Lua collects its garbage and, if that
// does not help, raises "not enough memory" in the script. Owned by its Interpreter; one thread.
#pragma once

#include <cstddef>

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
    std::size_t used_ = 0;
    std::size_t limit_;
};

}  // namespace penstock::lua
