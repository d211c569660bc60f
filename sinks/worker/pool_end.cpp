// What the end of a process means for the messages it held, and for the next start.
#include "sinks/worker/pool.h"
#include "sinks/worker/wording.h"

#include <algorithm>
#include <csignal>
#include <utility>

namespace penstock::sinks::worker {

using model::Failure;
using model::Verdict;

AttemptResult Pool::deferral(Failure failure, std::string excerpt) const {
    AttemptResult result;
    result.verdict = Verdict::not_attempted;
    result.failure = failure;
    result.retry_after_ms = world_.limits.deferral_ms;
    result.excerpt = std::move(excerpt);
    return result;
}

void Pool::problem(const api::Delivery* delivery, const std::string& text) {
    has_problem_ = true;
    world_.log_book.problem(target_.subscription,
                            delivery != nullptr ? model::to_text(delivery->message) : std::string(),
                            text);
}

void Pool::complete(Process& process, Flight flight, Outcome outcome) {
    AttemptResult& result = outcome.result;
    const bool good = model::ends_well(result.verdict);
    if (good && std::exchange(has_problem_, false)) world_.log_book.success(target_.subscription);
    if (!good) {
        if (process.conversation) process.conversation->drain_output();
        result.log = process.tail_since(flight.log_begin);
    }
    if (!good && result.verdict != Verdict::not_attempted) {
        const std::string place = shown_place(target_, flight.job.delivery);
        const bool named = result.excerpt.starts_with(place);
        problem(flight.job.delivery, named ? result.excerpt : place + ": " + result.excerpt);
    }
    if (result.verdict == Verdict::not_attempted && result.retry_after_ms == 0) {
        result.retry_after_ms = world_.limits.deferral_ms;
    }
    if (result.excerpt.size() > model::attempt_excerpt_bytes_max) {
        result.excerpt = one_line(result.excerpt, model::attempt_excerpt_bytes_max);
    }
    flight.job.done(std::move(outcome));
}

void Pool::give_back(Process& process, const AttemptResult& result) {
    auto flights = std::exchange(process.flights, {});
    for (auto& [ticket, flight] : flights) {
        Outcome outcome;
        outcome.result = result;
        complete(process, std::move(flight), std::move(outcome));
    }
}

void Pool::give_back_waiting(const AttemptResult& result) {
    auto waiting = std::exchange(waiting_, {});
    auto suspects = std::exchange(waiting_suspects_, {});
    for (std::deque<Waiting>* queue : {&waiting, &suspects}) {
        for (const Waiting& one : *queue) {
            Outcome outcome;
            outcome.result = result;
            one.job.done(std::move(outcome));
        }
    }
}

// ---- suspects
// ------------------------------------------------------------------------------------

void Pool::suspect(const Process& process) {
    for (const auto& [ticket, flight] : process.flights) {
        const model::MessageId message = flight.job.delivery->message;
        if (suspects_.insert(message).second) suspect_order_.push_back(message);
    }
    while (suspect_order_.size() > world_.limits.suspects_max) {
        suspects_.erase(suspect_order_.front());
        suspect_order_.pop_front();
    }
}

void Pool::acquit(model::MessageId message) {
    if (suspects_.erase(message) == 0) return;
    suspect_order_.erase(std::find(suspect_order_.begin(), suspect_order_.end(), message));
}

// ---- ends
// ----------------------------------------------------------------------------------------

void Pool::conclude_ended(std::int64_t now_us) {
    for (std::size_t at = 0; at < processes_.size();) {
        if (!processes_[at]->end) {
            ++at;
            continue;
        }
        const auto process = std::move(processes_[at]);
        processes_.erase(processes_.begin() + static_cast<std::ptrdiff_t>(at));
        conclude(*process, now_us);
    }
}

void Pool::take_back_unseen(Process& process) {
    const bool started = process.end->kind != ProcessEnd::Kind::not_started;
    std::vector<Ticket> unseen;
    for (const auto& [ticket, flight] : process.flights) {
        if (!started || !process.conversation->has_seen(ticket)) unseen.push_back(ticket);
    }
    // From the last to the first, so that they stand in front in the old order.
    for (auto ticket = unseen.rbegin(); ticket != unseen.rend(); ++ticket) {
        Flight& flight = process.flights.at(*ticket);
        const bool suspected = suspects_.count(flight.job.delivery->message) > 0;
        note_due(flight.waits_until_us);
        (suspected ? waiting_suspects_ : waiting_)
            .push_front({std::move(flight.job), flight.waits_until_us});
        process.flights.erase(*ticket);
    }
}

bool Pool::is_fast(const Process& process, std::int64_t now_us) const {
    // However long it may take to be ready: one that never is gets nowhere.
    return process.handled == 0 && (process.why == Process::Why::not_ready ||
                                    now_us - process.started_us < world_.limits.fast_exit_us_max);
}

std::string Pool::how_it_ended(const Process& process) const {
    const std::string what = shown_command(process.command) + " ";
    switch (process.why) {
        case Process::Why::breach:
            return what + "was killed: " + process.broke;
        case Process::Why::not_ready: {
            const std::string_view readiness = world_.contract.readiness();
            return what + "was not ready within " + shown_time(target_.spec.function.startup_ms) +
                   (readiness.empty() ? "" : " (" + std::string(readiness) + ")") +
                   " and was ended";
        }
        case Process::Why::not_asked:
        case Process::Why::retired:
        case Process::Why::timeout:
            break;
    }
    return what + shown_end(*process.end);
}

void Pool::conclude(Process& process, std::int64_t now_us) {
    process.conversation->ended();  // the last answers and lines come in here
    take_back_unseen(process);
    const ProcessEnd& end = *process.end;
    const bool asked = process.why != Process::Why::not_asked;
    const std::string name = shown_name(target_);
    if (end.kind == ProcessEnd::Kind::lost) {
        back_off(now_us);
        const std::string text = name + ": its process " + shown_end(end);
        problem(nullptr, text + "; it is tried again");
        return give_back(process, deferral(Failure::no_worker, text));
    }
    if (!asked && is_configuration(end)) {
        back_off(now_us);
        return disable(&process, configuration_problem(target_, process.command, end));
    }
    if (end.kind == ProcessEnd::Kind::not_started) {
        back_off(now_us);
        return problem(nullptr, name + ": " + how_it_ended(process) + "; it is tried again");
    }
    if (process.why == Process::Why::retired || process.why == Process::Why::timeout) {
        return give_back(
            process,
            deferral(Failure::no_worker,
                     name + ": its process was ended for the sake of another message"));
    }
    conclude_crash(process, now_us);
}

// Counts the exits in a row that speak against the program. A message that crashes processes again
// and again while it is alone counts once: it is the core's to bury it.
void Pool::count_crash(const Process& process, std::int64_t now_us) {
    const bool alone = process.flights.size() == 1;
    if (process.flights.empty() && !is_fast(process, now_us)) return;
    if (alone) {
        const model::MessageId message = process.flights.begin()->second.job.delivery->message;
        if (!culprits_.insert(message).second) return;
    }
    fast_exits_ += 1;
}

void Pool::conclude_crash(Process& process, std::int64_t now_us) {
    const std::string name = shown_name(target_);
    const bool quiet = process.flights.empty() && !is_fast(process, now_us);
    if (quiet && process.end->kind == ProcessEnd::Kind::exited && process.end->code == 0) {
        // It went when it had nothing to do: no fault.
        return world_.log_book.write(
            target_.subscription,
            "server",
            {},
            name + ": " + how_it_ended(process) + "; another is started when a message comes");
    }
    crashes_ += 1;
    world_.log_book.count_crash();
    count_crash(process, now_us);
    back_off(now_us);
    if (fast_exits_ >= world_.limits.fast_exits_max) return conclude_loop(process);
    const std::string ended = how_it_ended(process);
    const std::string words = last_words(process.tail_since(0));
    if (process.flights.empty()) {
        return problem(nullptr,
                       name + ": " + ended + " without an answer" + words +
                           "; it is started again (" + std::to_string(fast_exits_) + " of " +
                           std::to_string(world_.limits.fast_exits_max) +
                           " such ends until the subscription is disabled)");
    }
    if (process.flights.size() == 1) {
        AttemptResult result;
        result.verdict = Verdict::retry;
        result.failure = Failure::crash;
        result.excerpt = shown_place(target_, process.flights.begin()->second.job.delivery) + ": " +
                         ended + " while it handled the message" + words +
                         "; a message is dead after " +
                         std::to_string(target_.spec.function.crashes_max) + " such ends";
        return give_back(process, result);
    }
    const std::string text = name + ": " + ended + " with " +
                             std::to_string(process.flights.size()) + " messages in hand" + words +
                             "; they come again one at a time to find out which";
    problem(nullptr, text);
    suspect(process);
    give_back(process, deferral(Failure::crash, text));
}

void Pool::conclude_loop(Process& process) {
    culprits_.clear();
    disable(&process,
            shown_name(target_) + ": crash loop: " + how_it_ended(process) + ", the " +
                std::to_string(fast_exits_) + "th such end in a row without an answer" +
                last_words(process.tail_since(0)) + "; mend it (penstock fn logs " +
                shown_name(target_) + " shows what it wrote)" + then_resume(target_));
}

// The subscription cannot go on: `reason` travels with everything that waits, and with what
// `process` held.
void Pool::disable(Process* process, const std::string& reason) {
    const std::int64_t now_us = world_.clock.steady_us();
    AttemptResult result = deferral(Failure::configuration, reason);
    result.retry_after_ms = disabled_pause_ms;
    // Several processes may end of the same fault: it is said once.
    if (now_us >= refuses_until_us_) {
        problem(nullptr, reason);
        refused_ = result;
        refuses_until_us_ = now_us + world_.limits.fade_us;
        result.disable = reason;
    }
    if (process != nullptr) give_back(*process, result);
    give_back_waiting(result);
}

void Pool::back_off(std::int64_t now_us) {
    const unsigned doublings = std::min(crashes_in_row_, 10U);
    crashes_in_row_ += 1;
    const std::int64_t pause_us =
        std::min(world_.limits.back_off_us_first << doublings, world_.limits.back_off_us_last);
    const auto fifth = static_cast<std::uint64_t>(pause_us / 5);
    const auto jitter = static_cast<std::int64_t>(world_.random.below(2 * fifth + 1));
    not_before_us_ = now_us + pause_us - static_cast<std::int64_t>(fifth) + jitter;
    note_due(not_before_us_);
}

}  // namespace penstock::sinks::worker
