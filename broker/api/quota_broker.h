// QuotaBroker: a Broker before the node, behind tenancy, that lets through what the quotas of the
// account allow: rates (quotas.h), what it may store (stored_bytes.h), and how many queues, topics
// and subscriptions it may have when one is created. Requests bear stored names here. Of creates
// that run at the same time at another node of a cluster nothing is known: an account may end up
// with a few more than its limit. Borrows all three; as safe to call as the broker.
#pragma once

#include "broker/api/broker.h"
#include "broker/api/quotas.h"
#include "broker/api/stored_bytes.h"
#include "broker/base/short_lock.h"

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace penstock::api {

class QuotaBroker final : public Broker {
  public:
    QuotaBroker(Broker& inner, Quotas& quotas, const Clock& clock)
        : inner_(inner), quotas_(quotas), stored_(inner, clock) {}

    std::shared_ptr<Cancellation> call(const Principal& principal,
                                       Request request,
                                       asio::any_io_executor executor,
                                       Answer answer) override;

    [[nodiscard]] std::optional<AccessKey> key_of(std::string_view key_id) const override {
        return inner_.key_of(key_id);
    }

    [[nodiscard]] std::optional<AccessKey> temporary_key(std::string_view key_id,
                                                         std::string_view token) const override {
        return inner_.temporary_key(key_id, token);
    }

    [[nodiscard]] bool ready() const override { return inner_.ready(); }

  private:
    // A create while it is counted, looked up and done.
    template <class R>
    struct Creating {
        Principal principal;
        R request;
        asio::any_io_executor executor;
        Answer answer = {};
        std::string account = {};
        std::uint64_t most = 0;
        std::uint64_t others = 0;  // creates of that kind and account under way when it began
    };

    template <class R>
    using CreatingPtr = std::shared_ptr<Creating<R>>;

    [[nodiscard]] std::optional<model::Refusal> judge(const Principal& principal,
                                                      const Request& request,
                                                      const asio::any_io_executor& executor);
    template <class R>
    std::shared_ptr<Cancellation> create(const CreatingPtr<R>& creating);
    template <class R>
    void counted(const CreatingPtr<R>& creating, std::uint64_t total);
    template <class R>
    void perform(const CreatingPtr<R>& creating);
    template <class R>
    void end(const CreatingPtr<R>& creating, std::any outcome);

    Broker& inner_;
    Quotas& quotas_;
    StoredBytes stored_;
    ShortLock mutex_;
    std::map<std::string, std::uint64_t> under_way_;  // by account and kind
};

}  // namespace penstock::api
