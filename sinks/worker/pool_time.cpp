// Deadlines of a Pool. There is no timer for a message: due_us_ is a time before which nothing can
// be due, and when it is reached everything is looked through once. With steady traffic that is
// once in a time-out.
#include "sinks/worker/pool.h"
#include "sinks/worker/wording.h"

#include <algorithm>
#include <csignal>
#include <limits>
#include <utility>

namespace penstock::sinks::worker {

using model::Failure;
using model::Verdict;

void Pool::note_due(std::int64_t time_us) {
    due_us_ = std::min(due_us_, time_us);
}

void Pool::check_times(std::int64_t now_us) {
    due_us_ = std::numeric_limits<std::int64_t>::max();
    check_waiting(waiting_, now_us);
    check_waiting(waiting_suspects_, now_us);
    for (const auto& process : processes_) check_process(*process, now_us);
    if (!waiting_.empty() && not_before_us_ > now_us) note_due(not_before_us_);
    if (!fade_us_) return;
    if (now_us < *fade_us_) return note_due(*fade_us_);
    give_back_waiting(deferral(Failure::none, shown_name(target_) + ": is not active any more"));
    for (const auto& process : processes_) {
        if (process->serves()) process->state = Process::State::draining;
    }
}

void Pool::check_waiting(std::deque<Waiting>& waiting, std::int64_t now_us) {
    std::deque<Waiting> kept;
    std::vector<Job> late;
    for (Waiting& one : waiting) {
        if (one.until_us <= now_us) {
            late.push_back(std::move(one.job));
            continue;
        }
        note_due(one.until_us);
        kept.push_back(std::move(one));
    }
    waiting = std::move(kept);
    for (const Job& job : late) {
        Outcome outcome;
        outcome.result =
            deferral(Failure::no_worker,
                     shown_place(target_, job.delivery) + ": no process was free for " +
                         shown_time(job.target->spec.timeout_ms) +
                         "; it comes again by itself (more --processes help)");
        job.done(std::move(outcome));
    }
}

void Pool::check_process(Process& process, std::int64_t now_us) {
    if (process.state == Process::State::starting) {
        if (now_us >= process.ready_by_us) {
            end_process(process, Process::Why::not_ready, now_us);
        } else {
            note_due(process.ready_by_us);
        }
    }
    check_recycling(process, now_us);
    std::vector<Ticket> late;
    for (const auto& [ticket, flight] : process.flights) {
        if (flight.deadline_us <= now_us) {
            late.push_back(ticket);
        } else {
            note_due(flight.deadline_us);
        }
    }
    for (const Ticket ticket : late) time_out(process, ticket, now_us);
    if (process.state != Process::State::ending || process.kill_at_us == 0) return;
    if (now_us < process.kill_at_us) return note_due(process.kill_at_us);
    process.kill_at_us = 0;
    world_.launcher.kill_tree(process.number);
}

// A process that has answered others since goes on, one place poorer, until all its places are lost
// so; any other is stuck.
void Pool::time_out(Process& process, Ticket ticket, std::int64_t now_us) {
    const auto found = process.flights.find(ticket);
    Flight flight = std::move(found->second);
    process.flights.erase(found);
    process.alone = false;
    const bool seen = process.conversation->has_seen(ticket);
    process.conversation->cancel(ticket);
    process.late.insert(ticket);
    const std::size_t window = world_.contract.window(target_);
    const bool alive = process.answered_us > flight.offered_us && process.late.size() < window;
    if (!alive && process.state != Process::State::ending) {
        end_process(process, Process::Why::timeout, now_us);
    }
    Outcome outcome;
    const std::string place = shown_place(target_, flight.job.delivery);
    if (!seen) {
        outcome.result = deferral(Failure::no_worker, place + ": its process never took it");
        return complete(process, std::move(flight), std::move(outcome));
    }
    outcome.result.verdict = Verdict::retry;
    outcome.result.failure = Failure::timeout;
    outcome.result.excerpt =
        place + ": no answer within " + shown_time((now_us - flight.offered_us) / 1000) +
        (alive ? "; its process goes on with others" : "; its process is ended") +
        "; answer sooner, ask for more with an \"extend\" line, or raise --timeout";
    complete(process, std::move(flight), std::move(outcome));
}

void Pool::end_process(Process& process, Process::Why why, std::int64_t now_us) {
    process.state = Process::State::ending;
    process.why = why;
    process.conversation->end_input();
    world_.launcher.signal(process.number, SIGTERM);
    process.kill_at_us = now_us + world_.limits.term_grace_us;
    note_due(process.kill_at_us);
}

}  // namespace penstock::sinks::worker
