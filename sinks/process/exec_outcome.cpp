#include "sinks/process/exec_outcome.h"

#include "sinks/worker/conversation.h"
#include "sinks/worker/wording.h"

#include <utility>

namespace penstock::sinks::process {

using model::Failure;
using model::Verdict;
using worker::ProcessEnd;

namespace {

constexpr int exit_data = 65;        // sysexits.h: EX_DATAERR
constexpr int exit_permanent = 100;  // what mail delivery agents use for it

constexpr std::uint32_t deferral_ms = 500;

AttemptResult made(Verdict verdict, Failure failure, std::string excerpt) {
    AttemptResult result;
    result.verdict = verdict;
    result.failure = failure;
    result.excerpt = worker::one_line(excerpt, model::attempt_excerpt_bytes_max);
    return result;
}

AttemptResult broken(const api::Target& target, const ProcessEnd& end) {
    const std::string text =
        worker::configuration_problem(target, target.spec.function.command, end);
    AttemptResult result = made(Verdict::not_attempted, Failure::configuration, text);
    result.retry_after_ms = worker::disabled_pause_ms;
    result.disable = text;
    return result;
}

AttemptResult deferred(const std::string& place, const ProcessEnd& end) {
    AttemptResult result =
        made(Verdict::not_attempted, Failure::no_worker, place + ": its process " + shown_end(end));
    result.retry_after_ms = deferral_ms;
    return result;
}

}  // namespace

AttemptResult exec_outcome(const api::Target& target,
                           const api::Delivery& delivery,
                           const ExecEnd& run) {
    const ProcessEnd& end = run.end;
    const std::string place = worker::shown_place(target, &delivery);
    if (end.kind == ProcessEnd::Kind::lost) return deferred(place, end);
    if (run.timed_out) {
        return made(Verdict::retry,
                    Failure::timeout,
                    place + ": not done within " + worker::shown_time(target.spec.timeout_ms) +
                        " and ended; do less at a time or raise --timeout");
    }
    if (worker::is_configuration(end)) return broken(target, end);
    if (end.kind == ProcessEnd::Kind::not_started) return deferred(place, end);
    if (end.kind == ProcessEnd::Kind::signalled || end.out_of_memory) {
        return made(Verdict::retry,
                    Failure::crash,
                    place + ": " + worker::shown_command(target.spec.function.command) + " " +
                        worker::shown_end(end) + worker::last_words(run.tail));
    }
    if (end.code == 0) return {};
    const bool dead = end.code == exit_data || end.code == exit_permanent;
    return made(dead ? Verdict::rejected : Verdict::retry,
                Failure::handler,
                worker::shown_end(end) + worker::last_words(run.tail));
}

}  // namespace penstock::sinks::process
