#include "broker/core/time_to_live.h"

#include "broker/base/bytes.h"
#include "broker/core/dead_letters.h"
#include "broker/core/delivery.h"
#include "broker/core/message_log.h"
#include "broker/core/queue_messages.h"
#include "broker/core/timers.h"

#include <algorithm>

namespace penstock::core {

namespace {

TimeMs overage_ms(const model::DeadLetterPolicy& policy,
                  const DeliveryState& state,
                  TimeMs logged) {
    return std::max(logged, state.rewound_ms) + TimeMs{1000} * policy.time_to_live_s;
}

bool by_age(const QueueConfig& config) {
    const auto& policy = config.attributes.dead_letter;
    return policy && policy->kind == model::DeadLetterPolicy::Kind::time_to_live;
}

void arm_at(Turn& turn, ObjectNo queue, TimeMs due_ms) {
    turn.delivery(queue).ttl_due_ms = due_ms;
    std::string value;
    Writer(value).varint(static_cast<std::uint64_t>(due_ms));
    arm_timer(turn, due_ms, TimerKind::time_to_live, queue, 0, std::move(value));
}

}  // namespace

bool too_old(const Turn& turn,
             const QueueConfig& config,
             const DeliveryState& state,
             TimeMs logged) {
    return by_age(config) &&
           overage_ms(*config.attributes.dead_letter, state, logged) <= turn.now();
}

void arm_time_to_live(Turn& turn, ObjectNo queue, const QueueConfig& config, TimeMs logged) {
    if (!by_age(config)) return;
    const DeliveryState& state = turn.delivery(queue);
    const TimeMs due = overage_ms(*config.attributes.dead_letter, state, logged);
    if (state.ttl_due_ms == 0 || due < state.ttl_due_ms) arm_at(turn, queue, due);
}

void retry_time_to_live(Turn& turn, ObjectNo queue, const QueueConfig& config) {
    if (!by_age(config)) return;
    const TimeMs due_ms = turn.now() + dead_letter_retry_ms;
    const TimeMs armed_ms = turn.delivery(queue).ttl_due_ms;
    if (armed_ms == 0 || due_ms < armed_ms) arm_at(turn, queue, due_ms);
}

namespace {

// The oldest message nobody holds: ready again, else fresh.
std::optional<Sequence> oldest_unleased(Turn& turn, ObjectNo queue) {
    DeliveryState& state = turn.delivery(queue);
    std::optional<Sequence> oldest;
    if (state.ready > 0) {
        turn.scan(keys::ready(queue, state.generation, state.ready_low),
                  keys::ready(queue, state.generation, sequence_end),
                  [&](std::string_view key, std::string_view) {
                      oldest = keys::last_u64(key);
                      return false;
                  });
    }
    if (oldest) return oldest;
    const LogHead& head = turn.head(queue);
    while (state.holes > 0 && state.next < head.end && turn.budget_left() &&
           is_settled(turn, queue, state, state.next)) {
        ++state.next;
        --state.holes;
        turn.spend(1);
    }
    if (state.next < head.end) return state.next;
    return {};
}

// Moves one overage message to the dead-letter queue; false when that queue takes nothing now.
bool bury_overage(
    Turn& turn, ObjectNo queue, const QueueConfig& config, Sequence sequence, const Run& run) {
    DeadInfo dead;
    dead.source = queue;
    dead.source_name = config.name;
    dead.failure = model::Failure::time_to_live;
    const auto exception = load_exception(turn, queue, turn.delivery(queue).generation, sequence);
    dead.attempts = exception ? exception->count : 0;
    dead.first_logged_ms = run.time_ms;
    const Moved moved = move_to_dead_letter(turn,
                                            config.attributes.dead_letter->queue,
                                            run.message(sequence),
                                            std::move(dead),
                                            letter_sender(turn, queue, sequence));
    if (moved == Moved::here) settle_unleased(turn, queue, sequence);
    if (moved == Moved::under_way) move_unleased(turn, queue, sequence);
    return moved != Moved::no;
}

}  // namespace

void time_to_live_due(Turn& turn, ObjectNo queue, std::string_view value) {
    DeliveryState& state = turn.delivery(queue);
    const auto armed = static_cast<TimeMs>(Reader(value).varint());
    const QueueConfig* config = turn.queue(queue);
    if (!config || armed != state.ttl_due_ms) return;
    state.ttl_due_ms = 0;
    if (!by_age(*config)) return;
    turn.flush_run(queue);
    TimeMs again_ms = 0;
    while (const auto oldest = oldest_unleased(turn, queue)) {
        const auto run = run_at(turn, queue, *oldest);
        if (!run) break;
        const TimeMs due = overage_ms(*config->attributes.dead_letter, state, run->time_ms);
        again_ms = std::max(due, turn.now() + 1);
        if (due > turn.now()) break;
        if (!turn.budget_left()) {
            again_ms = turn.now();
            break;
        }
        turn.spend(1);
        if (!bury_overage(turn, queue, *config, *oldest, *run)) {
            again_ms = turn.now() + dead_letter_retry_ms;
            break;
        }
        again_ms = 0;
    }
    // Nothing unleased is left: leased messages are judged when their lease ends.
    if (again_ms > 0) arm_at(turn, queue, again_ms);
}

}  // namespace penstock::core
