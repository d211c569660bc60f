// Awaiting what keys, accounts and functions answer by callback. Any I/O thread.
#pragma once

#include "broker/api/keys.h"

#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <functional>
#include <memory>
#include <utility>

namespace penstock::plugins::native {

namespace asio = boost::asio;

// What starts: it is given where the answer runs, and whom to tell.
template <class T>
using Starts = std::function<void(const asio::any_io_executor&, api::Answered<T>)>;

// co_await answered<T>(start): what `start` hands to its callback.
template <class T>
asio::awaitable<api::Outcome<T>> answered(Starts<T> start) {
    const auto executor = co_await asio::this_coro::executor;
    auto initiate = [executor, &start](auto handler) {
        auto waiting = std::make_shared<decltype(handler)>(std::move(handler));
        start(executor,
              [waiting](api::Outcome<T> outcome) { std::move (*waiting)(std::move(outcome)); });
    };
    co_return co_await asio::async_initiate<const asio::use_awaitable_t<>&, void(api::Outcome<T>)>(
        std::move(initiate), asio::use_awaitable);
}

// co_await answer<T>(start): what `start` hands to its callback, on this coroutine's executor.
template <class T>
asio::awaitable<T> answer(std::function<void(std::function<void(T)>)> start) {
    const auto executor = co_await asio::this_coro::executor;
    auto initiate = [executor, &start](auto handler) {
        auto waiting = std::make_shared<decltype(handler)>(std::move(handler));
        start([executor, waiting](T value) {
            asio::post(executor, [waiting, value = std::move(value)]() mutable {
                std::move (*waiting)(std::move(value));
            });
        });
    };
    co_return co_await asio::async_initiate<const asio::use_awaitable_t<>&, void(T)>(
        std::move(initiate), asio::use_awaitable);
}

}  // namespace penstock::plugins::native
