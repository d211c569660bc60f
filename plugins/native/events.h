// EventStreams: how many callers watch GET /v1/events, and how many may. Owned by the front end,
// outlives every stream; any thread.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>

namespace penstock::plugins::native {

class EventStreams {
  public:
    static constexpr std::size_t open_max = 32;

    // Held while a stream is open; nullptr: there are as many as may be.
    using Place = std::unique_ptr<std::atomic<std::size_t>, void (*)(std::atomic<std::size_t>*)>;

    Place enter() {
        if (open_.fetch_add(1) < open_max) return Place(&open_, leave);
        leave(&open_);
        return Place(nullptr, leave);
    }

  private:
    static void leave(std::atomic<std::size_t>* open) { open->fetch_sub(1); }

    std::atomic<std::size_t> open_{0};
};

}  // namespace penstock::plugins::native
