#include "broker/core/transactions.h"

#include "broker/base/planted.h"
#include "broker/core/delays.h"
#include "broker/core/queue_messages.h"
#include "broker/core/refusals.h"
#include "broker/core/timers.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace penstock::core {

using model::ConfirmResult;
using model::Reason;

namespace {

using State = TransactionRow::State;

TransactionTotals totals_of(const Turn& turn, ObjectNo queue) {
    return turn.load<TransactionTotals>(keys::transaction_totals(queue))
        .value_or(TransactionTotals{});
}

void put_totals(Turn& turn, ObjectNo queue, const TransactionTotals& totals) {
    turn.put(keys::transaction_totals(queue), encode(totals));
}

// Only the timer that was armed last counts.
void put_armed(Turn& turn, ObjectNo queue, MessageId message, TransactionRow& row, TimeMs due_ms) {
    row.due_ms = std::max(due_ms, turn.now());
    turn.put(keys::transaction(queue, message), encode(row));
    arm_timer(turn, row.due_ms, TimerKind::transaction, queue, message.value);
}

TimeMs kept_until(const QueueConfig& config, const TransactionRow& row) {
    return row.sent_ms + TimeMs{1000} * config.attributes.retention_s;
}

// The next check, or the end after the last one; never after the retention's.
void wait_for_confirmation(
    Turn& turn, ObjectNo queue, const QueueConfig& config, MessageId message, TransactionRow& row) {
    row.state = State::waiting;
    const TimeMs due_ms = std::min(turn.now() + row.interval_ms, kept_until(config, row));
    put_armed(turn, queue, message, row, due_ms);
}

void end(Turn& turn, ObjectNo queue, MessageId message, TransactionRow row, State state) {
    TransactionTotals totals = totals_of(turn, queue);
    --totals.open;
    if (row.state == State::asking) {
        --totals.asking;
        turn.erase(keys::transaction_check(queue, message));
    }
    if (state == State::committed || (planted(K38) && state == State::unconfirmed)) {
        ++totals.committed;
        const MessageRef committed{message, row.body, row.key};
        append_to_queue(turn, queue, *turn.queue(queue), committed, row.sent_ms);
    } else {
        ++(state == State::rolled_back ? totals.rolled_back : totals.unconfirmed);
    }
    put_totals(turn, queue, totals);
    turn.drop(row.body);
    row.body = {};
    row.state = state;
    put_armed(turn, queue, message, row, turn.now() + outcome_kept_ms);
}

ConfirmResult confirm_one(Turn& turn,
                          ObjectNo queue,
                          const model::ConfirmTransactions::Item& item) {
    const auto row = turn.load<TransactionRow>(keys::transaction(queue, item.message));
    if (!row || row->clears != turn.head(queue).clears) return ConfirmResult::unknown;
    if (row->open()) {
        end(turn, queue, item.message, *row, item.commit ? State::committed : State::rolled_back);
        return ConfirmResult::done;
    }
    const bool committed = row->state == State::committed;
    return committed == item.commit ? ConfirmResult::done : ConfirmResult::otherwise;
}

std::optional<model::Refusal> refuse_prepare(Turn& turn, const model::Prepare& command) {
    model::Send send;
    send.queue = command.queue;
    send.first_ordinal = command.first_ordinal;
    send.count = command.count;
    if (auto refusal = refuse_send(turn, send, command.count)) return refusal;
    const QueueConfig& config = *turn.queue(command.queue);
    if (!config.attributes.transaction) return not_transactional(config.name);
    if (open_transactions(turn, command.queue) + command.count <= prepared_per_queue_max) return {};
    return refuse(
        Reason::too_many_delayed,
        config.name,
        "at most " + std::to_string(prepared_per_queue_max) + " prepared messages are held here");
}

// Rows of before the clear come first: ids rise.
void sweep(Turn& turn, ObjectNo queue) {
    const bool gone = turn.queue(queue) == nullptr;
    std::vector<std::pair<MessageId, TransactionRow>> stale;
    turn.scan(keys::prefix('T', queue),
              keys::prefix_end('T', queue),
              [&](std::string_view key, std::string_view value) {
                  auto row = decode<TransactionRow>(value);
                  if (!gone && row.clears == turn.head(queue).clears) return false;
                  stale.emplace_back(MessageId(keys::last_u64(key)), std::move(row));
                  return stale.size() < Turn::job_items_per_entry_max;
              });
    for (const auto& [message, row] : stale) {
        if (row.open()) turn.drop(row.body);
        turn.erase(keys::transaction(queue, message));
    }
    turn.spend(static_cast<std::uint32_t>(stale.size()));
    if (stale.size() < Turn::job_items_per_entry_max) return;
    arm_timer(turn, turn.now(), TimerKind::transaction, queue, 0);
}

}  // namespace

std::uint64_t open_transactions(const Turn& turn, ObjectNo queue) {
    return totals_of(turn, queue).open;
}

model::Reply prepare(Turn& turn, const model::Prepare& command) {
    if (auto repeated = repeated_send(turn, command.queue, command.dedup_key)) return *repeated;
    if (auto refusal = refuse_prepare(turn, command)) return *refusal;
    const QueueConfig& config = *turn.queue(command.queue);
    const std::uint32_t interval_s = command.first_query_s > 0
                                         ? command.first_query_s
                                         : config.attributes.transaction->first_query_s;
    model::Sent sent;
    for (std::uint32_t at = 0; at < command.count; ++at) {
        const MessageId message = own_message(turn, command.first_ordinal + at);
        sent.ids.push_back(message);
        turn.hold(message);
        TransactionRow row;
        row.sent_ms = turn.now();
        row.interval_ms = TimeMs{1000} * interval_s;
        row.clears = turn.head(command.queue).clears;
        row.body = message;
        row.key = key_of_body(turn, command.first_ordinal + at);
        wait_for_confirmation(turn, command.queue, config, message, row);
    }
    TransactionTotals totals = totals_of(turn, command.queue);
    totals.open += command.count;
    put_totals(turn, command.queue, totals);
    remember_send(turn, command.queue, command.dedup_key, sent);
    return sent;
}

model::Reply confirm(Turn& turn, const model::ConfirmTransactions& command) {
    const QueueConfig* config = turn.queue(command.queue);
    if (!config) return no_queue(command.queue);
    if (!config->attributes.transaction) return not_transactional(config->name);
    model::Confirmed confirmed;
    for (const model::ConfirmTransactions::Item& item : command.items) {
        confirmed.results.push_back(confirm_one(turn, command.queue, item));
    }
    return confirmed;
}

model::Reply take_checks(Turn& turn, const model::TakeChecks& command) {
    const QueueConfig* config = turn.queue(command.queue);
    if (!config) return no_queue(command.queue);
    if (!config->attributes.transaction) return not_transactional(config->name);
    model::ChecksTaken taken;
    std::vector<MessageId> due;
    turn.scan(keys::prefix('E', command.queue),
              keys::prefix_end('E', command.queue),
              [&](std::string_view key, std::string_view) {
                  due.emplace_back(keys::last_u64(key));
                  return due.size() < command.max;
              });
    if (due.empty()) return taken;
    for (const MessageId message : due) {
        turn.erase(keys::transaction_check(command.queue, message));
        auto row = turn.load<TransactionRow>(keys::transaction(command.queue, message)).value();
        row.checks += planted(K39) ? 0 : 1;
        wait_for_confirmation(turn, command.queue, *config, message, row);
        taken.items.push_back({message, row.checks});
    }
    TransactionTotals totals = totals_of(turn, command.queue);
    totals.asking -= due.size();
    put_totals(turn, command.queue, totals);
    return taken;
}

void transaction_due(Turn& turn, ObjectNo queue, MessageId message, TimeMs due_ms) {
    if (message.value == 0) return sweep(turn, queue);
    auto row = turn.load<TransactionRow>(keys::transaction(queue, message));
    if (!row || row->due_ms != due_ms) return;
    const QueueConfig* config = turn.queue(queue);
    // What a clear or the end of the queue leaves is the sweep's.
    if (!config || row->clears != turn.head(queue).clears) return;
    if (!row->open()) return turn.erase(keys::transaction(queue, message));
    const bool asked_enough =
        row->state == State::waiting && row->checks >= config->attributes.transaction->queries_max;
    if (asked_enough || turn.now() >= kept_until(*config, *row)) {
        end(turn, queue, message, *row, State::unconfirmed);
        return turn.unconfirmed(queue, message);
    }
    // Nobody has taken its check; the queue keeps it longer than it did.
    if (row->state == State::asking) {
        return put_armed(turn, queue, message, *row, kept_until(*config, *row));
    }
    row->state = State::asking;
    turn.put(keys::transaction_check(queue, message), "");
    TransactionTotals totals = totals_of(turn, queue);
    ++totals.asking;
    put_totals(turn, queue, totals);
    put_armed(turn, queue, message, *row, kept_until(*config, *row));
    turn.check_due(queue);
}

void forget_transactions(Turn& turn, ObjectNo queue) {
    const auto totals = turn.load<TransactionTotals>(keys::transaction_totals(queue));
    if (!totals) return;
    turn.erase_range(keys::prefix('E', queue), keys::prefix_end('E', queue));
    if (turn.queue(queue) == nullptr) {
        turn.erase(keys::transaction_totals(queue));
    } else {
        TransactionTotals left = *totals;
        left.open = 0;
        left.asking = 0;
        put_totals(turn, queue, left);
    }
    arm_timer(turn, turn.now(), TimerKind::transaction, queue, 0);
    turn.check_due(queue);  // who waits for checks learns that the queue is gone
}

}  // namespace penstock::core
