#include "broker/cli/failure.h"

#include <boost/json.hpp>

#include <utility>

namespace penstock::cli {

namespace {

namespace json = boost::json;

int exit_code_of(unsigned status) {
    switch (status) {
        case 400:
        case 413:
        case 414:
            return exit_usage;
        case 401:
        case 403:
            return exit_denied;
        case 404:
            return exit_not_found;
        case 409:
        case 412:
            return exit_conflict;
        case 504:
            return exit_timeout;
        default:
            return exit_failure;
    }
}

std::string text_of(const json::object& object, std::string_view name) {
    const auto* value = object.if_contains(name);
    if (value == nullptr || !value->is_string()) return {};
    return {value->get_string().data(), value->get_string().size()};
}

}  // namespace

Failure usage_failure(std::string what, std::string next) {
    Failure failure;
    failure.exit_code = exit_usage;
    failure.what = std::move(what);
    failure.next = std::move(next);
    return failure;
}

Failure failure_of(const Error& error, std::string_view server) {
    Failure failure;
    // What was asked begins with the server's address: "http://127.0.0.1:7070/v1/…: why".
    std::string why = error.detail;
    const auto behind = why.find(": ");
    if (why.starts_with(server) && behind != std::string::npos) why.erase(0, behind + 2);
    failure.what = "The server at " + std::string(server) + " does not answer: " + why;
    failure.next = "Start one with 'penstock serve --dev', or name another with --server URL.";
    if (error.code == Errc::timeout) {
        failure.exit_code = exit_timeout;
        failure.next = "What was asked may have happened. Look before you repeat it.";
    }
    if (error.code == Errc::invalid) {
        failure = usage_failure("The server's address cannot be used: " + error.detail,
                                "It looks like http://127.0.0.1:7070.");
    }
    if (error.code == Errc::io) {
        failure = usage_failure("The certificates to trust cannot be used: " + error.detail,
                                "--ca and PENSTOCK_CA name a PEM file.");
    }
    return failure;
}

Failure failure_of(unsigned status, std::string_view body) {
    Failure failure;
    failure.exit_code = exit_code_of(status);
    boost::system::error_code error;
    const json::value problem = json::parse(body, error);
    if (!error && problem.is_object()) {
        failure.what = text_of(problem.get_object(), "detail");
        failure.code = text_of(problem.get_object(), "code");
        failure.next = text_of(problem.get_object(), "hint");
    }
    // The server's own hint is for those who write the header themselves.
    if (status == 401) {
        failure.next = "Keys come from --key-id and --key-secret, PENSTOCK_KEY_ID and "
                       "PENSTOCK_KEY_SECRET, or a context; a temporary one, with --token, ends.";
    }
    // What is asked for is always there, on a server of this kind: nothing was looked up.
    if (status == 404 && (failure.code.empty() || failure.code == "route_not_found")) {
        failure.exit_code = exit_failure;
        failure.next = "Is a name empty, has --server a path too many, or is the server an older "
                       "one? 'penstock doctor' looks.";
    }
    if (failure.what.empty()) {
        failure.what = "The server answered with HTTP status " + std::to_string(status) + ".";
        failure.next = "Is it a Penstock server? 'penstock doctor' looks.";
    }
    return failure;
}

}  // namespace penstock::cli
