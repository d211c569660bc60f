// Handling: a scheduler with one function, whose handlers' answers and durable settlements the test
// decides. One test, one thread.
#pragma once

#include "dispatcher/scheduler.h"
#include "tests/dispatcher/deliveries.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace penstock::dispatcher {

using Sequences = std::vector<model::Sequence>;

inline constexpr model::SubscriptionNo alpha{11};

// One subscription with its scheduler; settlements become durable when the test says so.
struct Handling {
    explicit Handling(std::uint32_t concurrency,
                      bool keeps_order = false,
                      const SchedulerLimits& limits = {})
        : scheduler(limits) {
        target.subscription = alpha;
        target.topic = "orders";
        target.name = "counter";
        target.spec.sink = model::SinkKind::lua;
        target.spec.concurrency = concurrency;
        target.spec.retry.keeps_order = keeps_order;
        scheduler.set_target(target, 0);
    }

    void arrive(model::Sequence first,
                model::Sequence last,
                std::uint32_t attempt = 1,
                std::size_t bytes = 10) {
        scheduler.take(deliveries_of(alpha, first, last, attempt, bytes), 0);
    }

    // Starts all that may start; their sequences.
    Sequences start() {
        Sequences started;
        while (const Flight* flight = scheduler.start_next(0, 0)) {
            started.push_back(flight->delivery.sequence);
            tickets[flight->delivery.sequence] = flight->ticket;
            last_attempt = flight->delivery.attempt;
        }
        return started;
    }

    void finish(model::Sequence sequence, sinks::AttemptResult result) {
        scheduler.finish(tickets.at(sequence), std::move(result), 0);
    }

    void finish_reading(const Sequences& sequences) {
        for (const model::Sequence sequence : sequences) finish(sequence, reading());
    }

    // An acknowledgement that rests on a kv row.
    static sinks::AttemptResult reading() {
        sinks::AttemptResult result;
        result.effects.emplace();
        result.effects->reads.push_back({"n", 1});
        return result;
    }

    static sinks::AttemptResult failed(model::Verdict verdict) {
        sinks::AttemptResult result;
        result.verdict = verdict;
        result.failure = model::Failure::handler;
        return result;
    }

    // Settlements that are due; they are on their way from now on.
    std::vector<DueSettlement> due() { return scheduler.settlements(1'000'000); }

    // The settlement becomes durable; `moved` and `refused` did not end as it says.
    void durable(const DueSettlement& settlement,
                 const Sequences& moved = {},
                 const Sequences& refused = {}) {
        const auto is_in = [](const Sequences& all, model::Sequence one) {
            return std::find(all.begin(), all.end(), one) != all.end();
        };
        Durable durable;
        durable.subscription = alpha;
        durable.lane = settlement.lane;
        durable.items = settlement.settlement.items.size();
        durable.effect_bytes = settlement.effect_bytes;
        for (const api::HandlerEffects& effects : settlement.settlement.effects) {
            const model::Sequence sequence = settlement.settlement.items[effects.item].sequence;
            if (is_in(moved, sequence)) {
                durable.moved.push_back(sequence);
            } else if (is_in(refused, sequence)) {
                durable.refused.push_back(sequence);
            } else {
                durable.committed.push_back(sequence);
            }
        }
        scheduler.on_durable(durable, 0);
    }

    Scheduler scheduler;
    api::Target target;
    std::map<model::Sequence, std::uint64_t> tickets;
    std::uint32_t last_attempt = 0;
};

}  // namespace penstock::dispatcher
