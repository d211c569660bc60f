// Accounts: made, listed, limited, deleted. What one is: broker/api/accounts.h.
#include "broker/api/account_registry.h"
#include "plugins/native/answered.h"
#include "plugins/native/routes.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>

#include <array>
#include <chrono>
#include <cmath>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

namespace penstock::plugins::native {

namespace {

namespace json = boost::json;

constexpr Range account_bytes{1, 64};  // its form is for the registry to judge
constexpr Range any_limit{0, 9'007'199'254'740'991};
constexpr std::chrono::seconds look_patience{2};

struct LimitField {
    std::string_view name;
    std::optional<std::uint64_t> api::LimitsChange::*change;
    std::uint64_t api::AccountLimits::*limit;
};

using Change = api::LimitsChange;
using Limits = api::AccountLimits;

constexpr std::array<LimitField, 7> limit_fields = {{
    {"requests_per_second", &Change::requests_per_second, &Limits::requests_per_second},
    {"bytes_per_second", &Change::bytes_per_second, &Limits::bytes_per_second},
    {"object_requests_per_second",
     &Change::object_requests_per_second,
     &Limits::object_requests_per_second},
    {"queues_max", &Change::queues_max, &Limits::queues_max},
    {"topics_max", &Change::topics_max, &Limits::topics_max},
    {"subscriptions_max", &Change::subscriptions_max, &Limits::subscriptions_max},
    {"stored_bytes_max", &Change::stored_bytes_max, &Limits::stored_bytes_max},
}};

std::vector<std::string_view> with_limits(std::vector<std::string_view> names) {
    for (const LimitField& field : limit_fields) names.push_back(field.name);
    return names;
}

Change read_limits(Fields& fields) {
    Change change;
    for (const LimitField& field : limit_fields) {
        change.*field.change = fields.whole(field.name, any_limit);
    }
    return change;
}

json::object show(const api::Account& account) {
    json::object out;
    out["name"] = account.name;
    for (const LimitField& field : limit_fields) out[field.name] = account.limits.*field.limit;
    put_time(out, "created_at", account.created_ms);
    return out;
}

// What stands in the way is no matter of rights.
Problem refused_account(const model::Refusal& refusal) {
    Problem problem = refused(refusal);
    if (refusal.reason == model::Reason::invalid_parameter && refusal.subject == "account") {
        problem.status = 404;
        problem.code = "account_not_found";
        problem.hint = "GET /v1/accounts lists the accounts (penstock account list).";
    } else if (refusal.reason == model::Reason::denied && refusal.subject == "objects") {
        problem.status = 409;
        problem.code = "account_not_empty";
        problem.subject = "account";
        problem.detail = refusal.detail;
    } else if (refusal.reason == model::Reason::denied && refusal.subject == "exists") {
        problem.status = 409;
        problem.code = "account_exists";
        problem.subject = "name";
        problem.detail = refusal.detail;
    }
    return problem;
}

Problem no_accounts() {
    model::Refusal refusal;
    refusal.reason = model::Reason::unavailable;
    refusal.detail = "this server keeps no accounts";
    return refused(refusal);
}

// What they use, if it is known in time; else as it was known before.
asio::awaitable<void> look_at_uses(api::AccountUses& uses, const std::vector<api::Account>& all) {
    const auto executor = co_await asio::this_coro::executor;
    const auto timer = std::make_shared<asio::steady_timer>(executor, look_patience);
    uses.look(all, executor, [timer] { timer->cancel(); });
    co_await timer->async_wait(asio::as_tuple(asio::use_awaitable));
}

void put_uses(json::object& out, const api::Account& account, const Call& call) {
    const auto use = call.uses->of(account.name);
    if (!use) return;
    json::object shown;
    shown["queues"] = use->queues;
    shown["topics"] = use->topics;
    shown["subscriptions"] = use->subscriptions;
    shown["stored_bytes"] = use->stored_bytes;
    if (call.quotas != nullptr) {
        // Tenths are enough.
        const double rate = call.quotas->requests_of(account.name).per_second;
        shown["requests_per_second"] = std::round(rate * 10) / 10;
    }
    out["uses"] = std::move(shown);
}

asio::awaitable<Reply> shown_account(Starts<api::Account> start, unsigned status) {
    const auto outcome = co_await answered<api::Account>(std::move(start));
    if (!outcome) co_return refused_account(outcome.error());
    co_return json_reply(show(*outcome), status);
}

}  // namespace

asio::awaitable<Reply> list_accounts(Call& call) {
    if (call.accounts == nullptr) co_return no_accounts();
    using List = std::vector<api::Account>;
    Starts<List> start = [&call](const asio::any_io_executor& executor, api::Answered<List> done) {
        call.accounts->list(call.principal, executor, std::move(done));
    };
    const auto accounts = co_await answered<List>(std::move(start));
    if (!accounts) co_return refused_account(accounts.error());
    if (call.uses != nullptr) co_await look_at_uses(*call.uses, *accounts);
    json::array items;
    for (const auto& account : *accounts) {
        json::object item = show(account);
        if (call.uses != nullptr) put_uses(item, account, call);
        if (call.quotas != nullptr) item["refused"] = call.quotas->refusals_of(account.name);
        items.emplace_back(std::move(item));
    }
    co_return list_reply(std::move(items), name_cursor, 0);
}

asio::awaitable<Reply> create_account(Call& call) {
    Fields fields = json_fields(call.request.body, with_limits({"name"}));
    const std::string name = fields.need_text("name", account_bytes);
    const Change limits = read_limits(fields);
    if (!fields.ok()) co_return *fields.problem();
    if (call.accounts == nullptr) co_return no_accounts();
    Starts<api::Account> start = [&](const asio::any_io_executor& executor,
                                     api::Answered<api::Account> done) {
        call.accounts->create(call.principal, name, limits, executor, std::move(done));
    };
    co_return co_await shown_account(std::move(start), 201);
}

asio::awaitable<Reply> set_account(Call& call) {
    Fields fields = json_fields(call.request.body, with_limits({}));
    const Change limits = read_limits(fields);
    if (!fields.ok()) co_return *fields.problem();
    if (call.accounts == nullptr) co_return no_accounts();
    Starts<api::Account> start = [&](const asio::any_io_executor& executor,
                                     api::Answered<api::Account> done) {
        call.accounts->change(call.principal, call.names[0], limits, executor, std::move(done));
    };
    co_return co_await shown_account(std::move(start), 200);
}

asio::awaitable<Reply> delete_account(Call& call) {
    if (call.accounts == nullptr) co_return no_accounts();
    Starts<api::Nothing> start = [&call](const asio::any_io_executor& executor,
                                         api::Answered<api::Nothing> take) {
        call.accounts->remove(call.principal, call.names[0], executor, std::move(take));
    };
    const auto outcome = co_await answered<api::Nothing>(std::move(start));
    if (!outcome) co_return refused_account(outcome.error());
    co_return done(outcome);
}

}  // namespace penstock::plugins::native
