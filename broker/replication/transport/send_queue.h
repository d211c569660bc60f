// SendQueue: what waits to be written on one connection, bounded in bytes and frames. Owned by the
// connection, on its thread. A full queue takes nothing; what it holds dies with it.
#pragma once

#include "broker/replication/transport/frame.h"

#include <cstdint>
#include <deque>
#include <functional>
#include <string>

namespace penstock::replication::transport {

struct Outgoing {
    FrameKind kind = FrameKind::beat;
    std::uint64_t correlation = 0;  // of questions, answers and busy; 0: none
    std::string body;
};

class SendQueue {
  public:
    SendQueue(std::size_t bytes_max, std::size_t frames_max)
        : bytes_max_(bytes_max), frames_max_(frames_max) {}

    // False: full, nothing was taken.
    bool push(Outgoing frame);

    // Moves frames to `batch` until it has some hundred KiB; those that `wanted` no longer wants
    // are left out.
    void fill(std::string& batch,
              FrameEncoder& encoder,
              const std::function<bool(const Outgoing&)>& wanted);

    [[nodiscard]] bool empty() const { return frames_.empty(); }

    [[nodiscard]] std::size_t bytes() const { return bytes_; }

  private:
    std::size_t bytes_max_;
    std::size_t frames_max_;
    std::size_t bytes_ = 0;
    std::deque<Outgoing> frames_;
};

}  // namespace penstock::replication::transport
