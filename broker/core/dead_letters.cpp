#include "broker/core/dead_letters.h"

#include "broker/base/planted.h"
#include "broker/core/delivery.h"
#include "broker/core/message_log.h"
#include "broker/core/outbox.h"
#include "broker/core/queue_messages.h"
#include "broker/core/refusals.h"
#include "broker/core/settle.h"
#include "broker/core/timers.h"

#include <algorithm>

namespace penstock::core {

std::optional<model::Refusal> take_letter(Turn& turn,
                                          ObjectNo target,
                                          const MessageRef& message,
                                          const DeadInfo& dead) {
    const QueueConfig* config = turn.queue(target);
    if (!config) return no_queue(target);
    const bool room = has_room(turn, target, *config, 1);
    if (!room && planted(K15)) return {};
    if (!room) return no_room(*config);
    const Sequence sequence = append_to_queue(turn, target, *config, message);
    turn.put(keys::dead(target, sequence), encode(dead));
    return {};
}

Moved move_to_dead_letter(Turn& turn,
                          const model::Place& target,
                          const MessageRef& message,
                          DeadInfo dead,
                          const OutboxRow& sender) {
    dead.died_ms = turn.now();
    if (turn.here(target)) {
        return take_letter(turn, target.number, message, dead) ? Moved::no : Moved::here;
    }
    if (!outbox_has_room(turn, target.set, 1)) return Moved::no;
    OutboxRow row = sender;
    row.kind = model::TransferKind::dead_letter;
    row.object = target.number;
    row.message = message.id;
    row.body = message.body;
    // Where this set is not the one that is meant by 0.
    if (dead.source.set.value == 0) dead.source.set = turn.entry().set;
    row.dead = std::move(dead);
    put_outbox(turn, target.set, std::move(row));
    return Moved::under_way;
}

std::optional<model::Refusal> send_back(Turn& turn,
                                        const MessageRef& message,
                                        ObjectNo source,
                                        TimeMs first_logged_ms) {
    if (turn.subscription(source)) {
        redeliver(turn, source, message, first_logged_ms);
        return {};
    }
    const QueueConfig* queue = turn.queue(source);
    if (!queue) return no_queue(source);
    if (!has_room(turn, source, *queue, 1)) return no_room(*queue);
    append_to_queue(turn, source, *queue, message);
    return {};
}

void letter_returns(Turn& turn, const OutboxRow& row) {
    const QueueConfig* config = turn.queue(row.from);
    // Deleted or cleared meanwhile, with all that was in it.
    if (!config || turn.head(row.from).clears != row.clears) return;
    const Sequence sequence =
        append_to_queue(turn, row.from, *config, MessageRef{row.message, row.body});
    turn.put(keys::dead(row.from, sequence), encode(row.dead));
}

namespace {

// False: the letter stays.
bool leave_for_source(Turn& turn, ObjectNo queue, const MessageRef& message, const DeadInfo& dead) {
    if (turn.here(dead.source)) {
        return !send_back(turn, message, dead.source.number, dead.first_logged_ms);
    }
    if (!outbox_has_room(turn, dead.source.set, 1)) return false;
    OutboxRow row;
    row.kind = model::TransferKind::redrive;
    row.object = dead.source.number;
    row.message = message.id;
    row.body = message.body;
    row.origin = Origin::redrive;
    row.from = queue;
    row.clears = turn.head(queue).clears;
    row.dead = dead;
    put_outbox(turn, dead.source.set, std::move(row));
    return true;
}

// One letter. A leased one, one sent here directly and one whose source is gone stay.
void redrive_one(Turn& turn, ObjectNo queue, Sequence sequence) {
    turn.spend(1);
    const auto dead = turn.load<DeadInfo>(keys::dead(queue, sequence));
    const auto run = run_at(turn, queue, sequence);
    if (!dead || !run || sequence < turn.head(queue).floor) return;
    const DeliveryState& state = turn.delivery(queue);
    if (is_settled(turn, queue, state, sequence)) return;
    const auto exception = load_exception(turn, queue, state.generation, sequence);
    if (exception && exception->state != Exception::State::ready) return;
    if (leave_for_source(turn, queue, run->message(sequence), *dead)) {
        settle_unleased(turn, queue, sequence);
    }
}

void redrive_range(Turn& turn, ObjectNo queue, RedriveRow& row) {
    row.next = std::max(row.next, turn.delivery(queue).cursor);
    while (row.next < row.end && turn.budget_left()) redrive_one(turn, queue, row.next++);
}

void redrive_named(Turn& turn, ObjectNo queue, RedriveRow& row) {
    std::size_t done = 0;
    while (done < row.sequences.size() && turn.budget_left()) {
        redrive_one(turn, queue, row.sequences[done++]);
    }
    row.sequences.erase(row.sequences.begin(),
                        row.sequences.begin() + static_cast<std::ptrdiff_t>(done));
}

}  // namespace

model::Reply start_redrive(Turn& turn, const model::Redrive& command) {
    if (!turn.queue(command.queue)) return no_queue(command.queue);
    const LogHead& head = turn.head(command.queue);
    const DeliveryState& state = turn.delivery(command.queue);
    // What an earlier redrive has not got to stays to be done.
    auto row = turn.load<RedriveRow>(keys::redrive(command.queue)).value_or(RedriveRow{});
    if (command.sequences.empty()) {
        row.next = state.cursor;
        row.end = head.end;
        row.sequences.clear();
    } else {
        row.sequences.insert(
            row.sequences.end(), command.sequences.begin(), command.sequences.end());
    }
    const std::uint64_t fresh = head.end - std::max(state.next, head.floor) - state.holes;
    const std::uint64_t items =
        command.sequences.empty() ? fresh + state.ready : command.sequences.size();
    turn.put(keys::redrive(command.queue), encode(row));
    arm_timer(turn, turn.now(), TimerKind::redrive, command.queue, 0);
    return model::Started{items};
}

void continue_redrive(Turn& turn, ObjectNo queue) {
    auto row = turn.load<RedriveRow>(keys::redrive(queue));
    if (!row || !turn.queue(queue)) return;
    turn.flush_run(queue);
    redrive_range(turn, queue, *row);
    redrive_named(turn, queue, *row);
    if (row->next < row->end || !row->sequences.empty()) {
        turn.put(keys::redrive(queue), encode(*row));
        arm_timer(turn, turn.now(), TimerKind::redrive, queue, 0);
    } else {
        turn.erase(keys::redrive(queue));
    }
}

}  // namespace penstock::core
