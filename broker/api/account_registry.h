// AccountRegistry: the accounts of a server, kept sealed beside its keys, so that every node knows
// them within 1 s. Accounts is what the ways in ask of it: they are made, changed and deleted with
// a root key of the server, each such act a line of the log. As AccountBook it tells of them at
// once. Borrows broker (the node: it knows the rows by id and counts objects), store, box and
// clock; any thread.
//
//   account/NAME sealed for "account/NAME" { version:u8=1 number:u64 created_ms:i64 limits:7*u64 }
#pragma once

#include "broker/api/accounts.h"
#include "broker/api/broker.h"
#include "broker/api/keys.h"
#include "broker/api/secrets.h"
#include "broker/base/clock.h"

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::api {

inline constexpr std::size_t accounts_max = 200;

// What is given is set, the rest stays, or is as by default at creation.
struct LimitsChange {
    std::optional<std::uint64_t> requests_per_second;
    std::optional<std::uint64_t> bytes_per_second;
    std::optional<std::uint64_t> object_requests_per_second;
    std::optional<std::uint64_t> queues_max;
    std::optional<std::uint64_t> topics_max;
    std::optional<std::uint64_t> subscriptions_max;
    std::optional<std::uint64_t> stored_bytes_max;
};

class Accounts {
  public:
    virtual ~Accounts() = default;

    // Refusals: denied (no root key of the server, too many accounts, the name is taken, or objects
    // of an earlier account of that name are left), name_format, unavailable (no box to seal
    // with), and the store's. Answers run once, on the executor.
    virtual void create(const Principal& principal,
                        const std::string& name,
                        const LimitsChange& limits,
                        const asio::any_io_executor& executor,
                        Answered<Account> answer) = 0;

    // Refusals: denied, invalid_parameter of `account` (there is none), unavailable, the store's.
    virtual void change(const Principal& principal,
                        const std::string& name,
                        const LimitsChange& limits,
                        const asio::any_io_executor& executor,
                        Answered<Account> answer) = 0;

    // By name. Refusals: denied, the store's.
    virtual void list(const Principal& principal,
                      const asio::any_io_executor& executor,
                      Answered<std::vector<Account>> answer) = 0;

    // Its keys are of no use any more at once, and deleted. Refusals: as change(), and denied of
    // `objects`: it has queues or topics.
    virtual void remove(const Principal& principal,
                        const std::string& name,
                        const asio::any_io_executor& executor,
                        Answered<Nothing> answer) = 0;
};

class AccountRegistry final : public Accounts, public AccountBook {
  public:
    AccountRegistry(Broker& broker, KeyStore& store, const SecretBox& box, const Clock& clock)
        : broker_(broker), store_(store), box_(box), clock_(clock) {}

    void create(const Principal& principal,
                const std::string& name,
                const LimitsChange& limits,
                const asio::any_io_executor& executor,
                Answered<Account> answer) override;
    void change(const Principal& principal,
                const std::string& name,
                const LimitsChange& limits,
                const asio::any_io_executor& executor,
                Answered<Account> answer) override;
    void list(const Principal& principal,
              const asio::any_io_executor& executor,
              Answered<std::vector<Account>> answer) override;
    void remove(const Principal& principal,
                const std::string& name,
                const asio::any_io_executor& executor,
                Answered<Nothing> answer) override;

    [[nodiscard]] std::shared_ptr<const Account> account(std::string_view name) const override;

  private:
    struct Opened {
        std::string sealed;
        std::shared_ptr<const Account> account;  // nothing: it cannot be opened here
    };

    using OpenedAccounts = std::map<std::string, Opened, std::less<>>;

    [[nodiscard]] std::shared_ptr<const Account> open(std::string_view name,
                                                      const std::string& sealed) const;
    void put(Account account, const asio::any_io_executor& executor, Answered<Account> answer);
    void count_objects(const Principal& principal,
                       const std::string& name,
                       const asio::any_io_executor& executor,
                       std::function<void(Outcome<std::uint64_t>)> then);
    void delete_keys(const std::vector<KeptKey>& rows,
                     std::uint64_t number,
                     const asio::any_io_executor& executor);

    Broker& broker_;
    KeyStore& store_;
    const SecretBox& box_;
    const Clock& clock_;
    mutable std::atomic<std::shared_ptr<const OpenedAccounts>> opened_;
};

}  // namespace penstock::api
