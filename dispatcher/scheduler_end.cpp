// How attempts end: what the scheduler makes of a result, and of its becoming durable.
#include "broker/base/check.h"
#include "dispatcher/heed.h"
#include "dispatcher/scheduler.h"
#include "dispatcher/settle_items.h"

#include <algorithm>
#include <utility>

namespace penstock::dispatcher {
namespace {

constexpr std::int64_t us_per_ms = 1'000;

}  // namespace

void Scheduler::judge(std::uint64_t ticket, sinks::AttemptResult& result) const {
    heed(flights_.at(ticket).target->spec, result);
}

bool Scheduler::disable(std::uint64_t ticket) {
    const Flight& flight = flights_.at(ticket);
    const auto found = lanes_.find(flight.delivery.subscription);
    // What was tried as it was before says nothing about what it is now.
    if (found == lanes_.end() || found->second.target != flight.target) return false;
    std::int64_t& again_us = found->second.disable_again_us;
    if (now_us_ < again_us) return false;
    again_us = now_us_ + disable_pause_us;
    return true;
}

// What the attempt says of the endpoint: of a batch, that which ended best. A probe, which is one
// delivery, is a deferral when it was in vain.
void Scheduler::end_pace(Lane& lane,
                         const Flight& flight,
                         std::vector<sinks::AttemptResult>& results) {
    const auto well = std::find_if(results.begin(), results.end(), [](const auto& one) {
        return model::ends_well(one.verdict);
    });
    sinks::AttemptResult& result = well == results.end() ? results.front() : *well;
    const std::int64_t latency_us = now_us_ - flight.started_us;
    const Sign sign = sign_of(result);
    // What was tried as it was before says nothing about what it is now.
    const model::SubscriptionSpec& tried = flight.target->spec;
    const model::SubscriptionSpec& now = lane.target->spec;
    if (tried.endpoint == now.endpoint && tried.pace == now.pace) {
        lane.pace.on_end(result, flight.probe, latency_us, lane.in_flight, now_us_);
        changed_.insert(flight.delivery.subscription);
    }
    if (!flight.probe || sign == Sign::well || sign == Sign::none) return;
    result.verdict = model::Verdict::not_attempted;
    const std::int64_t until_us = lane.pace.holding(now_us_).until_us;
    const std::int64_t pause_ms = std::max<std::int64_t>(0, (until_us - now_us_) / us_per_ms);
    result.retry_after_ms =
        std::max(result.retry_after_ms,
                 static_cast<std::uint32_t>(std::min<std::int64_t>(pause_ms, UINT32_MAX)));
}

void Scheduler::end_key(Lane& lane, const api::Delivery& delivery, bool well) {
    if (!well) return give_back_behind(lane, delivery);
    // Its key goes on when it is known how it ended.
    if (!lane.committing.contains(delivery.sequence)) next_of_key(lane, delivery);
}

void Scheduler::next_of_key(Lane& lane, const api::Delivery& delivery) {
    if (auto next = lane.keys.on_done(delivery)) lane.waiting.push_front(std::move(*next));
}

void Scheduler::finish(std::uint64_t ticket, sinks::AttemptResult result, std::int64_t now_us) {
    std::vector<sinks::AttemptResult> results;
    results.push_back(std::move(result));
    finish_batch(ticket, std::move(results), now_us);
}

void Scheduler::finish_batch(std::uint64_t ticket,
                             std::vector<sinks::AttemptResult> results,
                             std::int64_t now_us) {
    now_us_ = now_us;
    const auto entry = flights_.extract(ticket);
    check(!entry.empty(), "an attempt ends once");
    const Flight& flight = entry.mapped();
    const sinks::Sink::Batch batch = flight.batch();
    check(results.size() == batch.size(), "each delivery of a batch has a result");
    std::size_t bytes = 0;
    for (const api::Delivery* delivery : batch) bytes += delivery->payload.size();
    held_bytes_ -= bytes;
    if (flight.at_host) {
        flight.at_host->in_flight -= 1;
        let_on(flight.at_host.get());
    }
    const model::SubscriptionNo subscription = flight.delivery.subscription;
    const auto found = lanes_.find(subscription);
    if (found == lanes_.end() || found->second.number != flight.lane) return;
    Lane& lane = found->second;
    end_pace(lane, flight, results);
    lane.bytes -= bytes;
    lane.in_flight -= 1;
    lane.companions -= flight.others.size();
    wanting_.insert(subscription);
    for (std::size_t at = 0; at < batch.size(); ++at) {
        end_one(lane, flight, *batch[at], std::move(results[at]));
    }
    if (!lane.active()) hand_back(subscription, lane);
    enlist(subscription, lane);
}

void Scheduler::end_one(Lane& lane,
                        const Flight& flight,
                        const api::Delivery& delivery,
                        sinks::AttemptResult result) {
    const bool well = model::ends_well(result.verdict);
    if (!well) result.effects.reset();
    if (result.effects && may_end_otherwise(*result.effects, lane.in_order())) {
        remember_commit(lane, delivery);
    } else {
        forget_commit(lane, delivery.sequence);
    }
    if (lane.keeps_order()) keep_order(lane, delivery, result);
    const bool told =
        !result.settled && !(draining_ && result.verdict == model::Verdict::not_attempted);
    if (told) tell(lane, flight, delivery, std::move(result));
    if (lane.has_keys()) end_key(lane, delivery, well);
}

// The core hears what it came to.
void Scheduler::tell(Lane& lane,
                     const Flight& flight,
                     const api::Delivery& delivery,
                     sinks::AttemptResult result) {
    model::SettleItem item = item_of(delivery, result);
    auto effects = std::exchange(result.effects, {});
    if (effects) effect_bytes_ += load_of(*effects).held_bytes();
    lane.outcomes.add(std::move(item),
                      attempt_of(flight, delivery, std::move(result), now_us_),
                      now_us_,
                      std::move(effects));
    gathering_.insert(delivery.subscription);
}

// Its payload is held on: it may be needed again.
void Scheduler::remember_commit(Lane& lane, const api::Delivery& handled) {
    auto& delivery = lane.committing[handled.sequence].delivery;
    // A leader that lost the lead for a while has handed it out once more: one of them is enough.
    if (delivery) return;
    delivery = handled;
    lane.unsure += 1;
    hold_bytes(lane, handled.payload.size());
}

// The delivery if it was not being handled again.
std::optional<api::Delivery> Scheduler::forget_commit(Lane& lane, model::Sequence sequence) {
    const auto found = lane.committing.find(sequence);
    if (found == lane.committing.end()) return {};
    std::optional<api::Delivery> delivery = std::move(found->second.delivery);
    if (delivery) {
        lane.unsure -= 1;
        let_go_bytes(lane, delivery->payload.size());
    }
    lane.committing.erase(found);
    return delivery;
}

// What its handler read had moved: it runs again, uncounted, a few times.
void Scheduler::handle_again(Lane& lane, model::Sequence sequence) {
    const auto found = lane.committing.find(sequence);
    if (found == lane.committing.end() || !found->second.delivery) return;
    if (found->second.reruns++ < model::kv_reruns_max && !draining_) {
        lane.unsure -= 1;
        lane.waiting.push_front(*std::exchange(found->second.delivery, {}));
        return;
    }
    const api::Delivery delivery = std::move(*found->second.delivery);
    lane.unsure -= 1;
    lane.committing.erase(found);
    give_back(lane, delivery, model::Failure::kv_moved);
    if (lane.has_keys()) give_back_behind(lane, delivery);
    if (!lane.keeps_order()) return;
    lane.gate.on_failed(sequence);
    hand_back(delivery.subscription, lane);
}

void Scheduler::on_durable(const Durable& durable, std::int64_t now_us) {
    now_us_ = now_us;
    const auto found = lanes_.find(durable.subscription);
    if (found == lanes_.end() || found->second.number != durable.lane) return;
    Lane& lane = found->second;
    lane.outcomes.on_durable(durable.items, durable.effect_bytes);
    effect_bytes_ -= durable.effect_bytes;
    wanting_.insert(durable.subscription);  // bytes may be let go
    for (const model::Sequence sequence : durable.committed) {
        const auto delivery = forget_commit(lane, sequence);
        if (delivery && lane.has_keys()) next_of_key(lane, *delivery);
    }
    // Each goes to the front of what waits.
    for (auto at = durable.moved.rbegin(); at != durable.moved.rend(); ++at) {
        handle_again(lane, *at);
    }
    for (const model::Sequence sequence : durable.refused) {
        const auto delivery = forget_commit(lane, sequence);
        if (delivery && lane.has_keys()) give_back_behind(lane, *delivery);
        if (lane.keeps_order()) lane.gate.on_failed(sequence);
    }
    if (!lane.active() || (lane.keeps_order() && !durable.refused.empty())) {
        hand_back(durable.subscription, lane);
    }
    enlist(durable.subscription, lane);
}

}  // namespace penstock::dispatcher
