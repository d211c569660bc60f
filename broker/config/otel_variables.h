// OpenTelemetry's standard variables: they stand in where [tracing] is left empty, so that a server
// among others is set up like them. Pure, any thread.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace penstock::config {

struct StandIn {
    std::string key;  // of the configuration
    std::string variable;
    std::string value;
};

// What they say. Nothing when OTEL_SDK_DISABLED is true; no endpoint when
// OTEL_EXPORTER_OTLP_PROTOCOL asks for grpc, which is not spoken.
std::vector<StandIn> otel_stand_ins(const std::map<std::string, std::string>& environment);

}  // namespace penstock::config
