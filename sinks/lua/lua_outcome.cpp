#include "sinks/lua/lua_outcome.h"

#include "sinks/worker/wording.h"

#include <string>
#include <utility>

namespace penstock::sinks::lua {
namespace {

using model::Failure;
using model::Verdict;

model::KvWrite make_write(worker::Write write) {
    model::KvWrite made;
    made.kind = static_cast<model::KvWrite::Kind>(write.kind);
    made.key = std::move(write.key);
    made.value = std::move(write.value);
    made.amount = write.amount;
    made.ttl_ms = write.ttl_ms;
    return made;
}

// What the core would refuse; empty: nothing.
std::string excess(const worker::Answer& answer, std::size_t outputs) {
    if (outputs > model::outputs_per_message_max) {
        return "more than " + std::to_string(model::outputs_per_message_max) +
               " messages published for one";
    }
    if (answer.writes.size() > model::kv_writes_per_message_max) {
        return "more than " + std::to_string(model::kv_writes_per_message_max) +
               " kv writes for one message";
    }
    if (answer.reads.size() > model::kv_reads_per_message_max) {
        return "more than " + std::to_string(model::kv_reads_per_message_max) +
               " kv reads for one message";
    }
    return {};
}

worker::Outcome refusal(const worker::Answer& answer) {
    const std::string_view unsaid = answer.dead ? "the script gave the message up without a reason"
                                                : "the script failed without a reason";
    worker::Outcome outcome =
        failed_outcome(answer.dead ? Verdict::rejected : Verdict::retry,
                       Failure::handler,
                       answer.error.empty() ? unsaid : std::string_view(answer.error));
    outcome.result.retry_after_ms = answer.dead ? 0 : answer.retry_after_ms;
    return outcome;
}

}  // namespace

worker::Outcome failed_outcome(Verdict verdict, Failure failure, std::string_view excerpt) {
    worker::Outcome outcome;
    outcome.result.verdict = verdict;
    outcome.result.failure = failure;
    outcome.result.excerpt = worker::one_line(excerpt, model::attempt_excerpt_bytes_max);
    return outcome;
}

worker::Outcome outcome_of(worker::Answer answer,
                           std::vector<api::HandlerOutput> outputs,
                           std::string_view role) {
    if (!answer.ok) return refusal(answer);
    worker::Outcome outcome;
    if (answer.dropped) outcome.result.verdict = Verdict::discarded;
    const std::string too_much = excess(answer, outputs.size());
    if (!too_much.empty()) {
        return failed_outcome(Verdict::retry, Failure::output_refused, too_much);
    }
    const bool transforms = role == "transform";
    const bool silent =
        answer.result.empty() ? answer.result_bytes.empty() : answer.result == "null";
    if (transforms && silent && !answer.dropped) {
        return failed_outcome(
            Verdict::retry,
            Failure::handler,
            "the transform returned nothing: it must return the new body, or ctx.drop()");
    }
    if (!answer.dropped) {
        outcome.value = transforms ? worker::result_body(answer) : std::move(answer.result);
    }
    if (outputs.empty() && answer.writes.empty() && answer.reads.empty()) return outcome;
    api::HandlerEffects& effects = outcome.result.effects.emplace();
    effects.outputs = std::move(outputs);
    for (worker::Write& write : answer.writes)
        effects.writes.push_back(make_write(std::move(write)));
    for (worker::Read& read : answer.reads) {
        effects.reads.push_back({std::move(read.key), read.version});
    }
    return outcome;
}

}  // namespace penstock::sinks::lua
