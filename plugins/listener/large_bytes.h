// LargeBytes: what large requests hold of the memory, all connections of a listener together. Each
// takes its share before its bytes are read and gives it back when it has been answered; small ones
// take none. Any thread; it lives as long as any share does, for requests may outlive their
// listener.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <utility>

namespace penstock::plugins {

class LargeBytes {
  public:
    class Share {
      public:
        explicit Share(std::shared_ptr<LargeBytes> all) : all_(std::move(all)) {}

        Share(const Share&) = delete;
        Share& operator=(const Share&) = delete;

        ~Share() { give_back(); }

        // It is `bytes` from now on, if all shares together stay within `most`; false: it stays as
        // it was.
        [[nodiscard]] bool grow_to(std::size_t bytes, std::size_t most) {
            if (bytes <= bytes_) return true;
            const std::size_t more = bytes - bytes_;
            if (all_->bytes_.fetch_add(more) + more > most) {
                all_->bytes_.fetch_sub(more);
                return false;
            }
            bytes_ = bytes;
            return true;
        }

        void give_back() {
            all_->bytes_.fetch_sub(bytes_);
            bytes_ = 0;
        }

      private:
        std::shared_ptr<LargeBytes> all_;
        std::size_t bytes_ = 0;
    };

    [[nodiscard]] std::size_t bytes() const { return bytes_.load(); }

  private:
    std::atomic<std::size_t> bytes_{0};
};

}  // namespace penstock::plugins
