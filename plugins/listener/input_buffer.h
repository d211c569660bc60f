// InputBuffer: the bytes of a connection that were read but not yet used. Owned by its session, on
// its thread. Holds no memory when released, so that a waiting connection costs little.
#pragma once

#include <boost/asio/buffer.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace penstock::plugins {

class InputBuffer {
  public:
    [[nodiscard]] std::string_view view() const {
        return std::string_view(bytes_).substr(begin_, end_ - begin_);
    }

    [[nodiscard]] bool empty() const { return begin_ == end_; }

    // Room for the next read: at least room_min bytes.
    boost::asio::mutable_buffer prepare() {
        if (begin_ > 0) {
            bytes_.erase(0, begin_);
            end_ -= begin_;
            begin_ = 0;
        }
        if (bytes_.size() - end_ < room_min) bytes_.resize(std::max(room_first, 2 * bytes_.size()));
        return boost::asio::buffer(bytes_.data() + end_, bytes_.size() - end_);
    }

    void commit(std::size_t count) { end_ += count; }

    void consume(std::size_t count) {
        begin_ += count;
        if (empty()) begin_ = end_ = 0;
    }

    void release() {
        if (empty()) bytes_ = std::string();
    }

  private:
    static constexpr std::size_t room_first = 4096;
    static constexpr std::size_t room_min = 1024;

    std::string bytes_;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
};

}  // namespace penstock::plugins
