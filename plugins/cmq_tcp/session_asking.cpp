// What a session asks the broker, and what it does with the answers.
#include "plugins/cmq_tcp/session.h"
#include "plugins/cmq_tcp/translate.h"

#include <any>
#include <utility>

namespace penstock::plugins::cmq_tcp {

template <class R, class Told>
void Session::ask_broker(const Ticket& ticket, R request, Told told) {
    using Result = api::Outcome<typename R::Reply>;
    ++requests_;
    request_bytes_ += ticket.bytes;
    auto done = [self = shared_from_this(), ticket, told = std::move(told)](std::any outcome) {
        --self->requests_;
        self->request_bytes_ -= ticket.bytes;
        if (self->closed_) return;
        Reply reply;
        reply.command = ticket.command;
        auto result = std::any_cast<Result>(std::move(outcome));
        if (result) {
            told(reply, *result);
        } else {
            tell(reply, result.error());
        }
        self->answer(ticket, std::move(reply));
    };
    desk_.broker.call(principal_,
                      api::Request{std::move(request)},
                      lane_.context().get_executor(),
                      std::move(done));
}

void Session::ask(const Ticket& ticket, const Send& fields) {
    api::SendMessages request = to_broker(fields);
    if (!request.transaction) {
        return ask_broker(ticket,
                          std::move(request),
                          [](Reply& reply, const api::SentMessages& sent) { tell(reply, sent); });
    }
    auto sent = [self = shared_from_this(), queue = request.queue](
                    Reply& reply, const api::SentMessages& prepared) {
        tell(reply, prepared);
        self->produces(queue);
    };
    ask_broker(ticket, std::move(request), std::move(sent));
}

void Session::ask(const Ticket& ticket, const Confirm& fields) {
    api::ConfirmTransactions request = to_broker(fields);
    auto confirmed = [self = shared_from_this(), asked = request](
                         Reply& reply, const api::ConfirmedTransactions& results) {
        tell(reply, results, asked);
        self->produces(asked.queue);
    };
    ask_broker(ticket, std::move(request), std::move(confirmed));
}

void Session::ask(const Ticket& ticket, const Publish& fields) {
    ask_broker(ticket, to_broker(fields), [](Reply& reply, const api::SentMessages& sent) {
        tell(reply, sent);
    });
}

void Session::ask(const Ticket& ticket, const Remove& fields) {
    api::DeleteMessages request = to_broker(fields);
    auto receipts = request.receipts;
    ask_broker(ticket,
               std::move(request),
               [receipts = std::move(receipts)](Reply& reply, const api::DeletedMessages& deleted) {
                   tell(reply, deleted, receipts);
               });
}

void Session::ask(const Ticket& ticket, const Pull& fields) {
    if (pulls_.size() >= desk_.limits.pulls_max) {
        return refuse(ticket, {cmq::faults::overloaded, {}});
    }
    api::ReceiveMessages request = to_broker(fields);
    const std::uint64_t pull = ++pulls_in_all_;
    auto done = [self = shared_from_this(), ticket, pull, queue = request.queue](std::any outcome) {
        using Result = api::Outcome<api::ReceivedMessages>;
        self->pulled(ticket, pull, queue, std::any_cast<Result>(std::move(outcome)));
    };
    pulls_[pull] = desk_.broker.call(principal_,
                                     api::Request{std::move(request)},
                                     lane_.context().get_executor(),
                                     std::move(done));
}

void Session::pulled(const Ticket& ticket,
                     std::uint64_t pull,
                     std::string queue,
                     api::Outcome<api::ReceivedMessages> outcome) {
    pulls_.erase(pull);
    Held held;
    held.queue = std::move(queue);
    if (outcome) {
        for (const api::ReceivedMessage& message : outcome->messages) {
            held.receipts.push_back(message.receipt);
        }
    }
    if (closed_) return give_back(held.queue, held.receipts);
    Reply reply;
    reply.command = ticket.command;
    if (output_.size() - sent_ >= desk_.limits.output_bytes_max) {
        give_back(held.queue, held.receipts);
        return refuse(ticket, {cmq::faults::overloaded, {}});
    }
    if (outcome) {
        tell(reply, std::move(*outcome));
    } else {
        tell(reply, outcome.error());
    }
    answer(ticket, std::move(reply));
    if (held.receipts.empty()) return;
    held.end = sent_in_all_ + output_.size() - sent_;
    held_.push_back(std::move(held));
}

// Nobody has seen them: they need not wait for their visibility time.
void Session::give_back(const std::string& queue, const std::vector<model::Receipt>& receipts) {
    for (const model::Receipt receipt : receipts) {
        api::ChangeVisibility request;
        request.queue = queue;
        request.receipt = receipt;
        desk_.broker.call(principal_,
                          api::Request{std::move(request)},
                          lane_.context().get_executor(),
                          [](const std::any&) {});
    }
}

// Whoever speaks of a queue's transactions can be asked about them.
void Session::produces(const std::string& queue) {
    if (ending_) return;
    if (!producer_) {
        auto ask = [weak = weak_from_this()](const std::string& of, model::MessageId message) {
            const auto self = weak.lock();
            return self && self->query(of, message);
        };
        producer_ = std::make_shared<Producer>(
            desk_.broker, lane_.context().get_executor(), desk_.limits, std::move(ask));
    }
    producer_->produces(principal_, queue);
}

bool Session::query(const std::string& queue, model::MessageId message) {
    Reply frame;
    frame.command = static_cast<std::int32_t>(Command::query);
    frame.query = Query{queue, message.value};
    append_reply(output_, frame);
    desk_.counters.count_query();
    flush_soon();
    return output_.size() - sent_ < desk_.limits.output_bytes_max;
}

}  // namespace penstock::plugins::cmq_tcp
