// Limited: quotas over accounts that a test invents, with time that stands still.
#pragma once

#include "broker/api/quotas.h"
#include "tests/support/manual_clock.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace penstock::api {

// Accounts are there once their limits have been asked for.
class InventedAccounts final : public AccountBook {
  public:
    AccountLimits& limits(const std::string& name) {
        auto& account = accounts_[name];
        if (!account) account = std::make_shared<Account>(Account{name, 1, no_limits, 0});
        return account->limits;
    }

    [[nodiscard]] std::shared_ptr<const Account> account(std::string_view name) const override {
        const auto found = accounts_.find(name);
        if (found == accounts_.end()) return nullptr;
        return found->second;
    }

  private:
    std::map<std::string, std::shared_ptr<Account>, std::less<>> accounts_;
};

inline Request send(std::string queue, std::size_t messages = 1, std::size_t bytes = 0) {
    SendMessages request;
    request.queue = std::move(queue);
    request.messages.resize(messages);
    request.messages[0].payload.assign(bytes, 'x');
    return request;
}

inline Request publish(std::string topic) {
    PublishMessages request;
    request.topic = std::move(topic);
    request.messages.resize(1);
    return request;
}

inline Request receive(std::string queue, std::uint32_t messages = 1) {
    ReceiveMessages request;
    request.queue = std::move(queue);
    request.messages_max = messages;
    return request;
}

inline Request remove(std::string queue, std::size_t messages) {
    DeleteMessages request;
    request.queue = std::move(queue);
    request.receipts.resize(messages);
    return request;
}

class Limited : public ::testing::Test {
  protected:
    std::optional<model::Refusal> refusal(const Request& request, const std::string& by = {}) {
        Principal principal;
        principal.account = by;
        return quotas.admit(principal, request);
    }

    // How many of so many are let through.
    int admitted(int asked, const Request& request, const std::string& by = {}) {
        int through = 0;
        for (int at = 0; at < asked; ++at) through += refusal(request, by) ? 0 : 1;
        return through;
    }

    // A receive that was let through ends with so many messages, of so many bytes together.
    void answer(const Request& request, std::size_t messages, std::size_t bytes = 0) {
        ReceivedMessages came;
        came.messages.resize(messages);
        came.messages[0].payload.assign(bytes, 'x');
        bool answered = false;
        quotas.counting(request, [&](const std::any& outcome) {
            const auto* typed = std::any_cast<Outcome<ReceivedMessages>>(&outcome);
            ASSERT_NE(typed, nullptr);
            EXPECT_EQ((*typed)->messages.size(), messages);
            answered = true;
        })(Outcome<ReceivedMessages>(came));
        EXPECT_TRUE(answered);
    }

    testing::ManualClock clock;
    InventedAccounts book;
    Quotas quotas{book, clock};
};

}  // namespace penstock::api
