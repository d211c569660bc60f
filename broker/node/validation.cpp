#include "broker/node/validation.h"

#include "broker/api/names.h"
#include "broker/model/account_name.h"
#include "broker/node/push_rules.h"

#include <algorithm>
#include <string>

namespace penstock::node {

namespace {

constexpr std::uint32_t retention_s_max = 1'296'000;
constexpr std::uint32_t visibility_s_max = 43'200;
constexpr std::uint32_t polling_s_max = 30;
constexpr std::size_t endpoint_bytes_max = 500;
constexpr std::size_t filters_max = 5;
constexpr std::size_t tag_chars_max = 16;
constexpr std::size_t key_bytes_max = 64;
constexpr std::size_t key_dots_max = 15;
constexpr std::size_t dedup_bytes_max = 128;
constexpr std::size_t attributes_max = 32;  // an event of 23, its trace, and what edits add
constexpr std::size_t header_bytes_max = 8'192;
constexpr std::size_t retry_steps_max = 200;
constexpr std::size_t command_bytes_max = 64 * 1024;
constexpr std::size_t note_bytes_max = 256;
constexpr std::uint32_t retry_pause_ms_max = 86'400'000;

Refused range(std::string_view field,
              std::uint64_t value,
              std::uint64_t minimum,
              std::uint64_t maximum,
              std::string_view unit = {}) {
    if (value >= minimum && value <= maximum) return {};
    return out_of_range(field, minimum, maximum, unit);
}

model::Refusal invalid(std::string_view field, std::string detail) {
    return model::Refusal{model::Reason::invalid_parameter, std::string(field), std::move(detail)};
}

Refused check_message_bytes(std::uint32_t bytes, std::uint32_t ceiling) {
    return range("message_bytes_max",
                 bytes,
                 model::message_bytes_least,
                 ceiling,
                 "bytes (limits.message_size_max of the server)");
}

Refused check_rate(std::uint32_t messages_per_s) {
    return range("qps", messages_per_s, 0, model::messages_per_s_most, "messages a second");
}

// The first refusal, in the order of the fields.
Refused first_of(std::initializer_list<Refused> checks) {
    for (const Refused& refused : checks) {
        if (refused) return refused;
    }
    return {};
}

// UTF-8 characters: bytes that do not continue one.
std::size_t characters(std::string_view text) {
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char byte) {
        return (static_cast<unsigned char>(byte) & 0xC0U) != 0x80U;
    }));
}

Refused check_tags(std::string_view field, const std::vector<std::string>& tags) {
    if (tags.size() > filters_max) return invalid(field, "at most 5 tags");
    for (const std::string& tag : tags) {
        if (tag.empty() || characters(tag) > tag_chars_max) {
            return invalid(field, "a tag has 1-16 characters");
        }
    }
    return {};
}

Refused check_key(std::string_view field, std::string_view key) {
    if (key.size() > key_bytes_max) return invalid(field, "a key has at most 64 bytes");
    const auto dots = std::count(key.begin(), key.end(), '.');
    if (static_cast<std::size_t>(dots) > key_dots_max) {
        return invalid(field, "a key has at most 15 dots");
    }
    return {};
}

Refused check_header(const model::MessageMeta& meta) {
    if (auto refused = check_tags("tags", meta.tags)) return refused;
    if (auto refused = check_key("routing_key", meta.routing_key)) return refused;
    if (meta.ordering_key.size() > key_bytes_max) {
        return invalid("ordering_key", "a key has at most 64 bytes");
    }
    if (meta.attributes.size() > attributes_max) return invalid("attributes", "at most 32");
    std::size_t bytes = meta.content_type.size();
    for (const auto& [name, value] : meta.attributes) bytes += name.size() + value.size();
    if (bytes > header_bytes_max) return invalid("attributes", "together at most 8192 bytes");
    return {};
}

Refused check_retry(const model::RetryPolicy& policy) {
    if (policy.steps.size() > retry_steps_max) return invalid("retry", "at most 200 steps");
    for (const model::RetryStep& step : policy.steps) {
        if (step.min_ms > step.max_ms || step.max_ms > retry_pause_ms_max || step.times == 0 ||
            step.times > 1'000) {
            return invalid("retry", "a pause is 0-86400 seconds, repeated 1-1000 times");
        }
    }
    return {};
}

// What answers and endpoints must be for.
Refused check_endpoint_options(const model::SubscriptionSpec& spec) {
    const model::PushPolicy& push = spec.pace;
    const bool http = spec.sink == model::SinkKind::http;
    if (push.outputs && !http && spec.sink != model::SinkKind::worker_http) {
        return invalid("outputs", "answers of http and worker-http subscriptions may publish");
    }
    if (push.handshake != model::Handshake::none && !http) {
        return invalid("handshake", "endpoints of http subscriptions can be asked");
    }
    return {};
}

Refused check_batches(const model::SubscriptionSpec& spec) {
    using model::ContentFormat;
    const model::PushPolicy& push = spec.pace;
    const auto refused = first_of({
        range("batch", push.batch, 1, model::batch_messages_most, "messages"),
        range("batch_bytes",
              push.batch_bytes,
              model::batch_bytes_least,
              model::batch_bytes_most,
              "bytes"),
        range("batch_linger_ms",
              push.batch_linger_ms,
              0,
              model::batch_linger_ms_most,
              "milliseconds"),
    });
    if (refused || push.batch == 1) return refused;
    if (spec.sink != model::SinkKind::http) {
        return invalid("batch", "http subscriptions can be sent several messages in a request");
    }
    if (spec.format != ContentFormat::scf && spec.format != ContentFormat::cloudevents_batch) {
        return invalid("batch",
                       "several messages in a request take a format that is a list: "
                       "cloudevents-batch or scf");
    }
    if (push.order_by_key || spec.retry.keeps_order) {
        return invalid("batch",
                       "a batch whose messages fail one by one keeps no order: give up order by "
                       "key, and a retry that keeps the order (as backoff does)");
    }
    if (push.outputs) {
        return invalid("batch",
                       "what an answer publishes goes with one message: give up outputs or batch");
    }
    return {};
}

Refused check_pace(const model::PushPolicy& push) {
    if (push.retried_statuses.size() > model::retried_statuses_max) {
        return invalid("retried_statuses", "at most 32");
    }
    for (const std::uint16_t status : push.retried_statuses) {
        if (auto refused = range("retried_statuses", status, 400, 499)) return refused;
    }
    if (auto refused = range("rate_per_s", push.rate_per_s, 0, model::push_rate_max)) {
        return refused;
    }
    if (auto refused = range("retry_share_percent", push.retry_share_percent, 0, 99)) {
        return refused;
    }
    return range("deferral_max_ms",
                 push.deferral_ms_max,
                 model::deferral_ms_least,
                 model::deferral_ms_most,
                 "milliseconds");
}

Refused check_endpoint(const model::SubscriptionSpec& spec) {
    if (spec.sink != model::SinkKind::http) return {};
    const bool scheme =
        spec.endpoint.starts_with("http://") || spec.endpoint.starts_with("https://");
    const bool blank = std::any_of(spec.endpoint.begin(), spec.endpoint.end(), [](char byte) {
        return static_cast<unsigned char>(byte) <= 0x20 || byte == 0x7F;
    });
    if (scheme && !blank && spec.endpoint.size() <= endpoint_bytes_max) return {};
    return model::Refusal{model::Reason::endpoint_invalid,
                          "endpoint",
                          "begins http:// or https://, at most 500 characters, no blanks"};
}

}  // namespace

model::Refusal out_of_range(std::string_view field,
                            std::uint64_t minimum,
                            std::uint64_t maximum,
                            std::string_view unit) {
    std::string detail = std::to_string(minimum) + "-" + std::to_string(maximum);
    if (!unit.empty()) detail.append(" ").append(unit);
    return invalid(field, "allowed: " + detail);
}

Refused check_name(std::string_view field, std::string_view name) {
    if (api::valid_name(name)) return {};
    return model::Refusal{model::Reason::name_format,
                          std::string(field),
                          "1-64 characters: a letter first, then letters, digits, '-' and '_'"};
}

Refused check_stored_name(std::string_view field, std::string_view name) {
    const std::string_view account = model::account_of(name);
    const bool of_account = model::valid_account_name(account);
    return check_name(field, of_account ? model::own_name(name) : name);
}

Refused apply_change(const api::QueueChange& change, model::QueueAttributes& attributes) {
    const auto set = [](const auto& from, auto& to) {
        if (from) to = *from;
    };
    set(change.messages_max, attributes.messages_max);
    set(change.polling_wait_s, attributes.polling_wait_s);
    set(change.visibility_s, attributes.visibility_s);
    set(change.message_bytes_max, attributes.message_bytes_max);
    set(change.retention_s, attributes.retention_s);
    set(change.rewind_s, attributes.rewind_s);
    set(change.paused, attributes.paused);
    set(change.messages_per_s, attributes.messages_per_s);
    if (change.unbind_dead_letter) attributes.dead_letter.reset();
    // That these are fixed is the core's to say.
    set(change.ordered, attributes.ordered);
    if (change.transactional && *change.transactional != attributes.transaction.has_value()) {
        attributes.transaction.reset();
        if (*change.transactional) attributes.transaction.emplace();
    }
    if (attributes.transaction) {
        set(change.first_query_s, attributes.transaction->first_query_s);
        set(change.queries_max, attributes.transaction->queries_max);
    } else if (change.first_query_s || change.queries_max) {
        return invalid(change.first_query_s ? "first_query_s" : "queries_max",
                       "only of a queue that takes transactional messages");
    }
    return {};
}

Refused check_queue(const model::QueueAttributes& queue, std::uint32_t ceiling) {
    const auto refused = first_of({
        range("messages_max", queue.messages_max, 1'000'000, 1'000'000'000),
        range("polling_wait_s", queue.polling_wait_s, 0, polling_s_max, "seconds"),
        range("visibility_s", queue.visibility_s, 1, visibility_s_max, "seconds"),
        check_message_bytes(queue.message_bytes_max, ceiling),
        range("retention_s", queue.retention_s, 60, retention_s_max, "seconds"),
        check_rate(queue.messages_per_s),
    });
    if (refused) return refused;
    if (const auto& policy = queue.transaction) {
        const auto wrong = first_of({
            range("first_query_s", policy->first_query_s, 1, model::first_query_s_max, "seconds"),
            range("queries_max", policy->queries_max, 1, model::queries_most),
        });
        if (wrong) return wrong;
    }
    if (queue.rewind_s > queue.retention_s) {
        return model::Refusal{
            model::Reason::rewind_exceeds_retention,
            "rewind_s",
            "allowed: 0-" + std::to_string(queue.retention_s) + " seconds, the queue's retention"};
    }
    return {};
}

Refused check_dead_letter(const api::DeadLetterSpec& spec, const model::QueueAttributes& queue) {
    if (spec.kind == model::DeadLetterPolicy::Kind::receives) {
        return range("max_receives", spec.max_receives, 1, 1'000);
    }
    if (auto refused = range("time_to_live_s", spec.time_to_live_s, 300, 43'200, "seconds")) {
        return refused;
    }
    if (spec.time_to_live_s < queue.retention_s) return {};
    return invalid("time_to_live_s", "must be below the queue's retention");
}

Refused check_topic(const model::TopicAttributes& topic, std::uint32_t ceiling) {
    return first_of({
        check_message_bytes(topic.message_bytes_max, ceiling),
        range("retention_s", topic.retention_s, 60, retention_s_max, "seconds"),
        check_rate(topic.messages_per_s),
    });
}

Refused check_function(const model::SubscriptionSpec& spec) {
    if (!model::is_function(spec.sink)) return {};
    const model::FunctionSpec& function = spec.function;
    const bool lua = spec.sink == model::SinkKind::lua;
    std::size_t command_bytes = 0;
    for (const std::string& word : function.command) command_bytes += word.size() + 1;
    for (const std::string& word : function.command) {
        if (word.find('\0') != std::string::npos) return invalid("command", "no zero bytes");
    }
    if (!lua && (function.command.empty() || function.command.front().empty())) {
        return invalid("command", "the program to run is missing");
    }
    if (!function.folder.empty() && function.folder.front() != '/') {
        return invalid("cwd", "must be an absolute path");
    }
    return first_of({
        range("command", command_bytes, 0, command_bytes_max, "bytes"),
        range("processes", function.processes, 1, 64),
        range("window", function.window, 1, 256),
        range("batch", function.batch, 1, 16),
        range("startup_ms", function.startup_ms, 100, 300'000, "milliseconds"),
        range("memory_mib", function.memory_mib, 1, lua ? 64 : 65'536, "MiB"),
        range("recycle_after", function.recycle_after, 0, 1'000'000'000),
        function.recycle_age_ms == 0 ? Refused{}
                                     : range("recycle_age_ms",
                                             function.recycle_age_ms,
                                             1'000,
                                             model::recycle_age_ms_max,
                                             "milliseconds"),
        range("recycle_memory_mib", function.recycle_memory_mib, 0, 65'536, "MiB"),
        range("crashes_max", function.crashes_max, 1, 100),
        range("http_allow", function.http_allow.size(), 0, 100, "hosts"),
    });
}

Refused check_script(const model::Script& script) {
    const auto refuse = [](std::string detail) {
        return model::Refusal{model::Reason::script_invalid, "script", std::move(detail)};
    };
    if (script.code.empty()) return refuse("the script is empty");
    if (script.code.size() > model::script_bytes_max) {
        return refuse("a script has at most " + std::to_string(model::script_bytes_max) + " bytes");
    }
    if (script.note.size() > note_bytes_max) return refuse("a note has at most 256 bytes");
    if (script.file.size() > model::script_file_bytes_max) {
        return refuse("a file name has at most " + std::to_string(model::script_file_bytes_max) +
                      " bytes");
    }
    return {};
}

Refused check_subscription(const model::SubscriptionSpec& spec, model::FilterKind filter) {
    if (filter == model::FilterKind::tags && !spec.binding_keys.empty()) {
        return model::Refusal{
            model::Reason::filter_kind_mismatch, "binding_keys", "the topic matches by tags"};
    }
    if (filter == model::FilterKind::routing_key && !spec.filter_tags.empty()) {
        return model::Refusal{
            model::Reason::filter_kind_mismatch, "filter_tags", "the topic matches by routing key"};
    }
    if (filter == model::FilterKind::routing_key && spec.binding_keys.empty()) {
        return model::Refusal{model::Reason::filter_kind_mismatch,
                              "bindingKey",
                              "the topic matches by routing key: give at least one"};
    }
    if (spec.binding_keys.size() > filters_max) {
        return invalid("binding_keys", "at most 5 binding keys");
    }
    for (const std::string& key : spec.binding_keys) {
        if (key.empty()) return invalid("binding_keys", "a binding key is not empty");
        if (auto refused = check_key("binding_keys", key)) return refused;
    }
    return first_of({
        check_endpoint(spec),
        check_tags("filter_tags", spec.filter_tags),
        check_retry(spec.retry),
        check_pace(spec.pace),
        check_endpoint_options(spec),
        check_batches(spec),
        range("concurrency", spec.concurrency, 1, 1'000),
        range("timeout_ms", spec.timeout_ms, 100, 300'000, "milliseconds"),
        check_function(spec),
        check_push(spec),
    });
}

Refused check_batch(const std::vector<model::BodyInfo>& messages,
                    std::uint32_t delay_s,
                    std::string_view dedup_key,
                    std::uint64_t body_bytes_max) {
    if (auto refused = range("messages", messages.size(), 1, batch_messages_max)) return refused;
    std::uint64_t total = 0;
    for (const model::BodyInfo& message : messages) {
        if (message.payload_bytes == 0) {
            return model::Refusal{model::Reason::body_empty, "body", "at least 1 byte"};
        }
        if (auto refused = check_header(message.meta)) return refused;
        total += message.payload_bytes;
    }
    if (messages.size() > 1 && total > batch_bytes_max) {
        return model::Refusal{
            model::Reason::batch_too_large, "messages", "together at most 1048576 bytes"};
    }
    if (messages.size() == 1 && total > body_bytes_max) {
        return model::Refusal{model::Reason::body_too_large,
                              "body",
                              "at most " + std::to_string(body_bytes_max) + " bytes"};
    }
    if (delay_s > delay_s_max) {
        return model::Refusal{
            model::Reason::delay_out_of_range, "delay_s", "allowed: 0-3600 seconds"};
    }
    if (dedup_key.size() > dedup_bytes_max) {
        return invalid("dedup_key", "at most 128 bytes");
    }
    return {};
}

Refused check_job(const model::MessageFilter& filter, std::uint32_t rate_per_s) {
    if (rate_per_s > model::job_rate_max) return out_of_range("rate", 1, model::job_rate_max);
    if (filter.before_ms != 0 && filter.before_ms <= filter.from_ms) {
        return invalid("to", "must be after from");
    }
    if (filter.failures.size() > model::filter_items_max) {
        return out_of_range("reason", 0, model::filter_items_max);
    }
    if (filter.tags.size() > model::filter_items_max) {
        return out_of_range("tag", 0, model::filter_items_max);
    }
    const auto fits = [](const std::string& text) {
        return text.size() <= model::filter_text_bytes_max;
    };
    if (std::all_of(filter.tags.begin(), filter.tags.end(), fits) && fits(filter.key) &&
        fits(filter.text)) {
        return {};
    }
    return out_of_range("text", 0, model::filter_text_bytes_max, "bytes");
}

Refused check_transaction(const api::SendMessages& request) {
    if (!request.transaction) {
        if (request.first_query_s == 0) return {};
        return invalid("first_query_s", "only with a transactional message");
    }
    if (request.delay_s > 0) {
        return model::Refusal{
            model::Reason::delay_out_of_range, "delay_s", "a transactional message is not delayed"};
    }
    return range("first_query_s", request.first_query_s, 0, model::first_query_s_max, "seconds");
}

Refused check_confirm(const api::ConfirmTransactions& request) {
    return range("items", request.items.size(), 1, model::confirm_items_max);
}

Refused check_take(const api::TakeChecks& request) {
    return first_of({
        range("max", request.max, 1, model::checks_taken_max),
        range("wait_s", request.wait_s, 0, polling_s_max, "seconds"),
    });
}

Refused check_receive(const api::ReceiveMessages& request) {
    return first_of({
        range("messages_max", request.messages_max, 1, batch_messages_max),
        range("wait_s", request.wait_s.value_or(0), 0, polling_s_max, "seconds"),
        range("visibility_s", request.visibility_s, 0, visibility_s_max, "seconds"),
    });
}

}  // namespace penstock::node
