// Handing out and starting; pool_time.cpp has the deadlines, pool_end.cpp what an end means.
#include "sinks/worker/pool.h"

#include "sinks/worker/wording.h"

#include <algorithm>
#include <csignal>
#include <iterator>
#include <limits>
#include <utility>

namespace penstock::sinks::worker {

using model::Failure;
using model::Verdict;

Pool::Pool(const Surroundings& surroundings, const api::Target& target)
    : world_(surroundings), target_(target), due_us_(std::numeric_limits<std::int64_t>::max()) {
    world_.log_book.watch(target_.subscription, this, [this]() { return status(); });
}

Pool::~Pool() {
    world_.log_book.watch(target_.subscription, this, {});
    for (const auto& process : processes_) {
        if (!process->end) world_.launcher.kill_tree(process->number);
    }
}

void Pool::deliver(Job job) {
    const std::int64_t now_us = world_.clock.steady_us();
    Outcome outcome;
    if (now_us < refuses_until_us_) {
        outcome.result = refused_;
        return job.done(std::move(outcome));
    }
    if (stopped_ || waiting_.size() >= world_.limits.waiting_max) {
        outcome.result = deferral(stopped_ ? Failure::none : Failure::exhausted_resources,
                                  shown_name(target_) + ": too many messages wait for a process");
        return job.done(std::move(outcome));
    }
    fade_us_.reset();
    take_target(*job.target);
    const std::int64_t wait_us = std::int64_t{job.target->spec.timeout_ms} * 1000;
    const std::int64_t until_us = now_us + wait_us;
    note_due(until_us);
    const bool suspected = suspects_.count(job.delivery->message) > 0;
    (suspected ? waiting_suspects_ : waiting_).push_back({std::move(job), until_us});
    world_.wake();
}

void Pool::take_target(const api::Target& target) {
    if (world_.contract.same_process(target_, target)) {
        // A running process hears of new scripts with the message; one that starts has them alone.
        if (target_.scripts != target.scripts) target_.scripts = target.scripts;
        return;
    }
    target_ = target;
    generation_ += 1;
    fast_exits_ = 0;
    culprits_.clear();
    crashes_in_row_ = 0;
    not_before_us_ = 0;
}

void Pool::forget() {
    if (stopped_) return;
    fade_us_ = world_.clock.steady_us() + world_.limits.fade_us;
    note_due(*fade_us_);
    // Whatever was wrong may be mended by the change that made us forget.
    fast_exits_ = 0;
    culprits_.clear();
    crashes_in_row_ = 0;
    not_before_us_ = 0;
    refuses_until_us_ = 0;
    world_.wake();
}

void Pool::stop() {
    if (std::exchange(stopped_, true)) return;
    const AttemptResult result = deferral(Failure::none, "the server stops");
    for (const auto& process : processes_) {
        world_.launcher.signal(process->number, SIGTERM);
        give_back(*process, result);
        process->conversation.reset();
    }
    give_back_waiting(result);
    due_us_ = std::numeric_limits<std::int64_t>::max();
}

void Pool::step() {
    if (stopped_) return;
    const std::int64_t now_us = world_.clock.steady_us();
    conclude_ended(now_us);
    if (now_us >= due_us_) check_times(now_us);
    retire();
    start_needed(now_us);
    hand_out(now_us);
}

std::optional<std::int64_t> Pool::wake_us() const {
    if (stopped_ || due_us_ == std::numeric_limits<std::int64_t>::max()) return {};
    return due_us_;
}

bool Pool::over() const {
    return !stopped_ && fade_us_ && world_.clock.steady_us() >= *fade_us_ && processes_.empty() &&
           waiting_.empty() && waiting_suspects_.empty();
}

// ---- starting
// ------------------------------------------------------------------------------------

std::size_t Pool::serving() const {
    return static_cast<std::size_t>(
        std::count_if(processes_.begin(), processes_.end(), [this](const auto& process) {
            return process->serves() && process->generation == generation_;
        }));
}

std::size_t Pool::free_places() const {
    const std::size_t window = world_.contract.window(target_);
    std::size_t free = 0;
    for (const auto& process : processes_) {
        if (!process->serves() || process->generation != generation_) continue;
        if (process->alone || process->taken() >= window) continue;
        free += window - process->taken();
    }
    return free;
}

void Pool::start_needed(std::int64_t now_us) {
    const std::size_t wanted = waiting_.size() + waiting_suspects_.size();
    if (wanted == 0) return;
    if (!world_.launcher.available()) {
        if (serving() > 0) return;
        return give_back_waiting(deferral(
            Failure::no_worker, shown_name(target_) + ": the supervisor is being started again"));
    }
    const std::size_t most = target_.spec.function.processes;
    while (serving() < most && processes_.size() < 2 * most && free_places() < wanted) {
        if (now_us < not_before_us_) return note_due(not_before_us_);
        // One at a time until one has shown that it works.
        if (crashes_in_row_ > 0 && serving() > 0) return;
        if (!start(now_us)) return;
    }
}

bool Pool::start(std::int64_t now_us) {
    Result<ProcessOrder> order = world_.contract.order(target_);
    if (!order) {
        disable(nullptr, order.error().detail);
        return false;
    }
    Process::Owner& owner = *this;
    auto process = std::make_shared<Process>(owner, generation_);
    Result<Opening> opening = world_.contract.open(target_, *process);
    if (!opening) {
        back_off(now_us);
        problem(nullptr, shown_name(target_) + ": no process started: " + opening.error().detail);
        return false;
    }
    process->command = order->command;
    process->conversation = std::move(opening->conversation);
    process->started_us = now_us;
    process->started_wall_ms = world_.clock.wall_ms();
    process->ready_by_us = now_us + std::int64_t{target_.spec.function.startup_ms} * 1000;
    if (opening->ready_at_once) {
        became_ready(*process, now_us);
    } else {
        note_due(process->ready_by_us);
    }
    auto& environment = order->environment;
    environment.insert(environment.end(),
                       std::make_move_iterator(opening->environment.begin()),
                       std::make_move_iterator(opening->environment.end()));
    auto& writable = order->writable;
    writable.insert(writable.end(), opening->writable.begin(), opening->writable.end());
    starts_ += 1;
    world_.log_book.count_start();
    process->number = world_.launcher.start(
        std::move(*order),
        std::move(opening->files),
        [this, known = std::weak_ptr<Process>(process)](ProcessEnd end) {
            const auto ended = known.lock();  // gone: the pool is gone as well
            if (!ended) return;
            ended->end = std::move(end);
            world_.wake();
        });
    processes_.push_back(std::move(process));
    return true;
}

// Old processes go on until a new one can take their place; then they finish what they hold.
void Pool::retire() {
    const bool renewed = std::any_of(processes_.begin(), processes_.end(), [this](const auto& p) {
        return p->state == Process::State::ready && p->generation == generation_;
    });
    for (const auto& process : processes_) {
        if (renewed && process->generation != generation_ && process->serves()) {
            process->state = Process::State::draining;
        }
        // The answers it owes may never come: it cannot be emptied any further.
        if (process->clearing && process->serves() && process->flights.empty() &&
            !process->late.empty()) {
            process->clearing = false;
            process->state = Process::State::draining;
        }
        if (process->state == Process::State::draining && process->flights.empty()) {
            end_process(*process, Process::Why::retired, world_.clock.steady_us());
        }
    }
}

// ---- handing out
// ---------------------------------------------------------------------------------

Pool::Process* Pool::idle_process() {
    Process* least = nullptr;
    for (const auto& process : processes_) {
        if (process->state != Process::State::ready || process->alone) continue;
        if (process->taken() == 0) return process.get();
        if (least == nullptr || process->taken() < least->taken()) least = process.get();
    }
    // None is: one is emptied.
    const bool one_clears = std::any_of(
        processes_.begin(), processes_.end(), [](const auto& p) { return p->clearing; });
    if (least != nullptr && !one_clears) {
        least->clearing = true;
        world_.wake();
    }
    return nullptr;
}

Pool::Process* Pool::free_process() {
    const std::size_t window = world_.contract.window(target_);
    Process* least = nullptr;
    for (const auto& process : processes_) {
        if (process->state != Process::State::ready || process->alone || process->clearing)
            continue;
        if (process->taken() >= window || !process->conversation->has_room()) continue;
        if (least == nullptr || process->taken() < least->taken()) least = process.get();
    }
    return least;
}

void Pool::offer(Process& process, Waiting waiting, std::int64_t now_us) {
    const Ticket ticket = ++last_ticket_;
    Flight flight;
    flight.job = std::move(waiting.job);
    flight.offered_us = now_us;
    flight.deadline_us = now_us + std::int64_t{flight.job.target->spec.timeout_ms} * 1000;
    flight.waits_until_us = waiting.until_us;
    flight.log_begin = process.tail_end();
    note_due(flight.deadline_us);
    const Flight& kept = process.flights.emplace(ticket, std::move(flight)).first->second;
    count_offer(process, now_us);
    process.conversation->offer(ticket, kept.job);
}

void Pool::hand_out(std::int64_t now_us) {
    while (!waiting_suspects_.empty()) {
        Process* process = idle_process();
        if (process == nullptr) break;
        process->alone = true;
        process->clearing = false;
        Waiting next = std::move(waiting_suspects_.front());
        waiting_suspects_.pop_front();
        offer(*process, std::move(next), now_us);
    }
    if (waiting_suspects_.empty()) {
        for (const auto& process : processes_) process->clearing = false;
    }
    while (!waiting_.empty()) {
        Process* process = free_process();
        if (process == nullptr) break;
        Waiting next = std::move(waiting_.front());
        waiting_.pop_front();
        offer(*process, std::move(next), now_us);
    }
    for (const auto& process : processes_) process->conversation->flush();
}

// ---- what conversations tell
// ---------------------------------------------------------------------

void Pool::on_ready(Process& process) {
    if (process.state != Process::State::starting) return;
    became_ready(process, world_.clock.steady_us());
    world_.wake();
}

void Pool::on_room() {
    world_.wake();
}

void Pool::on_answer(Process& process, Ticket ticket, Outcome outcome) {
    const auto found = process.flights.find(ticket);
    world_.wake();
    if (found == process.flights.end()) {
        const bool late = process.late.erase(ticket) > 0;
        // What the conversation itself gave up is no news.
        if (late && outcome.result.verdict == Verdict::not_attempted) return;
        if (!late && std::exchange(process.told_unknown, true)) return;
        const std::string what =
            late ? "an answer came after its time and was ignored"
                 : "an answer to a message that is not in hand was ignored: answer each id once";
        return world_.log_book.write(
            target_.subscription, "server", {}, shown_name(target_) + ": " + what);
    }
    Flight flight = std::move(found->second);
    process.flights.erase(found);
    process.alone = false;
    process.answered_us = world_.clock.steady_us();
    if (outcome.result.verdict != Verdict::not_attempted) {
        process.handled += 1;
        fast_exits_ = 0;
        crashes_in_row_ = 0;
        culprits_.clear();
        acquit(flight.job.delivery->message);
    }
    complete(process, std::move(flight), std::move(outcome));
}

void Pool::on_extend(Process& process, Ticket ticket, std::uint64_t by_ms) {
    const auto found = process.flights.find(ticket);
    if (found == process.flights.end()) return;
    const std::uint64_t most_ms = static_cast<std::uint64_t>(world_.limits.extension_us_max) / 1000;
    const auto by_us = static_cast<std::int64_t>(std::min(by_ms, most_ms)) * 1000;
    std::int64_t& deadline_us = found->second.deadline_us;
    deadline_us = std::max(deadline_us, world_.clock.steady_us() + by_us);
}

void Pool::on_line(Process& process, std::string_view level, Ticket ticket, std::string_view text) {
    const Flight* flight = nullptr;
    const auto found = process.flights.find(ticket);
    if (found != process.flights.end()) flight = &found->second;
    if (ticket == 0 && process.flights.size() == 1) flight = &process.flights.begin()->second;
    const std::string message =
        flight != nullptr ? model::to_text(flight->job.delivery->message) : std::string();
    world_.log_book.write(target_.subscription, level, message, text);
}

void Pool::on_breach(Process& process, std::string_view what) {
    if (process.state == Process::State::ending) return;
    process.broke = what;
    process.why = Process::Why::breach;
    process.state = Process::State::ending;
    world_.launcher.kill_tree(process.number);
}

// ---- for people
// ----------------------------------------------------------------------------------

api::FunctionStatus Pool::status() const {
    api::FunctionStatus status;
    status.starts = starts_;
    status.crashes = crashes_;
    for (const auto& process : processes_) {
        api::FunctionProcess shown;
        shown.number = process->number;
        shown.in_flight = static_cast<std::uint32_t>(process->flights.size());
        shown.handled = process->handled;
        shown.started_ms = process->started_wall_ms;
        shown.state = process->state == Process::State::starting ? "starting"
                      : process->state != Process::State::ready  ? "draining"
                      : process->flights.empty()                 ? "ready"
                                                                 : "busy";
        status.processes.push_back(std::move(shown));
    }
    return status;
}

}  // namespace penstock::sinks::worker
