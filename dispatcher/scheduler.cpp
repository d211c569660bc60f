#include "dispatcher/scheduler.h"

#include "broker/base/check.h"

#include <algorithm>
#include <utility>

namespace penstock::dispatcher {
namespace {

// Deficit round robin by bytes (Shreedhar and Varghese, 1995). No delivery costs more than a
// quantum, so every visit starts at least one.
constexpr std::size_t quantum_bytes = 64 * 1024;
constexpr std::size_t attempt_cost_bytes = 1024;

std::size_t cost_of(const api::Delivery& delivery) {
    return std::min(quantum_bytes, attempt_cost_bytes + delivery.payload.size());
}

model::SettleItem item_of(const api::Delivery& delivery, const sinks::AttemptResult& result) {
    model::SettleItem item;
    item.sequence = delivery.sequence;
    item.generation = delivery.generation;
    item.verdict = result.verdict;
    item.failure = result.failure;
    item.status = result.status;
    item.retry_after_ms = result.retry_after_ms;
    // An acknowledgement whose effects turn out to be impossible becomes a failure.
    if (model::ends_well(result.verdict) && !result.effects) return item;
    item.excerpt = result.excerpt.substr(0, model::attempt_excerpt_bytes_max);
    item.log = result.log.substr(0, model::attempt_log_bytes_max);
    return item;
}

// The outcome of a delivery that goes back untried.
model::SettleItem untouched(const api::Delivery& delivery) {
    sinks::AttemptResult result;
    result.verdict = model::Verdict::not_attempted;
    return item_of(delivery, result);
}

std::optional<model::Attempt> attempt_of(const Flight& flight,
                                         sinks::AttemptResult result,
                                         std::int64_t now_us) {
    if (result.verdict == model::Verdict::not_attempted) return {};
    model::Attempt attempt;
    attempt.sequence = flight.delivery.sequence;
    attempt.message = flight.delivery.message;
    attempt.number = flight.delivery.attempt;
    attempt.at_ms = flight.at_ms;
    attempt.latency_us = static_cast<std::uint32_t>(
        std::clamp<std::int64_t>(now_us - flight.started_us, 0, UINT32_MAX));
    attempt.verdict = result.verdict;
    attempt.failure = result.failure;
    attempt.status = result.status;
    attempt.version = result.version;
    if (model::ends_well(result.verdict)) return attempt;
    attempt.target = std::move(result.target);
    attempt.excerpt = result.excerpt.substr(0, model::attempt_excerpt_bytes_max);
    attempt.log = result.log.substr(0, model::attempt_log_bytes_max);
    return attempt;
}

// What was read may have moved. What is to be published or stored may be refused, which is nobody
// else's business unless order is kept.
bool may_end_otherwise(const api::HandlerEffects& effects, bool keeps_order) {
    if (!effects.reads.empty()) return true;
    return keeps_order && !(effects.outputs.empty() && effects.writes.empty());
}

}  // namespace

std::shared_ptr<const api::Target> Scheduler::set_target(api::Target target, std::int64_t now_us) {
    const model::SubscriptionNo subscription = target.subscription;
    const auto [entry, added] = lanes_.try_emplace(subscription, limits_.outcomes);
    Lane& lane = entry->second;
    if (added) lane.number = ++last_lane_;
    auto before =
        std::exchange(lane.target, std::make_shared<const api::Target>(std::move(target)));
    if (added) lane.prefetch = lane.target->spec.concurrency;
    lane.disabling = false;
    if (lane.target->spec.state != model::SubscriptionState::active) {
        hand_back(subscription, lane, now_us);
    }
    wanting_.insert(subscription);
    enlist(subscription, lane);
    return before;
}

std::shared_ptr<const api::Target> Scheduler::drop_target(model::SubscriptionNo subscription) {
    const auto found = lanes_.find(subscription);
    if (found == lanes_.end()) return {};
    forget_waiting(found->second);
    while (!found->second.committing.empty()) {
        forget_commit(found->second, found->second.committing.begin()->first);
    }
    const auto target = found->second.target;
    effect_bytes_ -= found->second.outcomes.effect_bytes();
    lanes_.erase(found);
    wanting_.erase(subscription);
    gathering_.erase(subscription);
    std::erase(rotation_, subscription);
    return target;
}

void Scheduler::forget_waiting(Lane& lane) {
    for (const api::Delivery& delivery : lane.waiting) held_bytes_ -= delivery.payload.size();
    lane.waiting.clear();
}

void Scheduler::hand_back(model::SubscriptionNo subscription, Lane& lane, std::int64_t now_us) {
    if (lane.waiting.empty()) return;
    for (const api::Delivery& delivery : lane.waiting) {
        lane.outcomes.add(untouched(delivery), {}, now_us);
        if (lane.keeps_order()) lane.gate.on_failed(delivery.sequence);
        forget_commit(lane, delivery.sequence);
    }
    forget_waiting(lane);
    gathering_.insert(subscription);
}

void Scheduler::take(std::vector<api::Delivery> deliveries, std::int64_t now_us) {
    for (api::Delivery& delivery : deliveries) {
        const model::SubscriptionNo subscription = delivery.subscription;
        const auto found = lanes_.find(subscription);
        if (found == lanes_.end()) continue;
        Lane& lane = found->second;
        take_one(lane, std::move(delivery), now_us);
        wanting_.insert(subscription);
        if (lane.target->spec.state != model::SubscriptionState::active) {
            hand_back(subscription, lane, now_us);
        }
        enlist(subscription, lane);
    }
}

void Scheduler::take_one(Lane& lane, api::Delivery delivery, std::int64_t now_us) {
    const bool last_credit = lane.credit == 1;
    if (lane.credit > 0) lane.credit -= 1;
    if (lane.keeps_order() && !lane.gate.admit(delivery)) {
        lane.outcomes.add(untouched(delivery), {}, now_us);
        gathering_.insert(delivery.subscription);
        return;
    }
    const std::size_t bytes = delivery.payload.size();
    held_bytes_ += bytes;
    lane.payload_bytes = lane.payload_bytes == 0 ? bytes : (7 * lane.payload_bytes + bytes) / 8;
    lane.waiting.push_back(std::move(delivery));
    // All that was asked for came, and while it came a whole concurrency's worth was finished: the
    // way to the broker and back is long for this endpoint's pace. Not where order is kept: what
    // is held here has to go back one by one when something fails.
    const bool dry = last_credit && lane.waiting.size() + lane.in_flight <= lane.prefetch;
    if (dry && !lane.keeps_order()) {
        lane.prefetch = std::min(2 * lane.prefetch, limits_.prefetch_max);
    }
}

// A failure of a subscription that keeps its order sends what waits behind it back.
void Scheduler::keep_order(Lane& lane,
                           const Flight& flight,
                           const sinks::AttemptResult& result,
                           std::int64_t now_us) {
    if (model::ends_well(result.verdict)) {
        return lane.gate.on_accepted(flight.delivery.sequence);
    }
    lane.gate.on_failed(flight.delivery.sequence);
    hand_back(flight.delivery.subscription, lane, now_us);
}

bool Scheduler::may_start(const Lane& lane) const {
    // What may have to be handled again, or to wait for a retry, comes before what is behind it.
    if (lane.keeps_order() && lane.unsure > 0) return false;
    return !lane.waiting.empty() && lane.in_flight < lane.target->spec.concurrency &&
           lane.outcomes.unsettled() < limits_.unsettled_max &&
           lane.outcomes.effect_bytes() < limits_.lane_effect_bytes_max;
}

// Half of the places is elastic: a subscription may use as many of them as are left free (dynamic
// threshold, Choudhury and Hahne, 1998). The other half serves everyone's first few attempts, so
// that the next subscription finds a place however many endpoints hang.
bool Scheduler::over_share(const Lane& lane) const {
    if (lane.in_flight < limits_.in_flight_sure) return false;
    return lane.in_flight + flights_.size() >= limits_.in_flight_max / 2;
}

// Nothing of its own keeps it from starting: it stays in the round.
bool Scheduler::must_wait(const Lane& lane) const {
    const bool effects_full = effect_bytes_ >= limits_.effect_bytes_max;
    return over_share(lane) || (effects_full && lane.outcomes.effect_bytes() > 0);
}

void Scheduler::enlist(model::SubscriptionNo subscription, Lane& lane) {
    if (lane.in_round || !may_start(lane)) return;
    lane.in_round = true;
    lane.deficit = quantum_bytes;
    rotation_.push_back(subscription);
}

void Scheduler::rotate() {
    rotation_.push_back(rotation_.front());
    rotation_.pop_front();
}

const Flight* Scheduler::start_next(std::int64_t now_us, model::TimeMs now_ms) {
    if (draining_ || flights_.size() >= limits_.in_flight_max) return nullptr;
    for (std::size_t over = 0; over < rotation_.size();) {
        const model::SubscriptionNo subscription = rotation_.front();
        Lane& lane = lanes_.at(subscription);
        if (!may_start(lane)) {
            lane.in_round = false;
            rotation_.pop_front();
        } else if (must_wait(lane)) {
            rotate();
            ++over;
        } else if (lane.deficit < cost_of(lane.waiting.front())) {
            lane.deficit += quantum_bytes;
            rotate();
        } else {
            return start(subscription, lane, now_us, now_ms);
        }
    }
    return nullptr;
}

const Flight* Scheduler::start(model::SubscriptionNo subscription,
                               Lane& lane,
                               std::int64_t now_us,
                               model::TimeMs now_ms) {
    Flight flight;
    flight.ticket = ++last_ticket_;
    flight.lane = lane.number;
    flight.target = lane.target;
    flight.delivery = std::move(lane.waiting.front());
    flight.started_us = now_us;
    flight.at_ms = now_ms;
    lane.waiting.pop_front();
    lane.in_flight += 1;
    lane.deficit -= cost_of(flight.delivery);
    wanting_.insert(subscription);
    return &flights_.emplace_hint(flights_.end(), flight.ticket, std::move(flight))->second;
}

bool Scheduler::disable(std::uint64_t ticket) {
    const Flight& flight = flights_.at(ticket);
    const auto found = lanes_.find(flight.delivery.subscription);
    // What was tried as it was before says nothing about what it is now.
    if (found == lanes_.end() || found->second.target != flight.target) return false;
    return !std::exchange(found->second.disabling, true);
}

void Scheduler::finish(std::uint64_t ticket, sinks::AttemptResult result, std::int64_t now_us) {
    const auto entry = flights_.extract(ticket);
    check(!entry.empty(), "an attempt ends once");
    const Flight& flight = entry.mapped();
    held_bytes_ -= flight.delivery.payload.size();
    const model::SubscriptionNo subscription = flight.delivery.subscription;
    const auto found = lanes_.find(subscription);
    if (found == lanes_.end() || found->second.number != flight.lane) return;
    Lane& lane = found->second;
    lane.in_flight -= 1;
    wanting_.insert(subscription);
    if (!model::ends_well(result.verdict)) result.effects.reset();
    if (result.effects && may_end_otherwise(*result.effects, lane.keeps_order())) {
        remember_commit(lane, flight);
    } else {
        forget_commit(lane, flight.delivery.sequence);
    }
    if (lane.keeps_order()) keep_order(lane, flight, result, now_us);
    enlist(subscription, lane);
    if (result.settled) return;
    if (draining_ && result.verdict == model::Verdict::not_attempted) return;
    model::SettleItem item = item_of(flight.delivery, result);
    auto effects = std::exchange(result.effects, {});
    if (effects) effect_bytes_ += load_of(*effects).held_bytes();
    lane.outcomes.add(
        std::move(item), attempt_of(flight, std::move(result), now_us), now_us, std::move(effects));
    gathering_.insert(subscription);
}

// Its payload is held on: it may be needed again.
void Scheduler::remember_commit(Lane& lane, const Flight& flight) {
    auto& delivery = lane.committing[flight.delivery.sequence].delivery;
    check(!delivery, "a delivery is handed out once at a time");
    delivery = flight.delivery;
    lane.unsure += 1;
    held_bytes_ += flight.delivery.payload.size();
}

void Scheduler::forget_commit(Lane& lane, model::Sequence sequence) {
    const auto found = lane.committing.find(sequence);
    if (found == lane.committing.end()) return;
    if (const auto& delivery = found->second.delivery) {
        lane.unsure -= 1;
        held_bytes_ -= delivery->payload.size();
    }
    lane.committing.erase(found);
}

// What its handler read had moved: it runs again, uncounted, a few times.
void Scheduler::handle_again(Lane& lane, model::Sequence sequence, std::int64_t now_us) {
    const auto found = lane.committing.find(sequence);
    if (found == lane.committing.end() || !found->second.delivery) return;
    if (found->second.reruns++ < model::kv_reruns_max && !draining_) {
        lane.unsure -= 1;
        lane.waiting.push_front(*std::exchange(found->second.delivery, {}));
        return;
    }
    const api::Delivery delivery = std::move(*found->second.delivery);
    held_bytes_ -= delivery.payload.size();
    lane.unsure -= 1;
    lane.committing.erase(found);
    sinks::AttemptResult result;
    result.verdict = model::Verdict::not_attempted;
    result.failure = model::Failure::kv_moved;
    lane.outcomes.add(item_of(delivery, result), {}, now_us);
    gathering_.insert(delivery.subscription);
    if (!lane.keeps_order()) return;
    lane.gate.on_failed(sequence);
    hand_back(delivery.subscription, lane, now_us);
}

// How many deliveries a lane may hold or have asked for.
std::size_t Scheduler::window(const Lane& lane) const {
    if (draining_ || lane.target->spec.state != model::SubscriptionState::active) return 0;
    if (held_bytes_ >= limits_.held_bytes_max) return 1;
    const std::size_t wish = lane.target->spec.concurrency + lane.prefetch;
    const std::size_t share = std::max<std::size_t>(1, limits_.held_max / lanes_.size());
    const std::size_t by_bytes = std::max<std::size_t>(
        1, limits_.lane_bytes_max / std::max<std::size_t>(1, lane.payload_bytes));
    return std::min({wish, share, by_bytes});
}

std::vector<Grant> Scheduler::grants() {
    std::vector<Grant> grants;
    std::set<model::SubscriptionNo> later;
    for (const model::SubscriptionNo subscription : std::exchange(wanting_, {})) {
        Lane& lane = lanes_.at(subscription);
        const std::size_t most = window(lane);
        const std::size_t held = lane.held();
        const bool short_of_bytes = held_bytes_ >= limits_.held_bytes_max;
        if (short_of_bytes) later.insert(subscription);
        // A quarter of the window at a time: one grant for many deliveries.
        if (held >= most || most - held < std::max<std::size_t>(1, most / 4)) continue;
        const auto more = static_cast<std::uint32_t>(most - held);
        lane.credit += more;
        grants.push_back({subscription, more});
    }
    wanting_ = std::move(later);
    return grants;
}

std::vector<DueSettlement> Scheduler::settlements(std::int64_t now_us) {
    std::vector<DueSettlement> due;
    std::set<model::SubscriptionNo> later;
    for (const model::SubscriptionNo subscription : std::exchange(gathering_, {})) {
        Lane& lane = lanes_.at(subscription);
        while (auto settlement = lane.outcomes.take(subscription, now_us, draining_)) {
            const std::size_t effect_bytes = held_bytes_of(settlement->effects);
            due.push_back({lane.number, std::move(*settlement), effect_bytes});
        }
        if (lane.outcomes.due_us()) later.insert(subscription);
    }
    gathering_ = std::move(later);
    return due;
}

void Scheduler::on_durable(const Durable& durable, std::int64_t now_us) {
    const auto found = lanes_.find(durable.subscription);
    if (found == lanes_.end() || found->second.number != durable.lane) return;
    Lane& lane = found->second;
    lane.outcomes.on_durable(durable.items, durable.effect_bytes);
    effect_bytes_ -= durable.effect_bytes;
    for (const model::Sequence sequence : durable.committed) forget_commit(lane, sequence);
    // Each goes to the front of what waits.
    for (auto at = durable.moved.rbegin(); at != durable.moved.rend(); ++at) {
        handle_again(lane, *at, now_us);
    }
    for (const model::Sequence sequence : durable.refused) {
        forget_commit(lane, sequence);
        if (lane.keeps_order()) lane.gate.on_failed(sequence);
    }
    const bool stopped = lane.target->spec.state != model::SubscriptionState::active;
    if (stopped || (lane.keeps_order() && !durable.refused.empty())) {
        hand_back(durable.subscription, lane, now_us);
    }
    enlist(durable.subscription, lane);
}

std::optional<std::int64_t> Scheduler::wake_us() const {
    std::optional<std::int64_t> wake;
    for (const model::SubscriptionNo subscription : gathering_) {
        const auto due = lanes_.at(subscription).outcomes.due_us();
        if (due && (!wake || *due < *wake)) wake = due;
    }
    return wake;
}

std::size_t Scheduler::unsettled() const {
    std::size_t sum = 0;
    for (const auto& [subscription, lane] : lanes_) sum += lane.outcomes.unsettled();
    return sum;
}

}  // namespace penstock::dispatcher
