#include "broker/core/queues.h"

#include "broker/base/planted.h"
#include "broker/core/delivery.h"
#include "broker/core/gone.h"
#include "broker/core/message_log.h"
#include "broker/core/queue_messages.h"
#include "broker/core/refusals.h"
#include "broker/core/retention.h"
#include "broker/core/time_to_live.h"
#include "broker/core/transactions.h"

#include <algorithm>

namespace penstock::core {

using model::Reason;

namespace {

model::Place dead_letter_of(const model::QueueAttributes& attributes) {
    return attributes.dead_letter ? attributes.dead_letter->queue : model::Place{};
}

std::vector<ObjectNo> sources_of(const Turn& turn, ObjectNo queue) {
    std::vector<ObjectNo> sources;
    turn.scan(
        keys::prefix('d', queue), keys::prefix_end('d', queue), [&](std::string_view key, auto) {
            sources.push_back(keys::last_object(key));
            return true;
        });
    return sources;
}

model::Refusal nested(std::string name) {
    return refuse(Reason::dead_letter_nested,
                  std::move(name),
                  "a dead-letter queue cannot have a dead-letter queue itself");
}

std::optional<model::Refusal> check_sources(const Turn& turn,
                                            ObjectNo queue,
                                            const QueueConfig& config,
                                            ObjectNo source) {
    const std::vector<ObjectNo> sources = sources_of(turn, queue);
    const bool bound = std::find(sources.begin(), sources.end(), source) != sources.end();
    if (bound || sources.size() < dead_letter_sources_max) return {};
    return refuse(Reason::dead_letter_too_many_sources,
                  config.name,
                  "at most " + std::to_string(dead_letter_sources_max) +
                      " sources may share a dead-letter queue");
}

std::optional<model::Refusal> check_dead_letter(Turn& turn,
                                                ObjectNo queue,
                                                const model::QueueAttributes& attributes) {
    if (!attributes.dead_letter) return {};
    const model::Place& target = attributes.dead_letter->queue;
    const bool is_target = !sources_of(turn, queue).empty();
    if (!turn.here(target)) {
        if (is_target) return nested(std::to_string(queue.value));
        return {};
    }
    const QueueConfig* config = turn.queue(target.number);
    if (!config) {
        return refuse(Reason::dead_letter_not_found,
                      "deadLetterQueue",
                      "the dead-letter queue does not exist");
    }
    if (target.number == queue || config->attributes.dead_letter || is_target) {
        return nested(config->name);
    }
    if (config->attributes.transaction) return transactional_target(config->name);
    return check_sources(turn, target.number, *config, queue);
}

std::optional<model::Refusal> check_rewind(const model::QueueAttributes& attributes) {
    if (attributes.rewind_s <= attributes.retention_s) return {};
    return refuse(Reason::rewind_exceeds_retention,
                  "rewindSeconds",
                  "rewindSeconds cannot be greater than msgRetentionSeconds");
}

// Whether a queue takes transactional messages is fixed: what is prepared needs a policy. Whether
// it keeps order too: what is with receivers has no lane otherwise.
std::optional<model::Refusal> check_fixed(const QueueConfig& config,
                                          const model::QueueAttributes& attributes) {
    if (config.attributes.ordered != attributes.ordered) {
        return refuse(Reason::invalid_parameter,
                      "ordered",
                      "whether a queue keeps order is chosen when it is made");
    }
    const bool before = config.attributes.transaction.has_value();
    if (before == attributes.transaction.has_value()) return {};
    return refuse(Reason::invalid_parameter,
                  "transaction",
                  "whether a queue takes transactional messages is chosen when it is made");
}

// What is deleted and outside of the window now does not come back when the window widens.
void widen_rewind(Turn& turn, ObjectNo queue, std::uint32_t rewind_s) {
    turn.flush_run(queue);
    LogHead& head = turn.head(queue);
    const TimeMs kept_from_ms = turn.now() - TimeMs{1000} * rewind_s + 1;
    const Sequence kept_from =
        rewind_s == 0 ? head.end
                      : first_at_or_after(turn, queue, head.floor, head.end, kept_from_ms);
    keep_gone(turn, queue, kept_from);
    // Also what a run keeps in the log of which a part is not deleted.
    const Sequence floor = std::min(kept_from, turn.delivery(queue).cursor);
    if (floor <= head.floor) return;
    head.floor = floor;
    arm_reclaim(turn, queue);
}

}  // namespace

void bind_dead_letter(Turn& turn,
                      ObjectNo source,
                      const model::Place& before,
                      const model::Place& after) {
    if (before == after) return;
    const auto is_own = [&](const model::Place& queue) {
        return queue.number.value != 0 && turn.here(queue);
    };
    if (is_own(before)) turn.erase(keys::dead_letter_source(before.number, source));
    if (is_own(after)) turn.put(keys::dead_letter_source(after.number, source), "");
}

model::Reply bind_remote_source(Turn& turn, const model::BindDeadLetter& command) {
    const std::string key = keys::dead_letter_source(command.queue, command.source.number);
    if (!command.bound) {
        turn.erase(key);
        return model::Done{};
    }
    const QueueConfig* config = turn.queue(command.queue);
    if (!config) return no_queue(command.queue);
    if (config->attributes.dead_letter) return nested(config->name);
    if (config->attributes.transaction) return transactional_target(config->name);
    if (command.from_queue) {
        auto refusal = check_sources(turn, command.queue, *config, command.source.number);
        if (refusal) return *refusal;
    }
    turn.put(key, command.from_queue ? std::string(remote_queue_source) : std::string());
    return model::Done{};
}

model::Reply create_queue(Turn& turn, const model::CreateQueue& command) {
    if (turn.queue(command.queue)) return model::Done{};
    if (auto refusal = check_rewind(command.attributes)) return *refusal;
    if (auto refusal = check_dead_letter(turn, command.queue, command.attributes)) return *refusal;
    QueueConfig config;
    config.name = command.name;
    config.kind = command.kind;
    config.attributes = command.attributes;
    config.created_ms = turn.now();
    config.modified_ms = turn.now();
    turn.put_queue(command.queue, config);
    bind_dead_letter(turn, command.queue, {}, dead_letter_of(command.attributes));
    return model::Done{};
}

model::Reply set_queue(Turn& turn, const model::SetQueue& command) {
    const QueueConfig* config = turn.queue(command.queue);
    if (!config) return no_queue(command.queue);
    if (auto refusal = check_fixed(*config, command.attributes)) return *refusal;
    if (auto refusal = check_rewind(command.attributes)) return *refusal;
    if (auto refusal = check_dead_letter(turn, command.queue, command.attributes)) return *refusal;
    bind_dead_letter(turn,
                     command.queue,
                     dead_letter_of(config->attributes),
                     dead_letter_of(command.attributes));
    if (command.attributes.rewind_s > config->attributes.rewind_s) {
        widen_rewind(turn, command.queue, config->attributes.rewind_s);
    }
    QueueConfig changed = *config;
    changed.attributes = command.attributes;
    changed.modified_ms = turn.now();
    turn.put_queue(command.queue, changed);
    // Rewind switched off: what was only kept for it goes. Ages are looked at anew.
    release_consumed(turn, command.queue, changed);
    rearm_retention(turn, command.queue);
    arm_time_to_live(turn, command.queue, changed, 0);
    if (!changed.attributes.paused) turn.visible(command.queue);
    return model::Done{};
}

model::Reply delete_queue(Turn& turn, const model::DeleteQueue& command) {
    const QueueConfig* config = turn.queue(command.queue);
    if (!config) return no_queue(command.queue);
    if (!sources_of(turn, command.queue).empty()) {
        return refuse(Reason::dead_letter_in_use,
                      config->name,
                      "it is the dead-letter queue of others: unbind it there first");
    }
    bind_dead_letter(turn, command.queue, dead_letter_of(config->attributes), {});
    turn.erase_config('q', command.queue);
    restart_delivery(turn, command.queue, turn.head(command.queue).end);
    for (const char kind : {'k', 'j', 'v', 'B', 'D'}) {
        turn.erase_range(keys::prefix(kind, command.queue), keys::prefix_end(kind, command.queue));
    }
    forget_transactions(turn, command.queue);
    hide_log(turn, command.queue);
    turn.visible(command.queue);  // long polls on it learn that it is gone
    return model::Done{};
}

model::Reply clear_queue(Turn& turn, const model::ClearQueue& command) {
    if (!turn.queue(command.queue)) return no_queue(command.queue);
    forget_transactions(turn, command.queue);
    hide_log(turn, command.queue);
    restart_delivery(turn, command.queue, turn.head(command.queue).end);
    return model::Done{};
}

model::Reply rewind_queue(Turn& turn, const model::RewindQueue& command) {
    const QueueConfig* config = turn.queue(command.queue);
    if (!config) return no_queue(command.queue);
    if (config->attributes.rewind_s == 0) {
        return refuse(Reason::rewind_disabled,
                      config->name,
                      "the queue has rewindSeconds 0: nothing is kept");
    }
    turn.flush_run(command.queue);
    const LogHead& head = turn.head(command.queue);
    DeliveryState& state = turn.delivery(command.queue);
    const TimeMs oldest_ms = turn.now() - TimeMs{1000} * config->attributes.rewind_s;
    // The newest point is the oldest message not consumed: one cannot skip forward.
    const TimeMs unconsumed_ms =
        state.cursor < head.end ? logged_ms(turn, command.queue, state.cursor) : 0;
    const TimeMs newest_ms = unconsumed_ms > 0 ? unconsumed_ms : turn.now();
    if (command.to_ms < oldest_ms || command.to_ms > newest_ms) {
        return refuse(Reason::rewind_time_invalid,
                      "startConsumeTime",
                      "the time must lie between " + std::to_string(oldest_ms / 1000) + " and " +
                          std::to_string(newest_ms / 1000));
    }
    const Sequence target =
        first_at_or_after(turn, command.queue, head.floor, head.end, command.to_ms) +
        (planted(K17) ? 1 : 0);
    restart_delivery(turn, command.queue, std::min(target, state.cursor));
    settle_gone(turn, command.queue);
    state.rewound_ms = turn.now();
    state.ttl_due_ms = 0;
    arm_time_to_live(turn, command.queue, *config, 0);
    rearm_retention(turn, command.queue);
    turn.visible(command.queue);
    return model::Done{};
}

}  // namespace penstock::core
