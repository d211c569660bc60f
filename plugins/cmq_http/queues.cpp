#include "plugins/cmq_http/queues.h"

#include "plugins/cmq_http/dead_letter_policy.h"
#include "plugins/cmq_http/json_fields.h"
#include "plugins/cmq_http/limits.h"
#include "plugins/cmq_http/shown.h"

namespace penstock::plugins::cmq {

namespace {

constexpr std::int64_t list_limit_max = 50;

// What goes with a transaction says nothing of a queue without.
void read_transaction(const Arguments& arguments, api::QueueChange& change) {
    if (const auto on = arguments.small("transaction")) change.transactional = *on != 0;
    if (change.transactional == false) return;
    change.first_query_s = arguments.small("firstQueryInterval");
    change.queries_max = arguments.small("maxQueryCount");
}

Failure read_change(const Arguments& arguments, api::QueueChange& change) {
    if (const auto value = arguments.integer("maxMsgHeapNum")) {
        change.messages_max = static_cast<std::uint64_t>(*value);
    }
    change.polling_wait_s = arguments.small("pollingWaitSeconds");
    change.visibility_s = arguments.small("visibilityTimeout");
    change.message_bytes_max = arguments.small("maxMsgSize");
    change.retention_s = arguments.small("msgRetentionSeconds");
    change.rewind_s = arguments.small("rewindSeconds");
    if (const auto on = arguments.small("ordered")) change.ordered = *on != 0;
    change.messages_per_s = arguments.small("qps");
    read_transaction(arguments, change);
    if (!arguments.has("deadLetterPolicy")) return {};
    return parse_policy(
        arguments.text("deadLetterPolicy"), change.retention_s, change.dead_letter.emplace());
}

void show_attributes(JsonFields& json, const api::QueueView& view) {
    const model::QueueAttributes& attributes = view.attributes;
    json.number("maxMsgHeapNum", attributes.messages_max);
    json.number("pollingWaitSeconds", std::int64_t{attributes.polling_wait_s});
    json.number("visibilityTimeout", std::int64_t{attributes.visibility_s});
    json.number("maxMsgSize", std::int64_t{attributes.message_bytes_max});
    json.number("msgRetentionSeconds", std::int64_t{attributes.retention_s});
    json.number("rewindSeconds", std::int64_t{attributes.rewind_s});
    if (attributes.ordered) json.number("ordered", std::int64_t{1});
    if (attributes.messages_per_s > 0) {
        json.number("qps", std::int64_t{attributes.messages_per_s});
    }
    if (const auto& transaction = attributes.transaction) {
        json.number("transaction", std::int64_t{1});
        json.number("firstQueryInterval", std::int64_t{transaction->first_query_s});
        json.number("maxQueryCount", std::int64_t{transaction->queries_max});
    }
    const std::string policy = shown_policy(view);
    if (!policy.empty()) json.text("deadLetterPolicy", policy);
}

asio::awaitable<Answer> create_queue(const Exchange& exchange) {
    Answer answer;
    api::CreateQueue request;
    request.name = exchange.arguments.text("queueName");
    answer.failure = read_change(exchange.arguments, request.change);
    if (!answer.failure.none()) co_return answer;
    const auto queue = co_await ask(exchange, std::move(request));
    if (!queue) co_return refused(exchange, queue.error());
    JsonFields json;
    json.text("queueId", shown_id("queue", queue->number));
    answer.members = json.take();
    co_return answer;
}

asio::awaitable<Answer> list_queue(const Exchange& exchange) {
    Answer answer;
    api::ListQueues request;
    request.search = exchange.arguments.text("searchWord");
    answer.failure = read_page(exchange.arguments, request.page);
    if (!answer.failure.none()) co_return answer;
    const auto page = co_await ask(exchange, std::move(request));
    if (!page) co_return refused(exchange, page.error());
    co_return shown_page(*page, "queueList", "queue");
}

asio::awaitable<Answer> get_attributes(const Exchange& exchange) {
    api::GetQueue request;
    request.name = exchange.arguments.text("queueName");
    const auto queue = co_await ask(exchange, std::move(request));
    if (!queue) co_return refused(exchange, queue.error());
    const api::QueueView& view = *queue;
    JsonFields json;
    show_attributes(json, view);
    json.number("createTime", seconds_of(view.created_ms));
    json.number("lastModifyTime", seconds_of(view.modified_ms));
    json.number("activeMsgNum", view.active);
    json.number("inactiveMsgNum", view.inactive);
    json.number("delayMsgNum", view.delayed);
    // Clients are split over the spelling, and some fail without theirs.
    json.number("rewindmsgNum", view.rewindable);
    json.number("rewindMsgNum", view.rewindable);
    json.number("minMsgTime", seconds_of(view.oldest_ms));
    json.number("createUin", owner_of(exchange));
    json.text("queueId", shown_id("queue", view.number));
    Answer answer;
    answer.members = json.take();
    co_return answer;
}

asio::awaitable<Answer> set_attributes(const Exchange& exchange) {
    Answer answer;
    api::SetQueue request;
    request.name = exchange.arguments.text("queueName");
    answer.failure = read_change(exchange.arguments, request.change);
    if (!answer.failure.none()) co_return answer;
    const auto queue = co_await ask(exchange, std::move(request));
    if (!queue) co_return refused(exchange, queue.error());
    JsonFields json;
    show_attributes(json, *queue);
    json.text("queueId", shown_id("queue", queue->number));
    answer.members = json.take();
    co_return answer;
}

// An action that names a queue and answers nothing more.
template <class R>
asio::awaitable<Answer> on_queue(const Exchange& exchange) {
    R request;
    request.name = exchange.arguments.text("queueName");
    const auto done = co_await ask(exchange, std::move(request));
    if (!done) co_return refused(exchange, done.error());
    Answer answer;
    co_return answer;
}

asio::awaitable<Answer> rewind_queue(const Exchange& exchange) {
    api::RewindQueue request;
    request.name = exchange.arguments.text("queueName");
    request.to_ms = *exchange.arguments.integer("startConsumeTime") * 1000;
    const auto done = co_await ask(exchange, std::move(request));
    if (!done) co_return refused(exchange, done.error());
    Answer answer;
    co_return answer;
}

asio::awaitable<Answer> unbind_dead_letter(const Exchange& exchange) {
    api::SetQueue request;
    request.name = exchange.arguments.text("queueName");
    request.change.unbind_dead_letter = true;
    const auto done = co_await ask(exchange, std::move(request));
    if (!done) co_return refused(exchange, done.error());
    Answer answer;
    co_return answer;
}

asio::awaitable<Answer> list_sources(const Exchange& exchange) {
    Answer answer;
    api::ListDeadLetterSources request;
    request.queue = exchange.arguments.text("deadLetterQueueName");
    request.search = exchange.arguments.text("searchWord");
    answer.failure = read_page(exchange.arguments, request.page);
    if (!answer.failure.none()) co_return answer;
    const auto page = co_await ask(exchange, std::move(request));
    if (!page) co_return refused(exchange, page.error());
    co_return shown_page(*page, "queueList", "queue");
}

asio::awaitable<Answer> query_route(const Exchange& exchange) {
    api::GetQueue request;
    request.name = exchange.arguments.text("queueName");
    const auto queue = co_await ask(exchange, std::move(request));
    if (!queue) co_return refused(exchange, queue.error());
    co_return shown_routes(exchange);
}

ParameterSpec integer(std::string_view name, std::int64_t min, std::int64_t max) {
    return {.name = name, .type = Type::integer, .min = min, .max = max};
}

std::vector<ParameterSpec> attribute_specs(Type name_type) {
    return {
        {.name = "queueName", .type = name_type, .required = true},
        integer("maxMsgHeapNum", 1'000'000, 1'000'000'000),
        integer("pollingWaitSeconds", 0, polling_wait_s_max),
        integer("visibilityTimeout", 1, visibility_s_max),
        integer("maxMsgSize", model::message_bytes_least, model::message_bytes_most),
        integer("msgRetentionSeconds", 60, 1'296'000),
        integer("rewindSeconds", 0, 1'296'000),
        {.name = "deadLetterPolicy", .type = Type::choice},
        integer("ordered", 0, 1),
        integer("qps", 0, model::messages_per_s_most),
        integer("transaction", 0, 1),
        integer("firstQueryInterval", 1, model::first_query_s_max),
        integer("maxQueryCount", 1, model::queries_most),
    };
}

std::vector<ParameterSpec> source_specs() {
    std::vector<ParameterSpec> specs = page_specs(offset_max, list_limit_max);
    specs.push_back({.name = "deadLetterQueueName", .type = Type::queue, .required = true});
    return specs;
}

}  // namespace

std::vector<ParameterSpec> page_specs(std::int64_t page_offset_max, std::int64_t limit_max) {
    return {{.name = "searchWord", .max = search_bytes_max},
            integer("offset", 0, page_offset_max),
            integer("limit", 0, limit_max)};
}

Failure read_page(const Arguments& arguments, api::Page& page) {
    if (arguments.has("offset") && !arguments.has("limit")) return {faults::missing, "limit"};
    page.offset = arguments.small("offset").value_or(page.offset);
    page.limit = arguments.small("limit").value_or(page.limit);
    return {};
}

Answer shown_page(const api::NamePage& page, std::string_view list, std::string_view kind) {
    const std::string id_member = std::string(kind) + "Id";
    const std::string name_member = std::string(kind) + "Name";
    JsonFields json;
    json.number("totalCount", page.total);
    json.open_list(list);
    for (const api::NamedId& item : page.items) {
        json.open_item();
        json.text(id_member, shown_id(kind, item.number));
        json.text(name_member, item.name);
        json.close_item();
    }
    json.close_list();
    Answer answer;
    answer.members = json.take();
    return answer;
}

Answer shown_routes(const Exchange& exchange) {
    JsonFields json;
    json.texts("addr", exchange.options.routes);
    Answer answer;
    answer.members = json.take();
    return answer;
}

std::vector<Action> queue_actions() {
    const ParameterSpec name{.name = "queueName", .type = Type::queue, .required = true};
    ParameterSpec since = integer("startConsumeTime", 0, 4'000'000'000);
    since.required = true;
    since.beyond = faults::rewind_time;
    constexpr auto family = Family::queue;
    return {
        {"CreateQueue",
         family,
         faults::send_failed,
         create_queue,
         attribute_specs(Type::new_queue)},
        {"ListQueue",
         family,
         faults::list_queue_failed,
         list_queue,
         page_specs(offset_max, list_limit_max)},
        {"GetQueueAttributes", family, faults::get_attributes_failed, get_attributes, {name}},
        {"SetQueueAttributes",
         family,
         faults::set_attributes_failed,
         set_attributes,
         attribute_specs(Type::queue)},
        {"DeleteQueue", family, faults::delete_queue_failed, on_queue<api::DeleteQueue>, {name}},
        {"RewindQueue", family, faults::set_attributes_failed, rewind_queue, {name, since}},
        {"ClearQueue", family, faults::delete_failed, on_queue<api::ClearQueue>, {name}},
        {"UnbindDeadLetterQueue",
         family,
         faults::set_attributes_failed,
         unbind_dead_letter,
         {name}},
        {"ListDeadLetterSourceQueues",
         family,
         faults::list_queue_failed,
         list_sources,
         source_specs()},
        {"QueryQueueRoute", family, faults::get_attributes_failed, query_route, {name}},
    };
}

}  // namespace penstock::plugins::cmq
