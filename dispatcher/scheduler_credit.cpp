// Credit: how many more deliveries of each subscription the broker may hand out.
#include "dispatcher/scheduler.h"

#include <algorithm>
#include <utility>

namespace penstock::dispatcher {

// How many deliveries a lane may hold or have asked for. Quiet ones wait with an even share; a
// busy one may have as much as is left free, as with places: what thousands of quiet ones wait with
// would else be its credit, and a few deliveries a round trip is all it got.
std::size_t Scheduler::window(const Lane& lane) const {
    if (draining_ || !lane.active()) return 0;
    if (held_bytes_ >= limits_.held_bytes_max) return 1;
    // What is kept behind its key leaves room for other keys.
    const std::size_t kept = std::min(lane.keys.waiting(), limits_.keyed_ahead_max);
    const std::size_t at_a_time =
        std::size_t{lane.target->spec.concurrency} * lane.target->spec.pace.batch;
    const std::size_t wish = at_a_time + lane.prefetch + kept;
    const std::size_t even = std::max<std::size_t>(1, limits_.quiet_held_max / lanes_.size());
    const std::size_t free = limits_.held_max - std::min(limits_.held_max, held_);
    const std::size_t share = lane.busy() ? std::max(even, free) : even;
    const std::size_t by_bytes = std::max<std::size_t>(
        1, limits_.lane_bytes_max / std::max<std::size_t>(1, lane.payload_bytes));
    return std::min({wish, share, by_bytes});
}

void Scheduler::count_held(Lane& lane) {
    held_ -= lane.counted;
    lane.counted = lane.held();
    held_ += lane.counted;
}

std::vector<Grant> Scheduler::grants() {
    std::vector<Grant> grants;
    std::set<model::SubscriptionNo> later;
    for (const model::SubscriptionNo subscription : std::exchange(wanting_, {})) {
        Lane& lane = lanes_.at(subscription);
        count_held(lane);
        const std::size_t most = window(lane);
        const std::size_t held = lane.held();
        const bool short_of_bytes = held_bytes_ >= limits_.held_bytes_max;
        if (short_of_bytes) later.insert(subscription);
        // A quarter of the window at a time: one grant for many deliveries.
        if (held >= most || most - held < std::max<std::size_t>(1, most / 4)) continue;
        const auto more = static_cast<std::uint32_t>(most - held);
        lane.credit += more;
        count_held(lane);
        grants.push_back({subscription, more});
    }
    wanting_ = std::move(later);
    return grants;
}

}  // namespace penstock::dispatcher
