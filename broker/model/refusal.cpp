#include "broker/model/refusal.h"

namespace penstock::model {

std::string_view to_text(Reason reason) {
    switch (reason) {
        case Reason::none:
            return "none";
        case Reason::invalid_parameter:
            return "invalid_parameter";
        case Reason::unauthenticated:
            return "unauthenticated";
        case Reason::denied:
            return "denied";
        case Reason::disk_full:
            return "disk_full";
        case Reason::overloaded:
            return "overloaded";
        case Reason::unavailable:
            return "unavailable";
        case Reason::unknown_outcome:
            return "unknown_outcome";
        case Reason::internal:
            return "internal";
        case Reason::damaged:
            return "damaged";
        case Reason::name_format:
            return "name_format";
        case Reason::name_too_soon:
            return "name_too_soon";
        case Reason::queue_not_found:
            return "queue_not_found";
        case Reason::queue_exists:
            return "queue_exists";
        case Reason::queue_limit:
            return "queue_limit";
        case Reason::queue_full:
            return "queue_full";
        case Reason::body_empty:
            return "body_empty";
        case Reason::body_too_large:
            return "body_too_large";
        case Reason::batch_too_large:
            return "batch_too_large";
        case Reason::delay_out_of_range:
            return "delay_out_of_range";
        case Reason::too_many_delayed:
            return "too_many_delayed";
        case Reason::receipt_invalid:
            return "receipt_invalid";
        case Reason::rewind_disabled:
            return "rewind_disabled";
        case Reason::rewind_time_invalid:
            return "rewind_time_invalid";
        case Reason::rewind_exceeds_retention:
            return "rewind_exceeds_retention";
        case Reason::dead_letter_not_found:
            return "dead_letter_not_found";
        case Reason::dead_letter_nested:
            return "dead_letter_nested";
        case Reason::dead_letter_in_use:
            return "dead_letter_in_use";
        case Reason::dead_letter_too_many_sources:
            return "dead_letter_too_many_sources";
        case Reason::topic_not_found:
            return "topic_not_found";
        case Reason::topic_exists:
            return "topic_exists";
        case Reason::topic_limit:
            return "topic_limit";
        case Reason::topic_has_subscriptions:
            return "topic_has_subscriptions";
        case Reason::topic_without_subscription:
            return "topic_without_subscription";
        case Reason::nothing_matched:
            return "nothing_matched";
        case Reason::subscription_not_found:
            return "subscription_not_found";
        case Reason::subscription_exists:
            return "subscription_exists";
        case Reason::subscription_limit:
            return "subscription_limit";
        case Reason::endpoint_invalid:
            return "endpoint_invalid";
        case Reason::filter_kind_mismatch:
            return "filter_kind_mismatch";
        case Reason::message_not_found:
            return "message_not_found";
        case Reason::dedup_in_progress:
            return "dedup_in_progress";
    }
    return "internal";
}

}  // namespace penstock::model
