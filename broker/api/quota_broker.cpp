#include "broker/api/quota_broker.h"

#include "broker/api/refusing.h"
#include "broker/model/account_name.h"

#include <type_traits>
#include <utility>
#include <variant>

namespace penstock::api {

namespace {

using model::Reason;

// What is created: how many there may be, how they are counted, and how one is looked up.
template <class R>
struct Kind;

template <>
struct Kind<CreateQueue> {
    using List = ListQueues;
    static constexpr std::string_view name = "queues";
    static constexpr Reason reason = Reason::queue_limit;

    static std::uint64_t most(const AccountLimits& limits) { return limits.queues_max; }

    static const std::string& stored_name(const CreateQueue& request) { return request.name; }

    static GetQueue look(const CreateQueue& request) { return {request.name}; }
};

template <>
struct Kind<CreateTopic> {
    using List = ListTopics;
    static constexpr std::string_view name = "topics";
    static constexpr Reason reason = Reason::topic_limit;

    static std::uint64_t most(const AccountLimits& limits) { return limits.topics_max; }

    static const std::string& stored_name(const CreateTopic& request) { return request.name; }

    static GetTopic look(const CreateTopic& request) { return {request.name}; }
};

template <>
struct Kind<Subscribe> {
    using List = ListSubscriptions;
    static constexpr std::string_view name = "subscriptions";
    static constexpr Reason reason = Reason::subscription_limit;

    static std::uint64_t most(const AccountLimits& limits) { return limits.subscriptions_max; }

    static const std::string& stored_name(const Subscribe& request) { return request.topic; }

    static GetSubscription look(const Subscribe& request) { return {request.topic, request.name}; }
};

template <class R>
concept Limited = requires {
    Kind<R>::name;
};

template <class R>
std::string slot_of(const std::string& account) {
    return account + "/" + std::string(Kind<R>::name);
}

}  // namespace

std::optional<model::Refusal> QuotaBroker::judge(const Principal& principal,
                                                 const Request& request,
                                                 const asio::any_io_executor& executor) {
    if (auto why = quotas_.admit(principal, request)) return why;
    const Charge charge = charge_of(request);
    if (charge.use != Use::produce) return std::nullopt;
    const std::uint64_t most = quotas_.limits_of(charge.account).stored_bytes_max;
    if (most == 0 || stored_.fits(std::string(charge.account), most, charge.bytes, executor)) {
        return std::nullopt;
    }
    quotas_.refused(charge.account, Quota::storage, charge.object);
    return model::Refusal{model::Reason::storage_quota,
                          std::string(charge.object),
                          "the account may store " + std::to_string(most) + " bytes"};
}

std::shared_ptr<Cancellation> QuotaBroker::call(const Principal& principal,
                                                Request request,
                                                asio::any_io_executor executor,
                                                Answer answer) {
    if (auto why = judge(principal, request, executor)) {
        refuse(request, std::move(*why), executor, std::move(answer));
        return nullptr;
    }
    return std::visit(
        [&]<class R>(R& one) -> std::shared_ptr<Cancellation> {
            if constexpr (Limited<R>) {
                std::string account(model::account_of(Kind<R>::stored_name(one)));
                const std::uint64_t most = Kind<R>::most(quotas_.limits_of(account));
                if (most > 0) {
                    Creating<R> creating{principal, std::move(one), std::move(executor)};
                    creating.answer = std::move(answer);
                    creating.account = std::move(account);
                    creating.most = most;
                    return create<R>(std::make_shared<Creating<R>>(std::move(creating)));
                }
            }
            answer = quotas_.counting(request, std::move(answer));
            return inner_.call(
                principal, std::move(request), std::move(executor), std::move(answer));
        },
        request);
}

template <class R>
std::shared_ptr<Cancellation> QuotaBroker::create(const CreatingPtr<R>& creating) {
    {
        const std::lock_guard lock(mutex_);
        creating->others = under_way_[slot_of<R>(creating->account)]++;
    }
    typename Kind<R>::List list;
    list.page = {0, 1};
    list.account = creating->account;
    return inner_.call(
        creating->principal, list, creating->executor, [this, creating](const std::any& outcome) {
            using Listed = Outcome<typename Kind<R>::List::Reply>;
            const auto& listed = *std::any_cast<Listed>(&outcome);
            if (listed) return counted<R>(creating, listed->total);
            end<R>(creating, refusal_of(creating->request, listed.error()));
        });
}

// What is there already is no more than there was: the broker has its own word for it.
template <class R>
void QuotaBroker::counted(const CreatingPtr<R>& creating, std::uint64_t total) {
    if (total + creating->others < creating->most) return perform<R>(creating);
    const auto look = Kind<R>::look(creating->request);
    using Look = std::remove_const_t<decltype(look)>;
    inner_.call(
        creating->principal, look, creating->executor, [this, creating](const std::any& outcome) {
            const auto& found = *std::any_cast<Outcome<typename Look::Reply>>(&outcome);
            if (found) return perform<R>(creating);
            const std::string& name = Kind<R>::stored_name(creating->request);
            quotas_.refused(creating->account, Quota::objects, name);
            end<R>(creating,
                   refusal_of(creating->request,
                              {Kind<R>::reason,
                               name,
                               "the account's limit is " + std::to_string(creating->most) + " " +
                                   std::string(Kind<R>::name)}));
        });
}

template <class R>
void QuotaBroker::perform(const CreatingPtr<R>& creating) {
    inner_.call(creating->principal,
                creating->request,
                creating->executor,
                [this, creating](std::any outcome) { end<R>(creating, std::move(outcome)); });
}

template <class R>
void QuotaBroker::end(const CreatingPtr<R>& creating, std::any outcome) {
    {
        const std::lock_guard lock(mutex_);
        const auto slot = under_way_.find(slot_of<R>(creating->account));
        if (--slot->second == 0) under_way_.erase(slot);
    }
    creating->answer(std::move(outcome));
}

}  // namespace penstock::api
