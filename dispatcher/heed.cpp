#include "dispatcher/heed.h"

#include <algorithm>

namespace penstock::dispatcher {
namespace {

using model::Failure;
using model::Verdict;

constexpr std::uint16_t request_timeout = 408;
constexpr std::uint16_t gone = 410;
constexpr std::uint16_t too_early = 425;
constexpr std::uint16_t too_many_requests = 429;
constexpr std::uint16_t unavailable = 503;

bool is_client_error(std::uint16_t status) {
    return status >= 400 && status < 500;
}

// They ask to come back, whatever else a policy says.
bool asks_to_come_back(std::uint16_t status) {
    return status == request_timeout || status == too_early || status == too_many_requests;
}

bool is_in(const std::vector<std::uint16_t>& statuses, std::uint16_t status) {
    return std::find(statuses.begin(), statuses.end(), status) != statuses.end();
}

}  // namespace

void heed(const model::SubscriptionSpec& spec, sinks::AttemptResult& result) {
    if (result.verdict != Verdict::retry || result.failure != Failure::status) return;
    const model::PushPolicy& push = spec.pace;
    if (push.heeds_answers && result.status == gone && !result.of_item) {
        if (result.disable.empty()) result.disable = "its endpoint answered 410 Gone";
        return;
    }
    if (!push.client_errors_die || !is_client_error(result.status)) return;
    if (asks_to_come_back(result.status) || is_in(push.retried_statuses, result.status)) return;
    result.verdict = Verdict::rejected;
}

Sign sign_of(const sinks::AttemptResult& result) {
    if (model::ends_well(result.verdict)) return Sign::well;
    switch (result.failure) {
        case Failure::refused:
        case Failure::reset:
        case Failure::tls:
        case Failure::timeout:
        case Failure::name:
            return Sign::disconnected;
        case Failure::status:
            break;
        default:
            return Sign::none;
    }
    const bool cannot = result.status == too_many_requests || result.status >= 500;
    // Another answer is about the message: the endpoint is there.
    return cannot ? Sign::badly : Sign::well;
}

std::uint32_t asked_pause_ms(const sinks::AttemptResult& result) {
    const bool asks = result.status == too_many_requests || result.status == unavailable;
    return asks && !model::ends_well(result.verdict) ? result.retry_after_ms : 0;
}

std::string words_of(const sinks::AttemptResult& result) {
    if (result.failure == Failure::status) return "status " + std::to_string(result.status);
    return std::string(model::to_text(result.failure));
}

}  // namespace penstock::dispatcher
