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
    bool of_collector = false;  // says nothing where the configuration names a collector itself
};

// What they say. Nothing when OTEL_SDK_DISABLED is true; no endpoint and no headers when
// OTEL_EXPORTER_OTLP_PROTOCOL (or ..._TRACES_PROTOCOL) asks for grpc, which is not spoken.
std::vector<StandIn> otel_stand_ins(const std::map<std::string, std::string>& environment);

}  // namespace penstock::config
