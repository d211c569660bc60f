#include "plugins/cmq_http/cloud/performing.h"

#include "plugins/cmq_http/cloud/shown.h"

#include <boost/json.hpp>

#include <algorithm>
#include <utility>

namespace penstock::plugins::cmq::cloud {

namespace {

namespace json = boost::json;

using List = std::vector<Parameters::Parameter>;

asio::awaitable<CloudAnswer> perform_with(const CloudExchange& exchange, List list) {
    const Answer answer = co_await run(exchange, exchange.action.performs, std::move(list));
    CloudAnswer out;
    out.problem = problem_of(answer.failure);
    // API 2.0 repeats the attributes that were set; API 3.0 does not.
    if (!answer.failure.none() || exchange.action.performs.starts_with("Set")) co_return out;
    out.members = capitalised(answer.members, exchange.tdmq);
    co_return out;
}

// The dead-letter policy among a queue's attributes with `parts` of it changed; empty: it has none.
std::string changed_policy(const std::string& attributes, const json::object& parts) {
    const json::object shown = json::parse("{" + attributes + "}").as_object();
    const json::value* text = shown.if_contains("deadLetterPolicy");
    if (text == nullptr) return {};
    json::object whole = json::parse(text->as_string()).as_object();
    // API 2.0 shows the dead-letter queue's id where it takes its name.
    rename(whole, "deadLetterQueueName", "deadLetterQueue");
    for (const auto& [name, value] : parts) whole[name] = value;
    return json::serialize(whole);
}

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
    co_return co_await perform_with(exchange, std::move(list));
}

asio::awaitable<CloudAnswer> change_queue(const CloudExchange& exchange) {
    List list = exchange.parameters;
    const auto given = std::find_if(list.begin(), list.end(), [](const auto& one) {
        return one.first == "deadLetterPolicy";
    });
    if (given == list.end()) co_return co_await perform(exchange);
    const json::object parts = json::parse(given->second).as_object();
    const json::value* queue = parts.if_contains("deadLetterQueue");
    const bool named_none = queue != nullptr && *queue == json::value("");
    if (queue != nullptr && !named_none) co_return co_await perform(exchange);
    list.erase(given);
    if (!named_none && exchange.action.performs == "SetQueueAttributes") {
        List named = list;
        std::erase_if(named, [](const auto& one) { return one.first != "queueName"; });
        const Answer there = co_await run(exchange, "GetQueueAttributes", std::move(named));
        CloudAnswer out;
        out.problem = problem_of(there.failure);
        if (!there.failure.none()) co_return out;
        std::string policy = changed_policy(there.members, parts);
        if (!policy.empty()) list.emplace_back("deadLetterPolicy", std::move(policy));
    }
    co_return co_await perform_with(exchange, std::move(list));
}

asio::awaitable<CloudAnswer> send(const CloudExchange& exchange) {
    CloudAnswer out = co_await perform(exchange);
    if (out.problem.none()) out.members["Result"] = true;
    co_return out;
}

}  // namespace penstock::plugins::cmq::cloud
