#include "plugins/cmq_http/topics.h"

#include "plugins/cmq_http/json_fields.h"
#include "plugins/cmq_http/limits.h"
#include "plugins/cmq_http/messages.h"
#include "plugins/cmq_http/queues.h"
#include "plugins/cmq_http/shown.h"

namespace penstock::plugins::cmq {

namespace {

constexpr std::int64_t list_limit_max = 50;

asio::awaitable<Answer> create_topic(const Exchange& exchange) {
    const Arguments& arguments = exchange.arguments;
    api::CreateTopic request;
    request.name = arguments.text("topicName");
    auto& attributes = request.attributes;
    attributes.message_bytes_max =
        arguments.small("maxMsgSize").value_or(attributes.message_bytes_max);
    attributes.retention_s =
        arguments.small("msgRetentionSeconds").value_or(attributes.retention_s);
    attributes.messages_per_s = arguments.small("qps").value_or(0);
    if (arguments.integer("filterType") == 2) attributes.filter = model::FilterKind::routing_key;
    const auto topic = co_await ask(exchange, std::move(request));
    if (!topic) co_return refused(exchange, topic.error());
    JsonFields json;
    json.text("topicId", shown_id("topic", topic->number));
    Answer answer;
    answer.members = json.take();
    co_return answer;
}

asio::awaitable<Answer> list_topic(const Exchange& exchange) {
    Answer answer;
    api::ListTopics request;
    request.search = exchange.arguments.text("searchWord");
    answer.failure = read_page(exchange.arguments, request.page);
    if (!answer.failure.none()) co_return answer;
    const auto page = co_await ask(exchange, std::move(request));
    if (!page) co_return refused(exchange, page.error());
    co_return shown_page(*page, "topicList", "topic");
}

asio::awaitable<Answer> get_attributes(const Exchange& exchange) {
    api::GetTopic request;
    request.name = exchange.arguments.text("topicName");
    const auto topic = co_await ask(exchange, std::move(request));
    if (!topic) co_return refused(exchange, topic.error());
    const api::TopicView& view = *topic;
    JsonFields json;
    json.number("msgCount", view.messages);
    json.number("maxMsgSize", std::int64_t{view.attributes.message_bytes_max});
    json.number("msgRetentionSeconds", std::int64_t{view.attributes.retention_s});
    if (view.attributes.messages_per_s > 0) {
        json.number("qps", std::int64_t{view.attributes.messages_per_s});
    }
    json.number("createTime", seconds_of(view.created_ms));
    json.number("lastModifyTime", seconds_of(view.modified_ms));
    json.number("filterType", static_cast<std::int64_t>(view.attributes.filter));
    json.number("createUin", owner_of(exchange));
    json.text("topicId", shown_id("topic", view.number));
    Answer answer;
    answer.members = json.take();
    co_return answer;
}

asio::awaitable<Answer> set_attributes(const Exchange& exchange) {
    api::SetTopic request;
    request.name = exchange.arguments.text("topicName");
    request.message_bytes_max = exchange.arguments.small("maxMsgSize");
    request.retention_s = exchange.arguments.small("msgRetentionSeconds");
    request.messages_per_s = exchange.arguments.small("qps");
    const auto topic = co_await ask(exchange, std::move(request));
    if (!topic) co_return refused(exchange, topic.error());
    Answer answer;
    co_return answer;
}

asio::awaitable<Answer> delete_topic(const Exchange& exchange) {
    api::DeleteTopic request;
    request.name = exchange.arguments.text("topicName");
    const auto done = co_await ask(exchange, std::move(request));
    if (!done) co_return refused(exchange, done.error());
    Answer answer;
    co_return answer;
}

// One set of tags and one key for every message of the request.
api::PublishMessages read_publish(const Exchange& exchange,
                                  std::vector<model::NewMessage> messages) {
    const Arguments& arguments = exchange.arguments;
    api::PublishMessages request;
    request.topic = arguments.text("topicName");
    request.messages = std::move(messages);
    request.dedup_key = arguments.text("dedupId");
    request.want_receiver = true;
    for (model::NewMessage& message : request.messages) {
        message.meta.tags = arguments.list("msgTag");
        message.meta.routing_key = arguments.text("routingKey");
    }
    return request;
}

asio::awaitable<Answer> publish_message(const Exchange& exchange) {
    std::vector<model::NewMessage> messages;
    messages.push_back(new_message(exchange, exchange.arguments.text("msgBody")));
    api::PublishMessages request = read_publish(exchange, std::move(messages));
    const auto sent = co_await ask(exchange, std::move(request));
    if (!sent) co_return refused(exchange, sent.error());
    co_return sent_one(*sent);
}

asio::awaitable<Answer> publish_batch(const Exchange& exchange) {
    Answer too_large;
    std::vector<model::NewMessage> messages;
    too_large.failure = read_bodies(exchange, messages);
    if (!too_large.failure.none()) co_return too_large;
    api::PublishMessages request = read_publish(exchange, std::move(messages));
    const auto sent = co_await ask(exchange, std::move(request));
    if (!sent) co_return refused(exchange, sent.error());
    co_return sent_many(*sent);
}

asio::awaitable<Answer> query_route(const Exchange& exchange) {
    api::GetTopic request;
    request.name = exchange.arguments.text("topicName");
    const auto topic = co_await ask(exchange, std::move(request));
    if (!topic) co_return refused(exchange, topic.error());
    co_return shown_routes(exchange);
}

ParameterSpec integer(std::string_view name, std::int64_t min, std::int64_t max) {
    return {.name = name, .type = Type::integer, .min = min, .max = max};
}

std::vector<ParameterSpec> publish_specs(bool batch) {
    const std::size_t items_max = batch ? batch_items_max : 0;
    return {
        {.name = "topicName", .type = Type::topic, .required = true},
        {.name = "msgBody",
         .type = Type::body,
         .required = true,
         .max = batch ? batch_bytes_max : body_bytes_max,
         .beyond = faults::body_too_large,
         .items_max = items_max},
        {.name = "msgTag",
         .type = Type::word,
         .min = 1,
         .max = tag_characters_max,
         .items_max = tags_max,
         .too_many = faults::too_many_tags},
        {.name = "routingKey", .type = Type::key, .max = key_bytes_max},
        {.name = "dedupId", .min = 1, .max = dedup_key_bytes_max},
        ordering_key(),
    };
}

}  // namespace

std::vector<Action> topic_actions() {
    const ParameterSpec name{.name = "topicName", .type = Type::topic, .required = true};
    const ParameterSpec size =
        integer("maxMsgSize", model::message_bytes_least, model::message_bytes_most);
    const ParameterSpec retention = integer("msgRetentionSeconds", 60, 86'400);
    const ParameterSpec rate = integer("qps", 0, model::messages_per_s_most);
    constexpr auto family = Family::topic;
    return {
        {"CreateTopic",
         family,
         faults::send_failed,
         create_topic,
         {name, size, retention, rate, integer("filterType", 1, 2)}},
        {"ListTopic", family, faults::internal, list_topic, page_specs(offset_max, list_limit_max)},
        {"GetTopicAttributes", family, faults::get_attributes_failed, get_attributes, {name}},
        {"SetTopicAttributes",
         family,
         faults::set_attributes_failed,
         set_attributes,
         {name, size, retention, rate}},
        {"DeleteTopic", family, faults::send_failed, delete_topic, {name}},
        {"PublishMessage", family, faults::send_failed, publish_message, publish_specs(false)},
        {"BatchPublishMessage", family, faults::send_failed, publish_batch, publish_specs(true)},
        {"QueryTopicRoute", family, faults::get_attributes_failed, query_route, {name}},
    };
}

}  // namespace penstock::plugins::cmq
