#include "plugins/cmq_http/cloud/problem.h"

#include <string_view>

namespace penstock::plugins::cmq::cloud {

namespace {

bool is(const Fault& one, const Fault& other) {
    return one.code == other.code && one.module == other.module;
}

// Of the faults that API 2.0 puts under one number, 4000.
std::string_view code_of_parameter(const Fault& fault) {
    if (is(fault, faults::missing)) return "MissingParameter";
    if (is(fault, faults::unknown_action)) return "InvalidAction";
    if (is(fault, faults::denied)) return "UnauthorizedOperation";
    if (is(fault, faults::queue_exists)) return "ResourceInUse";
    if (is(fault, faults::dead_letter_in_use)) return "ResourceInUse";
    if (is(fault, faults::topic_has_subscriptions)) return "ResourceInUse";
    if (is(fault, faults::dead_letter_not_found)) return "ResourceNotFound";
    if (is(fault, faults::dead_letter_sources)) return "LimitExceeded";
    return "InvalidParameterValue";
}

std::string_view code_of(const Fault& fault) {
    switch (fault.code) {
        case 4000:
            return code_of_parameter(fault);
        case 4100:
            return is(fault, faults::unknown_key) ? "AuthFailure.SecretIdNotFound"
                                                  : "AuthFailure.SignatureFailure";
        case 4400:
        case 4470:
        case 4510:
            return "InvalidParameterValue";
        case 4410:
        case 4450:
        case 4500:
            return "LimitExceeded";
        case 4420:
        case 4480:
            return "RequestLimitExceeded";
        case 4440:
            return "ResourceNotFound";
        case 4460:
            return "ResourceInUse";
        case 4490:
            if (is(fault, faults::subscription_exists)) return "ResourceInUse";
            return is(fault, faults::message_not_found) ? "ResourceNotFound"
                                                        : "UnsupportedOperation";
        case 6000:
            return is(fault, faults::internal) ? "InternalError" : "FailedOperation.TryLater";
        case 6040:
            return "FailedOperation.TryLater";
        default:
            return "FailedOperation";
    }
}

}  // namespace

Problem problem_of(const Failure& failure) {
    if (failure.none()) return {};
    return {std::string(code_of(failure.fault)), message_of(failure)};
}

}  // namespace penstock::plugins::cmq::cloud
