// Call: one request on its way to its one answer. Shared by the caller (who may cancel), the broker
// thread and whoever reads bodies for it; whoever claims it first answers it.
#pragma once

#include "broker/api/broker.h"
#include "broker/node/mailbox.h"

#include <any>
#include <atomic>
#include <cstdint>
#include <memory>

namespace penstock::node {

class Call final : public api::Cancellation, public std::enable_shared_from_this<Call> {
  public:
    // Makes the request's own Outcome type from a refusal.
    using Refuse = std::any (*)(model::Refusal);

    Call(boost::asio::any_io_executor executor,
         api::Broker::Answer answer,
         Refuse refuse,
         std::shared_ptr<Mailbox> mailbox,
         api::Principal principal = {});

    void cancel() override;

    enum class Stage : std::uint8_t { waiting, proposed, answered };

    // Any thread. Who gets another stage than `answered` answers, nobody else.
    Stage take() { return stage_.exchange(Stage::answered); }

    bool claim() { return take() != Stage::answered; }

    // Its first command leaves for the log; false when it was answered: nothing may happen for it.
    bool mark_proposed();

    [[nodiscard]] bool answered() const { return stage_.load() == Stage::answered; }

    [[nodiscard]] bool proposed() const { return stage_.load() == Stage::proposed; }

    [[nodiscard]] bool cancelled() const { return cancelled_.load(); }

    [[nodiscard]] const boost::asio::any_io_executor& executor() const { return executor_; }

    // On the caller's executor, after claim().
    void answer(std::any outcome) const { answer_(std::move(outcome)); }

    [[nodiscard]] std::any refusal(model::Refusal why) const { return refuse_(std::move(why)); }

    // Its caller is an administrator.
    [[nodiscard]] bool root() const { return principal_.root; }

    [[nodiscard]] const api::Principal& principal() const { return principal_; }

    // Broker thread only: monotonic time of its time-out, and whether a long poll keeps it instead.
    std::int64_t deadline_us = 0;
    bool polling = false;

  private:
    boost::asio::any_io_executor executor_;
    api::Broker::Answer answer_;
    Refuse refuse_;
    std::shared_ptr<Mailbox> mailbox_;
    api::Principal principal_;
    std::atomic<Stage> stage_{Stage::waiting};
    std::atomic<bool> cancelled_{false};
};

using CallPtr = std::shared_ptr<Call>;

// How a request of that type refuses.
Call::Refuse refuse_of(const api::Request& request);

}  // namespace penstock::node
