// Spans as OTLP/HTTP wants them (opentelemetry.proto.collector.trace.v1, JSON encoding). Pure, any
// thread.
#pragma once

#include "sinks/observed/span.h"

#include <string>
#include <vector>

namespace penstock::sinks::observed {

// Every span is a consumer's. What is no UTF-8 in texts is replaced.
std::string to_otlp_json(const std::vector<Span>& spans, const std::string& service_name);

}  // namespace penstock::sinks::observed
