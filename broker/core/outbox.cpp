#include "broker/core/outbox.h"

#include "broker/base/check.h"
#include "broker/core/dead_letters.h"
#include "broker/core/queue_messages.h"
#include "broker/core/refusals.h"
#include "broker/core/settle.h"
#include "broker/core/timers.h"

#include <algorithm>
#include <vector>

namespace penstock::core {

using model::Reason;
using model::SetId;
using model::TransferAnswer;
using model::TransferKind;
using model::TransferOutcome;

namespace {

// Gives the row the next number. Its body is held already.
void enqueue(Turn& turn, SetId target, OutboxRow row) {
    row.queued_ms = turn.now();
    turn.put(keys::outbox(target, turn.change_outbox_head(target).next++), encode(row));
    turn.outbox(target);
}

bool passes_by_itself(Reason reason) {
    return reason == Reason::queue_full || reason == Reason::too_many_delayed;
}

// Keeps the row, and its hold on the body, for a later try.
void park(Turn& turn, SetId target, const OutboxRow& row, TimeMs pause_ms) {
    OutboxHead& head = turn.change_outbox_head(target);
    const std::uint64_t number = ++head.parked_ever;
    ++head.parked;
    turn.put(keys::parked(target, number), encode(row));
    turn.hold(row.body);
    arm_timer(turn, turn.now() + pause_ms, TimerKind::parked, ObjectNo{target.value}, number);
}

// An output that cannot be where it should go becomes a dead letter of its subscription. Without a
// dead-letter queue it is dropped, and counted. `target`: where it should have gone.
void bury_output(Turn& turn, SetId target, const OutboxRow& row) {
    const SubscriptionConfig* config = turn.subscription(row.from);
    if (!config || config->spec.dead_letter.number.value == 0) {
        ++turn.change_outbox_head(target).dropped;
        if (config) ++turn.delivery(row.from).dropped;
        return;
    }
    const Moved moved = move_to_dead_letter(
        turn, config->spec.dead_letter, MessageRef{row.message, row.body}, row.dead, row);
    if (moved == Moved::no) park(turn, target, row, dead_letter_retry_ms);
}

void output_refused(Turn& turn, SetId target, OutboxRow row, const TransferAnswer& answer) {
    if (row.kind == TransferKind::dead_letter) {
        return park(turn, row.dead.source.set, row, dead_letter_retry_ms);
    }
    ++row.count;
    if (passes_by_itself(answer.reason) && row.count < output_tries_max) {
        const TimeMs pause = std::min(output_pause_max_ms, output_pause_ms << (row.count - 1));
        return park(turn, target, row, pause);
    }
    row.dead.source = {target, row.object};
    if (const SubscriptionConfig* config = turn.subscription(row.from)) {
        row.dead.source_name = shown_name(turn, *config);
    }
    row.dead.failure = model::Failure::output_refused;
    row.dead.attempts = row.count;
    row.dead.excerpt = answer.detail;
    row.dead.first_logged_ms = row.queued_ms;
    row.kind = TransferKind::dead_letter;
    bury_output(turn, target, row);
}

void feed_answered(Turn& turn,
                   const OutboxRow& row,
                   std::uint64_t number,
                   const TransferAnswer& answer,
                   bool taken) {
    if (!turn.subscription(row.from)) return;
    DeliveryState& state = turn.delivery(row.from);
    --state.transferring;
    if (!taken) {
        state.refused_to = number;
        feed_refused(turn, row, answer);
    }
    // What failed in order waits for the last answer.
    if (state.transferring == 0 && state.ready > 0) turn.ready(row.from);
}

void tell_origin(Turn& turn,
                 SetId target,
                 std::uint64_t number,
                 const OutboxRow& row,
                 const TransferAnswer& answer) {
    const bool taken = answer.outcome == TransferOutcome::taken;
    switch (row.origin) {
        case Origin::feed:
            return feed_answered(turn, row, number, answer, taken);
        case Origin::delivery:
            return delivery_letter_answered(turn, row, taken);
        case Origin::queue:
            return queue_letter_answered(turn, row, taken);
        case Origin::redrive:
            return taken ? void() : letter_returns(turn, row);
        case Origin::output:
            return taken ? void() : output_refused(turn, target, row, answer);
    }
}

}  // namespace

bool outbox_has_room(Turn& turn, SetId target, std::uint64_t more) {
    const OutboxHead& head = turn.outbox_head(target);
    return head.next - head.first + head.parked + more <= model::outbox_messages_max;
}

std::optional<model::Refusal> refuse_outbox(Turn& turn, SetId target, std::uint64_t more) {
    if (outbox_has_room(turn, target, more)) return {};
    return refuse(Reason::overloaded,
                  "set " + std::to_string(target.value),
                  "too much is on its way to the target's set: try again later");
}

void put_outbox(Turn& turn, SetId target, OutboxRow row) {
    turn.hold(row.body);
    enqueue(turn, target, std::move(row));
}

bool feed_outbox(Turn& turn,
                 ObjectNo subscription,
                 const model::SubscriptionSpec& spec,
                 const Feed& feed) {
    const SetId target = spec.queue.set;
    if (!outbox_has_room(turn, target, 1)) return false;
    DeliveryState& state = turn.delivery(subscription);
    OutboxRow row;
    row.kind = TransferKind::feed;
    row.object = spec.queue.number;
    row.message = feed.message.id;
    row.body = feed.message.body;
    row.in_order = spec.retry.keeps_order;
    row.refused_to = state.refused_to;
    row.origin = Origin::feed;
    row.from = subscription;
    row.sequence = feed.sequence;
    row.count = feed.count;
    row.crashes = feed.crashes;
    row.published_ms = feed.published_ms;
    ++state.transferring;
    put_outbox(turn, target, std::move(row));
    return true;
}

model::Reply transfers_answered(Turn& turn, const model::TransfersAnswered& command) {
    const OutboxHead before = turn.outbox_head(command.target);
    // Answered already, or what comes before them is not.
    if (command.first > before.first) return model::Done{};
    const std::uint64_t end = std::min(command.first + command.answers.size(), before.next);
    if (end <= before.first) return model::Done{};
    // One walk for all rows: looking for each is most of what an answer costs. What is told below
    // may append rows, and leaves these as they are.
    std::vector<OutboxRow> rows;
    turn.scan(keys::outbox(command.target, before.first),
              keys::outbox(command.target, end),
              [&rows](std::string_view, std::string_view value) {
                  rows.push_back(decode<OutboxRow>(value));
                  return true;
              });
    check(rows.size() == end - before.first, "each number that is not answered has a row");
    for (std::uint64_t number = before.first; number < end; ++number) {
        const OutboxRow& row = rows[number - before.first];
        const TransferAnswer& answer = command.answers[number - command.first];
        turn.erase(keys::outbox(command.target, number));
        OutboxHead& head = turn.change_outbox_head(command.target);
        ++head.first;
        if (answer.outcome != TransferOutcome::taken) ++head.refused;
        tell_origin(turn, command.target, number, row, answer);
        turn.drop(row.body);
    }
    return model::Done{};
}

void parked_due(Turn& turn, ObjectNo target_number, std::uint64_t number) {
    const SetId target{static_cast<std::uint16_t>(target_number.value)};
    const std::string key = keys::parked(target, number);
    const auto row = turn.load<OutboxRow>(key);
    if (!row) return;
    turn.erase(key);
    --turn.change_outbox_head(target).parked;
    if (row->kind == TransferKind::dead_letter) {
        bury_output(turn, target, *row);
    } else {
        turn.hold(row->body);
        enqueue(turn, target, *row);
    }
    turn.drop(row->body);
}

model::Failure failure_of(Reason reason) {
    switch (reason) {
        case Reason::queue_full:
            return model::Failure::queue_full;
        case Reason::queue_not_found:
            return model::Failure::queue_gone;
        case Reason::damaged:
            return model::Failure::damaged;
        default:
            return model::Failure::output_refused;
    }
}

std::string shown_name(Turn& turn, const SubscriptionConfig& config) {
    const TopicConfig* topic = turn.topic(config.topic);
    return (topic ? topic->name : std::string()) + "/" + config.name;
}

}  // namespace penstock::core
