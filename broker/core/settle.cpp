#include "broker/core/settle.h"

#include "broker/base/bytes.h"
#include "broker/base/hash.h"
#include "broker/core/dead_letters.h"
#include "broker/core/delivery.h"
#include "broker/core/handler_commit.h"
#include "broker/core/jobs.h"
#include "broker/core/key_order.h"
#include "broker/core/kv.h"
#include "broker/core/lanes.h"
#include "broker/core/message_log.h"
#include "broker/core/open_delivery.h"
#include "broker/core/outbox.h"
#include "broker/core/queue_messages.h"
#include "broker/core/refusals.h"
#include "broker/core/release.h"
#include "broker/core/topics.h"
#include "broker/core/track.h"

#include <algorithm>
#include <utility>

namespace penstock::core {

using model::Verdict;

namespace {

// Enough of a failed answer to tell why.
constexpr std::size_t excerpt_bytes_max = 256;

// Pauses after a crash: 1 s, doubling.
constexpr TimeMs crash_pause_ms = 1'000;
constexpr TimeMs crash_pause_max_ms = 30'000;

void remember_failure(Turn& turn,
                      ObjectNo subscription,
                      const SubscriptionConfig& config,
                      Open& open,
                      const model::SettleItem& item) {
    make_exception(turn, subscription, config, open);
    open.exception->failure = item.failure;
    open.exception->status = item.status;
    open.exception->excerpt = item.excerpt.substr(0, excerpt_bytes_max);
    open.exception->log = item.log.substr(0, model::attempt_log_bytes_max);
}

// A replay waits for what it parked only where what comes behind must not overtake it.
void leave_replay(Turn& turn,
                  ObjectNo subscription,
                  const SubscriptionConfig& config,
                  Exception& exception) {
    if (exception.replay == 0 || keeps_some_order(config.spec)) return;
    replayed_delivery_over(turn, subscription, std::exchange(exception.replay, 0), true);
}

// Its retries are used up.
void exhaust(Turn& turn, ObjectNo subscription, const SubscriptionConfig& config, Open open) {
    switch (config.spec.pace.on_exhausted) {
        case model::OnExhausted::dead:
            return bury(turn, subscription, config, std::move(open));
        case model::OnExhausted::park:
            leave_replay(turn, subscription, config, *open.exception);
            return set_aside(
                turn, subscription, config, open, Exception::State::exhausted, turn.now());
        case model::OnExhausted::stop:
            break;
    }
    // It is the first to be tried when the subscription is resumed.
    const std::uint32_t attempts = open.exception->count + open.exception->crashes;
    const std::string reason = "a message failed after " + std::to_string(attempts) +
                               " attempts: " + std::string(model::to_text(open.exception->failure));
    start_anew(*open.exception);
    make_ready(turn, subscription, open);
    disable_subscription(turn, {subscription, reason});
}

// It could not be tried. That counts as no attempt, but has an end too.
void defer(Turn& turn,
           ObjectNo subscription,
           const SubscriptionConfig& config,
           Open open,
           const model::SettleItem& item) {
    Exception& exception = *open.exception;
    const DeliveryState& state = turn.delivery(subscription);
    const bool waits_for_key =
        exception.key != 0 &&
        earlier_of_key(turn, subscription, state, exception.key, open.sequence);
    if (waits_for_key) {
        return set_aside(turn, subscription, config, open, Exception::State::parked, turn.now());
    }
    if (item.failure == model::Failure::key_waits) return make_ready(turn, subscription, open);
    // What goes back for no reason of its own was not held up by its endpoint.
    if (item.failure != model::Failure::none) {
        if (exception.deferred_ms == 0) exception.deferred_ms = turn.now();
        const auto age_ms = static_cast<std::uint64_t>(turn.now() - exception.deferred_ms);
        if (age_ms >= config.spec.pace.deferral_ms_max) {
            return exhaust(turn, subscription, config, std::move(open));
        }
    }
    const TimeMs pause = std::max<TimeMs>(item.retry_after_ms, deferral_min_ms);
    wait_until(
        turn, subscription, config, std::move(open), Exception::State::waiting, turn.now() + pause);
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
    if (!pause) return exhaust(turn, subscription, config, open);
    // The two CMQ schedules are exact; others listen to the receiver's Retry-After.
    using Name = model::RetryPolicy::Name;
    const Name name = config.spec.retry.name;
    if ((name != Name::backoff && name != Name::exponential) || config.spec.pace.heeds_answers) {
        pause = std::max(*pause, wished_pause_ms);
    }
    wait_until(
        turn, subscription, config, open, Exception::State::waiting, turn.now() + TimeMs{*pause});
}

// A process died with the message in hand. That is no failure of its handler, so it is counted
// apart; a message that kills as many as the function allows is dead.
void retry_or_bury_crash(Turn& turn,
                         ObjectNo subscription,
                         const SubscriptionConfig& config,
                         Open& open) {
    const std::uint32_t crashes = ++open.exception->crashes;
    if (crashes >= config.spec.function.crashes_max) {
        return exhaust(turn, subscription, config, open);
    }
    const TimeMs pause = std::min(crash_pause_max_ms, crash_pause_ms << std::min(crashes - 1, 8U));
    wait_until(turn, subscription, config, open, Exception::State::waiting, turn.now() + pause);
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
    remember_failure(turn, subscription, config, *open, item);
    if (item.verdict == Verdict::not_attempted) {
        return defer(turn, subscription, config, *open, item);
    }
    open->exception->deferred_ms = 0;
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
    remember_failure(turn, subscription, *config, open, item);
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
    wait_until(turn,
               subscription,
               *config,
               open,
               Exception::State::dead,
               turn.now() + dead_letter_retry_ms);
}

model::Reply settle(Turn& turn, const model::Settle& command) {
    if (turn.subscription(command.subscription) == nullptr) return model::Settled{};
    model::Settled settled;
    std::vector<AmendedAttempt> amended;
    auto commit = command.commits.begin();
    for (std::uint32_t at = 0; at < command.items.size(); ++at) {
        const bool has_commit = commit != command.commits.end() && commit->item == at;
        // An item may change it: the one before may have stopped the subscription.
        const SubscriptionConfig* config = turn.subscription(command.subscription);
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
            leave_lane(turn, command.object, *queue, exception->key, command.sequence);
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
        make_ready(turn, subscription, open);
    }
}

}  // namespace penstock::core
