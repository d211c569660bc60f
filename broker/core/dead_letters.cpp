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
                                        const DeadInfo& dead) {
    if (turn.subscription(source)) {
        redeliver(turn, source, message, {dead.first_logged_ms, dead.redrives + 1, 0});
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
        append_to_queue(turn, row.from, *config, MessageRef{row.message, row.body, row.key});
    turn.put(keys::dead(row.from, sequence), encode(row.dead));
}

namespace {

// A letter that can be taken out of its queue.
struct Letter {
    MessageRef message;
    DeadInfo dead;
};

// Nothing: it is leased, gone, or was sent here directly.
std::optional<Letter> letter_at(Turn& turn, ObjectNo queue, Sequence sequence) {
    const auto dead = turn.load<DeadInfo>(keys::dead(queue, sequence));
    const auto run = run_at(turn, queue, sequence);
    if (!dead || !run || sequence < turn.head(queue).floor) return {};
    const DeliveryState& state = turn.delivery(queue);
    if (is_settled(turn, queue, state, sequence)) return {};
    const auto exception = load_exception(turn, queue, state.generation, sequence);
    if (exception && !is_visible(*exception)) return {};
    return Letter{run->message(sequence), *dead};
}

// Sends a message to where the letter came from; why it cannot be, or nothing.
std::optional<model::Refusal> leave_for_source(Turn& turn,
                                               ObjectNo queue,
                                               const MessageRef& message,
                                               const DeadInfo& dead) {
    if (turn.here(dead.source)) return send_back(turn, message, dead.source.number, dead);
    if (auto refusal = refuse_outbox(turn, dead.source.set, 1)) return refusal;
    OutboxRow row;
    row.kind = model::TransferKind::redrive;
    row.object = dead.source.number;
    row.message = message.id;
    row.body = message.body;
    row.origin = Origin::redrive;
    row.from = queue;
    row.clears = turn.head(queue).clears;
    row.key = message.key;
    row.dead = dead;
    put_outbox(turn, dead.source.set, std::move(row));
    return {};
}

bool leave(Turn& turn, ObjectNo queue, Sequence sequence, const Letter& letter) {
    if (leave_for_source(turn, queue, letter.message, letter.dead)) return false;
    settle_unleased(turn, queue, sequence);
    return true;
}

// Its subscription has enough to do with what was redriven already.
bool source_is_busy(Turn& turn, const DeadInfo& dead) {
    return turn.here(dead.source) && turn.subscription(dead.source.number) &&
           turn.delivery(dead.source.number).redriven_open >= redriven_open_max;
}

}  // namespace

Taken redrive_one(Turn& turn, ObjectNo queue, const JobRow& row, Sequence sequence) {
    turn.spend(1);
    const auto letter = letter_at(turn, queue, sequence);
    if (!letter || letter->dead.redrives >= redrives_max) return Taken::no;
    if (!takes_letter(row.filter, letter->dead)) return Taken::no;
    if (source_is_busy(turn, letter->dead)) return Taken::later;
    return leave(turn, queue, sequence, *letter) ? Taken::yes : Taken::no;
}

void redrive_named(Turn& turn, ObjectNo queue, JobRow& row) {
    std::size_t done = 0;
    while (done < row.sequences.size() && turn.budget_left()) {
        const Sequence sequence = row.sequences[done++];
        turn.spend(1);
        if (const auto letter = letter_at(turn, queue, sequence)) {
            leave(turn, queue, sequence, *letter);
        }
    }
    row.sequences.erase(row.sequences.begin(),
                        row.sequences.begin() + static_cast<std::ptrdiff_t>(done));
}

model::Reply start_redrive(Turn& turn, const model::Redrive& command) {
    const QueueConfig* config = turn.queue(command.queue);
    if (!config) return no_queue(command.queue);
    auto row = turn.load<JobRow>(keys::job(command.queue)).value_or(JobRow{});
    model::Started started{command.sequences.size(), 0};
    if (!command.sequences.empty()) {
        // What an earlier redrive has not got to stays to be done.
        row.sequences.insert(
            row.sequences.end(), command.sequences.begin(), command.sequences.end());
    } else {
        const bool active =
            row.state == model::JobState::running || row.state == model::JobState::paused;
        if (active) return job_running(config->name);
        const LogHead& head = turn.head(command.queue);
        const DeliveryState& state = turn.delivery(command.queue);
        row.kind = model::JobKind::redrive;
        row.filter = command.filter;
        row.rate_per_s = command.rate_per_s;
        begin_job(turn, row, state.cursor, head.end);
        started = {visible_count(head, state), row.number};
    }
    arm_job(turn, command.queue, row, turn.now());
    turn.put(keys::job(command.queue), encode(row));
    return started;
}

model::Reply edit_letter(Turn& turn, const model::EditLetter& command) {
    const QueueConfig* config = turn.queue(command.queue);
    if (!config) return no_queue(command.queue);
    if (auto refusal = check_bodies(turn, command.ordinal, 1, model::edited_bytes_max)) {
        return *refusal;
    }
    turn.flush_run(command.queue);
    const auto letter = letter_at(turn, command.queue, command.sequence);
    if (!letter) {
        return refuse(model::Reason::message_not_found,
                      config->name,
                      "the letter is not there, received by somebody, or was sent here directly");
    }
    const MessageId message = own_message(turn, command.ordinal);
    const MessageRef edited{message, message, key_of_body(turn, command.ordinal)};
    if (auto refusal = leave_for_source(turn, command.queue, edited, letter->dead)) return *refusal;
    settle_unleased(turn, command.queue, command.sequence);
    return model::Sent{{message}, false};
}

}  // namespace penstock::core
