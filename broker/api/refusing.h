// How a request is refused before the node has seen it: with an outcome of the request's own type.
// Any thread.
#pragma once

#include "broker/api/broker.h"
#include "broker/api/keys.h"

#include <boost/asio/post.hpp>

#include <any>
#include <utility>

namespace penstock::api {

// The Outcome of the request's Reply that says why not.
std::any refusal_of(const Request& request, model::Refusal why);

// Answers on the executor, never inside the call.
void refuse(const Request& request,
            model::Refusal why,
            const asio::any_io_executor& executor,
            Broker::Answer answer);

// The same where the type of the outcome is known.
template <class T>
void refuse(const asio::any_io_executor& executor, Answered<T> answer, model::Refusal why) {
    asio::post(executor, [answer = std::move(answer), why = std::move(why)]() mutable {
        answer(Outcome<T>(std::move(why)));
    });
}

}  // namespace penstock::api
