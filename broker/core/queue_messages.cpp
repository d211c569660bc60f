#include "broker/core/queue_messages.h"

#include "broker/base/check.h"
#include "broker/base/planted.h"
#include "broker/core/delays.h"
#include "broker/core/delivery.h"
#include "broker/core/key_order.h"
#include "broker/core/lanes.h"
#include "broker/core/message_log.h"
#include "broker/core/refusals.h"
#include "broker/core/retention.h"
#include "broker/core/time_to_live.h"
#include "broker/core/transactions.h"

#include <algorithm>

namespace penstock::core {

using model::Reason;

MessageId own_message(const Turn& turn, std::uint32_t ordinal) {
    return MessageId{turn.entry().set, turn.entry().index, ordinal};
}

std::uint32_t key_of_body(const Turn& turn, std::uint32_t ordinal) {
    return hash_of_key(turn.entry().bodies.at(ordinal).meta.ordering_key);
}

std::optional<model::Refusal> check_bodies(const Turn& turn,
                                           std::uint32_t first_ordinal,
                                           std::uint32_t count,
                                           std::uint32_t bytes_max) {
    for (std::uint32_t at = 0; at < count; ++at) {
        const auto bytes = turn.entry().bodies.at(first_ordinal + at).payload_bytes;
        if (bytes == 0) {
            return refuse(Reason::body_empty, "msgBody", "a message body has at least 1 byte");
        }
        if (bytes > bytes_max) {
            return refuse(
                Reason::body_too_large,
                "msgBody",
                "bodies of at most " + std::to_string(bytes_max) + " bytes are taken here");
        }
    }
    return {};
}

bool has_room(Turn& turn, ObjectNo queue, const QueueConfig& config, std::uint64_t more) {
    const LogHead& head = turn.head(queue);
    const DeliveryState& state = turn.delivery(queue);
    const std::uint64_t prepared =
        config.attributes.transaction ? open_transactions(turn, queue) : 0;
    return visible_count(head, state) + state.exceptions + head.delayed + prepared + more <=
           config.attributes.messages_max;
}

Sequence append_to_queue(
    Turn& turn, ObjectNo queue, const QueueConfig& config, MessageRef message, TimeMs sent_ms) {
    const Sequence sequence = turn.append(queue, message, sent_ms);
    arm_retention(turn, queue);
    arm_time_to_live(turn, queue, config, turn.now());
    turn.visible(queue);
    return sequence;
}

std::optional<model::Refusal> refuse_send(Turn& turn,
                                          const model::Send& command,
                                          std::uint32_t count) {
    const QueueConfig* config = turn.queue(command.queue);
    if (!config) return no_queue(command.queue);
    if (auto refusal = check_bodies(
            turn, command.first_ordinal, command.count, config->attributes.message_bytes_max)) {
        return refusal;
    }
    if (!has_room(turn, command.queue, *config, count)) {
        return no_room(*config);
    }
    if (command.delay_ms > 0 && config->attributes.transaction) {
        return refuse(Reason::delay_out_of_range,
                      config->name,
                      "a queue that takes transactional messages delays none");
    }
    return check_delay(turn, command.queue, config->name, count, command.delay_ms);
}

model::Reply send(Turn& turn, const model::Send& command) {
    if (auto repeated = repeated_send(turn, command.queue, command.dedup_key)) return *repeated;
    if (auto refusal = refuse_send(turn, command, command.count)) return *refusal;
    const QueueConfig* config = turn.queue(command.queue);
    model::Sent sent;
    for (std::uint32_t at = 0; at < command.count; ++at) {
        const MessageId message = own_message(turn, command.first_ordinal + at);
        sent.ids.push_back(message);
        if (command.delay_ms > 0) {
            const auto& meta = turn.entry().bodies.at(command.first_ordinal + at).meta;
            delay_message(turn, command.queue, message, meta, command.delay_ms);
        } else {
            const bool stored = !planted(K16) || at == 0 || at + 1 < command.count;
            const MessageRef keyed{message, message, key_of_body(turn, command.first_ordinal + at)};
            if (stored) append_to_queue(turn, command.queue, *config, keyed);
        }
    }
    if (command.delay_ms > 0) {
        arm_delay(turn, command.queue, sent.ids.front(), command.count, command.delay_ms);
    }
    remember_send(turn, command.queue, command.dedup_key, sent);
    return sent;
}

bool settle_unleased(Turn& turn, ObjectNo queue, Sequence sequence) {
    DeliveryState& state = turn.delivery(queue);
    const LogHead& head = turn.head(queue);
    if (sequence < std::max(state.cursor, head.floor) || sequence >= head.end) return false;
    std::uint32_t lane = 0;
    if (sequence >= state.next) {
        if (state.holes > 0 && is_settled(turn, queue, state, sequence)) return false;
        if (sequence == state.next) {
            ++state.next;
        } else {
            ++state.holes;
        }
    } else {
        const auto exception = load_exception(turn, queue, state.generation, sequence);
        if (!exception || !is_visible(*exception)) return false;
        if (exception->state == Exception::State::parked) {
            --state.parked;
        } else {
            erase_ready(turn, queue, sequence);
        }
        erase_exception(turn, queue, state.generation, sequence);
        lane = exception->key;
    }
    mark_settled(turn, queue, sequence, head.end);
    const QueueConfig& config = *turn.queue(queue);
    release_consumed(turn, queue, config);
    leave_lane(turn, queue, config, lane, sequence);
    return true;
}

void move_unleased(Turn& turn, ObjectNo queue, Sequence sequence) {
    DeliveryState& state = turn.delivery(queue);
    Exception exception;
    if (sequence >= state.next) {
        check(sequence == state.next, "only the oldest fresh message moves");
        ++state.next;
        exception.key = lane_of(*turn.queue(queue), run_at(turn, queue, sequence)->key(sequence));
    } else {
        erase_ready(turn, queue, sequence);
        exception = load_exception(turn, queue, state.generation, sequence).value();
    }
    exception.state = Exception::State::moving;
    put_exception(turn, queue, state.generation, sequence, exception);
    ++state.exceptions;
}

OutboxRow letter_sender(Turn& turn, ObjectNo queue, Sequence sequence) {
    OutboxRow sender;
    sender.origin = Origin::queue;
    sender.from = queue;
    sender.sequence = sequence;
    sender.generation = turn.delivery(queue).generation;
    return sender;
}

void queue_letter_answered(Turn& turn, const OutboxRow& row, bool taken) {
    const ObjectNo queue = row.from;
    const QueueConfig* config = turn.queue(queue);
    DeliveryState& state = turn.delivery(queue);
    // Rewound, cleared or deleted meanwhile: what is in the queue now is not this letter's concern.
    if (!config || row.generation != state.generation) return;
    auto exception = load_exception(turn, queue, state.generation, row.sequence);
    if (!exception || exception->state != Exception::State::moving) return;
    turn.flush_run(queue);
    --state.exceptions;
    if (!taken && row.sequence >= turn.head(queue).floor) {
        come_back(turn, queue, row.sequence, *exception);
        retry_time_to_live(turn, queue, *config);
        return;
    }
    erase_exception(turn, queue, state.generation, row.sequence);
    // What expired on the way lies below the cursor already.
    if (row.sequence >= state.cursor) {
        mark_settled(turn, queue, row.sequence, turn.head(queue).end);
    }
    release_consumed(turn, queue, *config);
    leave_lane(turn, queue, *config, exception->key, row.sequence);
}

void release_consumed(Turn& turn, ObjectNo queue, const QueueConfig& config) {
    LogHead& head = turn.head(queue);
    catch_up_next(turn.delivery(queue));
    const Sequence cursor = turn.delivery(queue).cursor;
    if (head.floor >= cursor) return;
    if (config.attributes.rewind_s > 0) return arm_rewind_end(turn, queue);
    head.floor = cursor;
    arm_reclaim(turn, queue);
}

}  // namespace penstock::core
