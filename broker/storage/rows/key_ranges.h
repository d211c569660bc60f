// KeyRanges: ranges of keys, those that meet kept as one. A value; no locking.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>

namespace penstock::storage {

class KeyRanges {
  public:
    using Ranges = std::map<std::string, std::string, std::less<>>;  // first key, end; apart

    // Adds first <= key < end; nothing when that is empty.
    void add(std::string_view first, std::string_view end);

    [[nodiscard]] bool has(std::string_view key) const;

    // All of first <= key < end, which is not empty.
    [[nodiscard]] bool covers(std::string_view first, std::string_view end) const;

    // How far the keys from `key` on are all in it, at least `key` itself.
    [[nodiscard]] std::string reach(std::string_view key) const;

    void clear() { ranges_.clear(), bytes_ = 0; }

    [[nodiscard]] const Ranges& all() const { return ranges_; }

    // Of memory, roughly.
    [[nodiscard]] std::size_t bytes() const { return bytes_; }

  private:
    // The range that holds the key; the end: none does.
    [[nodiscard]] Ranges::const_iterator around(std::string_view key) const;

    Ranges ranges_;
    std::size_t bytes_ = 0;
};

}  // namespace penstock::storage
