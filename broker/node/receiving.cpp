#include "broker/node/receiving.h"

#include "broker/base/planted.h"
#include "broker/core/data_query.h"
#include "broker/model/format.h"
#include "broker/node/node.h"

#include <algorithm>
#include <any>
#include <limits>
#include <utility>
#include <variant>

namespace penstock::node {

namespace {

// A queue's waiters that are woken at once; the others follow when these have leased.
constexpr std::size_t wake_max = 256;

constexpr std::int64_t us_per_s = 1'000'000;

// Whose key cannot be had is not asked for before the key service is.
constexpr auto give_back_ms = static_cast<std::uint32_t>(api::DataKeys::pause_us / 1'000);

struct Damaged {
    model::Sequence sequence;
    model::MessageId message;
};

// Whole, but not for this receive: nobody can read them now, or they are too much for it.
struct Closed {
    std::vector<model::Receipt> receipts;
    std::string why;
};

// The lead is on its way to another node, and nothing was leased. Where that is not known the
// caller is told so: messages may be leased to it that it does not get.
bool is_of_the_lead(const model::Refusal& refusal) {
    return refusal.reason == model::Reason::unavailable;
}

std::vector<model::MessageId> bodies_of(const std::vector<model::LeasedMessage>& messages) {
    std::vector<model::MessageId> bodies;
    for (const model::LeasedMessage& message : messages) bodies.push_back(message.body);
    return bodies;
}

api::ReceivedMessage received(const model::LeasedMessage& leased, model::NewMessage message) {
    api::ReceivedMessage result;
    result.id = leased.message;
    result.receipt = leased.receipt;
    result.meta = std::move(message.meta);
    result.payload = std::move(message.payload);
    result.enqueued_ms = leased.enqueued_ms;
    result.next_visible_ms = leased.next_visible_ms;
    result.first_received_ms = leased.first_leased_ms;
    result.receives = leased.receives;
    return result;
}

// `why` there is nothing, where there is nothing.
void answer_received(const CallPtr& call, api::ReceivedMessages result, std::string why) {
    if (!call->claim()) return;
    if (result.messages.empty()) {
        return call->answer(call->refusal({model::Reason::unavailable, {}, std::move(why)}));
    }
    call->answer(std::any(api::Outcome<api::ReceivedMessages>(std::move(result))));
}

}  // namespace

Receiving::Receiving(HostedSet& data,
                     Bodies& bodies,
                     Completions& completions,
                     std::shared_ptr<Mailbox> mailbox,
                     const Clock& clock,
                     const NodeOptions& options,
                     std::function<void(const CallPtr&)> resumed)
    : data_(data),
      bodies_(bodies),
      completions_(completions),
      mailbox_(std::move(mailbox)),
      clock_(clock),
      options_(options),
      resumed_(std::move(resumed)) {}

void Receiving::start(Receive receive) {
    if (core::receivable(data_.rows(), receive.queue) > 0) {
        lease(std::move(receive));
    } else {
        wait(std::move(receive), Waiters::Place::back);
    }
}

void Receiving::answer_nothing(const CallPtr& call) {
    completions_.answer(call,
                        std::any(api::Outcome<api::ReceivedMessages>(api::ReceivedMessages{})));
}

// Another node may lead the set by now, and its queue need not be empty.
void Receiving::answer_empty(Receive receive) {
    const CallPtr call = receive.call;
    if (std::exchange(call->polling, false)) resumed_(call);
    data_.confirm([this, receive = std::move(receive)](bool leads) {
        if (receive.call->answered()) return;
        if (leads && core::receivable(data_.rows(), receive.queue) > 0) return lease(receive);
        if (leads) return answer_nothing(receive.call);
        const model::Refusal why{
            model::Reason::unavailable, {}, "another node leads the set: try again in a moment"};
        completions_.refuse(receive.call, why);
    });
}

// Its caller may have gone, or its server stops: then somebody reads what is said here.
void Receiving::give_up(const CallPtr& call) {
    const model::Refusal why{
        model::Reason::unavailable, {}, "the receive was given up: nothing happened"};
    completions_.refuse(call, why);
}

void Receiving::forget(const CallPtr& call) {
    if (auto receive = waiters_.cancel(call)) answer_empty(std::move(*receive));
}

void Receiving::wait(Receive receive, Waiters::Place place) {
    if (receive.call->cancelled()) return give_up(receive.call);
    const bool over = receive.until_us <= clock_.steady_us();
    if (!over && waiters_.size() < options_.waiters_max) {
        receive.call->polling = true;
        waiters_.add(std::move(receive), place);
        return;
    }
    if (!over) {
        const model::Refusal why{model::Reason::overloaded, {}, "too many receives are waiting"};
        completions_.refuse(receive.call, why);
        return;
    }
    answer_empty(std::move(receive));
}

void Receiving::wake(model::QueueNo queue) {
    if (waiters_.size(queue) == 0) return;
    // Those of a queue that is gone all learn it.
    const bool there = core::queue_info(data_.rows(), queue).has_value();
    const std::uint64_t visible = there ? core::receivable(data_.rows(), queue) : wake_max;
    wake(queue, static_cast<std::size_t>(std::min<std::uint64_t>(visible, wake_max)));
}

void Receiving::wake(model::QueueNo queue, std::size_t at_most) {
    for (Receive& receive : waiters_.wake(queue, at_most)) {
        if (planted(K30) && at_most > 1) continue;
        lease(std::move(receive));
    }
}

void Receiving::expect(const model::Command& command) {
    if (waiters_.size() == 0) return;
    if (const auto* send = std::get_if<model::Send>(&command)) {
        if (send->delay_ms == 0) wake(send->queue, std::min<std::size_t>(send->count, wake_max));
    } else if (const auto* transfer = std::get_if<model::Transfer>(&command)) {
        if (transfer->not_before_ms <= data_.time_ms()) wake(transfer->object, 1);
    }
}

void Receiving::wake_all(model::QueueNo queue) {
    wake(queue, std::numeric_limits<std::size_t>::max());
}

void Receiving::expire(std::int64_t now_us) {
    for (Receive& receive : waiters_.expire(now_us)) {
        wait(std::move(receive), Waiters::Place::back);
    }
    while (!openings_.empty() && openings_.begin()->first <= now_us) {
        const Opening opening = std::move(openings_.extract(openings_.begin()).mapped());
        // Else its bodies came, or its caller was told something.
        if (!opening.call->claim()) continue;
        give_back(opening.queue, opening.receipts);
        completions_.add(opening.call->executor(), [call = opening.call] {
            call->answer(call->refusal({model::Reason::unavailable,
                                        {},
                                        "the key service takes long to give the messages' key: "
                                        "try again"}));
        });
    }
}

std::optional<std::int64_t> Receiving::next_us() const {
    const auto poll_us = waiters_.next_deadline_us();
    if (openings_.empty()) return poll_us;
    const std::int64_t opening_us = openings_.begin()->first;
    return poll_us ? std::min(*poll_us, opening_us) : opening_us;
}

// A lease that ended meanwhile could not be given back: its message would count as received. So
// half of it is for the key service, and half of what is left of the call.
Bodies::Waiting Receiving::watching(const Receive& receive,
                                    const std::vector<model::LeasedMessage>& messages) const {
    if (options_.data_keys == nullptr) return {};
    const std::int64_t now_us = clock_.steady_us();
    const std::int64_t lease_us = (messages.front().next_visible_ms - data_.time_ms()) * 1'000;
    const std::int64_t call_us = receive.call->deadline_us - now_us;
    Opening opening{receive.call, receive.queue, {}, now_us + std::min(lease_us, call_us) / 2};
    for (const model::LeasedMessage& message : messages) {
        opening.receipts.push_back(message.receipt);
    }
    return [mailbox = mailbox_, set = data_.set(), opening = std::move(opening)] {
        mailbox->post([set, opening](Node& node) {
            DataDesk* desk = node.desk(set);
            if (desk != nullptr) desk->receiving().watch(opening);
        });
    };
}

void Receiving::watch(Opening opening) {
    const bool can_give = data_.leading() && data_.format() >= model::give_back_level;
    if (!can_give || opening.call->answered()) return;
    const std::int64_t until_us = opening.until_us;
    openings_.emplace(until_us, std::move(opening));
}

void Receiving::stop() {
    const std::int64_t for_ever = std::numeric_limits<std::int64_t>::max();
    for (const Receive& receive : waiters_.expire(for_ever)) give_up(receive.call);
    openings_.clear();
}

void Receiving::hand_over() {
    const std::int64_t for_ever = std::numeric_limits<std::int64_t>::max();
    for (const Receive& receive : waiters_.expire(for_ever)) {
        const auto info = core::queue_info(data_.rows(), receive.queue);
        if (!info || receive.call->cancelled()) {
            give_up(receive.call);
            continue;
        }
        if (std::exchange(receive.call->polling, false)) resumed_(receive.call);
        const std::int64_t left_us = receive.until_us - clock_.steady_us();
        api::ReceiveMessages again;
        again.queue = info->name;
        again.messages_max = receive.messages_max;
        again.wait_s = static_cast<std::uint32_t>(std::max<std::int64_t>(left_us, 0) / us_per_s);
        again.visibility_s = receive.visibility_ms / 1'000;
        mailbox_->post([call = receive.call, again = std::move(again)](Node& node) {
            node.begin(call, again, {});
        });
    }
    openings_.clear();
}

void Receiving::lease(Receive receive) {
    const CallPtr call = receive.call;
    if (std::exchange(call->polling, false)) resumed_(call);
    if (call->cancelled()) return give_up(call);
    const model::Lease lease{receive.queue, receive.messages_max, receive.visibility_ms};
    const auto done = [this, receive = std::move(receive)](model::Reply reply) {
        if (auto* refusal = std::get_if<model::Refusal>(&reply)) {
            const bool polls = receive.until_us > clock_.steady_us();
            if (!polls || !is_of_the_lead(*refusal) || receive.call->answered()) {
                return completions_.refuse(receive.call, std::move(*refusal));
            }
            wait(receive, Waiters::Place::front);
            // Else the lead is about to go, and takes along who waits.
            if (!data_.leading()) hand_over();
            return;
        }
        leased(receive, std::get<model::Leased>(std::move(reply)).messages);
    };
    data_.submit(Submission{lease, {}, call, done});
}

void Receiving::leased(Receive receive, std::vector<model::LeasedMessage> messages) {
    // Somebody else was faster, or a job took them: there may be more.
    if (messages.empty()) {
        if (core::receivable(data_.rows(), receive.queue) > 0) return lease(std::move(receive));
        return wait(std::move(receive), Waiters::Place::front);
    }
    // Whoever has gone meanwhile leaves its messages to the next receive after the visibility time;
    // whose server stops still gets them.
    const auto ids = bodies_of(messages);
    auto waiting = watching(receive, messages);
    const auto executor = receive.call->executor();
    auto fetched = [mailbox = mailbox_,
                    set = data_.set(),
                    receive = std::move(receive),
                    messages = std::move(messages)](std::vector<FetchedBody> bodies) {
        api::ReceivedMessages result;
        std::vector<Damaged> damaged;
        std::uint64_t bytes = 0;
        Closed closed;
        for (std::size_t at = 0; at < bodies.size(); ++at) {
            auto message = message_of(bodies[at]);
            if (is_closed(bodies[at])) {
                closed.receipts.push_back(messages[at].receipt);
                closed.why = bodies[at].error().detail;
                continue;
            }
            if (!message) {
                damaged.push_back({messages[at].sequence, messages[at].message});
                continue;
            }
            bytes += message->payload.size();
            // Larger than its queue takes by now: the rest is for other receives.
            if (bytes > received_bytes_max && !result.messages.empty()) {
                closed.receipts.push_back(messages[at].receipt);
                continue;
            }
            result.messages.push_back(received(messages[at], std::move(*message)));
        }
        const bool again = result.messages.empty() && closed.receipts.empty();
        if (!closed.receipts.empty()) {
            mailbox->post([set, queue = receive.queue, receipts = closed.receipts](Node& node) {
                DataDesk* desk = node.desk(set);
                if (desk != nullptr) desk->receiving().give_back(queue, receipts);
            });
        }
        if (!again) answer_received(receive.call, std::move(result), std::move(closed.why));
        if (damaged.empty()) return;
        mailbox->post([set, receive, damaged = std::move(damaged), again](Node& node) {
            DataDesk* desk = node.desk(set);
            if (desk == nullptr) return;
            for (const Damaged& one : damaged) {
                desk->receiving().quarantine(receive.queue, one.sequence, one.message);
            }
            if (again && !receive.call->answered()) desk->receiving().begin_again(receive);
        });
    };
    bodies_.fetch(ids, executor, std::move(fetched), BodyForm::opened, std::move(waiting));
}

// What it goes on with is watched anew, should that need a key.
void Receiving::begin_again(const Receive& receive) {
    std::erase_if(openings_, [&](const auto& one) { return one.second.call == receive.call; });
    start(receive);
}

void Receiving::give_back(model::QueueNo queue, std::vector<model::Receipt> receipts) {
    if (data_.format() < model::give_back_level) return;
    model::GiveBack command{queue, std::move(receipts), give_back_ms};
    data_.submit(Submission{std::move(command), {}, nullptr, {}});
}

void Receiving::quarantine(model::ObjectNo object,
                           model::Sequence sequence,
                           model::MessageId message) {
    ++quarantined_;
    data_.submit(Submission{model::Quarantine{object, sequence, message}, {}, nullptr, {}});
}

}  // namespace penstock::node
