#include "broker/storage/rows/key_ranges.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace penstock::storage {

namespace {

constexpr std::size_t bytes_beside = 112;  // of a range: its node, what its texts take beside

std::size_t bytes_of(std::string_view first, std::string_view end) {
    return bytes_beside + first.size() + end.size();
}

}  // namespace

void KeyRanges::add(std::string_view first, std::string_view end) {
    if (first >= end || covers(first, end)) return;
    std::string from(first);
    std::string to(end);
    // With those it meets it is one.
    auto other = ranges_.upper_bound(from);
    if (other != ranges_.begin() && std::prev(other)->second >= from) --other;
    while (other != ranges_.end() && other->first <= to) {
        from = std::min(from, other->first);
        to = std::max(to, other->second);
        bytes_ -= bytes_of(other->first, other->second);
        other = ranges_.erase(other);
    }
    bytes_ += bytes_of(from, to);
    ranges_.emplace(std::move(from), std::move(to));
}

bool KeyRanges::has(std::string_view key) const {
    return around(key) != ranges_.end();
}

bool KeyRanges::covers(std::string_view first, std::string_view end) const {
    const auto range = around(first);
    return range != ranges_.end() && end <= range->second;
}

std::string KeyRanges::reach(std::string_view key) const {
    const auto range = around(key);
    return range == ranges_.end() ? std::string(key) : range->second;
}

KeyRanges::Ranges::const_iterator KeyRanges::around(std::string_view key) const {
    if (ranges_.empty()) return ranges_.end();
    const auto after = ranges_.upper_bound(key);
    if (after == ranges_.begin() || key >= std::prev(after)->second) return ranges_.end();
    return std::prev(after);
}

}  // namespace penstock::storage
