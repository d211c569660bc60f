#include "broker/api/account_uses.h"

#include "broker/base/log.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <array>
#include <exception>
#include <mutex>
#include <utility>

namespace penstock::api {

namespace {

const Principal node;  // the server asks for itself

Principal root() {
    Principal asking;
    asking.root = true;
    return asking;
}

struct Resource {
    std::string_view name;
    std::uint64_t AccountUse::*used;
    std::uint64_t AccountLimits::*most;
};

constexpr std::array<Resource, 4> resources{{
    {"queues", &AccountUse::queues, &AccountLimits::queues_max},
    {"topics", &AccountUse::topics, &AccountLimits::topics_max},
    {"subscriptions", &AccountUse::subscriptions, &AccountLimits::subscriptions_max},
    {"stored_bytes", &AccountUse::stored_bytes, &AccountLimits::stored_bytes_max},
}};

void tell_uses(model::Metrics& metrics, const std::string& account, const AccountUse& use) {
    for (const Resource& one : resources) {
        metrics.gauge("penstock_account_use",
                      "What an account has, as of the last look.",
                      static_cast<double>(use.*one.used),
                      {{"account", account}, {"resource", std::string(one.name)}});
    }
}

void tell_limit(model::Metrics& metrics,
                const std::string& account,
                std::string_view resource,
                std::uint64_t most) {
    if (most == 0) return;
    metrics.gauge("penstock_account_limit",
                  "What an account may have; absent: any amount.",
                  static_cast<double>(most),
                  {{"account", account}, {"resource", std::string(resource)}});
}

void tell_requests(model::Metrics& metrics, const std::string& account, std::uint64_t requests) {
    metrics.counter("penstock_account_requests",
                    "Requests that an account's keys made at this node, refused ones too.",
                    requests,
                    {{"account", account}});
}

}  // namespace

bool AccountUses::fresh(const std::vector<Account>& accounts) const {
    return look_again_us_ > clock_.steady_us() &&
           std::all_of(accounts.begin(), accounts.end(), [this](const Account& one) {
               return known_.contains(one.name);
           });
}

void AccountUses::look(std::vector<Account> accounts,
                       const asio::any_io_executor& executor,
                       std::function<void()> done) {
    {
        const std::lock_guard lock(mutex_);
        const bool waits = !fresh(accounts) && waiting_.size() < waiting_max;
        if (!waits) {
            asio::post(executor, std::move(done));
            return;
        }
        waiting_.push_back({executor, std::move(done)});
        if (std::exchange(looking_, true)) return;
    }
    asio::co_spawn(
        executor, look_at(std::move(accounts)), [this](const std::exception_ptr& thrown) {
            if (thrown) log_line(LogLevel::error, "api", "event=account_uses_not_known");
            ended();
        });
}

void AccountUses::ended() {
    std::vector<Waiting> waiting;
    {
        const std::lock_guard lock(mutex_);
        looking_ = false;
        waiting = std::exchange(waiting_, {});
    }
    for (Waiting& one : waiting) asio::post(one.executor, std::move(one.done));
}

asio::awaitable<void> AccountUses::look_at(std::vector<Account> accounts) {
    Uses found;
    for (const Account& account : accounts) {
        auto use = co_await use_of(account.name);
        // What cannot be had now is as it was.
        if (!use) use = of(account.name);
        if (use) found[account.name] = {account.limits, *use};
    }
    const std::lock_guard lock(mutex_);
    known_ = std::move(found);
    look_again_us_ = clock_.steady_us() + look_every_us;
}

asio::awaitable<std::optional<AccountUse>> AccountUses::use_of(std::string account) {
    const auto queues = co_await count<ListQueues>(account);
    const auto topics = co_await count<ListTopics>(account);
    const auto subscriptions = co_await count<ListSubscriptions>(account);
    if (!queues || !topics || !subscriptions) co_return std::nullopt;
    AccountUse use{*queues, *topics, *subscriptions, 0};
    use.stored_bytes = co_await stored_.bytes_of(account);
    co_return use;
}

template <class List>
asio::awaitable<std::optional<std::uint64_t>> AccountUses::count(std::string account) {
    List list;
    list.page = {0, 1};
    list.account = account;
    const auto listed = co_await api::call(node_, node, list);
    if (!listed) co_return std::nullopt;
    co_return listed->total;
}

std::optional<AccountUse> AccountUses::of(std::string_view account) const {
    const std::lock_guard lock(mutex_);
    const auto found = known_.find(account);
    if (found == known_.end()) return std::nullopt;
    return found->second.use;
}

void AccountUses::measure(model::Metrics& metrics, const asio::any_io_executor& executor) {
    Uses known;
    {
        const std::lock_guard lock(mutex_);
        known = known_;
    }
    AccountUse others;
    std::uint64_t others_requests = 0;
    std::size_t told = 0;
    for (const auto& [account, one] : known) {
        const std::uint64_t requests = quotas_.requests_of(account).total;
        if (++told > model::labelled_objects_max) {
            for (const Resource& each : resources) others.*each.used += one.use.*each.used;
            others_requests += requests;
            continue;
        }
        tell_uses(metrics, account, one.use);
        tell_requests(metrics, account, requests);
        for (const Resource& each : resources) {
            tell_limit(metrics, account, each.name, one.limits.*each.most);
        }
        tell_limit(metrics, account, "requests_per_second", one.limits.requests_per_second);
    }
    if (told > model::labelled_objects_max) {
        tell_uses(metrics, "*", others);
        tell_requests(metrics, "*", others_requests);
    }
    accounts_.list(root(), executor, [this, executor](Outcome<std::vector<Account>> listed) {
        if (listed) look(std::move(*listed), executor, [] {});
    });
}

}  // namespace penstock::api
