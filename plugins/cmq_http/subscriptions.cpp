#include "plugins/cmq_http/subscriptions.h"

#include "broker/api/names.h"
#include "broker/base/letters.h"
#include "plugins/cmq_http/json_fields.h"
#include "plugins/cmq_http/limits.h"
#include "plugins/cmq_http/queues.h"
#include "plugins/cmq_http/shown.h"
#include "plugins/cmq_http/topics.h"
#include "sinks/client/url.h"

#include <algorithm>

namespace penstock::plugins::cmq {

namespace {

constexpr std::int64_t list_offset_max = 1000;
constexpr std::int64_t list_limit_max = 100;
constexpr std::size_t endpoint_characters_max = 500;

bool is_blank(char byte) {
    return static_cast<unsigned char>(byte) <= 0x20 || byte == 0x7F;
}

Failure read_protocol(const std::string& protocol, model::SubscriptionSpec& spec) {
    const bool http = same_letters(protocol, "http");
    if (!http && !same_letters(protocol, "queue")) return {faults::protocol, {}};
    spec.sink = http ? model::SinkKind::http : model::SinkKind::queue;
    return {};
}

Failure check_endpoint(const model::SubscriptionSpec& spec) {
    const std::string& endpoint = spec.endpoint;
    if (spec.sink == model::SinkKind::queue) {
        return api::valid_name(endpoint) ? Failure{} : Failure{faults::endpoint_illegal, {}};
    }
    if (std::any_of(endpoint.begin(), endpoint.end(), is_blank)) {
        return {faults::endpoint_blank, {}};
    }
    // One that could never be called is not taken either.
    const bool fits =
        endpoint.size() <= endpoint_characters_max && sinks::client::parse_url(endpoint);
    return fits ? Failure{} : Failure{faults::endpoint_format, {}};
}

Failure read_strategy(const Exchange& exchange, model::RetryPolicy& policy) {
    const std::string name = exchange.arguments.text("notifyStrategy");
    if (name == "BACKOFF_RETRY") {
        policy =
            model::backoff_retry(exchange.options.backoff_min_ms, exchange.options.backoff_max_ms);
    } else if (name == "EXPONENTIAL_DECAY_RETRY") {
        policy = model::exponential_retry();
    } else {
        return {faults::strategy, {}};
    }
    return {};
}

Failure read_format(const std::string& name, model::ContentFormat& format) {
    if (name != "JSON" && name != "SIMPLIFIED") return {faults::content_format, {}};
    format = name == "JSON" ? model::ContentFormat::cmq_json : model::ContentFormat::simplified;
    return {};
}

Failure read_subscribe(const Exchange& exchange, model::SubscriptionSpec& spec) {
    const Arguments& arguments = exchange.arguments;
    Failure failure = read_protocol(arguments.text("protocol"), spec);
    if (!failure.none()) return failure;
    spec.endpoint = arguments.text("endpoint");
    failure = check_endpoint(spec);
    if (failure.none() && arguments.has("notifyStrategy")) {
        failure = read_strategy(exchange, spec.retry);
    }
    const bool to_queue = spec.sink == model::SinkKind::queue;
    if (to_queue) spec.format = model::ContentFormat::simplified;
    if (failure.none() && arguments.has("notifyContentFormat")) {
        failure = read_format(arguments.text("notifyContentFormat"), spec.format);
    }
    if (!failure.none()) return failure;
    if (to_queue && spec.format != model::ContentFormat::simplified) {
        return {faults::queue_format, {}};
    }
    spec.filter_tags = arguments.list("filterTag");
    spec.binding_keys = arguments.list("bindingKey");
    return {};
}

asio::awaitable<Answer> subscribe(const Exchange& exchange) {
    Answer answer;
    api::Subscribe request;
    request.topic = exchange.arguments.text("topicName");
    request.name = exchange.arguments.text("subscriptionName");
    answer.failure = read_subscribe(exchange, request.spec);
    if (!answer.failure.none()) co_return answer;
    const auto subscription = co_await ask(exchange, std::move(request));
    if (!subscription) co_return refused(exchange, subscription.error());
    JsonFields json;
    json.text("subscriptionId", shown_id("subsc", subscription->number));
    answer.members = json.take();
    co_return answer;
}

asio::awaitable<Answer> unsubscribe(const Exchange& exchange) {
    api::Unsubscribe request;
    request.topic = exchange.arguments.text("topicName");
    request.name = exchange.arguments.text("subscriptionName");
    const auto done = co_await ask(exchange, std::move(request));
    if (!done) co_return refused(exchange, done.error());
    Answer answer;
    co_return answer;
}

asio::awaitable<Answer> list_subscriptions(const Exchange& exchange) {
    Answer answer;
    api::ListSubscriptions request;
    request.topic = exchange.arguments.text("topicName");
    request.search = exchange.arguments.text("searchWord");
    answer.failure = read_page(exchange.arguments, request.page);
    if (!answer.failure.none()) co_return answer;
    const auto page = co_await ask(exchange, std::move(request));
    if (!page) co_return refused(exchange, page.error());
    JsonFields json;
    json.number("totalCount", page->total);
    json.open_list("subscriptionList");
    for (const api::SubscriptionView& view : page->items) {
        json.open_item();
        json.text("subscriptionId", shown_id("subsc", view.number));
        json.text("subscriptionName", view.name);
        json.text("protocol", shown_protocol(view.spec.sink));
        json.text("endpoint", view.spec.endpoint);
        json.close_item();
    }
    json.close_list();
    answer.members = json.take();
    co_return answer;
}

asio::awaitable<Answer> get_attributes(const Exchange& exchange) {
    api::GetSubscription request;
    request.topic = exchange.arguments.text("topicName");
    request.name = exchange.arguments.text("subscriptionName");
    const auto subscription = co_await ask(exchange, std::move(request));
    if (!subscription) co_return refused(exchange, subscription.error());
    const api::SubscriptionView& view = *subscription;
    JsonFields json;
    json.text("topicOwner", std::to_string(owner_of(exchange)));
    json.number("msgCount", view.backlog);
    json.text("protocol", shown_protocol(view.spec.sink));
    json.text("endpoint", view.spec.endpoint);
    json.text("notifyStrategy", shown_strategy(view.spec.retry));
    json.text("notifyContentFormat", shown_format(view.spec.format));
    json.number("createTime", seconds_of(view.created_ms));
    json.number("lastModifyTime", seconds_of(view.modified_ms));
    json.texts("filterTag", view.spec.filter_tags);
    json.texts("bindingKey", view.spec.binding_keys);
    json.text("subscriptionId", shown_id("subsc", view.number));
    Answer answer;
    answer.members = json.take();
    co_return answer;
}

Failure read_change(const Exchange& exchange, api::SetSubscription& request) {
    const Arguments& arguments = exchange.arguments;
    Failure failure;
    if (arguments.has("notifyStrategy")) {
        failure = read_strategy(exchange, request.retry.emplace());
    }
    if (failure.none() && arguments.has("notifyContentFormat")) {
        failure = read_format(arguments.text("notifyContentFormat"), request.format.emplace());
    }
    auto tags = arguments.list("filterTag");
    auto keys = arguments.list("bindingKey");
    if (!tags.empty()) request.filter_tags = std::move(tags);
    if (!keys.empty()) request.binding_keys = std::move(keys);
    return failure;
}

asio::awaitable<Answer> change(const Exchange& exchange, api::SetSubscription request) {
    request.topic = exchange.arguments.text("topicName");
    request.name = exchange.arguments.text("subscriptionName");
    const auto done = co_await ask(exchange, std::move(request));
    if (!done) co_return refused(exchange, done.error());
    Answer answer;
    co_return answer;
}

asio::awaitable<Answer> set_attributes(const Exchange& exchange) {
    Answer answer;
    api::SetSubscription request;
    answer.failure = read_change(exchange, request);
    if (!answer.failure.none()) co_return answer;
    co_return co_await change(exchange, std::move(request));
}

asio::awaitable<Answer> clear_filter_tags(const Exchange& exchange) {
    api::SetSubscription request;
    request.filter_tags.emplace();
    co_return co_await change(exchange, std::move(request));
}

std::vector<ParameterSpec> names() {
    return {{.name = "topicName", .type = Type::topic, .required = true},
            {.name = "subscriptionName", .type = Type::subscription, .required = true}};
}

std::vector<ParameterSpec> attribute_specs() {
    std::vector<ParameterSpec> specs = names();
    specs.push_back({.name = "notifyStrategy", .type = Type::choice});
    specs.push_back({.name = "notifyContentFormat", .type = Type::choice});
    specs.push_back({.name = "filterTag",
                     .type = Type::word,
                     .min = 1,
                     .max = tag_characters_max,
                     .items_max = tags_max,
                     .too_many = faults::too_many_filter_tags});
    specs.push_back({.name = "bindingKey",
                     .type = Type::key,
                     .min = 1,
                     .max = key_bytes_max,
                     .items_max = tags_max,
                     .too_many = faults::too_many_binding_keys});
    return specs;
}

std::vector<ParameterSpec> subscribe_specs() {
    std::vector<ParameterSpec> specs = attribute_specs();
    specs.push_back({.name = "protocol", .type = Type::choice, .required = true});
    specs.push_back({.name = "endpoint", .type = Type::choice, .required = true});
    return specs;
}

std::vector<ParameterSpec> list_specs() {
    std::vector<ParameterSpec> specs = page_specs(list_offset_max, list_limit_max);
    specs.push_back({.name = "topicName", .type = Type::topic, .required = true});
    return specs;
}

}  // namespace

std::vector<Action> subscription_actions() {
    constexpr auto family = Family::subscription;
    return {
        {"Subscribe", family, faults::send_failed, subscribe, subscribe_specs()},
        {"Unsubscribe", family, faults::send_failed, unsubscribe, names()},
        {"ListSubscriptionByTopic", family, faults::internal, list_subscriptions, list_specs()},
        {"GetSubscriptionAttributes",
         family,
         faults::get_attributes_failed,
         get_attributes,
         names()},
        {"SetSubscriptionAttributes",
         family,
         faults::set_attributes_failed,
         set_attributes,
         attribute_specs()},
        {"ClearSubscriptionFilterTags",
         family,
         faults::set_attributes_failed,
         clear_filter_tags,
         names()},
    };
}

}  // namespace penstock::plugins::cmq
