#include "plugins/cmq_http/messages.h"

#include "broker/model/trace_context.h"
#include "plugins/cmq_http/json_fields.h"
#include "plugins/cmq_http/limits.h"
#include "plugins/cmq_http/shown.h"

namespace penstock::plugins::cmq {

namespace {

asio::awaitable<Answer> send_message(const Exchange& exchange) {
    const Arguments& arguments = exchange.arguments;
    api::SendMessages request;
    request.queue = arguments.text("queueName");
    request.messages.push_back(new_message(exchange, arguments.text("msgBody")));
    request.delay_s = arguments.small("delaySeconds").value_or(0);
    request.dedup_key = arguments.text("dedupId");
    const auto sent = co_await ask(exchange, std::move(request));
    if (!sent) co_return refused(exchange, sent.error());
    co_return sent_one(*sent);
}

asio::awaitable<Answer> send_batch(const Exchange& exchange) {
    const Arguments& arguments = exchange.arguments;
    api::SendMessages request;
    request.queue = arguments.text("queueName");
    Answer too_large;
    too_large.failure = read_bodies(exchange, request.messages);
    if (!too_large.failure.none()) co_return too_large;
    request.delay_s = arguments.small("delaySeconds").value_or(0);
    request.dedup_key = arguments.text("dedupId");
    const auto sent = co_await ask(exchange, std::move(request));
    if (!sent) co_return refused(exchange, sent.error());
    co_return sent_many(*sent);
}

void show_received(JsonFields& json, api::ReceivedMessage message) {
    json.text("msgBody", shown_text(std::move(message.payload)));
    json.text("msgId", to_text(message.id));
    json.text("receiptHandle", to_text(message.receipt));
    json.number("enqueueTime", seconds_of(message.enqueued_ms));
    json.number("nextVisibleTime", seconds_of(message.next_visible_ms));
    json.number("firstDequeueTime", seconds_of(message.first_received_ms));
    json.number("dequeueCount", std::int64_t{message.receives});
    std::string& key = message.meta.ordering_key;
    if (!key.empty()) json.text("orderingKey", shown_text(std::move(key)));
}

api::ReceiveMessages read_receive(const Exchange& exchange, std::uint32_t messages_max) {
    api::ReceiveMessages request;
    request.queue = exchange.arguments.text("queueName");
    request.messages_max = messages_max;
    request.wait_s = exchange.arguments.small("pollingWaitSeconds");
    return request;
}

Answer nothing_received() {
    Answer answer;
    answer.failure.fault = faults::no_message;
    return answer;
}

asio::awaitable<Answer> receive_message(const Exchange& exchange) {
    api::ReceiveMessages request = read_receive(exchange, 1);
    auto received = co_await ask(exchange, std::move(request));
    if (!received) co_return refused(exchange, received.error());
    if (received->messages.empty()) co_return nothing_received();
    JsonFields json;
    show_received(json, std::move(received->messages.front()));
    Answer answer;
    answer.members = json.take();
    co_return answer;
}

asio::awaitable<Answer> receive_batch(const Exchange& exchange) {
    api::ReceiveMessages request = read_receive(exchange, *exchange.arguments.small("numOfMsg"));
    auto received = co_await ask(exchange, std::move(request));
    if (!received) co_return refused(exchange, received.error());
    if (received->messages.empty()) co_return nothing_received();
    JsonFields json;
    json.open_list("msgInfoList");
    for (api::ReceivedMessage& message : received->messages) {
        json.open_item();
        show_received(json, std::move(message));
        json.close_item();
    }
    json.close_list();
    Answer answer;
    answer.members = json.take();
    co_return answer;
}

asio::awaitable<Answer> delete_message(const Exchange& exchange) {
    Answer answer;
    const auto number = model::parse_decimal(exchange.arguments.text("receiptHandle"));
    if (!number) {
        answer.failure.fault = faults::receipt_malformed;
        co_return answer;
    }
    api::DeleteMessages request;
    request.queue = exchange.arguments.text("queueName");
    request.receipts.emplace_back(*number);
    const auto deleted = co_await ask(exchange, std::move(request));
    if (!deleted) co_return refused(exchange, deleted.error());
    if (!deleted->removed.at(0)) answer.failure.fault = faults::receipt_invalid;
    co_return answer;
}

// The receipts that could not be deleted, each with its own code.
Answer deleted_many(const std::vector<std::string>& handles, const std::vector<bool>& removed) {
    std::size_t failed = 0;
    JsonFields json;
    json.open_list("errorList");
    for (std::size_t at = 0; at < handles.size(); ++at) {
        if (removed[at]) continue;
        ++failed;
        json.open_item();
        json.number("code", std::int64_t{faults::receipt_invalid.code});
        json.text("message", "(10260)invalid receiptHandle");
        json.text("receiptHandle", handles[at]);
        json.close_item();
    }
    json.close_list();
    Answer answer;
    if (failed == 0) return answer;
    answer.failure.fault =
        failed == handles.size() ? faults::none_deleted : faults::some_not_deleted;
    answer.members = json.take();
    return answer;
}

asio::awaitable<Answer> delete_batch(const Exchange& exchange) {
    api::DeleteMessages request;
    request.queue = exchange.arguments.text("queueName");
    const auto handles = exchange.arguments.list("receiptHandle");
    std::vector<std::size_t> places;  // of the receipts asked for, among the handles
    for (std::size_t at = 0; at < handles.size(); ++at) {
        const auto number = model::parse_decimal(handles[at]);
        if (!number) continue;
        request.receipts.emplace_back(*number);
        places.push_back(at);
    }
    std::vector<bool> removed(handles.size(), false);
    if (!places.empty()) {
        const auto deleted = co_await ask(exchange, std::move(request));
        if (!deleted) co_return refused(exchange, deleted.error());
        for (std::size_t at = 0; at < places.size(); ++at) {
            removed[places[at]] = deleted->removed.at(at);
        }
    }
    co_return deleted_many(handles, removed);
}

ParameterSpec queue_name() {
    return {.name = "queueName", .type = Type::queue, .required = true};
}

ParameterSpec delay_seconds() {
    return {.name = "delaySeconds", .type = Type::integer, .max = 3600, .beyond = faults::delay};
}

ParameterSpec polling_wait() {
    return {.name = "pollingWaitSeconds", .type = Type::integer, .max = polling_wait_s_max};
}

ParameterSpec dedup_id() {
    return {.name = "dedupId", .min = 1, .max = dedup_key_bytes_max};
}

ParameterSpec bodies() {
    return {.name = "msgBody",
            .type = Type::body,
            .required = true,
            .max = batch_bytes_max,
            .beyond = faults::body_too_large,
            .items_max = batch_items_max};
}

ParameterSpec body() {
    ParameterSpec spec = bodies();
    spec.max = body_bytes_max;
    spec.items_max = 0;
    return spec;
}

}  // namespace

ParameterSpec ordering_key() {
    return {.name = "orderingKey", .min = 1, .max = key_bytes_max};
}

model::NewMessage new_message(const Exchange& exchange, std::string body) {
    model::NewMessage message;
    message.payload = std::move(body);
    message.meta.ordering_key = exchange.arguments.text("orderingKey");
    model::join_trace(message.meta, exchange.trace.parent, exchange.trace.state);
    return message;
}

Failure read_bodies(const Exchange& exchange, std::vector<model::NewMessage>& messages) {
    std::size_t bytes = 0;
    for (std::string& text : exchange.arguments.list("msgBody")) {
        bytes += text.size();
        messages.push_back(new_message(exchange, std::move(text)));
    }
    if (bytes > static_cast<std::size_t>(batch_bytes_max)) return {faults::batch_too_large, {}};
    return {};
}

Answer sent_one(const api::SentMessages& sent) {
    JsonFields json;
    json.text("msgId", to_text(sent.ids.at(0)));
    Answer answer;
    answer.members = json.take();
    return answer;
}

Answer sent_many(const api::SentMessages& sent) {
    JsonFields json;
    json.open_list("msgList");
    for (const model::MessageId id : sent.ids) {
        json.open_item();
        json.text("msgId", to_text(id));
        json.close_item();
    }
    json.close_list();
    Answer answer;
    answer.members = json.take();
    return answer;
}

std::vector<Action> message_actions() {
    const ParameterSpec count{.name = "numOfMsg",
                              .type = Type::integer,
                              .required = true,
                              .min = 1,
                              .max = batch_items_max};
    const ParameterSpec receipt{
        .name = "receiptHandle", .required = true, .beyond = faults::receipt_malformed};
    ParameterSpec receipts = receipt;
    receipts.items_max = batch_items_max;
    constexpr auto family = Family::queue;
    return {
        {"SendMessage",
         family,
         faults::send_failed,
         send_message,
         {queue_name(), body(), delay_seconds(), dedup_id(), ordering_key()}},
        {"BatchSendMessage",
         family,
         faults::send_failed,
         send_batch,
         {queue_name(), bodies(), delay_seconds(), dedup_id(), ordering_key()}},
        {"ReceiveMessage",
         family,
         faults::receive_failed,
         receive_message,
         {queue_name(), polling_wait()}},
        {"BatchReceiveMessage",
         family,
         faults::receive_failed,
         receive_batch,
         {queue_name(), count, polling_wait()}},
        {"DeleteMessage", family, faults::delete_failed, delete_message, {queue_name(), receipt}},
        {"BatchDeleteMessage",
         family,
         faults::delete_failed,
         delete_batch,
         {queue_name(), receipts}},
    };
}

}  // namespace penstock::plugins::cmq
