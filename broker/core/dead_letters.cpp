#include "broker/core/dead_letters.h"

#include "broker/core/delivery.h"
#include "broker/core/message_log.h"
#include "broker/core/queue_messages.h"
#include "broker/core/refusals.h"
#include "broker/core/settle.h"
#include "broker/core/timers.h"

#include <algorithm>

namespace penstock::core {

bool move_to_dead_letter(Turn& turn, ObjectNo target, MessageId message, DeadInfo dead) {
    const QueueConfig* config = turn.queue(target);
    if (!config || !has_room(turn, target, *config, 1)) return false;
    dead.died_ms = turn.now();
    const Sequence sequence = append_to_queue(turn, target, *config, message);
    turn.put(keys::dead(target, sequence), encode(dead));
    return true;
}

namespace {

// Back to its source: a subscription tries it anew, a queue gets it as a fresh message.
bool send_back(Turn& turn, MessageId message, const DeadInfo& dead) {
    if (turn.subscription(dead.source)) {
        redeliver(turn, dead.source, message, dead.first_logged_ms);
        return true;
    }
    const QueueConfig* source = turn.queue(dead.source);
    if (!source || !has_room(turn, dead.source, *source, 1)) return false;
    append_to_queue(turn, dead.source, *source, message);
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
    if (exception && exception->state == Exception::State::leased) return;
    if (send_back(turn, run->id(sequence), *dead)) settle_unleased(turn, queue, sequence);
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
