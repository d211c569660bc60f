#include "broker/core/settle.h"

#include "broker/base/bytes.h"
#include "broker/base/hash.h"
#include "broker/core/dead_letters.h"
#include "broker/core/delivery.h"
#include "broker/core/handler_commit.h"
#include "broker/core/jobs.h"
#include "broker/core/kv.h"
#include "broker/core/message_log.h"
#include "broker/core/outbox.h"
#include "broker/core/queue_messages.h"
#include "broker/core/refusals.h"
#include "broker/core/timers.h"
#include "broker/core/track.h"

#include <algorithm>

namespace penstock::core {

using model::Verdict;

namespace {

// Enough of a failed answer to tell why.
constexpr std::size_t excerpt_bytes_max = 256;

// Pauses after a crash: 1 s, doubling.
constexpr TimeMs crash_pause_ms = 1'000;
constexpr TimeMs crash_pause_max_ms = 30'000;

// A delivery that is open: handed out or ready, not settled.
struct Open {
    Sequence sequence = 0;
    std::optional<Exception> exception;  // it failed before
};

// Nothing when the outcome is stale: settled meanwhile, waiting for a later attempt, or gone.
std::optional<Open> find_open(Turn& turn,
                              ObjectNo subscription,
                              const SubscriptionConfig& config,
                              Sequence sequence,
                              Generation generation) {
    const DeliveryState& state = turn.delivery(subscription);
    if (generation != state.generation) return {};
    Open open{sequence, load_exception(turn, subscription, generation, sequence)};
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
            bool dead = false) {
    DeliveryState& state = turn.delivery(subscription);
    if (open.exception) {
        if (open.exception->state == Exception::State::ready)
            erase_ready(turn, subscription, open.sequence);
        erase_exception(turn, subscription, state.generation, open.sequence);
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

// The exception becomes one that nobody may try.
void set_aside(Turn& turn, ObjectNo subscription, Open& open, Exception::State why, TimeMs due_ms) {
    DeliveryState& state = turn.delivery(subscription);
    if (!open.exception) {
        open.exception.emplace();
        ++state.exceptions;
    } else if (open.exception->state == Exception::State::ready) {
        erase_ready(turn, subscription, open.sequence);
    }
    open.exception->state = why;
    open.exception->due_ms = due_ms;
    // Only a letter that waits for its queue keeps the log: failing deliveries may be many.
    if (why == Exception::State::waiting) open.exception->log.clear();
    put_exception(turn, subscription, state.generation, open.sequence, *open.exception);
}

void wait_until(Turn& turn, ObjectNo subscription, Open open, Exception::State why, TimeMs due_ms) {
    set_aside(turn, subscription, open, why, due_ms);
    std::string value;
    Writer writer(value);
    writer.varint(turn.delivery(subscription).generation);
    writer.varint(open.sequence);
    arm_timer(turn, due_ms, TimerKind::retry, subscription, open.sequence, std::move(value));
}

// Moves the delivery to the dead-letter queue.
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

// The end of a delivery that will not be tried again.
void bury(Turn& turn, ObjectNo subscription, const SubscriptionConfig& config, Open open) {
    if (config.spec.dead_letter.number.value == 0) {
        ++turn.delivery(subscription).dropped;
        return finish(turn, subscription, config, open, true);
    }
    const Moved moved = move(turn, subscription, config, open);
    if (moved == Moved::here) return finish(turn, subscription, config, open, true);
    if (moved == Moved::under_way) {
        return set_aside(turn, subscription, open, Exception::State::moving, turn.now());
    }
    wait_until(turn, subscription, open, Exception::State::dead, turn.now() + dead_letter_retry_ms);
}

// A delivery that fails for the first time becomes an exception before anything else happens to it.
void remember_failure(Turn& turn,
                      ObjectNo subscription,
                      Open& open,
                      const model::SettleItem& item) {
    DeliveryState& state = turn.delivery(subscription);
    if (!open.exception) {
        open.exception.emplace();
        open.exception->state = Exception::State::waiting;
        ++state.exceptions;
    }
    open.exception->failure = item.failure;
    open.exception->status = item.status;
    open.exception->excerpt = item.excerpt.substr(0, excerpt_bytes_max);
    open.exception->log = item.log.substr(0, model::attempt_log_bytes_max);
}

void retry_or_bury(Turn& turn,
                   ObjectNo subscription,
                   const SubscriptionConfig& config,
                   const Open& open,
                   std::uint32_t wished_pause_ms) {
    const std::uint32_t retry = open.exception->count;
    const std::uint64_t jitter = mix64((std::uint64_t{subscription.value} << 32) ^
                                       mix64(open.sequence) ^ (std::uint64_t{retry} << 56));
    auto pause = model::retry_pause_ms(config.spec.retry, retry, jitter);
    if (!pause) return bury(turn, subscription, config, open);
    // The two CMQ schedules are exact; others listen to the receiver's Retry-After.
    if (config.spec.retry.name == model::RetryPolicy::Name::custom) {
        pause = std::max(*pause, wished_pause_ms);
    }
    wait_until(turn, subscription, open, Exception::State::waiting, turn.now() + TimeMs{*pause});
}

// A process died with the message in hand. That is no failure of its handler, so it is counted
// apart; a message that kills as many as the function allows is dead.
void retry_or_bury_crash(Turn& turn,
                         ObjectNo subscription,
                         const SubscriptionConfig& config,
                         Open& open) {
    const std::uint32_t crashes = ++open.exception->crashes;
    if (crashes >= config.spec.function.crashes_max) {
        return bury(turn, subscription, config, open);
    }
    const TimeMs pause = std::min(crash_pause_max_ms, crash_pause_ms << std::min(crashes - 1, 8U));
    wait_until(turn, subscription, open, Exception::State::waiting, turn.now() + pause);
}

void settle_open(Turn& turn,
                 ObjectNo subscription,
                 const SubscriptionConfig& config,
                 std::optional<Open>& open,
                 const model::SettleItem& item) {
    if (item.verdict == Verdict::accepted) return finish(turn, subscription, config, *open);
    if (item.verdict == Verdict::discarded) {
        ++turn.delivery(subscription).discarded;
        return finish(turn, subscription, config, *open);
    }
    remember_failure(turn, subscription, *open, item);
    if (item.verdict == Verdict::not_attempted) {
        const TimeMs pause = std::max<TimeMs>(item.retry_after_ms, deferral_min_ms);
        return wait_until(turn, subscription, *open, Exception::State::waiting, turn.now() + pause);
    }
    if (item.verdict == Verdict::retry && item.failure == model::Failure::crash) {
        return retry_or_bury_crash(turn, subscription, config, *open);
    }
    ++open->exception->count;
    if (item.verdict == Verdict::rejected) return bury(turn, subscription, config, *open);
    retry_or_bury(turn, subscription, config, *open, item.retry_after_ms);
}

// What the item came to where that is not what it says. Failure::kv_moved: what the handler read
// has moved, and nothing changed.
std::optional<AmendedAttempt> settle_item(Turn& turn,
                                          ObjectNo subscription,
                                          const SubscriptionConfig& config,
                                          model::SettleItem item,
                                          const model::HandlerCommit* commit) {
    auto open = find_open(turn, subscription, config, item.sequence, item.generation);
    if (!open) return {};
    // Only an acknowledgement brings effects.
    if (!model::ends_well(item.verdict)) commit = nullptr;
    std::optional<AmendedAttempt> amended;
    if (commit != nullptr) {
        if (!reads_hold(turn, subscription, commit->reads)) {
            return AmendedAttempt{item.sequence, model::Failure::kv_moved, {}};
        }
        if (const auto refusal = check_commit(turn, subscription, *commit)) {
            // Too much on its way to another set is nobody's fault: that counts as no attempt.
            const bool counts = refusal->reason != model::Reason::overloaded;
            item.verdict = counts ? Verdict::retry : Verdict::not_attempted;
            item.failure =
                counts ? model::Failure::output_refused : model::Failure::exhausted_resources;
            item.excerpt = refusal->detail;
            amended = AmendedAttempt{
                item.sequence, item.failure, item.excerpt.substr(0, excerpt_bytes_max)};
        }
    }
    settle_open(turn, subscription, config, open, item);
    if (commit != nullptr && !amended) apply_commit(turn, subscription, *commit);
    return amended;
}

// The message is on its way, and the delivery over unless the queue's set refuses it.
model::Reply feed_elsewhere(Turn& turn,
                            ObjectNo subscription,
                            const SubscriptionConfig& config,
                            const Open& open) {
    // One that failed before goes alone: were it refused again, those behind it would overtake.
    const bool must_wait = config.spec.retry.keeps_order && open.exception &&
                           turn.delivery(subscription).transferring > 0;
    Feed feed;
    feed.message = message_of(turn, config.topic, open, &feed.published_ms);
    if (open.sequence >= private_sequences) feed.sequence = open.sequence;
    if (open.exception) {
        feed.count = open.exception->count;
        feed.crashes = open.exception->crashes;
    }
    const bool gone = feed.message.id.value == 0;
    if (must_wait || (!gone && !feed_outbox(turn, subscription, config.spec, feed))) {
        return refuse(model::Reason::overloaded,
                      config.spec.endpoint,
                      "too much is on its way to the queue: try again later");
    }
    finish(turn, subscription, config, open);
    return model::Done{};
}

}  // namespace

void feed_refused(Turn& turn, const OutboxRow& row, const model::TransferAnswer& answer) {
    const ObjectNo subscription = row.from;
    const SubscriptionConfig* config = turn.subscription(subscription);
    if (!config) return;  // gone, with all that waited for it
    turn.flush_run(config->topic);
    DeliveryState& state = turn.delivery(subscription);
    Open open{row.sequence != 0 ? row.sequence : private_sequences + state.redriven++, Exception{}};
    open.exception->state = Exception::State::waiting;
    open.exception->count = row.count;
    open.exception->crashes = row.crashes;
    open.exception->message = row.message;
    open.exception->body = row.body;
    open.exception->published_ms = row.published_ms;
    turn.hold(row.body);
    ++state.exceptions;
    ++state.redriven_open;
    model::SettleItem item;
    item.failure = failure_of(answer.reason);
    item.excerpt = answer.detail;
    remember_failure(turn, subscription, open, item);
    ++open.exception->count;
    retry_or_bury(turn, subscription, *config, open, 0);
}

void delivery_letter_answered(Turn& turn, const OutboxRow& row, bool taken) {
    const ObjectNo subscription = row.from;
    const SubscriptionConfig* config = turn.subscription(subscription);
    if (!config) return;  // gone, with all that waited for it
    Open open{row.sequence, load_exception(turn, subscription, row.generation, row.sequence)};
    if (!open.exception || open.exception->state != Exception::State::moving) {
        if (!taken) ++turn.delivery(subscription).dropped;  // expired on the way
        return;
    }
    turn.flush_run(config->topic);
    if (taken) return finish(turn, subscription, *config, open, true);
    wait_until(turn, subscription, open, Exception::State::dead, turn.now() + dead_letter_retry_ms);
}

model::Reply settle(Turn& turn, const model::Settle& command) {
    const SubscriptionConfig* config = turn.subscription(command.subscription);
    if (!config) return model::Settled{};
    model::Settled settled;
    std::vector<AmendedAttempt> amended;
    auto commit = command.commits.begin();
    for (std::uint32_t at = 0; at < command.items.size(); ++at) {
        const bool has_commit = commit != command.commits.end() && commit->item == at;
        turn.flush_run(config->topic);
        auto one = settle_item(turn,
                               command.subscription,
                               *config,
                               command.items[at],
                               has_commit ? &*commit : nullptr);
        if (one) {
            const bool moved = one->failure == model::Failure::kv_moved;
            (moved ? settled.moved : settled.refused).push_back(at);
            amended.push_back(std::move(*one));
        }
        if (has_commit) ++commit;
    }
    track_attempts(turn, command, std::move(amended));
    return settled;
}

model::Reply feed_queue(Turn& turn, const model::FeedQueue& command) {
    const SubscriptionConfig* config = turn.subscription(command.subscription);
    if (!config) return no_subscription(command.subscription);
    turn.flush_run(config->topic);
    const auto open =
        find_open(turn, command.subscription, *config, command.sequence, command.generation);
    if (!open) return model::Done{};
    if (!turn.here(config->spec.queue)) {
        return feed_elsewhere(turn, command.subscription, *config, *open);
    }
    const QueueNo number = config->spec.queue.number;
    const QueueConfig* queue = turn.queue(number);
    if (!queue) return no_queue(number);
    if (queue->attributes.paused || !has_room(turn, number, *queue, 1)) {
        return refuse(model::Reason::queue_full, queue->name, "the queue is full or paused");
    }
    TimeMs published_ms = 0;
    const MessageRef message = message_of(turn, config->topic, *open, &published_ms);
    if (message.id.value != 0) append_to_queue(turn, number, *queue, message);
    finish(turn, command.subscription, *config, *open);
    return model::Done{};
}

model::Reply quarantine(Turn& turn, const model::Quarantine& command) {
    DeliveryState& state = turn.delivery(command.object);
    if (const SubscriptionConfig* config = turn.subscription(command.object)) {
        const auto open =
            find_open(turn, command.object, *config, command.sequence, state.generation);
        if (!open) return model::Done{};
        finish(turn, command.object, *config, *open, true);
    } else if (const QueueConfig* queue = turn.queue(command.object)) {
        const auto exception =
            load_exception(turn, command.object, state.generation, command.sequence);
        if (exception && exception->state == Exception::State::leased) {
            erase_exception(turn, command.object, state.generation, command.sequence);
            --state.exceptions;
            if (command.sequence >= state.cursor) {
                mark_settled(turn, command.object, command.sequence, turn.head(command.object).end);
            }
            release_consumed(turn, command.object, *queue);
        } else if (!settle_unleased(turn, command.object, command.sequence)) {
            return model::Done{};
        }
    } else {
        return model::Done{};
    }
    ++state.quarantined;
    std::string value;
    Writer(value).varint(command.message.value);
    turn.put(keys::quarantined(command.object, command.sequence), std::move(value));
    return model::Done{};
}

void redeliver(Turn& turn, ObjectNo subscription, const MessageRef& message, const Anew& anew) {
    DeliveryState& state = turn.delivery(subscription);
    const Sequence sequence = private_sequences + state.redriven++;
    Exception exception;
    exception.state = Exception::State::ready;
    exception.message = message.id;
    exception.body = message.body;
    exception.published_ms = anew.published_ms;
    exception.redrives = anew.redrives;
    exception.replay = anew.replay;
    turn.hold(message.body);
    ++state.exceptions;
    ++state.redriven_open;
    put_exception(turn, subscription, state.generation, sequence, exception);
    put_ready(turn, subscription, sequence);
    turn.ready(subscription);
}

void bury_or_drop(Turn& turn, ObjectNo subscription, Sequence sequence) {
    const SubscriptionConfig* config = turn.subscription(subscription);
    Open open{sequence,
              load_exception(turn, subscription, turn.delivery(subscription).generation, sequence)};
    if (!config || !open.exception) return;
    turn.spend(1);
    // One that is moving has left for its queue already.
    const bool left = open.exception->state == Exception::State::moving;
    const bool none = config->spec.dead_letter.number.value == 0;
    if (!left && (none || move(turn, subscription, *config, open) == Moved::no)) {
        ++turn.delivery(subscription).dropped;
    }
    finish(turn, subscription, *config, open, true);
}

void retry_due(Turn& turn, ObjectNo subscription, std::string_view value) {
    const SubscriptionConfig* config = turn.subscription(subscription);
    if (!config) return;
    Reader reader(value);
    const auto generation = static_cast<Generation>(reader.varint());
    Open open{reader.varint(), {}};
    open.exception = load_exception(turn, subscription, generation, open.sequence);
    if (!open.exception || generation != turn.delivery(subscription).generation) return;
    if (open.exception->due_ms > turn.now()) return;
    turn.flush_run(config->topic);
    if (open.exception->state == Exception::State::dead) {
        bury(turn, subscription, *config, open);
    } else if (open.exception->state == Exception::State::waiting) {
        open.exception->state = Exception::State::ready;
        put_exception(turn, subscription, generation, open.sequence, *open.exception);
        put_ready(turn, subscription, open.sequence);
        turn.ready(subscription);
    }
}

}  // namespace penstock::core
