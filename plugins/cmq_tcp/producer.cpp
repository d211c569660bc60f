#include "plugins/cmq_tcp/producer.h"

#include <any>
#include <utility>

namespace penstock::plugins::cmq_tcp {

namespace {

using model::Reason;

constexpr std::uint32_t checks_at_once = 16;

// The queue will not have checks for this connection again.
bool is_final(Reason reason) {
    return reason == Reason::queue_not_found || reason == Reason::not_transactional ||
           reason == Reason::denied || reason == Reason::unauthenticated;
}

}  // namespace

Producer::Producer(api::Broker& broker,
                   boost::asio::any_io_executor executor,
                   const TcpLimits& limits,
                   Ask ask)
    : broker_(broker), executor_(std::move(executor)), limits_(limits), ask_(std::move(ask)) {}

void Producer::produces(const api::Principal& principal, const std::string& queue) {
    if (!ask_ || queues_.contains(queue) || queues_.size() >= limits_.produced_queues_max) return;
    principal_ = principal;
    queues_[queue];
    poll(queue);
}

void Producer::stop() {
    ask_ = nullptr;
    for (auto& [queue, one] : std::exchange(queues_, {})) {
        if (one.call) one.call->cancel();
    }
}

void Producer::poll(const std::string& queue) {
    api::TakeChecks request;
    request.queue = queue;
    request.max = checks_at_once;
    request.wait_s = static_cast<std::uint32_t>(limits_.check_poll.count());
    auto done = [self = shared_from_this(), queue](std::any outcome) {
        using Result = api::Outcome<api::TakenChecks>;
        if (self->ask_) self->taken(queue, std::any_cast<Result>(std::move(outcome)));
    };
    auto call =
        broker_.call(principal_, api::Request{std::move(request)}, executor_, std::move(done));
    const auto found = queues_.find(queue);
    if (found != queues_.end()) found->second.call = std::move(call);
}

void Producer::taken(const std::string& queue, api::Outcome<api::TakenChecks> outcome) {
    if (!outcome) {
        if (!is_final(outcome.error().reason)) return rest(queue);
        queues_.erase(queue);
        return;
    }
    bool room = true;
    for (const model::TransactionCheck& check : outcome->items) {
        room = ask_(queue, check.message) && room;
        if (!ask_) return;
    }
    if (room) return poll(queue);
    rest(queue);
}

// The broker or the caller cannot take more now.
void Producer::rest(const std::string& queue) {
    Poll& one = queues_[queue];
    one.call.reset();
    one.pause = std::make_unique<boost::asio::steady_timer>(executor_, limits_.check_pause);
    one.pause->async_wait(
        [weak = weak_from_this(), queue](const boost::system::error_code& stopped) {
            const auto self = weak.lock();
            if (!stopped && self && self->ask_) self->poll(queue);
        });
}

}  // namespace penstock::plugins::cmq_tcp
