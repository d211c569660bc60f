#include "plugins/cmq_http/cloud/performing.h"

#include "plugins/cmq_http/cloud/shown.h"

#include <algorithm>
#include <utility>

namespace penstock::plugins::cmq::cloud {

namespace {

using List = std::vector<Parameters::Parameter>;

}  // namespace

std::string find(const List& parameters, std::string_view name) {
    const auto found = std::find_if(parameters.begin(), parameters.end(), [name](const auto& one) {
        return one.first == name;
    });
    return found == parameters.end() ? std::string() : found->second;
}

asio::awaitable<Answer> run(const CloudExchange& exchange, std::string_view name, List list) {
    const auto action = std::find_if(exchange.actions.begin(),
                                     exchange.actions.end(),
                                     [name](const Action& one) { return one.name == name; });
    const Parameters parameters = Parameters::of(std::move(list));
    Answer answer;
    answer.failure = validate(action->parameters, parameters);
    if (!answer.failure.none()) co_return answer;
    const Exchange inner{exchange.broker,
                         exchange.options,
                         *action,
                         exchange.principal,
                         Arguments(parameters),
                         exchange.trace};
    answer = co_await action->handler(inner);
    co_return answer;
}

asio::awaitable<CloudAnswer> perform(const CloudExchange& exchange) {
    List list = exchange.parameters;
    const Answer answer = co_await run(exchange, exchange.action.performs, std::move(list));
    CloudAnswer out;
    out.problem = problem_of(answer.failure);
    // API 2.0 repeats the attributes that were set; API 3.0 does not.
    if (!answer.failure.none() || exchange.action.performs.starts_with("Set")) co_return out;
    out.members = capitalised(answer.members, exchange.tdmq);
    co_return out;
}

asio::awaitable<CloudAnswer> send(const CloudExchange& exchange) {
    CloudAnswer out = co_await perform(exchange);
    if (out.problem.none()) out.members["Result"] = true;
    co_return out;
}

}  // namespace penstock::plugins::cmq::cloud
