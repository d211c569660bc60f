#include "broker/model/object_codec.h"

namespace penstock::model {

namespace {

constexpr std::uint8_t attributes_version = 1;
// 1 knew no transactions, 2 no order, 3 no rate; they are written still where there is none.
constexpr std::uint8_t transactional_version = 2;
constexpr std::uint8_t ordered_version = 3;
constexpr std::uint8_t rated_version = 4;
// Of a topic: 1 knew no rate.
constexpr std::uint8_t rated_topic_version = 2;
// 1 knew no recycling by age and by memory, 2 no pace, 3 no outputs, batches and handshakes: what
// uses none of these is still written so, for builds that read no more.
constexpr std::uint8_t subscription_version = 4;
constexpr std::uint8_t version_without_batches = 3;
constexpr std::uint8_t elsewhere = 0x80;  // beside a sink or dead letter: the sets follow
constexpr std::size_t retry_step_bytes = 3;
constexpr std::uint8_t with_file = 0x80;  // beside a script's role: the name of its file follows

std::uint32_t varint32(Reader& reader) {
    const std::uint64_t value = reader.varint();
    if (value > UINT32_MAX) reader.fail();
    return static_cast<std::uint32_t>(value);
}

void encode_texts(Writer& writer, const std::vector<std::string>& texts) {
    writer.varint(texts.size());
    for (const std::string& text : texts) writer.bytes(text);
}

std::vector<std::string> decode_texts(Reader& reader) {
    std::vector<std::string> texts(reader.count(1));
    for (std::string& text : texts) text = reader.text();
    return texts;
}

void encode(Writer& writer, const RetryPolicy& retry) {
    writer.u8(static_cast<std::uint8_t>(retry.name));
    writer.boolean(retry.keeps_order);
    writer.varint(retry.steps.size());
    for (const RetryStep& step : retry.steps) {
        writer.varint(step.min_ms);
        writer.varint(step.max_ms);
        writer.varint(step.times);
    }
}

RetryPolicy decode_retry(Reader& reader) {
    RetryPolicy retry;
    retry.name = static_cast<RetryPolicy::Name>(reader.u8());
    retry.keeps_order = reader.boolean();
    retry.steps.resize(reader.count(retry_step_bytes));
    for (RetryStep& step : retry.steps) {
        step.min_ms = varint32(reader);
        step.max_ms = varint32(reader);
        step.times = varint32(reader);
        if (step.max_ms < step.min_ms) reader.fail();
    }
    return retry;
}

void encode(Writer& writer, const FunctionSpec& function) {
    encode_texts(writer, function.command);
    writer.bytes(function.folder);
    writer.varint(function.processes);
    writer.varint(function.window);
    writer.boolean(function.content_length);
    writer.boolean(function.ready_line);
    writer.boolean(function.envelope);
    writer.varint(function.batch);
    writer.varint(function.startup_ms);
    writer.varint(function.memory_mib);
    writer.varint(function.recycle_after);
    writer.varint(function.recycle_age_ms);
    writer.varint(function.recycle_memory_mib);
    writer.varint(function.crashes_max);
    encode_texts(writer, function.http_allow);
}

FunctionSpec decode_function(Reader& reader, std::uint8_t version) {
    FunctionSpec function;
    function.command = decode_texts(reader);
    function.folder = reader.text();
    function.processes = varint32(reader);
    function.window = varint32(reader);
    function.content_length = reader.boolean();
    function.ready_line = reader.boolean();
    function.envelope = reader.boolean();
    function.batch = varint32(reader);
    function.startup_ms = varint32(reader);
    function.memory_mib = varint32(reader);
    function.recycle_after = varint32(reader);
    if (version > 1) function.recycle_age_ms = varint32(reader);
    if (version > 1) function.recycle_memory_mib = varint32(reader);
    function.crashes_max = varint32(reader);
    function.http_allow = decode_texts(reader);
    return function;
}

bool uses_version_4(const PushPolicy& push) {
    PushPolicy before = push;
    const PushPolicy first;
    before.outputs = first.outputs;
    before.batch = first.batch;
    before.batch_bytes = first.batch_bytes;
    before.batch_linger_ms = first.batch_linger_ms;
    before.handshake = first.handshake;
    return before != push;
}

void encode(Writer& writer, const PushPolicy& push) {
    writer.boolean(push.breaker);
    writer.boolean(push.heeds_answers);
    writer.u8(static_cast<std::uint8_t>(push.concurrency));
    writer.varint(push.rate_per_s);
    writer.varint(push.retry_share_percent);
    writer.boolean(push.client_errors_die);
    writer.varint(push.retried_statuses.size());
    for (const std::uint16_t status : push.retried_statuses) writer.u16(status);
    writer.varint(push.deferral_ms_max);
    writer.u8(static_cast<std::uint8_t>(push.on_exhausted));
    writer.boolean(push.order_by_key);
    if (!uses_version_4(push)) return;
    writer.boolean(push.outputs);
    writer.varint(push.batch);
    writer.varint(push.batch_bytes);
    writer.varint(push.batch_linger_ms);
    writer.u8(static_cast<std::uint8_t>(push.handshake));
}

PushPolicy decode_push(Reader& reader, std::uint8_t version) {
    PushPolicy push;
    push.breaker = reader.boolean();
    push.heeds_answers = reader.boolean();
    push.concurrency = static_cast<ConcurrencyMode>(reader.u8());
    push.rate_per_s = varint32(reader);
    push.retry_share_percent = varint32(reader);
    push.client_errors_die = reader.boolean();
    push.retried_statuses.resize(reader.count(sizeof(std::uint16_t)));
    for (std::uint16_t& status : push.retried_statuses) status = reader.u16();
    push.deferral_ms_max = reader.varint();
    push.on_exhausted = static_cast<OnExhausted>(reader.u8());
    push.order_by_key = reader.boolean();
    if (version <= version_without_batches) return push;
    push.outputs = reader.boolean();
    push.batch = varint32(reader);
    push.batch_bytes = varint32(reader);
    push.batch_linger_ms = varint32(reader);
    push.handshake = static_cast<Handshake>(reader.u8());
    if (push.handshake > Handshake::cloudevents) reader.fail();
    return push;
}

}  // namespace

void encode(Writer& writer, const Script& script) {
    const auto role = static_cast<std::uint8_t>(script.role);
    writer.u8(script.file.empty() ? role : static_cast<std::uint8_t>(role | with_file));
    writer.varint(script.version);
    writer.bytes(script.code);
    writer.bytes(script.note);
    writer.varint(static_cast<std::uint64_t>(script.deployed_ms));
    if (!script.file.empty()) writer.bytes(script.file);
}

Script decode_script(Reader& reader) {
    Script script;
    const std::uint8_t role = reader.u8();
    script.role = static_cast<ScriptRole>(role & ~with_file);
    script.version = varint32(reader);
    script.code = reader.text();
    script.note = reader.text();
    script.deployed_ms = static_cast<TimeMs>(reader.varint());
    if ((role & with_file) != 0) script.file = reader.text();
    return script;
}

void encode(Writer& writer, const QueueAttributes& attributes) {
    const bool rated = attributes.messages_per_s > 0;
    writer.u8(rated                    ? rated_version
              : attributes.ordered     ? ordered_version
              : attributes.transaction ? transactional_version
                                       : attributes_version);
    writer.varint(attributes.messages_max);
    writer.varint(attributes.polling_wait_s);
    writer.varint(attributes.visibility_s);
    writer.varint(attributes.message_bytes_max);
    writer.varint(attributes.retention_s);
    writer.varint(attributes.rewind_s);
    writer.boolean(attributes.paused);
    const bool away = attributes.dead_letter && attributes.dead_letter->queue.set.value != 0;
    writer.u8(away ? elsewhere : attributes.dead_letter ? 1 : 0);
    if (away) writer.u16(attributes.dead_letter->queue.set.value);
    if (attributes.dead_letter) {
        writer.u32(attributes.dead_letter->queue.number.value);
        writer.u8(static_cast<std::uint8_t>(attributes.dead_letter->kind));
        writer.varint(attributes.dead_letter->max_receives);
        writer.varint(attributes.dead_letter->time_to_live_s);
    }
    if (rated) {
        writer.varint(attributes.messages_per_s);
        writer.boolean(attributes.ordered);
    }
    if (rated || attributes.ordered) writer.boolean(attributes.transaction.has_value());
    if (!attributes.transaction) return;
    writer.varint(attributes.transaction->first_query_s);
    writer.varint(attributes.transaction->queries_max);
}

QueueAttributes decode_queue_attributes(Reader& reader) {
    const std::uint8_t version = reader.u8();
    if (version < attributes_version || version > rated_version) reader.fail();
    QueueAttributes attributes;
    attributes.messages_max = reader.varint();
    attributes.polling_wait_s = varint32(reader);
    attributes.visibility_s = varint32(reader);
    attributes.message_bytes_max = varint32(reader);
    attributes.retention_s = varint32(reader);
    attributes.rewind_s = varint32(reader);
    attributes.paused = reader.boolean();
    if (const std::uint8_t bound = reader.u8(); bound != 0) {
        DeadLetterPolicy policy;
        if (bound == elsewhere) policy.queue.set.value = reader.u16();
        policy.queue.number.value = reader.u32();
        policy.kind = static_cast<DeadLetterPolicy::Kind>(reader.u8());
        policy.max_receives = varint32(reader);
        policy.time_to_live_s = varint32(reader);
        attributes.dead_letter = policy;
    }
    if (version == rated_version) attributes.messages_per_s = varint32(reader);
    attributes.ordered = version == rated_version ? reader.boolean() : version == ordered_version;
    const bool transactional =
        version >= ordered_version ? reader.boolean() : version == transactional_version;
    if (transactional) {
        TransactionPolicy& transaction = attributes.transaction.emplace();
        transaction.first_query_s = varint32(reader);
        transaction.queries_max = varint32(reader);
    }
    return attributes;
}

void encode(Writer& writer, const TopicAttributes& attributes) {
    const bool rated = attributes.messages_per_s > 0;
    writer.u8(rated ? rated_topic_version : attributes_version);
    writer.varint(attributes.message_bytes_max);
    writer.u8(static_cast<std::uint8_t>(attributes.filter));
    writer.varint(attributes.retention_s);
    if (rated) writer.varint(attributes.messages_per_s);
}

TopicAttributes decode_topic_attributes(Reader& reader) {
    const std::uint8_t version = reader.u8();
    if (version < attributes_version || version > rated_topic_version) reader.fail();
    TopicAttributes attributes;
    attributes.message_bytes_max = varint32(reader);
    attributes.filter = static_cast<FilterKind>(reader.u8());
    attributes.retention_s = varint32(reader);
    if (version == rated_topic_version) attributes.messages_per_s = varint32(reader);
    return attributes;
}

void encode(Writer& writer, const SubscriptionSpec& spec) {
    writer.u8(uses_version_4(spec.pace) ? subscription_version : version_without_batches);
    const bool away = spec.queue.set.value != 0 || spec.dead_letter.set.value != 0;
    const auto sink = static_cast<std::uint8_t>(spec.sink);
    writer.u8(away ? static_cast<std::uint8_t>(sink | elsewhere) : sink);
    writer.bytes(spec.endpoint);
    writer.u32(spec.queue.number.value);
    writer.u8(static_cast<std::uint8_t>(spec.format));
    encode(writer, spec.retry);
    encode_texts(writer, spec.filter_tags);
    encode_texts(writer, spec.binding_keys);
    writer.u32(spec.dead_letter.number.value);
    writer.varint(spec.concurrency);
    writer.varint(spec.timeout_ms);
    writer.u8(static_cast<std::uint8_t>(spec.state));
    writer.bytes(spec.state_reason);
    encode(writer, spec.function);
    for (const std::uint32_t version : spec.scripts) writer.varint(version);
    encode(writer, spec.push);
    encode(writer, spec.pace);
    if (!away) return;
    writer.u16(spec.queue.set.value);
    writer.u16(spec.dead_letter.set.value);
}

SubscriptionSpec decode_subscription_spec(Reader& reader) {
    const std::uint8_t version = reader.u8();
    if (version < 1 || version > subscription_version) reader.fail();
    SubscriptionSpec spec;
    const std::uint8_t sink = reader.u8();
    spec.sink = static_cast<SinkKind>(sink & ~elsewhere);
    spec.endpoint = reader.text();
    spec.queue.number.value = reader.u32();
    spec.format = static_cast<ContentFormat>(reader.u8());
    spec.retry = decode_retry(reader);
    spec.filter_tags = decode_texts(reader);
    spec.binding_keys = decode_texts(reader);
    spec.dead_letter.number.value = reader.u32();
    spec.concurrency = varint32(reader);
    spec.timeout_ms = varint32(reader);
    spec.state = static_cast<SubscriptionState>(reader.u8());
    spec.state_reason = reader.text();
    spec.function = decode_function(reader, version);
    for (std::uint32_t& script : spec.scripts) script = varint32(reader);
    spec.push = decode_push_spec(reader);
    if (version > 2) spec.pace = decode_push(reader, version);
    if ((sink & elsewhere) != 0) {
        spec.queue.set.value = reader.u16();
        spec.dead_letter.set.value = reader.u16();
    }
    return spec;
}

}  // namespace penstock::model
