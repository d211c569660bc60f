#include "broker/node/checking.h"

#include "broker/core/data_query.h"
#include "broker/core/transaction_query.h"

#include <any>
#include <limits>
#include <utility>
#include <variant>

namespace penstock::node {

Checking::Checking(HostedSet& data,
                   Completions& completions,
                   const Clock& clock,
                   const NodeOptions& options,
                   std::function<void(const CallPtr&)> resumed)
    : data_(data),
      completions_(completions),
      clock_(clock),
      options_(options),
      resumed_(std::move(resumed)) {}

void Checking::start(Receive one) {
    const auto info = core::queue_info(data_.rows(), one.queue);
    const bool waits = info && info->attributes.transaction;
    // What cannot be the core refuses.
    if (!waits || core::check_due(data_.rows(), one.queue)) return take(std::move(one));
    wait(std::move(one), Waiters::Place::back);
}

void Checking::wait(Receive one, Waiters::Place place) {
    if (one.call->cancelled()) return give_up(one.call);
    if (one.until_us <= clock_.steady_us()) return answer(one.call, {});
    if (waiters_.size() >= options_.waiters_max) {
        return completions_.refuse(
            one.call, {model::Reason::overloaded, {}, "too many polls for checks are waiting"});
    }
    one.call->polling = true;
    waiters_.add(std::move(one), place);
}

// One at a time: who is woken takes what it can, the next follows when something is left.
void Checking::wake(model::QueueNo queue) {
    const bool gone = !core::queue_info(data_.rows(), queue);
    const std::size_t at_most = gone ? std::numeric_limits<std::size_t>::max() : 1;
    for (Receive& one : waiters_.wake(queue, at_most)) take(std::move(one));
}

void Checking::expire(std::int64_t now_us) {
    for (const Receive& one : waiters_.expire(now_us)) {
        one.call->polling = false;
        answer(one.call, {});
    }
}

void Checking::forget(const CallPtr& call) {
    if (waiters_.cancel(call)) give_up(call);
}

void Checking::stop() {
    const std::int64_t for_ever = std::numeric_limits<std::int64_t>::max();
    for (const Receive& one : waiters_.expire(for_ever)) give_up(one.call);
}

void Checking::give_up(const CallPtr& call) {
    completions_.refuse(
        call, {model::Reason::unavailable, {}, "the poll was given up: nothing happened"});
}

void Checking::answer(const CallPtr& call, api::TakenChecks taken) {
    completions_.answer(call, std::any(api::Outcome<api::TakenChecks>(std::move(taken))));
}

void Checking::take(Receive one) {
    const CallPtr call = one.call;
    if (std::exchange(call->polling, false)) resumed_(call);
    if (call->cancelled()) return give_up(call);
    const model::TakeChecks command{one.queue, one.messages_max};
    const auto done = [this, one = std::move(one)](model::Reply reply) {
        if (auto* refusal = std::get_if<model::Refusal>(&reply)) {
            return completions_.refuse(one.call, std::move(*refusal));
        }
        auto& taken = std::get<model::ChecksTaken>(reply);
        if (core::check_due(data_.rows(), one.queue)) wake(one.queue);
        // Somebody else was faster.
        if (taken.items.empty()) return wait(one, Waiters::Place::front);
        answer(one.call, {std::move(taken.items)});
    };
    data_.submit(Submission{command, {}, call, done});
}

}  // namespace penstock::node
