#include "plugins/native/problem.h"

#include <boost/beast/http/status.hpp>
#include <boost/json.hpp>

#include <array>
#include <utility>

namespace penstock::plugins::native {

namespace {

using model::Reason;

// The next step for a caller; empty where the detail says it all.
std::string_view hint_for(Reason reason) {
    switch (reason) {
        case Reason::disk_full:
            return "Receive and delete messages or add disk; sends work again by themselves.";
        case Reason::overloaded:
        case Reason::unavailable:
        case Reason::throttled:
        case Reason::control_throttled:
            return "Nothing happened. Try again after the pause in Retry-After.";
        case Reason::storage_quota:
            return "Receive and delete messages, or keep topics' messages for less long.";
        case Reason::unknown_outcome:
            return "It may have happened. Repeat it with the same Idempotency-Key.";
        case Reason::unauthenticated:
            return "Send 'Authorization: Bearer KEY_ID:KEY_SECRET' with a key of this server.";
        case Reason::queue_not_found:
            return "GET /v1/queues lists the queues (penstock queue list).";
        case Reason::topic_not_found:
            return "GET /v1/topics lists the topics (penstock topic list).";
        case Reason::subscription_not_found:
            return "GET /v1/subscriptions lists the subscriptions (penstock sub list).";
        case Reason::dead_letter_not_found:
            return "Create the dead-letter queue first (penstock queue create).";
        case Reason::queue_exists:
            return "Another name, or PATCH the one there is (penstock queue set).";
        case Reason::topic_exists:
            return "Another name, or PATCH the one there is (penstock topic set).";
        case Reason::subscription_exists:
            return "Another name, or PATCH the one there is (penstock sub set).";
        case Reason::topic_has_subscriptions:
            return "Delete its subscriptions first (penstock sub delete).";
        case Reason::receipt_invalid:
            return "The lease has ended or the message was received again. Receive it anew.";
        case Reason::function_not_allowed:
            return "[functions] of the configuration says what may run and where it is looked for "
                   "(penstock.example.toml).";
        case Reason::rewind_disabled:
            return "It keeps what is consumed once told to: penstock queue set NAME --rewind 1h.";
        case Reason::rewind_time_invalid:
            return "It goes back as far as the queue's `rewind`, and not past what still waits.";
        case Reason::script_invalid:
            return "Check it first: penstock fn check FILE.";
        case Reason::job_running:
            return "GET the job to see how far it is; PATCH it with {\"action\":\"cancel\"} to end "
                   "it.";
        case Reason::not_transactional:
            return "Make one for them: penstock queue create NAME --transactional.";
        case Reason::precondition_failed:
            return "GET it again: its ETag and what it is now; then decide anew.";
        case Reason::script_not_found:
            return "penstock fn list shows the scripts and their versions.";
        default:
            return {};
    }
}

// What the broker words for callers of CMQ's API, in the words of /v1; empty: its own will do.
std::string_view detail_for(Reason reason) {
    switch (reason) {
        case Reason::rewind_disabled:
            return "the queue keeps nothing that was consumed: its `rewind` is 0";
        case Reason::rewind_exceeds_retention:
            return "must not be longer than `retention`";
        default:
            return {};
    }
}

// Fields as requests of /v1 spell them, where the broker has its own names for them.
std::string_view field_of(std::string_view subject) {
    constexpr std::array<std::pair<std::string_view, std::string_view>, 18> names = {{
        {"message_bytes_max", "max_size"},
        {"messages_max", "max_messages"},
        {"retention_s", "retention"},
        {"rewind_s", "rewind"},
        {"rewindSeconds", "rewind"},
        {"startConsumeTime", "to"},
        {"msgBody", "body"},
        {"visibility_s", "visibility"},
        {"polling_wait_s", "poll"},
        {"wait_s", "wait"},
        {"delay_s", "delay"},
        {"first_query_s", "first_query"},
        {"filter_tags", "tags"},
        {"binding_keys", "bind"},
        {"bindingKey", "bind"},
        {"routingKey", "key"},
        {"dedup_key", "Idempotency-Key"},
        {"receiptHandle", "receipt"},
    }};
    for (const auto& [own, spelt] : names) {
        if (own == subject) return spelt;
    }
    return subject;
}

// Else the subject is the name of something, be it spelt as a field is.
bool is_about_a_field(Reason reason) {
    return reason == Reason::invalid_parameter || reason == Reason::filter_kind_mismatch ||
           reason == Reason::receipt_invalid || reason == Reason::delay_out_of_range ||
           reason == Reason::rewind_exceeds_retention || reason == Reason::rewind_time_invalid ||
           reason == Reason::body_empty || reason == Reason::body_too_large;
}

bool worth_retrying(Reason reason) {
    return reason == Reason::overloaded || reason == Reason::unavailable ||
           reason == Reason::name_too_soon || reason == Reason::throttled ||
           reason == Reason::control_throttled;
}

}  // namespace

unsigned status_of(Reason reason) {
    switch (reason) {
        case Reason::invalid_parameter:
        case Reason::name_format:
        case Reason::body_empty:
        case Reason::delay_out_of_range:
        case Reason::rewind_time_invalid:
        case Reason::rewind_exceeds_retention:
        case Reason::endpoint_invalid:
        case Reason::filter_kind_mismatch:
        case Reason::script_invalid:
            return 400;
        case Reason::unauthenticated:
            return 401;
        case Reason::denied:
        case Reason::function_not_allowed:
            return 403;
        case Reason::queue_not_found:
        case Reason::topic_not_found:
        case Reason::subscription_not_found:
        case Reason::message_not_found:
        case Reason::dead_letter_not_found:
        case Reason::script_not_found:
            return 404;
        case Reason::name_too_soon:
        case Reason::queue_exists:
        case Reason::queue_limit:
        case Reason::queue_full:
        case Reason::storage_quota:
        case Reason::rewind_disabled:
        case Reason::dead_letter_nested:
        case Reason::dead_letter_in_use:
        case Reason::dead_letter_too_many_sources:
        case Reason::dead_letter_transactional:
        case Reason::not_transactional:
        case Reason::transaction_ended:
        case Reason::topic_exists:
        case Reason::topic_limit:
        case Reason::topic_has_subscriptions:
        case Reason::topic_without_subscription:
        case Reason::nothing_matched:
        case Reason::subscription_exists:
        case Reason::subscription_limit:
        case Reason::job_running:
            return 409;
        case Reason::receipt_invalid:
        case Reason::precondition_failed:
            return 412;
        case Reason::body_too_large:
        case Reason::batch_too_large:
            return 413;
        case Reason::too_many_delayed:
        case Reason::throttled:
        case Reason::control_throttled:
            return 429;
        case Reason::overloaded:
        case Reason::unavailable:
            return 503;
        case Reason::unknown_outcome:
            return 504;
        case Reason::disk_full:
            return 507;
        case Reason::none:
        case Reason::internal:
        case Reason::damaged:
            return 500;
    }
    return 500;
}

Problem refused(const model::Refusal& refusal) {
    Problem problem;
    problem.status = status_of(refusal.reason);
    problem.code = model::to_text(refusal.reason);
    problem.detail = refusal.detail.empty() ? problem.code : refusal.detail;
    if (const auto own = detail_for(refusal.reason); !own.empty()) problem.detail = own;
    // A sentence about a name says which one.
    const bool field = is_about_a_field(refusal.reason);
    problem.subject = field ? field_of(refusal.subject) : std::string_view(refusal.subject);
    const std::string named = "'" + problem.subject + "'";
    if (!refusal.subject.empty() && problem.detail.find(named) == std::string::npos) {
        problem.detail = named + ": " + problem.detail;
    }
    problem.hint = hint_for(refusal.reason);
    if (worth_retrying(refusal.reason)) problem.headers.emplace_back("Retry-After", "1");
    return problem;
}

Problem invalid_parameter(std::string_view parameter, std::string detail) {
    Problem problem;
    problem.status = 400;
    problem.code = model::to_text(Reason::invalid_parameter);
    problem.detail = std::move(detail);
    problem.subject = parameter;
    return problem;
}

HttpResponse to_response(const Problem& problem, std::string_view request_id) {
    const auto phrase =
        boost::beast::http::obsolete_reason(boost::beast::http::int_to_status(problem.status));
    boost::json::object body;
    body["title"] = phrase.empty() ? "Error" : boost::json::string_view(phrase);
    body["status"] = problem.status;
    body["code"] = problem.code;
    body["detail"] = problem.detail;
    if (!problem.subject.empty()) body["subject"] = problem.subject;
    if (!problem.hint.empty()) body["hint"] = problem.hint;
    if (!request_id.empty()) body["request_id"] = request_id;

    HttpResponse response;
    response.status = problem.status;
    response.content_type = "application/problem+json";
    response.headers = problem.headers;
    response.body = boost::json::serialize(body) + "\n";
    return response;
}

}  // namespace penstock::plugins::native
