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
    const auto look = [&](const char* key, const char* variable) {
        std::string value = value_of(environment, variable);
        if (!value.empty()) found.push_back({key, variable, std::move(value)});
    };
    if (value_of(environment, "OTEL_EXPORTER_OTLP_PROTOCOL") != "grpc") {
        look("tracing.endpoint", "OTEL_EXPORTER_OTLP_ENDPOINT");
    }
    look("tracing.service_name", "OTEL_SERVICE_NAME");
    return found;
}

}  // namespace penstock::config
