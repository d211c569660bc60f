#include "broker/core/open_delivery.h"

#include "broker/base/bytes.h"
#include "broker/core/delivery.h"
#include "broker/core/jobs.h"
#include "broker/core/key_order.h"
#include "broker/core/message_log.h"
#include "broker/core/outbox.h"
#include "broker/core/settle.h"
#include "broker/core/timers.h"

namespace penstock::core {

std::optional<Open> find_open(Turn& turn,
                              ObjectNo subscription,
                              const SubscriptionConfig& config,
                              Sequence sequence,
                              Generation generation) {
    const DeliveryState& state = turn.delivery(subscription);
    if (generation != state.generation) return {};
    Open open{sequence, {}};
    // Each has a row, and mostly there is none.
    if (state.exceptions > 0) {
        open.exception = load_exception(turn, subscription, generation, sequence);
    }
    if (open.exception) {
        if (open.exception->state != Exception::State::ready) return {};
        return open;
    }
    if (sequence < state.cursor || sequence >= turn.head(config.topic).end) return {};
    if (is_settled(turn, subscription, state, sequence)) return {};
    if (!is_matched(turn, subscription, state, sequence)) return {};
    return open;
}

MessageRef message_of(const Turn& turn, ObjectNo topic, const Open& open, TimeMs* published_ms) {
    if (open.sequence >= private_sequences) {
        *published_ms = open.exception->published_ms;
        return {open.exception->message, open.exception->body};
    }
    const auto run = run_at(turn, topic, open.sequence);
    if (!run) return {};
    *published_ms = run->time_ms;
    return run->message(open.sequence);
}

void finish(Turn& turn,
            ObjectNo subscription,
            const SubscriptionConfig& config,
            const Open& open,
            bool dead) {
    DeliveryState& state = turn.delivery(subscription);
    if (open.exception) {
        if (open.exception->state == Exception::State::ready)
            erase_ready(turn, subscription, open.sequence);
        erase_exception(turn, subscription, state.generation, open.sequence);
        const std::uint32_t key = open.exception->key;
        if (key != 0 && pass_key(turn, subscription, key, open.sequence)) turn.ready(subscription);
        // What it held back may go now.
        const bool held_back =
            config.spec.retry.keeps_order || state.exceptions == failing_per_subscription_max;
        if (held_back) turn.ready(subscription);
        --state.exceptions;
    }
    if (open.sequence >= private_sequences) {
        turn.drop(open.exception->body);
        --state.redriven_open;
        const std::uint64_t replay = open.exception->replay;
        if (replay != 0) replayed_delivery_over(turn, subscription, replay, dead);
    } else if (open.sequence >= state.cursor) {
        mark_settled(turn, subscription, open.sequence, turn.head(config.topic).end);
    }
}

void make_exception(Turn& turn,
                    ObjectNo subscription,
                    const SubscriptionConfig& config,
                    Open& open) {
    if (open.exception) return;
    open.exception.emplace();
    open.exception->state = Exception::State::waiting;
    open.exception->key = key_of(turn, config, open.sequence);
    ++turn.delivery(subscription).exceptions;
}

void set_aside(Turn& turn,
               ObjectNo subscription,
               const SubscriptionConfig& config,
               Open& open,
               Exception::State why,
               TimeMs due_ms) {
    DeliveryState& state = turn.delivery(subscription);
    make_exception(turn, subscription, config, open);
    if (open.exception->state == Exception::State::ready) {
        erase_ready(turn, subscription, open.sequence);
    }
    open.exception->state = why;
    open.exception->due_ms = due_ms;
    // Only a letter that waits for its queue keeps the log: failing deliveries may be many.
    if (why == Exception::State::waiting) open.exception->log.clear();
    put_exception(turn, subscription, state.generation, open.sequence, *open.exception);
}

void make_ready(Turn& turn, ObjectNo subscription, Open& open) {
    turn.ready(subscription);
    const bool was_ready = open.exception->state == Exception::State::ready;
    open.exception->state = Exception::State::ready;
    const Generation generation = turn.delivery(subscription).generation;
    put_exception(turn, subscription, generation, open.sequence, *open.exception);
    if (!was_ready) put_ready(turn, subscription, open.sequence);
}

void wait_until(Turn& turn,
                ObjectNo subscription,
                const SubscriptionConfig& config,
                Open open,
                Exception::State why,
                TimeMs due_ms) {
    set_aside(turn, subscription, config, open, why, due_ms);
    std::string value;
    Writer writer(value);
    writer.varint(turn.delivery(subscription).generation);
    writer.varint(open.sequence);
    arm_timer(turn, due_ms, TimerKind::retry, subscription, open.sequence, std::move(value));
}

Moved move(Turn& turn, ObjectNo subscription, const SubscriptionConfig& config, const Open& open) {
    DeadInfo dead;
    const MessageRef message = message_of(turn, config.topic, open, &dead.first_logged_ms);
    dead.source = subscription;
    dead.source_name = shown_name(turn, config);
    dead.failure = open.exception->failure;
    dead.status = open.exception->status;
    dead.attempts = open.exception->count + open.exception->crashes;
    dead.excerpt = open.exception->excerpt;
    dead.log = open.exception->log;
    dead.redrives = open.exception->redrives;
    OutboxRow sender;
    sender.origin = Origin::delivery;
    sender.from = subscription;
    sender.sequence = open.sequence;
    sender.generation = turn.delivery(subscription).generation;
    return move_to_dead_letter(turn, config.spec.dead_letter, message, std::move(dead), sender);
}

void bury(Turn& turn, ObjectNo subscription, const SubscriptionConfig& config, Open open) {
    if (config.spec.dead_letter.number.value == 0) {
        ++turn.delivery(subscription).dropped;
        return finish(turn, subscription, config, open, true);
    }
    const Moved moved = move(turn, subscription, config, open);
    if (moved == Moved::here) return finish(turn, subscription, config, open, true);
    if (moved == Moved::under_way) {
        return set_aside(turn, subscription, config, open, Exception::State::moving, turn.now());
    }
    wait_until(turn,
               subscription,
               config,
               open,
               Exception::State::dead,
               turn.now() + dead_letter_retry_ms);
}

}  // namespace penstock::core
