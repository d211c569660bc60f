#include "tests/support/memory_content.h"

#include <algorithm>
#include <cstring>

namespace penstock::testing {

void Content::resize(std::uint64_t bytes) {
    const bool shrinks = bytes < size_;
    pages_.resize((bytes + page_bytes - 1) / page_bytes);
    size_ = bytes;
    const std::uint64_t used = bytes % page_bytes;
    if (!shrinks || used == 0 || !pages_.back()) return;
    auto page = std::make_shared<Page>(*pages_.back());
    std::fill(page->begin() + static_cast<std::ptrdiff_t>(used), page->end(), '\0');
    pages_.back() = std::move(page);
}

void Content::read(std::uint64_t offset, std::uint64_t length, char* out) const {
    while (length > 0) {
        const std::uint64_t at = offset % page_bytes;
        const std::uint64_t count = std::min(length, page_bytes - at);
        const auto& page = pages_[offset / page_bytes];
        if (page) std::memcpy(out, page->data() + at, count);
        if (!page) std::memset(out, 0, count);
        out += count;
        offset += count;
        length -= count;
    }
}

void Content::write(std::uint64_t offset, std::string_view bytes) {
    while (!bytes.empty()) {
        const std::uint64_t at = offset % page_bytes;
        const std::uint64_t count = std::min<std::uint64_t>(bytes.size(), page_bytes - at);
        auto& page = pages_[offset / page_bytes];
        if (!page) page = std::make_shared<Page>();
        if (page.use_count() > 1) page = std::make_shared<Page>(*page);
        std::memcpy(page->data() + at, bytes.data(), count);
        bytes.remove_prefix(count);
        offset += count;
    }
}

void Content::take(const Content& other, std::uint64_t offset, std::uint64_t length) {
    const std::uint64_t most = std::min(size_, other.size_);
    std::uint64_t end = std::min(offset + length, most);
    std::array<char, page_bytes> bytes;
    while (offset < end) {
        const std::uint64_t at = offset % page_bytes;
        const std::uint64_t count = std::min(end - offset, page_bytes - at);
        if (count == page_bytes) {
            pages_[offset / page_bytes] = other.pages_[offset / page_bytes];
        } else {
            other.read(offset, count, bytes.data());
            write(offset, {bytes.data(), count});
        }
        offset += count;
    }
}

}  // namespace penstock::testing
