#include "broker/core/settle.h"

#include "broker/base/bytes.h"
#include "broker/base/hash.h"
#include "broker/core/dead_letters.h"
#include "broker/core/delivery.h"
#include "broker/core/handler_commit.h"
#include "broker/core/kv.h"
#include "broker/core/message_log.h"
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

MessageId message_of(const Turn& turn, ObjectNo topic, const Open& open, TimeMs* published_ms) {
    if (open.sequence >= private_sequences) {
        *published_ms = open.exception->published_ms;
        return open.exception->message;
    }
    const auto run = run_at(turn, topic, open.sequence);
    if (!run) return MessageId{};
    *published_ms = run->time_ms;
    return run->id(open.sequence);
}

void finish(Turn& turn, ObjectNo subscription, const SubscriptionConfig& config, const Open& open) {
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
        turn.drop(open.exception->message);
        --state.redriven_open;
    } else if (open.sequence >= state.cursor) {
        mark_settled(turn, subscription, open.sequence, turn.head(config.topic).end);
    }
}

void wait_until(Turn& turn, ObjectNo subscription, Open open, Exception::State why, TimeMs due_ms) {
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
    if (why != Exception::State::dead) open.exception->log.clear();
    put_exception(turn, subscription, state.generation, open.sequence, *open.exception);
    std::string value;
    Writer writer(value);
    writer.varint(state.generation);
    writer.varint(open.sequence);
    arm_timer(turn, due_ms, TimerKind::retry, subscription, open.sequence, std::move(value));
}

// Moves the delivery to the dead-letter queue; false when that queue takes nothing now.
bool move(Turn& turn, ObjectNo subscription, const SubscriptionConfig& config, const Open& open) {
    DeadInfo dead;
    const MessageId message = message_of(turn, config.topic, open, &dead.first_logged_ms);
    dead.source = subscription;
    const TopicConfig* topic = turn.topic(config.topic);
    dead.source_name = (topic ? topic->name : std::string()) + "/" + config.name;
    dead.failure = open.exception->failure;
    dead.status = open.exception->status;
    dead.attempts = open.exception->count + open.exception->crashes;
    dead.excerpt = open.exception->excerpt;
    dead.log = open.exception->log;
    return move_to_dead_letter(turn, config.spec.dead_letter, message, std::move(dead));
}

// The end of a delivery that will not be tried again.
void bury(Turn& turn, ObjectNo subscription, const SubscriptionConfig& config, const Open& open) {
    if (config.spec.dead_letter.value == 0) {
        ++turn.delivery(subscription).dropped;
        finish(turn, subscription, config, open);
    } else if (move(turn, subscription, config, open)) {
        finish(turn, subscription, config, open);
    } else {
        wait_until(
            turn, subscription, open, Exception::State::dead, turn.now() + dead_letter_retry_ms);
    }
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
            item.verdict = Verdict::retry;
            item.failure = model::Failure::output_refused;
            item.excerpt = refusal->detail;
            amended = AmendedAttempt{
                item.sequence, item.failure, item.excerpt.substr(0, excerpt_bytes_max)};
        }
    }
    settle_open(turn, subscription, config, open, item);
    if (commit != nullptr && !amended) apply_commit(turn, subscription, *commit);
    return amended;
}

}  // namespace

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
    const QueueConfig* queue = turn.queue(config->spec.queue);
    if (!queue) return no_queue(config->spec.queue);
    if (queue->attributes.paused || !has_room(turn, config->spec.queue, *queue, 1)) {
        return refuse(model::Reason::queue_full, queue->name, "the queue is full or paused");
    }
    TimeMs published_ms = 0;
    const MessageId message = message_of(turn, config->topic, *open, &published_ms);
    if (message.value != 0) append_to_queue(turn, config->spec.queue, *queue, message);
    finish(turn, command.subscription, *config, *open);
    return model::Done{};
}

model::Reply quarantine(Turn& turn, const model::Quarantine& command) {
    DeliveryState& state = turn.delivery(command.object);
    if (const SubscriptionConfig* config = turn.subscription(command.object)) {
        const auto open =
            find_open(turn, command.object, *config, command.sequence, state.generation);
        if (!open) return model::Done{};
        finish(turn, command.object, *config, *open);
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

void redeliver(Turn& turn, ObjectNo subscription, MessageId message, TimeMs published_ms) {
    DeliveryState& state = turn.delivery(subscription);
    const Sequence sequence = private_sequences + state.redriven++;
    Exception exception;
    exception.state = Exception::State::ready;
    exception.message = message;
    exception.published_ms = published_ms;
    turn.hold(message);
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
    if (config->spec.dead_letter.value == 0 || !move(turn, subscription, *config, open)) {
        ++turn.delivery(subscription).dropped;
    }
    finish(turn, subscription, *config, open);
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
