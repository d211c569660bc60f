#include "broker/core/leases.h"

#include "broker/base/bytes.h"
#include "broker/base/planted.h"
#include "broker/core/dead_letters.h"
#include "broker/core/delivery.h"
#include "broker/core/lanes.h"
#include "broker/core/message_log.h"
#include "broker/core/queue_messages.h"
#include "broker/core/receipts.h"
#include "broker/core/refusals.h"
#include "broker/core/time_to_live.h"
#include "broker/core/timers.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace penstock::core {

using model::Reason;

namespace {

// What one command leases, until when.
struct Grant {
    TimeMs due_ms = 0;
    std::uint32_t max = 0;
    model::Leased reply;
    std::vector<OpenReceipt> leases;

    [[nodiscard]] bool full() const { return leases.size() >= max; }
};

// One message becomes leased; the caller arms one timer for all of the command.
void grant_lease(Turn& turn,
                 ObjectNo queue,
                 Sequence sequence,
                 const Run& run,
                 Exception exception,
                 Grant& grant) {
    DeliveryState& state = turn.delivery(queue);
    exception.state = Exception::State::leased;
    exception.count += 1;
    exception.due_ms = grant.due_ms;
    if (exception.first_ms == 0) exception.first_ms = turn.now();
    exception.tag = static_cast<std::uint32_t>(++state.leases) & lease_tag_mask;
    put_exception(turn, queue, state.generation, sequence, exception);
    ++state.exceptions;
    model::LeasedMessage leased;
    leased.message = run.id(sequence);
    leased.body = run.body(sequence);
    leased.sequence = sequence;
    leased.receipt = seal_receipt(turn.globals(), queue, sequence, exception.tag);
    leased.enqueued_ms = run.sent_ms > 0 ? run.sent_ms : run.time_ms;
    leased.next_visible_ms = grant.due_ms;
    leased.first_leased_ms = exception.first_ms;
    leased.receives = exception.count;
    grant.reply.messages.push_back(std::move(leased));
    grant.leases.push_back({sequence, exception.tag});
}

// Messages whose lease ended come before fresh ones: they are older.
void lease_ready(Turn& turn, ObjectNo queue, Grant& grant) {
    DeliveryState& state = turn.delivery(queue);
    if (state.ready == 0) return;
    std::vector<Sequence> found;
    turn.scan(keys::ready(queue, state.generation, state.ready_low),
              keys::ready(queue, state.generation, sequence_end),
              [&](std::string_view key, std::string_view) {
                  found.push_back(keys::last_u64(key));
                  return found.size() < grant.max;
              });
    for (const Sequence sequence : found) {
        erase_ready(turn, queue, sequence);
        state.ready_low = sequence + 1;
        auto exception = load_exception(turn, queue, state.generation, sequence);
        const auto run = run_at(turn, queue, sequence);
        if (!exception || !run) continue;
        grant_lease(turn, queue, sequence, *run, std::move(*exception), grant);
    }
}

// How many fresh messages may be looked at. Where order is kept some are only set aside.
std::size_t fresh_max(const QueueConfig& config, const DeliveryState& state, std::size_t wanted) {
    if (!config.attributes.ordered) return wanted;
    return std::min(parked_per_queue_max - state.parked, looked_at_per_lease_max);
}

// Those from the first that was never leased on, with so many messages if there are. Many leases of
// an entry take from one run: the one read last is kept in hand.
std::vector<Run> fresh_runs(Turn& turn,
                            ObjectNo queue,
                            const DeliveryState& state,
                            std::size_t wanted) {
    const auto fresh_of = [&state](const Run& run) {
        return static_cast<std::size_t>(run.last() - std::max(run.first, state.next) + 1);
    };
    const Run* known = turn.known_run(queue, state.next);
    if (known != nullptr && fresh_of(*known) >= wanted) return std::vector<Run>(1, *known);
    std::vector<Run> runs;
    std::size_t seen = 0;
    scan_runs(turn, queue, state.next, [&](const Run& run) {
        seen += fresh_of(run);
        runs.push_back(run);
        return seen < wanted && runs.size() < Turn::job_items_per_entry_max;
    });
    if (!runs.empty()) turn.know_run(queue, runs.back());
    return runs;
}

void lease_fresh(Turn& turn, ObjectNo queue, const QueueConfig& config, Grant& grant) {
    DeliveryState& state = turn.delivery(queue);
    if (grant.full() || state.next >= turn.head(queue).end) return;
    std::size_t fresh_left = fresh_max(config, state, grant.max - grant.leases.size());
    const std::vector<Run> runs = fresh_runs(turn, queue, state, fresh_left + state.holes);
    BlockReader settled(turn, BlockReader::Kind::settled, queue, state.generation);
    for (const Run& run : runs) {
        for (Sequence at = std::max(run.first, state.next); at <= run.last(); ++at) {
            if (grant.full() || fresh_left == 0) return;
            state.next = at + 1;
            if (state.holes > 0 && settled.has(at)) {
                --state.holes;
                continue;
            }
            --fresh_left;
            Exception exception;
            exception.key = lane_of(config, run.key(at));
            if (must_wait(turn, queue, exception.key, at)) {
                park(turn, queue, at, std::move(exception));
                continue;
            }
            grant_lease(turn, queue, at, run, std::move(exception), grant);
        }
    }
}

void arm_lease_timer(Turn& turn,
                     ObjectNo queue,
                     TimeMs due_ms,
                     const std::vector<OpenReceipt>& leases) {
    DeliveryState& state = turn.delivery(queue);
    std::string value;
    Writer writer(value);
    writer.varint(state.generation);
    for (const OpenReceipt& one : leases) {
        writer.varint(one.sequence);
        writer.varint(one.tag);
    }
    // The count of leases is unique per queue: two timers of one due time never share a key.
    arm_timer(turn, due_ms, TimerKind::lease, queue, state.leases, std::move(value));
}

// The exception of a receipt that is valid now.
std::optional<Exception> valid_lease(Turn& turn, ObjectNo queue, const OpenReceipt& receipt) {
    const DeliveryState& state = turn.delivery(queue);
    auto exception = load_exception(turn, queue, state.generation, receipt.sequence);
    const bool expired = exception && exception->state == Exception::State::ready;
    if (!exception ||
        (exception->state != Exception::State::leased && !(expired && planted(K28)))) {
        return {};
    }
    if (exception->tag != receipt.tag && !planted(K13)) return {};
    if (exception->due_ms <= turn.now() && !planted(K28)) return {};
    return exception;
}

// Ends one lease: dead letter if the policy says so, else visible again.
void end_lease(Turn& turn, ObjectNo queue, Sequence sequence, Exception exception) {
    DeliveryState& state = turn.delivery(queue);
    const QueueConfig& config = *turn.queue(queue);
    --state.exceptions;
    const auto run = run_at(turn, queue, sequence);
    if (sequence < turn.head(queue).floor || !run) {  // expired while it was leased
        erase_exception(turn, queue, state.generation, sequence);
        leave_lane(turn, queue, config, exception.key, sequence);
        return;
    }
    const auto& policy = config.attributes.dead_letter;
    const bool received_too_often = policy &&
                                    policy->kind == model::DeadLetterPolicy::Kind::receives &&
                                    exception.count >= policy->max_receives;
    const bool old = too_old(turn, config, state, run->time_ms);
    if (received_too_often || old) {
        DeadInfo dead;
        dead.source = queue;
        dead.source_name = config.name;
        dead.failure = old ? model::Failure::time_to_live : model::Failure::receives;
        dead.attempts = exception.count;
        dead.first_logged_ms = run->time_ms;
        const Moved moved = move_to_dead_letter(turn,
                                                policy->queue,
                                                run->message(sequence),
                                                std::move(dead),
                                                letter_sender(turn, queue, sequence));
        if (moved == Moved::here || planted(K14)) {
            erase_exception(turn, queue, state.generation, sequence);
            mark_settled(turn, queue, sequence, turn.head(queue).end);
            release_consumed(turn, queue, config);
            leave_lane(turn, queue, config, exception.key, sequence);
            return;
        }
        if (moved == Moved::under_way) {
            exception.state = Exception::State::moving;
            put_exception(turn, queue, state.generation, sequence, exception);
            ++state.exceptions;
            return;
        }
    }
    come_back(turn, queue, sequence, std::move(exception));
    arm_time_to_live(turn, queue, config, run->time_ms);
}

}  // namespace

model::Reply lease(Turn& turn, const model::Lease& command) {
    const QueueConfig* config = turn.queue(command.queue);
    if (!config) return no_queue(command.queue);
    if (config->attributes.paused) return model::Leased{};
    const TimeMs visibility = command.visibility_ms > 0
                                  ? TimeMs{command.visibility_ms}
                                  : TimeMs{1000} * config->attributes.visibility_s;
    Grant grant{turn.now() + visibility, command.messages_max, {}, {}};
    turn.flush_run(command.queue);
    lease_ready(turn, command.queue, grant);
    lease_fresh(turn, command.queue, *config, grant);
    if (!grant.leases.empty()) arm_lease_timer(turn, command.queue, grant.due_ms, grant.leases);
    return std::move(grant.reply);
}

model::Reply delete_messages(Turn& turn, const model::DeleteMessages& command) {
    const QueueConfig* config = turn.queue(command.queue);
    if (!config) return no_queue(command.queue);
    DeliveryState& state = turn.delivery(command.queue);
    model::Deleted out;
    for (const model::Receipt receipt : command.receipts) {
        const OpenReceipt open = open_receipt(turn.globals(), command.queue, receipt);
        const auto lease = valid_lease(turn, command.queue, open);
        out.removed.push_back(lease.has_value());
        if (!lease) continue;
        erase_exception(turn, command.queue, state.generation, open.sequence);
        --state.exceptions;
        // A message that expired while it was leased lies below the cursor already.
        if (open.sequence >= state.cursor) {
            mark_settled(turn, command.queue, open.sequence, turn.head(command.queue).end);
        }
        leave_lane(turn, command.queue, *config, lease->key, open.sequence);
    }
    release_consumed(turn, command.queue, *config);
    return out;
}

model::Reply change_visibility(Turn& turn, const model::ChangeVisibility& command) {
    if (!turn.queue(command.queue)) return no_queue(command.queue);
    const OpenReceipt open = open_receipt(turn.globals(), command.queue, command.receipt);
    auto exception = valid_lease(turn, command.queue, open);
    if (!exception) {
        return refuse(Reason::receipt_invalid,
                      "receiptHandle",
                      "the receipt handle is not, or no longer, valid");
    }
    DeliveryState& state = turn.delivery(command.queue);
    if (command.visibility_ms == 0) {
        turn.flush_run(command.queue);
        end_lease(turn, command.queue, open.sequence, std::move(*exception));
        return model::Done{};
    }
    exception->due_ms = turn.now() + command.visibility_ms;
    put_exception(turn, command.queue, state.generation, open.sequence, *exception);
    ++state.leases;
    arm_lease_timer(turn, command.queue, exception->due_ms, {open});
    return model::Done{};
}

model::Reply give_back(Turn& turn, const model::GiveBack& command) {
    if (!turn.queue(command.queue)) return no_queue(command.queue);
    DeliveryState& state = turn.delivery(command.queue);
    const TimeMs due_ms = turn.now() + command.pause_ms;
    std::vector<OpenReceipt> given;
    for (const model::Receipt receipt : command.receipts) {
        const OpenReceipt open = open_receipt(turn.globals(), command.queue, receipt);
        auto exception = valid_lease(turn, command.queue, open);
        if (!exception) continue;
        exception->count -= 1;
        if (exception->count == 0) exception->first_ms = 0;
        exception->due_ms = due_ms;
        exception->tag = static_cast<std::uint32_t>(++state.leases) & lease_tag_mask;
        put_exception(turn, command.queue, state.generation, open.sequence, *exception);
        given.push_back({open.sequence, exception->tag});
    }
    if (!given.empty()) arm_lease_timer(turn, command.queue, due_ms, given);
    return model::Done{};
}

void leases_expired(Turn& turn, ObjectNo queue, std::string_view value) {
    if (!turn.queue(queue)) return;
    turn.flush_run(queue);
    Reader reader(value);
    const auto generation = static_cast<Generation>(reader.varint());
    if (generation != turn.delivery(queue).generation) return;
    while (reader.left() > 0) {
        const Sequence sequence = reader.varint();
        const auto tag = static_cast<std::uint32_t>(reader.varint());
        turn.spend(1);
        auto exception = load_exception(turn, queue, generation, sequence);
        if (!exception || exception->state != Exception::State::leased || exception->tag != tag ||
            exception->due_ms > turn.now()) {
            continue;
        }
        end_lease(turn, queue, sequence, std::move(*exception));
    }
}

}  // namespace penstock::core
