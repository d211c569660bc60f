#include "plugins/cmq_http/faults.h"

#include <array>
#include <utility>

namespace penstock::plugins::cmq {

namespace {

using model::Reason;

Fault of_name(Family family) {
    if (family == Family::queue) return faults::queue_name;
    return family == Family::topic ? faults::topic_name : faults::subscription_name;
}

// What only the broker can say of a parameter it says by its own names.
std::string_view parameter_of(std::string_view subject) {
    constexpr std::array<std::pair<std::string_view, std::string_view>, 4> names = {{
        {"message_bytes_max", "maxMsgSize"},
        {"retention_s", "msgRetentionSeconds"},
        {"binding_keys", "bindingKey"},
        {"filter_tags", "filterTag"},
    }};
    for (const auto& [own, sent] : names) {
        if (own == subject) return sent;
    }
    return subject;
}

// A publish without a key to a topic that routes by keys, a subscription without one, or the
// reverse: CMQ has codes for the lack only.
Fault of_filter(const model::Refusal& refusal) {
    if (refusal.subject == "routingKey") return faults::lacks_routing_key;
    if (refusal.subject == "bindingKey") return faults::lacks_binding_key;
    return faults::value_malformed;
}

Fault of_message(const model::Refusal& refusal) {
    switch (refusal.reason) {
        case Reason::queue_full:
        case Reason::storage_quota:
            return faults::queue_full;
        case Reason::body_empty:
            return faults::body_empty;
        case Reason::body_too_large:
            return faults::body_too_large;
        case Reason::batch_too_large:
            return faults::batch_too_large;
        case Reason::delay_out_of_range:
            return faults::delay;
        case Reason::too_many_delayed:
            return faults::too_many_delayed;
        case Reason::receipt_invalid:
            return faults::receipt_invalid;
        case Reason::topic_without_subscription:
            return faults::nobody_subscribed;
        case Reason::nothing_matched:
            return faults::nothing_matched;
        case Reason::filter_kind_mismatch:
            return of_filter(refusal);
        case Reason::message_not_found:
            return faults::message_not_found;
        case Reason::not_transactional:
            return faults::no_transactions;
        case Reason::transaction_ended:
            return faults::operation_not_allowed;
        default:
            return faults::internal;
    }
}

Fault of_queue(const model::Refusal& refusal) {
    switch (refusal.reason) {
        case Reason::queue_not_found:
            return faults::queue_not_found;
        case Reason::queue_exists:
            return faults::queue_exists;
        case Reason::queue_limit:
            return faults::queue_limit;
        case Reason::rewind_disabled:
            return faults::rewind_disabled;
        case Reason::rewind_time_invalid:
            return faults::rewind_time;
        case Reason::rewind_exceeds_retention:
            return faults::rewind_exceeds_retention;
        case Reason::dead_letter_not_found:
            return faults::dead_letter_not_found;
        case Reason::dead_letter_nested:
            return faults::dead_letter_nested;
        case Reason::dead_letter_transactional:
            return faults::policy_values;
        case Reason::dead_letter_in_use:
            return faults::dead_letter_in_use;
        case Reason::dead_letter_too_many_sources:
            return faults::dead_letter_sources;
        default:
            return of_message(refusal);
    }
}

Fault of_topic(const model::Refusal& refusal) {
    switch (refusal.reason) {
        case Reason::topic_not_found:
            return faults::topic_not_found;
        case Reason::topic_exists:
            return faults::topic_exists;
        case Reason::topic_limit:
            return faults::topic_limit;
        case Reason::topic_has_subscriptions:
            return faults::topic_has_subscriptions;
        case Reason::subscription_not_found:
            return faults::subscription_not_found;
        case Reason::subscription_exists:
            return faults::subscription_exists;
        case Reason::subscription_limit:
            return faults::subscription_limit;
        case Reason::endpoint_invalid:
            return faults::endpoint_format;
        default:
            return of_queue(refusal);
    }
}

// A parameter that only the broker could judge, since it depends on what is stored.
Fault of_parameter(const model::Refusal& refusal) {
    if (refusal.subject == "time_to_live_s") return faults::policy_values;
    if (refusal.subject == "format") return faults::queue_format;
    return faults::out_of_range;
}

Fault fault_of(const model::Refusal& refusal, Family family, const Fault& failed) {
    switch (refusal.reason) {
        case Reason::invalid_parameter:
            return of_parameter(refusal);
        case Reason::unauthenticated:
            return faults::unauthenticated;
        case Reason::denied:
            return faults::denied;
        case Reason::disk_full:
        case Reason::unavailable:
        case Reason::damaged:
            return failed;
        case Reason::throttled:
            return faults::throttled;
        case Reason::overloaded:
        case Reason::control_throttled:
            return faults::overloaded;
        case Reason::name_format:
            return of_name(family);
        case Reason::name_too_soon:
            return faults::name_too_soon;
        default:
            return of_topic(refusal);
    }
}

}  // namespace

std::string message_of(const Failure& failure) {
    if (failure.none()) return {};
    std::string message = "(" + std::to_string(failure.fault.module) + ")";
    const auto text = failure.fault.text;
    const auto place = text.find("%s");
    message.append(text.substr(0, place));
    if (place != std::string_view::npos) {
        message.append(failure.subject).append(text.substr(place + 2));
    }
    return message;
}

Failure failure_of(const model::Refusal& refusal, Family family, const Fault& failed) {
    return {fault_of(refusal, family, failed), std::string(parameter_of(refusal.subject))};
}

}  // namespace penstock::plugins::cmq
