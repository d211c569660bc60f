// AccountUses: about what each account uses of what it may (accounts.h): how many objects it has
// and what it has stored (stored_bytes.h). Looked up when somebody asks, one object after another,
// at most every look_every_us; with nobody asking it costs nothing. Borrows node (behind quotas),
// accounts, quotas and clock; any thread.
#pragma once

#include "broker/api/account_registry.h"
#include "broker/api/broker.h"
#include "broker/api/quotas.h"
#include "broker/api/stored_bytes.h"
#include "broker/base/clock.h"
#include "broker/base/short_lock.h"
#include "broker/model/metric.h"

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::api {

struct AccountUse {
    std::uint64_t queues = 0;  // as its quota counts them: automatic ones apart
    std::uint64_t topics = 0;
    std::uint64_t subscriptions = 0;
    std::uint64_t stored_bytes = 0;  // about
    friend bool operator==(const AccountUse&, const AccountUse&) = default;
};

class AccountUses {
  public:
    static constexpr std::int64_t look_every_us = 5'000'000;
    // Who may wait for a look that is under way; others are told of the one before.
    static constexpr std::size_t waiting_max = 1'000;

    AccountUses(Broker& node, Accounts& accounts, const Quotas& quotas, const Clock& clock)
        : node_(node), accounts_(accounts), quotas_(quotas), clock_(clock), stored_(node, clock) {}

    // Looks at these accounts, unless all were looked at a moment ago. `done` runs on the executor,
    // never inside the call; it may take as long as the accounts have objects.
    void look(std::vector<Account> accounts,
              const asio::any_io_executor& executor,
              std::function<void()> done);

    // As of the last look; nothing: there was none since the account was made.
    [[nodiscard]] std::optional<AccountUse> of(std::string_view account) const;

    // Uses and limits of model::labelled_objects_max accounts, and what the rest use together; then
    // begins the look that the next ones are told of, on the executor.
    void measure(model::Metrics& metrics, const asio::any_io_executor& executor);

  private:
    struct Known {
        AccountLimits limits;
        AccountUse use;
    };

    using Uses = std::map<std::string, Known, std::less<>>;

    struct Waiting {
        asio::any_io_executor executor;
        std::function<void()> done;
    };

    asio::awaitable<void> look_at(std::vector<Account> accounts);
    asio::awaitable<std::optional<AccountUse>> use_of(std::string account);
    template <class List>
    asio::awaitable<std::optional<std::uint64_t>> count(std::string account);
    void ended();
    [[nodiscard]] bool fresh(const std::vector<Account>& accounts) const;

    Broker& node_;
    Accounts& accounts_;
    const Quotas& quotas_;
    const Clock& clock_;
    StoredBytes stored_;
    mutable ShortLock mutex_;
    Uses known_;
    std::int64_t look_again_us_ = 0;
    bool looking_ = false;
    std::vector<Waiting> waiting_;
};

}  // namespace penstock::api
