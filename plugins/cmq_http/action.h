// Action: one row of the table of CMQ's actions: its parameters with their types and ranges, and
// the function that carries it out. A handler is only called with parameters that fit the row.
#pragma once

#include "broker/api/broker.h"
#include "broker/model/account_name.h"
#include "plugins/cmq_http/arguments.h"
#include "plugins/cmq_http/faults.h"
#include "plugins/cmq_http/front_end.h"

#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace penstock::plugins::cmq {

// What an action answers: a failure, and the members that follow the envelope's own.
struct Answer {
    Failure failure;
    std::string members;
};

struct Action;

// The trace that a request, and so what it sends, is part of (W3C Trace Context, 3.2 and 3.3).
struct TraceHeaders {
    explicit TraceHeaders(const HttpRequest& request)
        : parent(request.header("traceparent")), state(request.header("tracestate")) {}

    std::string parent;  // empty: of none
    std::string state;
};

// One request on its way; outlives its handler.
struct Exchange {
    api::Broker& broker;
    const CmqOptions& options;
    const Action& action;
    api::Principal principal;
    Arguments arguments;
    TraceHeaders trace;
};

// topicOwner, createUin: the number of the account that asks.
inline std::uint64_t owner_of(const Exchange& exchange) {
    return model::owner_number(exchange.principal.account, exchange.options.app_id);
}

using Handler = asio::awaitable<Answer> (*)(const Exchange& exchange);

struct Action {
    std::string_view name;
    Family family = Family::queue;
    Fault failed;  // told when the server is in trouble and nothing happened
    Handler handler = nullptr;
    std::vector<ParameterSpec> parameters;
};

// Every action, in the order of cmq-api.md 2.
std::vector<Action> all_actions();

// Asks the broker on behalf of the exchange. No coroutine: co_await its result.
template <class R>
asio::awaitable<api::Outcome<typename R::Reply>> ask(const Exchange& exchange, R request) {
    return api::call(exchange.broker, exchange.principal, std::move(request));
}

inline Answer refused(const Exchange& exchange, const model::Refusal& refusal) {
    return {failure_of(refusal, exchange.action.family, exchange.action.failed), {}};
}

}  // namespace penstock::plugins::cmq
