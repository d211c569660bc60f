#include "sinks/process/exec_sink.h"

#include "sinks/worker/envelope.h"
#include "sinks/worker/wording.h"

#include <algorithm>
#include <utility>

namespace penstock::sinks::process {

using model::Failure;
using model::Verdict;

namespace {

constexpr std::uint32_t deferral_ms = 500;
constexpr std::size_t shown_output_bytes = 1'024;

AttemptResult not_attempted(Failure failure, std::string excerpt) {
    AttemptResult result;
    result.verdict = Verdict::not_attempted;
    result.failure = failure;
    result.retry_after_ms = deferral_ms;
    result.excerpt = std::move(excerpt);
    return result;
}

}  // namespace

ExecSink::ExecSink(const worker::Workshop& workshop, ProcessOptions options)
    : workshop_(workshop), options_(std::move(options)) {}

ExecSink::~ExecSink() {
    for (const auto& [subscription, known] : functions_)
        workshop_.log_book.watch(subscription, this, {});
    for (const auto& [number, run] : runs_) run.process->abandon();
}

ExecSink::Function& ExecSink::function(const api::Target& target) {
    const auto [found, is_new] = functions_.try_emplace(target.subscription);
    if (is_new) {
        workshop_.log_book.watch(
            target.subscription, this, [this, subscription = target.subscription]() {
                return status(subscription);
            });
    }
    return found->second;
}

// Why nothing can be started for the message now; nothing: it can.
std::optional<AttemptResult> ExecSink::refusal(const api::Target& target,
                                               const api::Delivery& delivery) const {
    const std::string place = worker::shown_place(target, &delivery);
    const auto refused = refusals_.find(target.subscription);
    if (refused != refusals_.end() && workshop_.clock.steady_us() < refused->second.until_us) {
        return refused->second.result;
    }
    if (stopped_) return not_attempted(Failure::none, "the server stops");
    if (!workshop_.launcher.available()) {
        return not_attempted(Failure::no_worker,
                             place + ": the supervisor of processes is being started again");
    }
    if (runs_.size() < exec_runs_max) return {};
    return not_attempted(Failure::exhausted_resources,
                         place + ": too many processes run at a time");
}

void ExecSink::deliver(const api::Target& target, const api::Delivery& delivery, Done done) {
    if (auto refused = refusal(target, delivery)) {
        if (refused->failure == Failure::no_worker) report_absence(target);
        return done(std::move(*refused));
    }
    const Result<void> started = start(target, delivery, done);
    if (started) return;
    AttemptResult result = not_attempted(Failure::exhausted_resources, started.error().detail);
    if (started.error().code == Errc::invalid) {
        result.failure = Failure::configuration;
        result.disable = result.excerpt;
        disable(target, result);
    }
    done(std::move(result));
}

// Error{invalid}: it never can be. Takes `done` only when it is started.
Result<void> ExecSink::start(const api::Target& target, const api::Delivery& delivery, Done& done) {
    Result<worker::ProcessOrder> order = process_order(target, options_);
    if (!order) return order.error();
    const std::int64_t now_ms = workshop_.clock.wall_ms();
    for (std::string& one :
         worker::message_environment(target, delivery, now_ms + target.spec.timeout_ms)) {
        order->environment.push_back(std::move(one));
    }
    const std::string message = model::to_text(delivery.message);
    const std::uint64_t number = ++last_run_;
    auto process = std::make_shared<ExecRun>(
        workshop_.executor,
        workshop_.launcher,
        [this, message, subscription = target.subscription](std::string_view line) {
            workshop_.log_book.write(subscription, "stderr", message, line);
        },
        [this, number](const ExecEnd& end, const std::string& output) {
            on_ended(number, end, output);
        });
    const bool enveloped = target.spec.function.envelope;
    const std::string envelope =
        enveloped ? worker::encode_event(worker::make_event(target, delivery)) : std::string();
    const std::string_view input = enveloped ? std::string_view(envelope) : delivery.payload;
    const auto timeout = std::chrono::milliseconds(target.spec.timeout_ms);
    const Result<void> started = process->start(std::move(*order), input, timeout);
    if (!started) {
        return error(Errc::unavailable,
                     worker::shown_place(target, &delivery) +
                         ": no process started: " + started.error().detail);
    }
    Function& known = function(target);
    known.starts += 1;
    known.forgotten = false;
    runs_.emplace(number, Run{&target, &delivery, std::move(done), now_ms, std::move(process)});
    return {};
}

void ExecSink::on_ended(std::uint64_t number, const ExecEnd& end, const std::string& output) {
    const auto found = runs_.find(number);
    const Run run = std::move(found->second);
    runs_.erase(found);
    AttemptResult result = exec_outcome(*run.target, *run.delivery, end);
    Function& known = function(*run.target);
    if (result.failure == Failure::crash) {
        judge_crash(known, run, result);
    } else if (result.verdict != Verdict::not_attempted) {
        known.culprits.clear();
    }
    if (result.verdict != Verdict::accepted) result.log = end.tail;
    if (result.disable.empty()) {
        report(known, run, result);
    } else {
        disable(*run.target, result);
    }
    if (!output.empty()) {
        workshop_.log_book.write(run.target->subscription,
                                 "debug",
                                 model::to_text(run.delivery->message),
                                 worker::one_line(output, shown_output_bytes));
    }
    const model::SubscriptionNo subscription = run.target->subscription;
    if (known.forgotten && !has_runs(subscription)) drop(subscription);
    run.done(std::move(result));
}

// Messages that crash one after the other speak against the program: they are kept, it is stopped.
void ExecSink::judge_crash(Function& known, const Run& run, AttemptResult& result) {
    known.crashes += 1;
    known.culprits.insert(run.delivery->message);
    if (known.culprits.size() < exec_crashes_max) return;
    known.culprits.clear();
    const std::string text = result.excerpt + "; " + std::to_string(exec_crashes_max) +
                             " messages in a row ended so: crash loop; mend it" +
                             worker::then_resume(*run.target);
    result = not_attempted(Failure::configuration, text);
    result.disable = text;
}

// Several runs may end of the same fault: it is said once, and acted upon once.
void ExecSink::disable(const api::Target& target, AttemptResult& result) {
    const std::int64_t now_us = workshop_.clock.steady_us();
    std::erase_if(refusals_, [now_us](const auto& one) { return one.second.until_us <= now_us; });
    const auto [refusal, is_first] = refusals_.try_emplace(target.subscription);
    if (!is_first) {
        result.disable.clear();
        return;
    }
    refusal->second.result = result;
    refusal->second.result.disable.clear();
    refusal->second.result.log.clear();
    refusal->second.until_us = now_us + disabling_us;
    function(target).has_problem = true;
    workshop_.log_book.problem(target.subscription, {}, result.disable);
}

void ExecSink::report(Function& known, const Run& run, const AttemptResult& result) {
    worker::LogBook& book = workshop_.log_book;
    if (result.verdict == Verdict::accepted) {
        known.told_absence = false;
        if (std::exchange(known.has_problem, false)) book.success(run.target->subscription);
        return;
    }
    known.has_problem = true;
    const std::string name = worker::shown_name(*run.target);
    const bool named = result.excerpt.starts_with(name);
    const std::string place = worker::shown_place(*run.target, run.delivery) + ": ";
    book.problem(run.target->subscription,
                 model::to_text(run.delivery->message),
                 named ? result.excerpt : place + result.excerpt);
}

// Every message meets it: one line until a message is accepted.
void ExecSink::report_absence(const api::Target& target) {
    Function& known = function(target);
    if (std::exchange(known.told_absence, true)) return;
    known.has_problem = true;
    workshop_.log_book.problem(
        target.subscription,
        {},
        worker::shown_name(target) +
            ": the supervisor of processes is being started again; messages wait for it");
}

void ExecSink::forget(const api::Target& target) {
    refusals_.erase(target.subscription);
    const auto found = functions_.find(target.subscription);
    if (found == functions_.end()) return;
    found->second.culprits.clear();
    found->second.forgotten = true;
    if (!has_runs(target.subscription)) drop(target.subscription);
}

bool ExecSink::has_runs(model::SubscriptionNo subscription) const {
    return std::any_of(runs_.begin(), runs_.end(), [subscription](const auto& one) {
        return one.second.target->subscription == subscription;
    });
}

void ExecSink::drop(model::SubscriptionNo subscription) {
    functions_.erase(subscription);
    workshop_.log_book.watch(subscription, this, {});
}

void ExecSink::stop() {
    if (std::exchange(stopped_, true)) return;
    const auto runs = std::exchange(runs_, {});
    for (const auto& [number, run] : runs) {
        run.process->abandon();
        run.done(not_attempted(Failure::none, "the server stops"));
    }
}

api::FunctionStatus ExecSink::status(model::SubscriptionNo subscription) const {
    api::FunctionStatus status;
    const auto found = functions_.find(subscription);
    if (found == functions_.end()) return status;
    status.starts = found->second.starts;
    status.crashes = found->second.crashes;
    for (const auto& [number, run] : runs_) {
        if (run.target->subscription != subscription) continue;
        api::FunctionProcess shown;
        shown.number = number;
        shown.state = "busy";
        shown.in_flight = 1;
        shown.started_ms = run.started_ms;
        status.processes.push_back(std::move(shown));
    }
    return status;
}

}  // namespace penstock::sinks::process
