#include "plugins/cmq_http/shown.h"

#include "broker/api/names.h"
#include "broker/base/base64.h"
#include "plugins/cmq_http/json_fields.h"

namespace penstock::plugins::cmq {

std::string shown_id(std::string_view kind, std::uint32_t number) {
    constexpr std::string_view hex = "0123456789abcdef";
    std::string id(kind);
    id.push_back('-');
    for (unsigned shift = 32; shift > 0; shift -= 4) {
        id.push_back(hex[(number >> (shift - 4)) & 15U]);
    }
    return id;
}

std::string shown_text(std::string sent) {
    if (api::valid_utf8(sent)) return sent;
    return encode_base64(sent);
}

std::string shown_policy(const api::QueueView& view) {
    if (!view.attributes.dead_letter) return {};
    const model::DeadLetterPolicy& policy = *view.attributes.dead_letter;
    JsonFields json;
    json.text("deadLetterQueue", shown_id("queue", policy.queue.number.value));
    json.text("deadLetterQueueName", view.dead_letter_queue);
    json.number("policy", static_cast<std::int64_t>(policy.kind));
    if (policy.kind == model::DeadLetterPolicy::Kind::receives) {
        json.number("maxReceiveCount", std::int64_t{policy.max_receives});
    } else {
        json.number("maxTimeToLive", std::int64_t{policy.time_to_live_s});
    }
    return "{" + json.take() + "}";
}

std::string_view shown_strategy(const model::RetryPolicy& policy) {
    switch (policy.name) {
        case model::RetryPolicy::Name::backoff:
            return "BACKOFF_RETRY";
        case model::RetryPolicy::Name::exponential:
            return "EXPONENTIAL_DECAY_RETRY";
        case model::RetryPolicy::Name::custom:
        case model::RetryPolicy::Name::standard:
            break;
    }
    return "CUSTOM";
}

std::string_view shown_format(model::ContentFormat format) {
    return format == model::ContentFormat::simplified ? "SIMPLIFIED" : "JSON";
}

std::string_view shown_protocol(model::SinkKind kind) {
    return kind == model::SinkKind::queue ? "queue" : "http";
}

}  // namespace penstock::plugins::cmq
