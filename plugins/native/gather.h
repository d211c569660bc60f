// gather(): many requests of one kind at once, their outcomes in order. The calling coroutine's
// thread; cancelled, it gives what has been answered so far.
#pragma once

#include "broker/api/broker.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <any>
#include <chrono>
#include <memory>
#include <utility>
#include <vector>

namespace penstock::plugins::native {

// What is not answered within this time stays refused as unavailable.
inline constexpr std::chrono::seconds gather_deadline{15};

template <class R>
struct Gathering {
    using Result = api::Outcome<typename R::Reply>;

    Gathering(const api::asio::any_io_executor& executor, std::size_t count)
        : timer(executor), left(count) {
        model::Refusal late;
        late.reason = model::Reason::unavailable;
        outcomes.assign(count, Result(late));
    }

    api::asio::steady_timer timer;
    std::vector<Result> outcomes;
    std::size_t left;
};

// `broker` outlives it.
template <class R>
api::asio::awaitable<std::vector<api::Outcome<typename R::Reply>>> gather(
    api::Broker& broker, const api::Principal& principal, std::vector<R> requests) {
    const auto executor = co_await api::asio::this_coro::executor;
    const auto gathering = std::make_shared<Gathering<R>>(executor, requests.size());
    gathering->timer.expires_after(gather_deadline);
    for (std::size_t at = 0; at < requests.size(); ++at) {
        auto take = [gathering, at](std::any outcome) {
            using Result = typename Gathering<R>::Result;
            gathering->outcomes[at] = std::any_cast<Result>(std::move(outcome));
            if (--gathering->left == 0) gathering->timer.cancel();
        };
        broker.call(principal, api::Request{std::move(requests[at])}, executor, std::move(take));
    }
    if (gathering->left > 0) {
        co_await gathering->timer.async_wait(api::asio::as_tuple(api::asio::use_awaitable));
    }
    co_return gathering->outcomes;
}

}  // namespace penstock::plugins::native
