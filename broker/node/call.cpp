#include "broker/node/call.h"

#include "broker/node/node.h"

#include <type_traits>
#include <utility>
#include <variant>

namespace penstock::node {

namespace {

template <class Reply>
std::any refuse_as(model::Refusal why) {
    return std::any(api::Outcome<Reply>(std::move(why)));
}

}  // namespace

Call::Call(boost::asio::any_io_executor executor,
           api::Broker::Answer answer,
           Refuse refuse,
           std::shared_ptr<Mailbox> mailbox,
           api::Principal principal)
    : executor_(std::move(executor)),
      answer_(std::move(answer)),
      refuse_(refuse),
      mailbox_(std::move(mailbox)),
      principal_(std::move(principal)) {}

void Call::cancel() {
    if (cancelled_.exchange(true) || answered()) return;
    mailbox_->post([self = shared_from_this()](Node& node) { node.forget(self); });
}

bool Call::mark_proposed() {
    Stage expected = Stage::waiting;
    return stage_.compare_exchange_strong(expected, Stage::proposed) || expected == Stage::proposed;
}

Call::Refuse refuse_of(const api::Request& request) {
    return std::visit(
        [](const auto& typed) -> Call::Refuse {
            return &refuse_as<typename std::decay_t<decltype(typed)>::Reply>;
        },
        request);
}

}  // namespace penstock::node
