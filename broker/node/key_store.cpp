#include "broker/node/key_store.h"

#include "broker/core/names_query.h"
#include "broker/node/node.h"

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <utility>
#include <variant>

namespace penstock::node {

namespace {

// One question on its way to its one answer. All of it happens on the caller's executor but for
// tell(), which comes from the broker thread.
template <class T>
class Asked final : public std::enable_shared_from_this<Asked<T>> {
  public:
    Asked(const api::asio::any_io_executor& executor, api::Answered<T> answer)
        : executor_(executor), answer_(std::move(answer)), timer_(executor) {}

    void expire_after(std::uint32_t timeout_ms) {
        timer_.expires_after(std::chrono::milliseconds(timeout_ms));
        timer_.async_wait([own = this->shared_from_this()](const auto& failed) {
            if (failed) return;
            own->give(model::Refusal{
                model::Reason::unknown_outcome, {}, "the node did not answer in time"});
        });
    }

    void tell(model::Outcome<T> outcome) {
        api::asio::post(executor_,
                        [own = this->shared_from_this(), outcome = std::move(outcome)]() mutable {
                            own->timer_.cancel();
                            own->give(std::move(outcome));
                        });
    }

  private:
    void give(model::Outcome<T> outcome) {
        if (answer_) std::exchange(answer_, nullptr)(std::move(outcome));
    }

    api::asio::any_io_executor executor_;
    api::Answered<T> answer_;
    api::asio::steady_timer timer_;
};

}  // namespace

void NodeKeys::put(api::KeptKey key,
                   const api::asio::any_io_executor& executor,
                   api::Answered<api::Nothing> answer) {
    auto asked = std::make_shared<Asked<api::Nothing>>(executor, std::move(answer));
    asked->expire_after(timeout_ms_);
    // A turn later: what is applied in one is known to those who check keys at its end.
    const auto done = [asked, mailbox = mailbox_](const model::Reply& reply) {
        model::Outcome<api::Nothing> outcome = api::Nothing{};
        if (const auto* refusal = std::get_if<model::Refusal>(&reply)) outcome = *refusal;
        mailbox->post([asked, outcome](Node&) { asked->tell(outcome); });
    };
    model::PutKey command{key.key_id, std::move(key.credential), key.lasting_root};
    mailbox_->post([command = std::move(command), done](Node& node) {
        node.submit(model::names_set, Submission{command, {}, nullptr, done});
    });
}

void NodeKeys::list(const api::asio::any_io_executor& executor,
                    api::Answered<std::vector<api::KeptKey>> answer) {
    using List = std::vector<api::KeptKey>;
    auto asked = std::make_shared<Asked<List>>(executor, std::move(answer));
    asked->expire_after(timeout_ms_);
    mailbox_->post([asked](Node& node) {
        List list;
        for (core::KeyInfo& key : core::list_keys(node.names_set().rows())) {
            list.push_back({std::move(key.key_id), std::move(key.secret), key.root});
        }
        asked->tell(std::move(list));
    });
}

}  // namespace penstock::node
