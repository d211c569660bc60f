#include "broker/core/handler_commit.h"

#include "broker/base/check.h"
#include "broker/core/kv.h"
#include "broker/core/queue_messages.h"
#include "broker/core/topics.h"

#include <map>

namespace penstock::core {

namespace {

model::Send as_send(const model::Output& output) {
    model::Send command;
    command.queue = output.target;
    command.first_ordinal = output.ordinal;
    command.delay_ms = output.delay_ms;
    return command;
}

model::Publish as_publish(const model::Output& output) {
    model::Publish command;
    command.topic = output.target;
    command.first_ordinal = output.ordinal;
    command.delay_ms = output.delay_ms;
    return command;
}

}  // namespace

std::optional<model::Refusal> check_commit(Turn& turn,
                                           ObjectNo subscription,
                                           const model::HandlerCommit& commit) {
    // Several outputs to one place need room together.
    std::map<ObjectNo, std::uint32_t> outputs;
    for (const model::Output& output : commit.outputs) {
        const std::uint32_t more = ++outputs[output.target];
        auto refusal = output.to_queue ? refuse_send(turn, as_send(output), more)
                                       : refuse_publish(turn, as_publish(output), more);
        if (refusal) return refusal;
    }
    return check_writes(turn, subscription, commit.writes);
}

// What goes to queues directly comes first: it was promised its room, while a topic that feeds the
// same queue finds it full and lets its message wait.
void apply_commit(Turn& turn, ObjectNo subscription, const model::HandlerCommit& commit) {
    for (const bool queues : {true, false}) {
        for (const model::Output& output : commit.outputs) {
            if (output.to_queue != queues) continue;
            const model::Reply reply =
                queues ? send(turn, as_send(output)) : publish(turn, as_publish(output));
            check(std::holds_alternative<model::Sent>(reply), "a checked output was refused");
        }
    }
    apply_writes(turn, subscription, commit.writes);
}

}  // namespace penstock::core
