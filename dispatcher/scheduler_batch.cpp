// Batches: when several deliveries of a subscription go in one request, and which.
#include "dispatcher/scheduler.h"

#include <utility>

namespace penstock::dispatcher {
namespace {

constexpr std::int64_t us_per_ms = 1'000;

}  // namespace

sinks::Sink::Batch Flight::batch() const {
    sinks::Sink::Batch all{&delivery};
    for (const api::Delivery& other : others) all.push_back(&other);
    return all;
}

bool Scheduler::is_full(const Lane& lane) const {
    if (lane.waiting.size() >= lane.batch()) return true;
    std::size_t bytes = 0;
    for (const api::Delivery& delivery : lane.waiting) bytes += delivery.payload.size();
    return bytes >= lane.target->spec.pace.batch_bytes;
}

// Until when what waits is kept for others to join; nothing: it goes. Retries that were put aside
// have waited enough.
std::optional<std::int64_t> Scheduler::lingers_until_us(const Lane& lane) const {
    const std::int64_t linger_us = lane.target->spec.pace.batch_linger_ms * us_per_ms;
    if (linger_us == 0 || lane.batch() == 1 || lane.waiting.empty()) return {};
    if (!lane.retries.empty() && lane.pace.lets_retry(now_us_)) return {};
    const std::int64_t until_us = lane.waiting.front().taken_us + linger_us;
    if (until_us <= now_us_ || is_full(lane)) return {};
    return until_us;
}

// Behind the first, as many as may go with it.
void Scheduler::add_others(Lane& lane, std::deque<api::Delivery>& from, Flight& flight) {
    const std::size_t most = lane.batch();
    const bool may_retry = lane.pace.lets_retry(now_us_);
    std::size_t bytes = flight.delivery.payload.size();
    while (flight.others.size() + 1 < most && !from.empty()) {
        api::Delivery& next = from.front();
        if (next.attempt > 1 && !may_retry) {
            put_aside(lane, std::move(next));
        } else {
            bytes += next.payload.size();
            if (bytes > lane.target->spec.pace.batch_bytes) return;
            flight.others.push_back(std::move(next));
        }
        from.pop_front();
    }
}

}  // namespace penstock::dispatcher
