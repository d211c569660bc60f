#include "broker/cli/push_flags.h"

#include "broker/model/ids.h"

#include <boost/json/array.hpp>

#include <utility>

namespace penstock::cli {

namespace {

namespace json = boost::json;

// "50/s" or "50".
std::optional<std::uint64_t> attempts_per_second(std::string_view text) {
    if (text.ends_with("/s")) text.remove_suffix(2);
    return model::parse_decimal(text);
}

}  // namespace

void PushFlags::add_to(CLI::App& verb, bool creating) {
    verb.add_option("--rate", rate_, "Attempts begun a second, such as 50/s; 0/s: no limit")
        ->type_name("N/s");
    verb.add_option("--breaker", breaker_, "on: leave an endpoint alone that fails, then probe it")
        ->check(CLI::IsMember({"on", "off"}));
    verb.add_option("--heed-answers",
                    heed_,
                    "on: Retry-After of 429 and 503 holds the endpoint, 410 disables")
        ->check(CLI::IsMember({"on", "off"}));
    verb.add_option("--concurrency-mode", mode_, "fixed, aimd or gradient, up to --concurrency")
        ->check(CLI::IsMember({"fixed", "aimd", "gradient"}));
    add_number(verb,
               "--retry-share",
               retry_share_,
               "Percent of attempts that may be retries, 0 to 99; 0: all");
    verb.add_option("--client-errors", client_errors_, "dead: a 4xx is final; or retry")
        ->check(CLI::IsMember({"retry", "dead"}));
    verb.add_option("--retry-status",
                    retried_statuses_,
                    "A 4xx that is tried again all the same; may be repeated")
        ->take_all()
        ->expected(1);
    add_milliseconds(verb,
                     "--defer-max",
                     deferral_max_ms_,
                     "How long a message may fail to be tried at all (3d)");
    verb.add_option("--on-exhausted",
                    on_exhausted_,
                    "After the last retry: dead (letter), park (with its key) or stop")
        ->check(CLI::IsMember({"dead", "park", "stop"}));
    add_answers_to(verb);
    if (!creating) return;
    verb.add_flag("--order-by-key",
                  order_by_key_,
                  "One message of an ordering key at a time, in order; keys beside each other");
}

void PushFlags::add_answers_to(CLI::App& verb) {
    verb.add_option("--outputs",
                    outputs_,
                    "on: {\"publish\": [...]} in an endpoint's answer is published with the "
                    "acknowledgement")
        ->check(CLI::IsMember({"on", "off"}));
    add_number(verb,
               "--batch",
               batch_,
               "Messages a request, 1 to 100 (cloudevents-batch, scf); --runtime: 1 to 16");
    add_bytes(verb, "--batch-bytes", batch_bytes_, "Bodies of a batch together (1MiB)");
    add_milliseconds(
        verb, "--batch-linger", batch_linger_ms_, "How long a batch waits to be full (0s)");
    verb.add_option(
            "--handshake",
            handshake_,
            "How an endpoint is asked before its first message: none, challenge, cloudevents")
        ->check(CLI::IsMember({"none", "challenge", "cloudevents"}));
}

boost::system::result<json::object, Failure> PushFlags::push(bool of_runtime) const {
    json::object push;
    if (!rate_.empty()) {
        const auto rate = attempts_per_second(rate_);
        if (!rate) {
            return usage_failure("--rate: '" + rate_ + "' is not a rate.",
                                 "It takes deliveries a second, such as 50/s; 0/s: no limit.");
        }
        push["rate_per_s"] = *rate;
    }
    if (!breaker_.empty()) push["breaker"] = breaker_ == "on";
    if (!heed_.empty()) push["heed_answers"] = heed_ == "on";
    if (!mode_.empty()) push["concurrency_mode"] = mode_;
    put(push, "retry_share_percent", retry_share_);
    if (!client_errors_.empty()) push["client_errors"] = client_errors_;
    if (!retried_statuses_.empty()) {
        json::array statuses;
        for (const std::uint16_t status : retried_statuses_) statuses.emplace_back(status);
        push["retried_statuses"] = std::move(statuses);
    }
    put(push, "deferral_max_ms", deferral_max_ms_);
    if (!on_exhausted_.empty()) push["on_exhausted"] = on_exhausted_;
    if (order_by_key_) push["order_by_key"] = true;
    if (!outputs_.empty()) push["outputs"] = outputs_ == "on";
    if (!of_runtime) put(push, "batch", batch_);
    put(push, "batch_bytes", batch_bytes_);
    put(push, "batch_linger_ms", batch_linger_ms_);
    if (!handshake_.empty()) push["handshake"] = handshake_;
    return push;
}

}  // namespace penstock::cli
