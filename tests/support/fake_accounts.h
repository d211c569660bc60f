// FakeAccounts: accounts that remember what was asked of them and answer as told, for tests of ways
// in. Answers run on the executor asked for, never inside the call. One test, one thread.
#pragma once

#include "broker/api/account_registry.h"

#include <boost/asio/post.hpp>

#include <optional>
#include <string>
#include <vector>

namespace penstock::testing {

class FakeAccounts final : public api::Accounts {
  public:
    void create(const api::Principal& principal,
                const std::string& name,
                const api::LimitsChange& limits,
                const api::asio::any_io_executor& executor,
                api::Answered<api::Account> answer) override {
        who = principal.key_id;
        asked = name;
        change_asked = limits;
        tell<api::Account>(executor, std::move(answer), api::Account{name, 1, {}, 1'000});
    }

    void change(const api::Principal& principal,
                const std::string& name,
                const api::LimitsChange& limits,
                const api::asio::any_io_executor& executor,
                api::Answered<api::Account> answer) override {
        create(principal, name, limits, executor, std::move(answer));
    }

    void list(const api::Principal& /*principal*/,
              const api::asio::any_io_executor& executor,
              api::Answered<std::vector<api::Account>> answer) override {
        tell<std::vector<api::Account>>(executor, std::move(answer), accounts);
    }

    void remove(const api::Principal& /*principal*/,
                const std::string& name,
                const api::asio::any_io_executor& executor,
                api::Answered<api::Nothing> answer) override {
        removed = name;
        tell<api::Nothing>(executor, std::move(answer), {});
    }

    std::string who;  // asked for the last account
    std::string asked;
    api::LimitsChange change_asked;
    std::vector<api::Account> accounts;
    std::string removed;
    std::optional<model::Refusal> refusal;

  private:
    template <class T>
    void tell(const api::asio::any_io_executor& executor, api::Answered<T> answer, T value) {
        boost::asio::post(executor, [this, answer, value] {
            answer(refusal ? api::Outcome<T>(*refusal) : api::Outcome<T>(value));
        });
    }
};

}  // namespace penstock::testing
