#include "tests/cluster/push_end.h"

#include <utility>

namespace penstock::cluster::testing {

namespace {

constexpr int starts_per_step_max = 64;
constexpr std::uint64_t soon_us = 3'000;
constexpr std::uint64_t late_us = 1'500'000;  // it hangs, and comes to its time-out

}  // namespace

void PushEnd::on_target(api::Target target) {
    names_[target.subscription] = target.name;
    scheduler_.set_target(std::move(target), clock_.steady_us());
}

void PushEnd::on_target_gone(model::SubscriptionNo subscription) {
    scheduler_.drop_target(subscription);
}

void PushEnd::on_deliveries(std::vector<api::Delivery> deliveries) {
    scheduler_.take(std::move(deliveries), clock_.steady_us());
}

void PushEnd::step(node::Node& node, bool calm) {
    end_due();
    for (int started = 0; started < starts_per_step_max; ++started) {
        const auto* flight = scheduler_.start_next(clock_.steady_us(), clock_.wall_ms());
        if (flight == nullptr) break;
        begin(*flight, calm);
    }
    for (const dispatcher::Grant& grant : scheduler_.grants()) {
        node.grant(grant.subscription, grant.more);
    }
    for (auto& due : scheduler_.settlements(clock_.steady_us())) settle(node, std::move(due));
}

// The target decides here what it will say, and says it later.
void PushEnd::begin(const dispatcher::Flight& flight, bool calm) {
    receiver_.tried(flight.target->name, flight.delivery, clock_.steady_us());
    Answer answer;
    answer.ticket = flight.ticket;
    const std::uint64_t fate = calm ? 9 : random_.below(10);
    std::uint64_t wait_us = random_.below(soon_us);
    if (fate < 3) {
        answer.result.verdict = model::Verdict::retry;
        answer.result.failure = fate == 2 ? model::Failure::timeout : model::Failure::status;
        answer.result.status = fate == 2 ? 0 : 503;
        if (fate == 2) wait_us = late_us;
    } else if (fate == 3) {
        answer.result.verdict = model::Verdict::not_attempted;
        answer.result.failure = model::Failure::exhausted_resources;
        answer.result.retry_after_ms = static_cast<std::uint32_t>(random_.below(800));
    } else {
        answer.accepted = true;
        answer.result.status = 200;
        if (fate == 4) wait_us = random_.below(late_us);
    }
    under_way_.emplace(flight.ticket, flight.delivery);
    answers_.emplace(clock_.steady_us() + static_cast<std::int64_t>(wait_us), std::move(answer));
}

void PushEnd::end_due() {
    while (!answers_.empty() && answers_.begin()->first <= clock_.steady_us()) {
        Answer answer = std::move(answers_.begin()->second);
        answers_.erase(answers_.begin());
        const api::Delivery delivery = std::move(under_way_.extract(answer.ticket).mapped());
        if (answer.accepted) receiver_.accepted(names_.at(delivery.subscription), delivery);
        if (answer.result.verdict == model::Verdict::retry) {
            receiver_.failed(names_.at(delivery.subscription), delivery, clock_.steady_us());
        }
        scheduler_.finish(answer.ticket, std::move(answer.result), clock_.steady_us());
    }
}

void PushEnd::settle(node::Node& node, dispatcher::DueSettlement due) {
    dispatcher::Durable durable;
    durable.subscription = due.settlement.subscription;
    durable.lane = due.lane;
    durable.items = due.settlement.items.size();
    durable.effect_bytes = due.effect_bytes;
    auto done = [this, durable](const api::Dispatch::Settled&) {
        scheduler_.on_durable(durable, clock_.steady_us());
    };
    node.settle(std::move(due.settlement), std::move(done));
}

}  // namespace penstock::cluster::testing
