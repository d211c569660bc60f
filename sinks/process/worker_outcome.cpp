#include "sinks/process/worker_outcome.h"

#include "sinks/worker/wording.h"

#include <utility>

namespace penstock::sinks::process {
namespace {

worker::Outcome failed(model::Verdict verdict, model::Failure failure, std::string_view why) {
    worker::Outcome outcome;
    outcome.result.verdict = verdict;
    outcome.result.failure = failure;
    outcome.result.excerpt = worker::one_line(why, model::attempt_excerpt_bytes_max);
    return outcome;
}

}  // namespace

worker::Outcome outcome_of(worker::Answer answer,
                           worker::Published published,
                           const std::string& problem) {
    using model::Failure;
    using model::Verdict;
    if (!problem.empty()) {
        return failed(
            Verdict::retry,
            Failure::handler,
            "the answer is malformed: " + problem + R"(; {"id":"...","ok":true} is expected)");
    }
    if (!answer.ok) {
        if (answer.error.empty()) answer.error = R"(it answered "ok":false without "error")";
        const Verdict verdict = answer.dead ? Verdict::rejected : Verdict::retry;
        worker::Outcome outcome = failed(verdict, Failure::handler, answer.error);
        outcome.result.retry_after_ms = answer.retry_after_ms;
        return outcome;
    }
    if (!published.problem.empty()) {
        return failed(Verdict::retry, Failure::output_refused, published.problem);
    }
    worker::Outcome outcome;
    outcome.value = std::move(answer.result);
    if (!published.outputs.empty()) {
        outcome.result.effects.emplace();
        outcome.result.effects->outputs = std::move(published.outputs);
    }
    return outcome;
}

}  // namespace penstock::sinks::process
