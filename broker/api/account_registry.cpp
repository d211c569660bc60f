#include "broker/api/account_registry.h"

#include "broker/api/credential.h"
#include "broker/api/refusing.h"
#include "broker/base/bytes.h"
#include "broker/base/log.h"
#include "broker/base/random.h"
#include "broker/model/account_name.h"

#include <algorithm>
#include <utility>

namespace penstock::api {

namespace {

using model::Reason;
using model::Refusal;

constexpr std::uint8_t version = 1;

std::string row_of(std::string_view name) {
    return std::string(account_row_prefix).append(name);
}

std::string encode(const Account& account) {
    std::string out;
    Writer writer(out);
    const AccountLimits& limits = account.limits;
    writer.u8(version);
    writer.u64(account.number);
    writer.i64(account.created_ms);
    for (const std::uint64_t limit : {limits.requests_per_second,
                                      limits.bytes_per_second,
                                      limits.object_requests_per_second,
                                      limits.queues_max,
                                      limits.topics_max,
                                      limits.subscriptions_max,
                                      limits.stored_bytes_max}) {
        writer.u64(limit);
    }
    return out;
}

bool decode(std::string_view bytes, Account& account) {
    Reader reader(bytes);
    if (reader.u8() != version) return false;
    account.number = reader.u64();
    account.created_ms = reader.i64();
    AccountLimits& limits = account.limits;
    for (std::uint64_t* limit : {&limits.requests_per_second,
                                 &limits.bytes_per_second,
                                 &limits.object_requests_per_second,
                                 &limits.queues_max,
                                 &limits.topics_max,
                                 &limits.subscriptions_max,
                                 &limits.stored_bytes_max}) {
        *limit = reader.u64();
    }
    return reader.done();
}

void apply(const LimitsChange& change, AccountLimits& limits) {
    const auto set = [](const std::optional<std::uint64_t>& from, std::uint64_t& to) {
        to = from.value_or(to);
    };
    set(change.requests_per_second, limits.requests_per_second);
    set(change.bytes_per_second, limits.bytes_per_second);
    set(change.object_requests_per_second, limits.object_requests_per_second);
    set(change.queues_max, limits.queues_max);
    set(change.topics_max, limits.topics_max);
    set(change.subscriptions_max, limits.subscriptions_max);
    set(change.stored_bytes_max, limits.stored_bytes_max);
}

Refusal no_such_account(const std::string& name) {
    return {Reason::invalid_parameter, "account", "there is no account " + name};
}

std::optional<Refusal> judge(const Principal& principal) {
    if (principal.root && principal.account.empty()) return std::nullopt;
    return Refusal{
        Reason::denied, {}, "accounts are seen and changed with a root key of the server only"};
}

// The answer, behind a line of the log.
template <class T>
Answered<T> told(const Principal& principal,
                 const std::string& action,
                 const std::string& name,
                 Answered<T> answer) {
    const std::string shown = model::valid_account_name(name) ? name : "(no name)";
    return [line = "event=audit key=\"" + principal.key_id + "\" action=" + action +
                   " object=\"account/" + shown + "\"",
            answer = std::move(answer)](Outcome<T> outcome) {
        const std::string ending =
            outcome ? " outcome=done"
                    : " outcome=refused reason=" + std::string(to_text(outcome.error().reason));
        log_line(LogLevel::info, "audit", line + ending);
        answer(std::move(outcome));
    };
}

std::uint64_t draw_number() {
    SystemRandom random;
    return random.next() | 1;  // never 0
}

}  // namespace

std::shared_ptr<const Account> AccountRegistry::open(std::string_view name,
                                                     const std::string& sealed) const {
    const auto known = opened_.load();
    if (known) {
        const auto found = known->find(name);
        if (found != known->end() && found->second.sealed == sealed) return found->second.account;
    }
    std::shared_ptr<const Account> account;
    auto plain = box_.open(sealed, row_of(name));
    Account read;
    read.name = name;
    if (plain && decode(*plain, read)) {
        account = std::make_shared<const Account>(std::move(read));
    } else {
        log_line(LogLevel::error, "api", "event=account_not_opened account=" + std::string(name));
    }
    // Two at once: one of them opens it again some time.
    auto more = known && known->size() < accounts_max ? std::make_shared<OpenedAccounts>(*known)
                                                      : std::make_shared<OpenedAccounts>();
    (*more)[std::string(name)] = {sealed, account};
    opened_.store(std::move(more));
    return account;
}

std::shared_ptr<const Account> AccountRegistry::account(std::string_view name) const {
    if (name.empty()) {
        static const auto own = std::make_shared<const Account>(Account{{}, 0, no_limits, 0});
        return own;
    }
    if (!model::valid_account_name(name)) return nullptr;
    const auto row = broker_.key_of(row_of(name));
    return row ? open(name, row->secret) : nullptr;
}

void AccountRegistry::put(Account account,
                          const asio::any_io_executor& executor,
                          Answered<Account> answer) {
    const std::string row = row_of(account.name);
    auto sealed = box_.seal(encode(account), row);
    if (!sealed)
        return refuse(
            executor, std::move(answer), {Reason::unavailable, {}, sealed.error().detail});
    store_.put({row, std::move(*sealed), false},
               executor,
               [answer = std::move(answer), account = std::move(account)](Outcome<Nothing> done) {
                   answer(done ? Outcome<Account>(account) : Outcome<Account>(done.error()));
               });
}

// Queues of both kinds and topics; what else there is lives within these.
void AccountRegistry::count_objects(const Principal& principal,
                                    const std::string& name,
                                    const asio::any_io_executor& executor,
                                    std::function<void(Outcome<std::uint64_t>)> then) {
    ListQueues queues;
    queues.automatic = true;
    queues.account = name;
    ListTopics topics;
    topics.account = name;
    auto count_topics =
        [this, principal, topics, executor, then = std::move(then)](std::any listed) {
            const auto found = std::any_cast<Outcome<NamePage>>(std::move(listed));
            if (!found) return then(found.error());
            auto sum = [then, queues = found->total](std::any more) {
                const auto others = std::any_cast<Outcome<NamePage>>(std::move(more));
                if (!others) return then(others.error());
                then(queues + others->total);
            };
            broker_.call(principal, topics, executor, std::move(sum));
        };
    broker_.call(principal, queues, executor, std::move(count_topics));
}

void AccountRegistry::create(const Principal& principal,
                             const std::string& name,
                             const LimitsChange& limits,
                             const asio::any_io_executor& executor,
                             Answered<Account> answer) {
    answer = told(principal, "CreateAccount", name, std::move(answer));
    if (auto why = judge(principal)) return refuse(executor, std::move(answer), std::move(*why));
    if (!model::valid_account_name(name))
        return refuse(executor,
                      std::move(answer),
                      {Reason::name_format,
                       "name",
                       "1-32 characters: a letter first, then a-z, 0-9 and '-'"});
    Account account{name, draw_number(), {}, clock_.wall_ms()};
    apply(limits, account.limits);
    auto listed = [this, executor, principal, account, answer = std::move(answer)](
                      Outcome<std::vector<KeptKey>> rows) {
        if (!rows) return answer(rows.error());
        const auto there = std::count_if(rows->begin(), rows->end(), [](const KeptKey& row) {
            return is_account_row(row.key_id);
        });
        const bool taken = std::any_of(rows->begin(), rows->end(), [&](const KeptKey& row) {
            return row.key_id == row_of(account.name);
        });
        if (taken)
            return answer(Refusal{
                Reason::denied, "exists", "there is an account " + account.name + " already"});
        if (static_cast<std::size_t>(there) >= accounts_max)
            return answer(Refusal{Reason::denied, {}, "there are 200 accounts, as many as may be"});
        count_objects(principal,
                      account.name,
                      executor,
                      [this, executor, account, answer](Outcome<std::uint64_t> objects) {
                          if (!objects) return answer(objects.error());
                          if (*objects == 0) return put(account, executor, answer);
                          answer(Refusal{Reason::denied,
                                         "objects",
                                         "an earlier account of that name left queues or topics: "
                                         "delete these first"});
                      });
    };
    store_.list(executor, std::move(listed));
}

void AccountRegistry::change(const Principal& principal,
                             const std::string& name,
                             const LimitsChange& limits,
                             const asio::any_io_executor& executor,
                             Answered<Account> answer) {
    answer = told(principal, "SetAccount", name, std::move(answer));
    if (auto why = judge(principal)) return refuse(executor, std::move(answer), std::move(*why));
    const auto known = name.empty() ? nullptr : account(name);
    if (!known) return refuse(executor, std::move(answer), no_such_account(name));
    Account changed = *known;
    apply(limits, changed.limits);
    put(std::move(changed), executor, std::move(answer));
}

void AccountRegistry::list(const Principal& principal,
                           const asio::any_io_executor& executor,
                           Answered<std::vector<Account>> answer) {
    if (auto why = judge(principal)) return refuse(executor, std::move(answer), std::move(*why));
    auto open_all = [this, answer = std::move(answer)](Outcome<std::vector<KeptKey>> rows) {
        if (!rows) return answer(rows.error());
        std::vector<Account> accounts;
        for (const KeptKey& row : *rows) {
            if (!is_account_row(row.key_id)) continue;
            const std::string name = row.key_id.substr(account_row_prefix.size());
            const auto opened = open(name, row.credential);
            accounts.push_back(opened ? *opened : Account{name, 0, no_limits, 0});
        }
        answer(std::move(accounts));
    };
    store_.list(executor, std::move(open_all));
}

// They are of no use already; this makes room for others. Nobody waits for it.
void AccountRegistry::delete_keys(const std::vector<KeptKey>& rows,
                                  std::uint64_t number,
                                  const asio::any_io_executor& executor) {
    const auto of_account = [&](const KeptKey& row) {
        if (is_account_row(row.key_id) || !is_sealed(row.credential)) return false;
        const auto opened = open_credential(box_, row.key_id, row.credential);
        return opened && opened->view.account_number == number;
    };
    for (const KeptKey& row : rows) {
        if (of_account(row)) store_.put({row.key_id, {}, false}, executor, [](const auto&) {});
    }
}

void AccountRegistry::remove(const Principal& principal,
                             const std::string& name,
                             const asio::any_io_executor& executor,
                             Answered<Nothing> answer) {
    answer = told(principal, "DeleteAccount", name, std::move(answer));
    if (auto why = judge(principal)) return refuse(executor, std::move(answer), std::move(*why));
    if (!model::valid_account_name(name) || !broker_.key_of(row_of(name)))
        return refuse(executor, std::move(answer), no_such_account(name));
    const auto known = account(name);  // nothing: it cannot be opened here, but deleted
    const std::uint64_t number = known ? known->number : 0;
    auto counted =
        [this, name, number, executor, answer = std::move(answer)](Outcome<std::uint64_t> objects) {
            if (!objects) return answer(objects.error());
            if (*objects > 0)
                return answer(Refusal{Reason::denied,
                                      "objects",
                                      "the account has " + std::to_string(*objects) +
                                          " queues and topics: delete these first"});
            auto gone = [this, number, executor, answer](Outcome<Nothing> outcome) {
                answer(outcome);
                if (!outcome || number == 0) return;
                store_.list(executor, [this, number, executor](Outcome<std::vector<KeptKey>> rows) {
                    if (rows) delete_keys(*rows, number, executor);
                });
            };
            store_.put({row_of(name), {}, false}, executor, std::move(gone));
        };
    count_objects(principal, name, executor, std::move(counted));
}

}  // namespace penstock::api
