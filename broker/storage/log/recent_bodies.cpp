#include "broker/storage/log/recent_bodies.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace penstock::storage {

namespace {

constexpr std::size_t checksum_rows = 2 * recent_bodies_max;
constexpr int looked_at_max = 8;  // however many have one checksum

}  // namespace

std::optional<std::uint32_t> RecentBodies::take(model::SetId set,
                                                std::uint32_t checksum,
                                                std::string_view bytes) {
    if (last_.empty()) return std::nullopt;
    std::uint32_t number = last_[checksum % checksum_rows];
    for (int looked = 0; number >= first_ && looked < looked_at_max; ++looked) {
        Recent& recent = at(number);
        const bool has = (recent.sets & bit_of(set)) != 0;
        if (!has && recent.checksum == checksum && recent.body() == bytes) {
            recent.sets |= bit_of(set);
            return recent.place;
        }
        number = recent.before;
    }
    return std::nullopt;
}

void RecentBodies::note(model::SetId set,
                        std::uint32_t checksum,
                        std::string& body,
                        std::uint64_t place) {
    const bool fits = body.capacity() <= recent_bodies_bytes_max &&
                      place <= std::numeric_limits<std::uint32_t>::max();
    if (!fits) return;
    if (last_.empty()) last_.resize(checksum_rows);
    const std::size_t room = recent_bodies_bytes_max - body.capacity();
    while (bytes_ > room || next_ - first_ == recent_bodies_max) forget_first();
    if (bodies_.size() < recent_bodies_max) bodies_.emplace_back();
    Recent& recent = at(next_);
    recent.noted = &body;
    recent.sets = bit_of(set);
    recent.checksum = checksum;
    recent.place = static_cast<std::uint32_t>(place);
    recent.before = std::exchange(last_[checksum % checksum_rows], next_);
    bytes_ += body.capacity();
    ++next_;
}

void RecentBodies::keep() {
    for (std::uint32_t number = std::max(kept_to_, first_); number < next_; ++number) {
        Recent& recent = at(number);
        recent.bytes = std::move(*std::exchange(recent.noted, nullptr));
    }
    kept_to_ = next_;
}

void RecentBodies::forget_first() {
    Recent& recent = at(first_);
    bytes_ -= recent.body().capacity();
    std::string().swap(recent.bytes);  // an assignment would keep the memory
    recent.noted = nullptr;
    ++first_;
}

}  // namespace penstock::storage
