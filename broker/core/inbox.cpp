#include "broker/core/inbox.h"

#include "broker/base/bytes.h"
#include "broker/core/dead_letters.h"
#include "broker/core/delays.h"
#include "broker/core/queue_messages.h"
#include "broker/core/refusals.h"
#include "broker/core/topics.h"

#include <algorithm>

namespace penstock::core {

using model::Reason;
using model::Transfer;
using model::TransferKind;
using model::TransferOutcome;
using model::Transferred;

namespace {

using Refused = std::optional<model::Refusal>;

MessageRef moved_message(const Turn& turn, const Transfer& command) {
    return {
        command.message, own_message(turn, command.ordinal), key_of_body(turn, command.ordinal)};
}

// While one message of an ordered subscription is refused, those behind it are too: they were sent
// before the subscription knew.
Refused refuse_out_of_order(Turn& turn, const Transfer& command) {
    const std::string key = keys::blocked(command.object, command.in_order);
    const auto row = turn.get(key);
    if (!row) return {};
    if (command.refused_to >= Reader(*row).varint()) {
        turn.erase(key);
        return {};
    }
    return refuse(Reason::queue_full, {}, "a message before it was refused");
}

Refused feed(Turn& turn, const Transfer& command) {
    const QueueConfig* queue = turn.queue(command.object);
    if (!queue) return no_queue(command.object);
    const bool ordered = command.in_order.value != 0;
    if (ordered) {
        if (auto refusal = refuse_out_of_order(turn, command)) return refusal;
    }
    Refused refusal;
    if (queue->attributes.paused) {
        refusal = refuse(Reason::queue_full, queue->name, "the queue is paused");
    } else if (!has_room(turn, command.object, *queue, 1)) {
        refusal = no_room(*queue);
    }
    if (!refusal) {
        append_to_queue(turn, command.object, *queue, moved_message(turn, command));
    } else if (ordered) {
        std::string value;
        Writer(value).varint(command.number);
        turn.put(keys::blocked(command.object, command.in_order), std::move(value));
    }
    return refusal;
}

std::uint64_t delay_left_ms(const Turn& turn, const Transfer& command) {
    return static_cast<std::uint64_t>(std::max<TimeMs>(0, command.not_before_ms - turn.now()));
}

Refused send_output(Turn& turn, const Transfer& command) {
    model::Send send;
    send.queue = command.object;
    send.first_ordinal = command.ordinal;
    send.delay_ms = delay_left_ms(turn, command);
    if (auto refusal = refuse_send(turn, send, 1)) return refusal;
    const MessageRef message = moved_message(turn, command);
    if (send.delay_ms == 0) {
        append_to_queue(turn, command.object, *turn.queue(command.object), message);
    } else {
        delay_message(turn, command.object, message, {}, send.delay_ms);
        arm_delay(turn, command.object, message, 1, send.delay_ms);
    }
    return {};
}

Refused publish_output(Turn& turn, const Transfer& command) {
    model::Publish publish;
    publish.topic = command.object;
    publish.first_ordinal = command.ordinal;
    publish.delay_ms = delay_left_ms(turn, command);
    if (auto refusal = refuse_publish(turn, publish, 1)) return refusal;
    const MessageRef message = moved_message(turn, command);
    const model::MessageMeta& meta = turn.entry().bodies.at(command.ordinal).meta;
    if (publish.delay_ms == 0) {
        publish_message(turn, command.object, message, meta);
    } else {
        delay_message(turn, command.object, message, meta, publish.delay_ms);
        arm_delay(turn, command.object, message, 1, publish.delay_ms);
    }
    return {};
}

Refused take(Turn& turn, const Transfer& command) {
    switch (command.kind) {
        case TransferKind::feed:
            return feed(turn, command);
        case TransferKind::send:
            return send_output(turn, command);
        case TransferKind::publish:
            return publish_output(turn, command);
        case TransferKind::dead_letter:
            return take_letter(turn, command.object, moved_message(turn, command), command.dead);
        case TransferKind::redrive:
            return send_back(turn, moved_message(turn, command), command.object, command.dead);
    }
    return refuse(Reason::internal, "kind", "a transfer of unknown kind");
}

// The source knows more answers: they may be forgotten, and nothing up to there comes again.
void note_answered(Turn& turn, const Transfer& command, InboxHead& inbox) {
    inbox.answered_to = std::max(inbox.answered_to, command.answered_to);
    inbox.through = std::max(inbox.through, inbox.answered_to);
    if (inbox.refusals == 0) return;
    std::vector<std::string> known;
    turn.scan(keys::refused(command.source, 0),
              keys::refused(command.source, inbox.answered_to + 1),
              [&](std::string_view key, std::string_view) {
                  known.emplace_back(key);
                  return known.size() < refusals_forgotten_max;
              });
    inbox.refusals -= known.size();
    for (std::string& key : known) turn.erase(std::move(key));
}

Transferred recorded(const Turn& turn, const Transfer& command) {
    const auto row = turn.load<RefusalRow>(keys::refused(command.source, command.number));
    if (!row) return {TransferOutcome::taken, Reason::none, {}, 0};
    return {TransferOutcome::refused, row->reason, row->detail, 0};
}

Transferred handle(Turn& turn, const Transfer& command, InboxHead& inbox) {
    if (command.number <= inbox.answered_to) return {TransferOutcome::stale, Reason::none, {}, 0};
    if (command.number <= inbox.through) return recorded(turn, command);
    if (command.number > inbox.through + 1) {
        return {TransferOutcome::out_of_order, Reason::none, {}, 0};
    }
    ++inbox.through;
    auto refusal = take(turn, command);
    if (!refusal) return {TransferOutcome::taken, Reason::none, {}, 0};
    ++inbox.refusals;
    RefusalRow row{refusal->reason, refusal->detail.substr(0, model::transfer_detail_bytes_max)};
    turn.put(keys::refused(command.source, command.number), encode(row));
    return {TransferOutcome::refused, row.reason, std::move(row.detail), 0};
}

}  // namespace

model::Reply transfer(Turn& turn, const Transfer& command) {
    InboxHead& inbox = turn.change_inbox_head(command.source);
    note_answered(turn, command, inbox);
    Transferred reply = handle(turn, command, inbox);
    reply.next = inbox.through + 1;
    return reply;
}

}  // namespace penstock::core
