// Refusal: why a request had no effect. A value in the reply, never an exception; each way in
// translates the reason into its own codes. Values, any thread.
#pragma once

#include <boost/system/result.hpp>

#include <stdexcept>
#include <string>
#include <string_view>

namespace penstock::model {

enum class Reason : std::uint8_t {
    none,  // not a refusal
    // any request
    invalid_parameter,  // `subject` names the parameter, `detail` the allowed range
    unauthenticated,
    denied,
    disk_full,
    overloaded,       // nothing happened; try again later
    unavailable,      // no leader or stopping; nothing happened
    unknown_outcome,  // may or may not have taken effect
    internal,
    damaged,  // the stored bytes fail their checksum
    // names
    name_format,
    name_too_soon,  // the same name was deleted moments ago
    // queues
    queue_not_found,
    queue_exists,
    queue_limit,
    queue_full,
    body_empty,
    body_too_large,
    batch_too_large,
    delay_out_of_range,
    too_many_delayed,
    receipt_invalid,
    rewind_disabled,
    rewind_time_invalid,
    rewind_exceeds_retention,
    dead_letter_not_found,
    dead_letter_nested,
    dead_letter_in_use,
    dead_letter_too_many_sources,
    // topics and subscriptions
    topic_not_found,
    topic_exists,
    topic_limit,
    topic_has_subscriptions,
    topic_without_subscription,  // published to nobody
    nothing_matched,             // no subscription's filter matched
    subscription_not_found,
    subscription_exists,
    subscription_limit,
    endpoint_invalid,
    filter_kind_mismatch,  // tags on a routing topic or the reverse
    // messages
    message_not_found,
    // functions
    function_not_allowed,  // processes are not allowed here, or not this program
    script_invalid,        // it does not compile, or is too large
    script_not_found,      // no such version, or the subscription has no script
    // jobs
    job_running,  // another one of that queue or subscription
    // transactional messages
    not_transactional,          // the queue was not made for them
    transaction_ended,          // it was committed or rolled back before
    dead_letter_transactional,  // such a queue takes no dead letters
    // changes of definitions
    precondition_failed,  // the object is not as the caller expected it
    // quotas of accounts; nothing happened
    throttled,          // too many messages a second: try again later
    control_throttled,  // too many requests a second, of another kind than messages
    storage_quota,      // its account may not store more
};

struct Refusal {
    Reason reason = Reason::none;
    std::string subject;  // the name or parameter concerned
    std::string detail;   // a sentence for people: what, why, the allowed range

    friend bool operator==(const Refusal&, const Refusal&) = default;
};

// Stable snake_case name of a reason ("queue_not_found"), the `code` of the native API.
std::string_view to_text(Reason reason);

[[noreturn]] inline void throw_exception_from_error(const Refusal& refusal,
                                                    const boost::source_location&) {
    throw std::runtime_error(refusal.detail);
}

// The reply of a request: its value, or why not.
template <class T>
class [[nodiscard]] Outcome : public boost::system::result<T, Refusal> {
  public:
    using boost::system::result<T, Refusal>::result;
};

}  // namespace penstock::model
