#include "sinks/http/cloud_event.h"

#include "broker/api/event_attributes.h"
#include "broker/api/names.h"
#include "broker/base/base64.h"
#include "broker/base/instant.h"
#include "sinks/http/json_text.h"

#include <algorithm>
#include <array>

namespace penstock::sinks::http {
namespace {

using api::event_prefix;

constexpr std::size_t sequence_digits = 20;
constexpr std::string_view usual_type = "penstock.message";
constexpr std::array<std::string_view, 2> trace_names = {"traceparent", "tracestate"};
// What the message itself says and no attribute may contradict; an event has its own sequence.
constexpr std::array<std::string_view, 6> own_names = {
    "specversion", "datacontenttype", "data", "sequence", "penstockattempt", "penstockid"};

// CloudEvents HTTP binding 3.1.3.2: printable ASCII but blank, '"' and '%' stands for itself.
void append_percent_encoded(std::string& out, std::string_view value) {
    constexpr std::string_view digits = "0123456789ABCDEF";
    for (const char letter : value) {
        const auto byte = static_cast<unsigned char>(letter);
        if (byte > 0x20 && byte < 0x7F && letter != '"' && letter != '%') {
            out += letter;
        } else {
            out += '%';
            out += digits[byte >> 4];
            out += digits[byte & 15];
        }
    }
}

std::string padded(std::uint64_t number) {
    const std::string text = std::to_string(number);
    return std::string(sequence_digits - text.size(), '0') + text;
}

}  // namespace

CloudEvent::CloudEvent(const api::Delivery& delivery, std::string_view source)
    : delivery_(delivery) {
    add_core(source);
    add_extensions();
    judge_data();
}

// The publisher's value of a CloudEvents attribute; nullptr when there is none of use.
const std::string* CloudEvent::given(std::string_view name) const {
    for (const auto& [attribute, value] : delivery_.meta.attributes) {
        const bool named = attribute.starts_with(event_prefix) &&
                           std::string_view(attribute).substr(event_prefix.size()) == name;
        if (named && !value.empty() && api::valid_utf8(value)) return &value;
    }
    return nullptr;
}

bool CloudEvent::has(std::string_view name) const {
    return std::any_of(attributes_.begin(), attributes_.end(), [&](const auto& attribute) {
        return attribute.first == name;
    });
}

void CloudEvent::add(std::string_view name, std::string_view value) {
    attributes_.emplace_back(name, value);
}

void CloudEvent::add_core(std::string_view source) {
    const model::MessageMeta& meta = delivery_.meta;
    const std::string id = model::to_text(delivery_.message);
    const std::string* own_id = given("id");
    const std::string* own_source = given("source");
    const std::string* own_type = given("type");
    const std::string* own_subject = given("subject");
    const std::string* own_time = given("time");
    const std::string_view type = meta.tags.empty() ? usual_type : std::string_view(meta.tags[0]);
    add("specversion", "1.0");
    add("id", own_id != nullptr ? *own_id : id);
    add("source", own_source != nullptr ? std::string_view(*own_source) : source);
    add("type", own_type != nullptr ? std::string_view(*own_type) : type);
    if (own_subject != nullptr || !meta.routing_key.empty()) {
        add("subject", own_subject != nullptr ? *own_subject : meta.routing_key);
    }
    const bool valid_time = own_time != nullptr && parse_instant(*own_time);
    add("time", valid_time ? *own_time : format_instant(delivery_.published_ms));
}

void CloudEvent::add_extensions() {
    const model::MessageMeta& meta = delivery_.meta;
    for (const auto& [attribute, value] : meta.attributes) {
        if (!attribute.starts_with(event_prefix)) continue;
        const std::string_view name = std::string_view(attribute).substr(event_prefix.size());
        const bool own = std::find(own_names.begin(), own_names.end(), name) != own_names.end();
        const bool core = name == "time" || has(name);
        if (!own && !core && api::is_event_attribute(name) && given(name) != nullptr)
            add(name, value);
    }
    for (const std::string_view name : trace_names) {
        const auto found = std::find_if(meta.attributes.begin(),
                                        meta.attributes.end(),
                                        [&](const auto& one) { return one.first == name; });
        if (found == meta.attributes.end() || found->second.empty() || has(name)) continue;
        if (api::valid_utf8(found->second)) add(name, found->second);
    }
    if (!meta.ordering_key.empty() && !has("partitionkey")) add("partitionkey", meta.ordering_key);
    const std::string* own_sequence = api::is_event(meta) ? given("sequence") : nullptr;
    add("sequence", own_sequence != nullptr ? *own_sequence : padded(delivery_.sequence));
    add("penstockattempt", std::to_string(delivery_.attempt));
    if (given("id") != nullptr) add("penstockid", model::to_text(delivery_.message));
}

void CloudEvent::judge_data() {
    // A type that is no text says nothing.
    std::string_view declared = delivery_.meta.content_type;
    if (!api::valid_utf8(declared)) declared = {};
    if (declared.empty() || api::says_json(declared)) {
        if (is_json(delivery_.payload)) data_ = Data::json;
    }
    // What is called JSON and is none goes byte by byte: as a string it would become JSON.
    const bool text = data_ != Data::json && !api::says_json(declared);
    if (text && api::valid_utf8(delivery_.payload)) data_ = Data::text;
    if (!declared.empty()) {
        append_header_text(content_type_, declared);
    } else if (data_ == Data::json) {
        content_type_ = "application/json";
    } else {
        content_type_ = data_ == Data::text ? "text/plain" : "application/octet-stream";
    }
}

void CloudEvent::append_headers(std::string& out) const {
    for (const auto& [name, value] : attributes_) {
        out += "\r\nce-";
        out += name;
        out += ": ";
        append_percent_encoded(out, value);
    }
}

void CloudEvent::append_json(std::string& out) const {
    for (const auto& [name, value] : attributes_) {
        out += name == "specversion" ? R"({")" : R"(,")";
        out += name;
        out += R"(":)";
        // The one attribute that is a number.
        if (name == "penstockattempt") {
            out += value;
        } else {
            append_json_text(out, value);
        }
    }
    out += R"(,"datacontenttype":)";
    append_json_text(out, content_type_);
    out += data_ == Data::bytes ? R"(,"data_base64":)" : R"(,"data":)";
    if (data_ == Data::json) {
        out += delivery_.payload;
    } else if (data_ == Data::text) {
        append_json_text(out, delivery_.payload);
    } else {
        append_json_text(out, encode_base64(delivery_.payload));
    }
    out += '}';
}

}  // namespace penstock::sinks::http
