// Credit: how many more deliveries of each subscription the broker may hand out.
#include "dispatcher/scheduler.h"

#include <algorithm>
#include <utility>

namespace penstock::dispatcher {

void Scheduler::hold_bytes(Lane& lane, std::size_t bytes) {
    lane.bytes += bytes;
    held_bytes_ += bytes;
}

void Scheduler::let_go_bytes(Lane& lane, std::size_t bytes) {
    lane.bytes -= bytes;
    held_bytes_ -= bytes;
}

std::size_t Scheduler::usual_bytes(const Lane& lane) const {
    return lane.payload_bytes == 0 ? limits_.payload_bytes_first : lane.payload_bytes;
}

// Payload bytes that a lane may hold or have asked for: of what one may have as much as is left
// free of all (dynamic threshold, as with places), so that those whose endpoints hang never have
// everything; and the sure ones, without which the next one would crawl behind many such.
std::size_t Scheduler::byte_share(const Lane& lane) const {
    const std::size_t all = limits_.held_bytes_max;
    const std::size_t free = all - std::min(all, held_bytes_ + credit_bytes_);
    const std::size_t threshold = std::min(free, limits_.lane_bytes_max * free / all);
    const std::size_t share =
        std::min(std::max(threshold, limits_.lane_bytes_sure), limits_.lane_bytes_max);
    return lane.busy() ? share : std::min(share, limits_.quiet_bytes_max / lanes_.size());
}

// How many deliveries a lane may hold or have asked for. Quiet ones wait with an even share; a
// busy one may have as much as is left free, as with places: what thousands of quiet ones wait with
// would else be its credit, and a few deliveries a round trip is all it got.
std::size_t Scheduler::window(const Lane& lane) const {
    if (draining_ || !lane.active()) return 0;
    // What is kept behind its key leaves room for other keys, and retries put aside for what is
    // new.
    const std::size_t kept = std::min(lane.keys.waiting(), limits_.keyed_ahead_max) +
                             std::min(lane.retries.size(), limits_.aside_max);
    const std::size_t at_a_time =
        std::size_t{lane.target->spec.concurrency} * lane.target->spec.pace.batch;
    const std::size_t wish = at_a_time + lane.prefetch + kept;
    const std::size_t even = std::max<std::size_t>(1, limits_.quiet_held_max / lanes_.size());
    const std::size_t free = limits_.held_max - std::min(limits_.held_max, held_);
    const std::size_t share = lane.busy() ? std::max(even, free) : even;
    const std::size_t bytes = byte_share(lane);
    const std::size_t room = bytes - std::min(bytes, lane.bytes);
    const std::size_t here = lane.held() - lane.credit;
    const std::size_t by_bytes = std::max<std::size_t>(1, here + room / usual_bytes(lane));
    return std::min({wish, share, by_bytes});
}

void Scheduler::count_held(Lane& lane) {
    held_ -= lane.counted;
    lane.counted = lane.held();
    held_ += lane.counted;
    credit_bytes_ -= lane.credit_bytes;
    lane.credit_bytes = lane.busy() ? lane.credit * usual_bytes(lane) : 0;
    credit_bytes_ += lane.credit_bytes;
}

// Who is short of room looks again when something of its own ends: it always has something here or
// asked for.
std::vector<Grant> Scheduler::grants() {
    std::vector<Grant> grants;
    for (const model::SubscriptionNo subscription : std::exchange(wanting_, {})) {
        Lane& lane = lanes_.at(subscription);
        count_held(lane);
        const std::size_t most = window(lane);
        const std::size_t held = lane.held();
        // A quarter of the window at a time: one grant for many deliveries. A quarter of what it
        // has beside those that are kept here, as they stay for long and may be most of it.
        const std::size_t kept = lane.keys.waiting() + lane.retries.size();
        const std::size_t quarter = (most - std::min(most, kept)) / 4;
        if (held >= most || most - held < std::max<std::size_t>(1, quarter)) continue;
        const auto more = static_cast<std::uint32_t>(most - held);
        lane.credit += more;
        count_held(lane);
        grants.push_back({subscription, more});
    }
    return grants;
}

}  // namespace penstock::dispatcher
