// Accounts: tenants of one server that neither see nor touch each other. What belongs to one bears
// its name (model/account_name.h). The server's own account has no name, no limits, and is always
// there. AccountBook tells of them to those who judge and limit requests. Values; any thread.
#pragma once

#include "broker/model/ids.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace penstock::api {

// What an account may use; 0 is no limit.
struct AccountLimits {
    std::uint64_t requests_per_second = 0;  // of all its objects together
    std::uint64_t bytes_per_second = 0;     // of bodies, sent and received
    // Of each queue or topic, producing and consuming each (cmq-api.md, limits: 5,000).
    std::uint64_t object_requests_per_second = 5'000;
    std::uint64_t queues_max = 1'000;
    std::uint64_t topics_max = 1'000;
    std::uint64_t subscriptions_max = 0;
    std::uint64_t stored_bytes_max = 0;
    friend bool operator==(const AccountLimits&, const AccountLimits&) = default;
};

// The server's own account, and --dev.
inline constexpr AccountLimits no_limits{0, 0, 0, 0, 0, 0, 0};

struct Account {
    std::string name;
    // Drawn when it is made, never 0: keys carry it, so that those of an account that was deleted
    // are of no use to a later one of the same name.
    std::uint64_t number = 0;
    AccountLimits limits;
    model::TimeMs created_ms = 0;
};

// Accounts are kept beside the keys, under ids that are no key's.
inline constexpr std::string_view account_row_prefix = "account/";

inline bool is_account_row(std::string_view key_id) {
    return key_id.starts_with(account_row_prefix);
}

class AccountBook {
  public:
    virtual ~AccountBook() = default;

    // As of at most 1 s ago, which every node of a cluster knows; nothing: there is no such
    // account. The empty name is the server's own, with no_limits. Never blocks.
    [[nodiscard]] virtual std::shared_ptr<const Account> account(std::string_view name) const = 0;
};

}  // namespace penstock::api
