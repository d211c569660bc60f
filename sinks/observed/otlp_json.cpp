#include "sinks/observed/otlp_json.h"

#include "broker/api/names.h"

#include <boost/json.hpp>

#include <utility>

namespace penstock::sinks::observed {

namespace {

namespace json = boost::json;

constexpr int kind_consumer = 5;
constexpr int status_error = 2;

std::string text_of(const std::string& text) {
    if (api::valid_utf8(text)) return text;
    std::string shown = text;
    for (char& letter : shown) {
        if (static_cast<unsigned char>(letter) >= 0x80) letter = '?';
    }
    return shown;
}

json::object attribute(const std::string& key, const std::string& value) {
    json::object text;
    text["stringValue"] = text_of(value);
    json::object one;
    one["key"] = key;
    one["value"] = std::move(text);
    return one;
}

json::object shown(const Span& span) {
    json::object one;
    one["traceId"] = span.trace_id;
    one["spanId"] = span.span_id;
    one["parentSpanId"] = span.parent_id;
    one["name"] = text_of(span.name);
    one["kind"] = kind_consumer;
    // 64 bits are text in this encoding.
    one["startTimeUnixNano"] = std::to_string(span.began_us) + "000";
    one["endTimeUnixNano"] = std::to_string(span.ended_us) + "000";
    json::array attributes;
    for (const auto& [key, value] : span.attributes) attributes.push_back(attribute(key, value));
    one["attributes"] = std::move(attributes);
    if (span.failed) {
        json::object status;
        status["code"] = status_error;
        status["message"] = text_of(span.problem);
        one["status"] = std::move(status);
    }
    return one;
}

}  // namespace

std::string to_otlp_json(const std::vector<Span>& spans, const std::string& service_name) {
    json::array all;
    for (const Span& span : spans) all.push_back(shown(span));
    json::object scope;
    scope["name"] = "penstock";
    json::object scoped;
    scoped["scope"] = std::move(scope);
    scoped["spans"] = std::move(all);
    json::object resource;
    resource["attributes"] = json::array{attribute("service.name", service_name)};
    json::object of_resource;
    of_resource["resource"] = std::move(resource);
    of_resource["scopeSpans"] = json::array{std::move(scoped)};
    json::object whole;
    whole["resourceSpans"] = json::array{std::move(of_resource)};
    return json::serialize(whole);
}

}  // namespace penstock::sinks::observed
