#include "broker/base/base64.h"
#include "broker/base/letters.h"
#include "broker/model/trace_context.h"
#include "plugins/native/cloud_events.h"
#include "plugins/native/message_rules.h"
#include "plugins/native/routes.h"

#include <algorithm>

namespace penstock::plugins::native {

namespace {

constexpr Range delay_s{0, 1'296'000, "seconds"};
constexpr Range first_query_s{1, model::first_query_s_max, "seconds"};
constexpr Range payload_bytes{1, model::message_bytes_most};  // what is less is the broker's to say
constexpr Range payload_base64_bytes{4, (payload_bytes.max + 2) / 3 * 4};
constexpr Range tag_items{0, 16};
constexpr Range tag_bytes{1, 64};
constexpr Range key_bytes{1, 64};
constexpr Range ordering_key_bytes{1, 64};
constexpr Range attribute_name_bytes{1, 64};
constexpr std::size_t attributes_max = 16;
constexpr std::size_t dedup_key_bytes_max = 128;
constexpr std::string_view partition_attribute = "ce-partitionkey";

const std::vector<std::string_view> queue_fields = {
    "body", "body_base64", "content_type", "attributes", "ordering_key"};
const std::vector<std::string_view> topic_fields = {
    "body", "body_base64", "content_type", "attributes", "tags", "key", "ordering_key"};

void read_attributes(Fields& fields, model::MessageMeta& meta) {
    const auto* value = fields.raw("attributes");
    if (value == nullptr || value->is_null()) return;
    const auto* object = value->if_object();
    if (object == nullptr || object->size() > attributes_max) {
        fields.refuse("attributes",
                      "must be an object of at most " + std::to_string(attributes_max) + " texts.");
        return;
    }
    for (const auto& [key, item] : *object) {
        const std::string name(key.data(), key.size());
        if (name.size() < attribute_name_bytes.min || name.size() > attribute_name_bytes.max) {
            fields.refuse("attributes", "names must be 1 to 64 bytes long.");
            return;
        }
        boost::json::object single;
        single[key] = item;
        Fields one(
            Fields::Source::json, std::move(single), {name}, fields.prefix() + "attributes.");
        auto text = one.text(name, attribute_bytes);
        if (!text) one.refuse(name, "must be text.");
        fields.adopt(one);
        if (!text) return;
        meta.attributes.emplace_back(name, std::move(*text));
    }
}

// From the query of a single message or an item of a batch. Tags and routing key: topics only.
void read_ordering_key(Fields& fields, model::MessageMeta& meta) {
    meta.ordering_key = fields.text("ordering_key", ordering_key_bytes).value_or("");
}

void read_address(Fields& fields, std::string_view tags_name, model::MessageMeta& meta) {
    if (auto tags = fields.texts(tags_name, tag_items, tag_bytes)) meta.tags = std::move(*tags);
    meta.routing_key = fields.text("key", key_bytes).value_or("");
}

std::string read_payload(Fields& item) {
    if (item.has("body") == item.has("body_base64")) {
        item.refuse("body", "exactly one of body and body_base64 is needed.");
        return {};
    }
    if (item.has("body")) {
        auto text = item.payload("body", payload_bytes);
        if (!text) item.refuse("body", "must be text.");
        return text ? std::move(*text) : std::string();
    }
    const std::string text = item.need_text("body_base64", payload_base64_bytes);
    auto bytes = decode_base64(text);
    if (!bytes || bytes->empty()) item.refuse("body_base64", "must be padded standard base64.");
    return bytes ? std::move(*bytes) : std::string();
}

std::vector<model::NewMessage> read_batch(Fields& fields,
                                          const std::vector<std::string_view>& known,
                                          bool to_topic) {
    std::vector<model::NewMessage> messages;
    auto items = fields.objects("messages", known, batch_items);
    if (!items) {
        fields.refuse("messages", "is missing; a list of 1 to 16 objects.");
        return messages;
    }
    for (auto& item : *items) {
        model::NewMessage message;
        message.payload = read_payload(item);
        message.meta.content_type = item.text("content_type", content_type_bytes).value_or("");
        read_attributes(item, message.meta);
        read_ordering_key(item, message.meta);
        if (to_topic) read_address(item, "tags", message.meta);
        fields.adopt(item);
        messages.push_back(std::move(message));
    }
    return messages;
}

// The Content-Type of a single message's body. What curl sends when nobody chose one says nothing.
std::string content_type_of(const HttpRequest& request, Fields& fields) {
    const std::string_view type = request.header("content-type");
    if (same_letters(type, "application/x-www-form-urlencoded")) return {};
    if (type.size() > content_type_bytes.max || !is_printable(type)) {
        fields.refuse("Content-Type", "must be at most 128 printable ASCII characters.");
        return {};
    }
    return std::string(type);
}

std::string dedup_key_of(const HttpRequest& request, Fields& fields) {
    const auto named =
        std::find_if(request.headers.begin(), request.headers.end(), [](const auto& header) {
            return header.first == "idempotency-key";
        });
    if (named == request.headers.end()) return {};
    const std::string_view key = named->second;
    // An empty one is not none: whoever sends it means to have one.
    if (key.empty() || key.size() > dedup_key_bytes_max || !is_printable(key)) {
        fields.refuse("Idempotency-Key", "must be 1 to 128 printable ASCII characters.");
        return {};
    }
    return std::string(key);
}

void join_trace_of(const HttpRequest& request, model::MessageMeta& meta) {
    model::join_trace(meta, request.header("traceparent"), request.header("tracestate"));
}

// The one message that is the request's body, byte for byte.
std::vector<model::NewMessage> read_single(Call& call, Fields& fields) {
    model::NewMessage message;
    message.meta.content_type = content_type_of(call.request, fields);
    message.payload = std::move(call.request.body);
    std::vector<model::NewMessage> messages;
    messages.push_back(std::move(message));
    return messages;
}

Events read_events(Call& call, Fields& fields, EventMode mode) {
    if (mode == EventMode::structured) return structured_event(call.request.body);
    if (mode == EventMode::batch) return batch_of_events(call.request.body);
    std::string content_type = content_type_of(call.request, fields);
    return binary_event(call.request, std::move(content_type), std::move(call.request.body));
}

// The ordering key of an event is its partitionkey (CloudEvents' extension Partitioning) where the
// query gives none.
void order_by_partition(Fields& fields, model::MessageMeta& meta) {
    if (!meta.ordering_key.empty()) return;
    for (const auto& [name, value] : meta.attributes) {
        if (name != partition_attribute) continue;
        if (value.size() > ordering_key_bytes.max) {
            fields.refuse("partitionkey", "must be at most 64 bytes long, as an ordering key.");
        }
        meta.ordering_key = value;
    }
}

// What the body is: events, if it says so, else a message as it is. The query is of all of them.
std::vector<model::NewMessage> read_posted(Call& call,
                                           Fields& fields,
                                           EventMode mode,
                                           bool to_topic) {
    std::vector<model::NewMessage> messages;
    if (mode == EventMode::none) {
        messages = read_single(call, fields);
    } else {
        auto events = read_events(call, fields, mode);
        if (!events) fields.adopt(Fields(events.error()));
        if (events) messages = std::move(*events);
    }
    model::MessageMeta address;
    read_ordering_key(fields, address);
    if (to_topic) read_address(fields, "tag", address);
    for (auto& message : messages) {
        message.meta.tags = address.tags;
        message.meta.routing_key = address.routing_key;
        message.meta.ordering_key = address.ordering_key;
        if (mode != EventMode::none) order_by_partition(fields, message.meta);
        join_trace_of(call.request, message.meta);
    }
    return messages;
}

Reply sent(const api::Outcome<api::SentMessages>& outcome, bool single) {
    if (!outcome) return refused(outcome.error());
    boost::json::object body;
    boost::json::array ids;
    for (const auto& id : outcome->ids) {
        ids.emplace_back(model::to_text(id));
    }
    if (single && !ids.empty()) {
        body["id"] = ids.front();
    } else {
        body["ids"] = std::move(ids);
    }
    if (outcome->repeated) body["repeated"] = true;
    return json_reply(body, outcome->repeated ? 200 : 201);
}

asio::awaitable<Reply> send(Call& call,
                            Fields fields,
                            std::vector<model::NewMessage> messages,
                            bool single) {
    api::SendMessages request;
    request.queue = call.names[0];
    request.messages = std::move(messages);
    request.delay_s = fields.whole32("delay", delay_s).value_or(0);
    request.transaction = fields.flag("transaction").value_or(false);
    request.first_query_s = fields.whole32("first_query", first_query_s).value_or(0);
    request.dedup_key = dedup_key_of(call.request, fields);
    if (!fields.ok()) co_return *fields.problem();
    const auto outcome = co_await ask(call, std::move(request));
    co_return sent(outcome, single);
}

asio::awaitable<Reply> publish(Call& call,
                               Fields fields,
                               std::vector<model::NewMessage> messages,
                               bool single) {
    api::PublishMessages request;
    request.topic = call.names[0];
    request.messages = std::move(messages);
    request.delay_s = fields.whole32("delay", delay_s).value_or(0);
    request.want_receiver = fields.flag("want_receiver").value_or(false);
    request.dedup_key = dedup_key_of(call.request, fields);
    if (!fields.ok()) co_return *fields.problem();
    const auto outcome = co_await ask(call, std::move(request));
    co_return sent(outcome, single);
}

}  // namespace

asio::awaitable<Reply> send_message(Call& call) {
    Fields fields =
        query_fields(call.request.query, {"ordering_key", "delay", "transaction", "first_query"});
    const EventMode mode = event_mode(call.request);
    auto messages = read_posted(call, fields, mode, false);
    const bool single = mode != EventMode::batch;
    co_return co_await send(call, std::move(fields), std::move(messages), single);
}

asio::awaitable<Reply> send_batch(Call& call) {
    Fields fields =
        json_fields(call.request.body, {"messages", "delay", "transaction", "first_query"});
    auto messages = read_batch(fields, queue_fields, false);
    for (auto& message : messages) join_trace_of(call.request, message.meta);
    co_return co_await send(call, std::move(fields), std::move(messages), false);
}

asio::awaitable<Reply> publish_message(Call& call) {
    Fields fields = query_fields(
        call.request.query, {"tag", "key", "ordering_key", "delay", "want_receiver"}, {"tag"});
    const EventMode mode = event_mode(call.request);
    auto messages = read_posted(call, fields, mode, true);
    const bool single = mode != EventMode::batch;
    co_return co_await publish(call, std::move(fields), std::move(messages), single);
}

asio::awaitable<Reply> publish_batch(Call& call) {
    Fields fields = json_fields(call.request.body, {"messages", "delay", "want_receiver"});
    auto messages = read_batch(fields, topic_fields, true);
    for (auto& message : messages) join_trace_of(call.request, message.meta);
    co_return co_await publish(call, std::move(fields), std::move(messages), false);
}

}  // namespace penstock::plugins::native
