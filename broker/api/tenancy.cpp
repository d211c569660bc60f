#include "broker/api/tenancy.h"

#include "broker/api/object_names.h"
#include "broker/model/account_name.h"

#include <boost/asio/post.hpp>

#include <functional>
#include <type_traits>
#include <utility>
#include <variant>

namespace penstock::api {

namespace {

using model::Reason;
using model::Refusal;

using SeeName = std::function<void(std::string&)>;

// ---- requests ----------------------------------------------------------------------------------

template <class R>
std::optional<Refusal> enter_own(const std::string& account, R& request) {
    if constexpr (is_of_server<R>) {
        return Refusal{Reason::denied, "server", "the server is not an account's to look at"};
    } else {
        if constexpr (is_list_of_all<R>) request.account = account;
        const SeeName qualify = [&account](std::string& name) {
            name = model::stored_name(account, name);
        };
        EachName<SeeName> each{qualify};
        each(request);
        return std::nullopt;
    }
}

// The one account whose objects a request names; `mixed`: there are several.
struct Named {
    std::optional<std::string> account;
    bool mixed = false;
};

template <class R>
Named named_in(R& request) {
    Named named;
    const SeeName look = [&named](std::string& name) {
        if (name.empty()) return;
        const std::string_view account = model::account_of(name);
        if (!named.account) named.account = account;
        named.mixed = named.mixed || *named.account != account;
    };
    EachName<SeeName> each{look};
    each(request);
    return named;
}

template <class R>
std::optional<Refusal> enter_stored(const Sight& sight, const AccountBook& accounts, R& request) {
    if constexpr (is_list_of_all<R>) {
        if (!sight.accounts) request.account = std::string();
    }
    const Named named = named_in(request);
    const bool foreign = named.mixed || (named.account && !named.account->empty());
    if (!foreign) return std::nullopt;
    // Whether it exists or not.
    if (!sight.accounts)
        return Refusal{
            Reason::denied, {}, "the key may not do anything to other accounts' objects"};
    if (named.mixed)
        return Refusal{
            Reason::invalid_parameter, "name", "all that a request names belongs to one account"};
    constexpr bool makes = is_one_of<R, CreateQueue, CreateTopic>;
    if (makes && !accounts.account(*named.account))
        return Refusal{Reason::invalid_parameter, "name", "there is no account " + *named.account};
    return std::nullopt;
}

// ---- answers -----------------------------------------------------------------------------------

// Sentences name objects too.
void show_text(const std::string& account, std::string& text) {
    const std::string prefix = account + model::account_separator;
    const auto in_word = [](char byte) {
        return (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || byte == '-';
    };
    std::size_t at = 0;
    while ((at = text.find(prefix, at)) != std::string::npos) {
        if (at > 0 && in_word(text[at - 1])) {
            at += prefix.size();
        } else {
            text.erase(at, prefix.size());
        }
    }
}

void show_name(const std::string& account, std::string& name) {
    // Nothing leads from one account to another, but were there something it would have no name.
    const bool own = model::account_of(name) == account;
    name = own ? std::string(model::own_name(name)) : std::string();
}

template <class R>
bool is_hidden(const Sight& sight, const Outcome<typename R::Reply>& outcome) {
    if constexpr (std::is_same_v<R, TrackMessage>) {
        if (!outcome) return false;
        const std::string& sent_to = outcome->sent_to;
        return sent_to.empty() || model::account_of(sent_to) != sight.account;
    } else {
        return false;
    }
}

template <class R>
void show(const Sight& sight, Outcome<typename R::Reply>& outcome) {
    if (sight.account.empty()) return;
    if (outcome) {
        const SeeName see = [&sight](std::string& name) {
            show_name(sight.account, name);
        };
        EachName<SeeName> each{see};
        each(*outcome);
        return;
    }
    Refusal why = outcome.error();
    show_text(sight.account, why.subject);
    show_text(sight.account, why.detail);
    outcome = std::move(why);
}

// As the node refuses a message that it does not know.
Refusal no_such_message(const TrackMessage& request) {
    return {Reason::message_not_found,
            model::to_text(request.id),
            "nothing is known of it, or no longer"};
}

std::any refusal_of(const Request& request, Refusal why) {
    return std::visit(
        [&why]<class R>(const R&) { return std::any(Outcome<typename R::Reply>(std::move(why))); },
        request);
}

}  // namespace

std::optional<Refusal> enter(const Sight& sight, const AccountBook& accounts, Request& request) {
    return std::visit(
        [&](auto& one) {
            return sight.account.empty() ? enter_stored(sight, accounts, one)
                                         : enter_own(sight.account, one);
        },
        request);
}

Broker::Answer shown_to(Sight sight, const Request& request, Broker::Answer answer) {
    if (sight.accounts) return answer;
    return std::visit(
        [&]<class R>([[maybe_unused]] const R& one) -> Broker::Answer {
            std::optional<Refusal> hidden;
            if constexpr (std::is_same_v<R, TrackMessage>) hidden = no_such_message(one);
            // Nothing is changed for the server's own but what is not to be seen.
            if (sight.account.empty() && !hidden) return std::move(answer);
            return
                [sight = std::move(sight), hidden, answer = std::move(answer)](std::any outcome) {
                    auto* typed = std::any_cast<Outcome<typename R::Reply>>(&outcome);
                    if (typed != nullptr && is_hidden<R>(sight, *typed)) *typed = *hidden;
                    if (typed != nullptr) show<R>(sight, *typed);
                    answer(std::move(outcome));
                };
        },
        request);
}

std::shared_ptr<Cancellation> TenantBroker::call(const Principal& principal,
                                                 Request request,
                                                 asio::any_io_executor executor,
                                                 Answer answer) {
    Sight sight{principal.account, principal.root && principal.account.empty()};
    if (sight.account.empty() && !sight.accounts) {
        const auto key = keys_.valid(principal);
        sight.accounts = key && sees_accounts(*key);
    }
    if (auto refusal = enter(sight, accounts_, request)) {
        asio::post(executor,
                   [answer = std::move(answer),
                    outcome = refusal_of(request, std::move(*refusal))]() mutable {
                       answer(std::move(outcome));
                   });
        return nullptr;
    }
    answer = shown_to(std::move(sight), request, std::move(answer));
    return inner_.call(principal, std::move(request), std::move(executor), std::move(answer));
}

}  // namespace penstock::api
