#include "broker/core/handler_commit.h"

#include "broker/base/check.h"
#include "broker/core/kv.h"
#include "broker/core/outbox.h"
#include "broker/core/queue_messages.h"
#include "broker/core/topics.h"

#include <map>

namespace penstock::core {

namespace {

model::Send as_send(const model::Output& output) {
    model::Send command;
    command.queue = output.target.number;
    command.first_ordinal = output.ordinal;
    command.delay_ms = output.delay_ms;
    return command;
}

model::Publish as_publish(const model::Output& output) {
    model::Publish command;
    command.topic = output.target.number;
    command.first_ordinal = output.ordinal;
    command.delay_ms = output.delay_ms;
    return command;
}

void send_elsewhere(Turn& turn, ObjectNo subscription, const model::Output& output) {
    OutboxRow row;
    row.kind = output.to_queue ? model::TransferKind::send : model::TransferKind::publish;
    row.object = output.target.number;
    row.message = own_message(turn, output.ordinal);
    row.body = row.message;
    if (output.delay_ms > 0) row.not_before_ms = turn.now() + TimeMs(output.delay_ms);
    row.origin = Origin::output;
    row.from = subscription;
    put_outbox(turn, output.target.set, std::move(row));
}

}  // namespace

std::optional<model::Refusal> check_commit(Turn& turn,
                                           ObjectNo subscription,
                                           const model::HandlerCommit& commit) {
    // Several outputs to one place, or set, need room together.
    std::map<model::Place, std::uint32_t> outputs;
    for (const model::Output& output : commit.outputs) {
        const bool here = turn.here(output.target);
        const std::uint32_t more =
            ++outputs[here ? output.target.number : model::Place(output.target.set, {})];
        auto refusal = !here             ? refuse_outbox(turn, output.target.set, more)
                       : output.to_queue ? refuse_send(turn, as_send(output), more)
                                         : refuse_publish(turn, as_publish(output), more);
        if (refusal) return refusal;
    }
    return check_writes(turn, subscription, commit.writes);
}

// What goes to queues directly comes first: it was promised its room, while a topic that feeds the
// same queue finds it full and lets its message wait.
void apply_commit(Turn& turn, ObjectNo subscription, const model::HandlerCommit& commit) {
    for (const model::Output& output : commit.outputs) {
        if (!turn.here(output.target)) send_elsewhere(turn, subscription, output);
    }
    for (const bool queues : {true, false}) {
        for (const model::Output& output : commit.outputs) {
            if (output.to_queue != queues || !turn.here(output.target)) continue;
            const model::Reply reply =
                queues ? send(turn, as_send(output)) : publish(turn, as_publish(output));
            check(std::holds_alternative<model::Sent>(reply), "a checked output was refused");
        }
    }
    apply_writes(turn, subscription, commit.writes);
}

}  // namespace penstock::core
