#include "plugins/cmq_http/cloud/describing.h"

#include "plugins/cmq_http/cloud/performing.h"
#include "plugins/cmq_http/cloud/shown.h"

#include <boost/json.hpp>

#include <string>
#include <utility>

namespace penstock::plugins::cmq::cloud {

namespace {

namespace json = boost::json;

using List = std::vector<Parameters::Parameter>;

constexpr std::uint32_t delay_s_max = 3600;

// One page of names, each with what `details` of it says.
struct Listing {
    std::string_view list;     // action of API 2.0 that lists
    std::string_view items;    // its list of items
    std::string_view details;  // action that gives one item's attributes
    const char* name;          // parameter and member that names an item: queueName, topicName, ...
    const char* shown_name;    // the same in API 3.0
};

constexpr Listing queues{"ListQueue", "QueueList", "GetQueueAttributes", "queueName", "QueueName"};
constexpr Listing topics{"ListTopic", "TopicList", "GetTopicAttributes", "topicName", "TopicName"};
constexpr Listing subscriptions{"ListSubscriptionByTopic",
                                "SubscriptionList",
                                "GetSubscriptionAttributes",
                                "subscriptionName",
                                "SubscriptionName"};

asio::awaitable<CloudAnswer> sources_of(const CloudExchange& exchange, std::string queue) {
    List list{{"deadLetterQueueName", std::move(queue)}, {"offset", "0"}, {"limit", "50"}};
    const Answer answer = co_await run(exchange, "ListDeadLetterSourceQueues", std::move(list));
    CloudAnswer out;
    out.problem = problem_of(answer.failure);
    if (!answer.failure.none()) co_return out;
    json::array sources;
    json::object page = capitalised(answer.members, exchange.tdmq);
    for (const json::value& item : page["QueueList"].as_array()) {
        sources.emplace_back(
            json::object{{"QueueId", item.at("queueId")}, {"QueueName", item.at("queueName")}});
    }
    out.members["DeadLetterSource"] = std::move(sources);
    co_return out;
}

void complete_topic(json::object& item) {
    item["Trace"] = true;
    item["Tags"] = json::array();
}

void complete_queue(json::object& item) {
    complete_topic(item);
    const bool transactional = item.contains("Transaction");
    item["Transaction"] = transactional;
    item["MaxDelaySeconds"] = transactional ? 0 : delay_s_max;
    if (!transactional) return;
    json::object policy;
    for (const char* name : {"FirstQueryInterval", "MaxQueryCount"}) {
        policy[name] = item[name];
        item.erase(name);
    }
    item["TransactionPolicy"] = std::move(policy);
}

// Of the account whose object `name` is.
api::AccountLimits limits_of(const CloudExchange& exchange, std::string_view name) {
    const api::Quotas* quotas = exchange.options.quotas;
    if (quotas == nullptr) return api::no_limits;
    const std::string_view caller = exchange.principal.account;
    return quotas->limits_of(caller.empty() ? model::account_of(name) : caller);
}

// What holds: the lower of its own rate and its account's. Nothing where it has neither.
void complete_rate(const api::AccountLimits& limits, json::object& item) {
    const json::value* shown = item.if_contains("Qps");
    const auto own = shown == nullptr ? 0 : shown->to_number<std::uint64_t>();
    const std::uint64_t rate = api::lower_rate(own, limits.object_requests_per_second);
    if (rate > 0) item["Qps"] = rate;
}

// The most that a queue can have: what its account's queues and topics have together.
void complete_bandwidth(const api::AccountLimits& limits, json::object& item) {
    if (limits.bytes_per_second > 0) item["Bps"] = limits.bytes_per_second;
}

void complete_subscription(json::object& item, const std::string& topic) {
    rename(item, "FilterTag", "FilterTags");
    item["TopicOwner"] = std::stoull(std::string(item["TopicOwner"].as_string()));
    item["TopicName"] = topic;
}

// Everything about one; its problem is faults::..._not_found when it is not there (any more).
asio::awaitable<CloudAnswer> detail(const CloudExchange& exchange,
                                    const Listing& listing,
                                    std::string name) {
    List list{{listing.name, name}};
    const std::string topic = find(exchange.parameters, "topicName");
    const bool subscription = listing.name == subscriptions.name;
    if (subscription) list.emplace_back("topicName", topic);
    const Answer answer = co_await run(exchange, listing.details, std::move(list));
    CloudAnswer out;
    out.problem = problem_of(answer.failure);
    if (!answer.failure.none()) co_return out;
    out.members = capitalised(answer.members, exchange.tdmq);
    out.members[listing.shown_name] = name;
    const api::AccountLimits limits = limits_of(exchange, name);
    if (!subscription) complete_rate(limits, out.members);
    if (subscription) {
        complete_subscription(out.members, topic);
    } else if (listing.name == topics.name) {
        complete_topic(out.members);
    } else {
        complete_queue(out.members);
        complete_bandwidth(limits, out.members);
        CloudAnswer sources = co_await sources_of(exchange, std::move(name));
        if (!sources.problem.none()) co_return sources;
        out.members["DeadLetterSource"] = sources.members["DeadLetterSource"];
    }
    co_return out;
}

// The items of one page of names, without those that went meanwhile.
asio::awaitable<CloudAnswer> details(const CloudExchange& exchange,
                                     const Listing& listing,
                                     std::vector<std::string> names) {
    CloudAnswer out;
    json::array items;
    for (std::string& name : names) {
        CloudAnswer item = co_await detail(exchange, listing, std::move(name));
        if (item.problem.code == "ResourceNotFound") continue;
        if (!item.problem.none()) co_return item;
        items.emplace_back(std::move(item.members));
    }
    out.members["Items"] = std::move(items);
    co_return out;
}

std::vector<std::string> names_on(json::object& page, const Listing& listing) {
    std::vector<std::string> names;
    for (const json::value& item : page[listing.items].as_array()) {
        names.emplace_back(item.at(listing.name).as_string());
    }
    return names;
}

asio::awaitable<CloudAnswer> page_of(const CloudExchange& exchange,
                                     const Listing& listing,
                                     const char* shown_items) {
    List list = exchange.parameters;
    // API 2.0 has no defaults for one without the other.
    if (find(list, "offset").empty()) list.emplace_back("offset", "0");
    if (find(list, "limit").empty()) list.emplace_back("limit", "20");
    const Answer answer = co_await run(exchange, listing.list, std::move(list));
    CloudAnswer out;
    out.problem = problem_of(answer.failure);
    if (!answer.failure.none()) co_return out;
    json::object page = capitalised(answer.members, exchange.tdmq);
    std::vector<std::string> names = names_on(page, listing);
    CloudAnswer items = co_await details(exchange, listing, std::move(names));
    if (!items.problem.none()) co_return items;
    out.members["TotalCount"] = page["TotalCount"];
    out.members[shown_items] = items.members["Items"];
    co_return out;
}

// As a page that holds one, or none.
asio::awaitable<CloudAnswer> page_of_one(const CloudExchange& exchange,
                                         const Listing& listing,
                                         const char* shown_items,
                                         std::string name) {
    std::vector<std::string> names{std::move(name)};
    CloudAnswer items = co_await details(exchange, listing, std::move(names));
    if (!items.problem.none()) co_return items;
    CloudAnswer out;
    out.members["TotalCount"] = items.members["Items"].as_array().size();
    out.members[shown_items] = items.members["Items"];
    co_return out;
}

asio::awaitable<CloudAnswer> describe_one(const CloudExchange& exchange,
                                          const Listing& listing,
                                          const char* shown_as) {
    std::string name = find(exchange.parameters, listing.name);
    CloudAnswer item = co_await detail(exchange, listing, std::move(name));
    if (!item.problem.none()) co_return item;
    CloudAnswer out;
    out.members[shown_as] = std::move(item.members);
    co_return out;
}

}  // namespace

asio::awaitable<CloudAnswer> describe_queues(const CloudExchange& exchange) {
    const char* shown_items = exchange.tdmq ? "QueueList" : "QueueSet";
    std::string name = find(exchange.parameters, queues.name);
    if (!name.empty()) {
        co_return co_await page_of_one(exchange, queues, shown_items, std::move(name));
    }
    co_return co_await page_of(exchange, queues, shown_items);
}

asio::awaitable<CloudAnswer> describe_topics(const CloudExchange& exchange) {
    const char* shown_items = exchange.tdmq ? "TopicList" : "TopicSet";
    std::string name = find(exchange.parameters, topics.name);
    if (!name.empty()) {
        co_return co_await page_of_one(exchange, topics, shown_items, std::move(name));
    }
    co_return co_await page_of(exchange, topics, shown_items);
}

asio::awaitable<CloudAnswer> describe_subscriptions(const CloudExchange& exchange) {
    std::string name = find(exchange.parameters, subscriptions.name);
    if (!name.empty()) {
        co_return co_await page_of_one(exchange, subscriptions, "SubscriptionSet", std::move(name));
    }
    co_return co_await page_of(exchange, subscriptions, "SubscriptionSet");
}

asio::awaitable<CloudAnswer> describe_queue(const CloudExchange& exchange) {
    co_return co_await describe_one(exchange, queues, "QueueDescribe");
}

asio::awaitable<CloudAnswer> describe_topic(const CloudExchange& exchange) {
    co_return co_await describe_one(exchange, topics, "TopicDescribe");
}

asio::awaitable<CloudAnswer> describe_sources(const CloudExchange& exchange) {
    List list = exchange.parameters;
    if (find(list, "offset").empty()) list.emplace_back("offset", "0");
    if (find(list, "limit").empty()) list.emplace_back("limit", "20");
    const Answer answer = co_await run(exchange, "ListDeadLetterSourceQueues", std::move(list));
    CloudAnswer out;
    out.problem = problem_of(answer.failure);
    if (!answer.failure.none()) co_return out;
    json::object page = capitalised(answer.members, exchange.tdmq);
    std::vector<std::string> names = names_on(page, queues);
    CloudAnswer items = co_await details(exchange, queues, std::move(names));
    if (!items.problem.none()) co_return items;
    out.members["TotalCount"] = page["TotalCount"];
    out.members["QueueSet"] = items.members["Items"];
    co_return out;
}

}  // namespace penstock::plugins::cmq::cloud
