// Content: the bytes of one file of a MemoryDisk, in pages that are shared between copies until one
// of them is written to. A value, one thread.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

namespace penstock::testing {

inline constexpr std::uint64_t page_bytes = 4096;
inline constexpr std::uint64_t sector_bytes = 512;

class Content {
  public:
    [[nodiscard]] std::uint64_t size() const { return size_; }

    // New bytes are zeros.
    void resize(std::uint64_t bytes);

    // Both stay inside the size.
    void read(std::uint64_t offset, std::uint64_t length, char* out) const;
    void write(std::uint64_t offset, std::string_view bytes);

    // Takes the bytes of [offset, offset + length) that both have from `other`; whole pages are
    // shared.
    void take(const Content& other, std::uint64_t offset, std::uint64_t length);

  private:
    using Page = std::array<char, page_bytes>;

    std::uint64_t size_ = 0;
    std::vector<std::shared_ptr<Page>> pages_;  // null: zeros
};

}  // namespace penstock::testing
