#include "broker/config/otel_variables.h"

#include <algorithm>

namespace penstock::config {

namespace {

std::string value_of(const std::map<std::string, std::string>& environment,
                     const std::string& variable) {
    const auto found = environment.find(variable);
    return found == environment.end() ? std::string() : found->second;
}

bool is_true(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(), [](char letter) {
        return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
    });
    return text == "true";
}

}  // namespace

std::vector<StandIn> otel_stand_ins(const std::map<std::string, std::string>& environment) {
    std::vector<StandIn> found;
    if (is_true(value_of(environment, "OTEL_SDK_DISABLED"))) return found;
    const auto look = [&](const char* key, const std::string& variable, bool of_collector) {
        std::string value = value_of(environment, variable);
        if (!value.empty()) found.push_back({key, variable, std::move(value), of_collector});
    };
    // A variable of the traces alone goes before the one of all signals.
    const auto either = [&](const std::string& suffix) {
        const std::string own = "OTEL_EXPORTER_OTLP_TRACES_" + suffix;
        return value_of(environment, own).empty() ? "OTEL_EXPORTER_OTLP_" + suffix : own;
    };
    if (value_of(environment, either("PROTOCOL")) != "grpc") {
        look("tracing.traces_endpoint", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", true);
        look("tracing.endpoint", "OTEL_EXPORTER_OTLP_ENDPOINT", true);
        look("tracing.headers", either("HEADERS"), true);
    }
    look("tracing.service_name", "OTEL_SERVICE_NAME", false);
    return found;
}

}  // namespace penstock::config
