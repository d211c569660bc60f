// What a collector wants to be told with each request, such as its key. Pure, any thread.
#pragma once

#include "broker/base/error.h"

#include <string>
#include <string_view>

namespace penstock::sinks::observed {

inline constexpr std::size_t collector_headers_max = 16;

// `text` as OTEL_EXPORTER_OTLP_HEADERS has it: "name=value,name=value", values percent-encoded,
// space around each ignored (OpenTelemetry, OTLP exporter, "Specifying headers via environment
// variables"). Gives "\r\nname: value" for each. Error{invalid}: no name or no '=', a name that is
// no token (RFC 9110, 5.6.2) or is one the exporter sets itself, a value with control bytes or a
// broken escape, or more than collector_headers_max; the value, which may be secret, is not in the
// error.
Result<std::string> collector_headers(std::string_view text);

}  // namespace penstock::sinks::observed
