#include "plugins/native/cloud_events.h"

#include "broker/api/event_attributes.h"
#include "broker/base/base64.h"
#include "broker/base/instant.h"
#include "plugins/listener/head_parser.h"
#include "plugins/native/documents.h"
#include "plugins/native/message_rules.h"
#include "plugins/native/views.h"

#include <boost/json.hpp>
#include <boost/url/parse.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <utility>

namespace penstock::plugins::native {

namespace {

namespace json = boost::json;

constexpr std::string_view event_type = "application/cloudevents+json";
constexpr std::string_view event_batch_type = "application/cloudevents-batch+json";
constexpr std::string_view no_data = "null";
constexpr std::string_view nameless = "(no name)";
constexpr std::size_t shown_attribute_bytes_max = 64;
constexpr std::array<std::string_view, 4> needed = {"specversion", "id", "source", "type"};
// They say what the data is and have places of their own.
constexpr std::array<std::string_view, 3> data_names = {"data", "data_base64", "datacontenttype"};

bool is_data_name(std::string_view name) {
    return std::find(data_names.begin(), data_names.end(), name) != data_names.end();
}

// CloudEvents 1.0.2 section 2.3 forbids U+0000 to U+001F and U+007F to U+009F in text.
bool has_control(std::string_view text) {
    for (std::size_t at = 0; at < text.size(); ++at) {
        const auto byte = static_cast<unsigned char>(text[at]);
        if (byte < 0x20 || byte == 0x7F) return true;
        const bool two = byte == 0xC2 && at + 1 < text.size();
        if (two && static_cast<unsigned char>(text[at + 1]) < 0xA0) return true;
    }
    return false;
}

boost::urls::string_view url_text(std::string_view text) {
    return {text.data(), text.size()};
}

// Why the attribute cannot have this value; empty: it can.
std::string_view fault_of(std::string_view name, std::string_view value) {
    if (value.size() > attribute_bytes.max) return "must be at most 1024 bytes long.";
    if (has_control(value)) return "must not hold control characters.";
    if (name == "specversion" && value != api::event_version) return "must be 1.0.";
    if (name == "source" && !boost::urls::parse_uri_reference(url_text(value)))
        return "must be a URI or a part of one (RFC 3986).";
    if (name == "dataschema" && !boost::urls::parse_uri(url_text(value)))
        return "must be a URI (RFC 3986).";
    if (name == "time" && !parse_instant(value))
        return "must be a time such as 2026-01-31T08:05:09Z (RFC 3339).";
    return {};
}

// One event on its way to a message: attributes in any order, then its data. Keeps the first
// problem; after it nothing counts.
class EventBuilder {
  public:
    explicit EventBuilder(std::string prefix) : prefix_(std::move(prefix)) {}

    void refuse(std::string_view name, std::string_view why) {
        if (problem_) return;
        const std::string_view shown = name.empty() ? nameless : name;
        const std::string full = prefix_ + readable(shown.substr(0, shown_attribute_bytes_max));
        problem_ = invalid_parameter(full, "'" + full + "': " + std::string(why));
    }

    // An attribute whose value is UTF-8. Names come once.
    void add(std::string_view name, std::string value) {
        if (!api::is_event_attribute(name)) {
            return refuse(name, "An attribute's name is 1 to 20 of a-z and 0-9.");
        }
        if (value.empty()) return;
        const std::string_view fault = fault_of(name, value);
        if (!fault.empty()) return refuse(name, fault);
        auto& attributes = message_.meta.attributes;
        if (attributes.size() == event_attributes_max) {
            return refuse(name, "is one too many; an event has at most 16 extensions.");
        }
        attributes.emplace_back(std::string(api::event_prefix).append(name), std::move(value));
    }

    void set_content_type(std::string type) { message_.meta.content_type = std::move(type); }

    void set_data(std::string data) {
        message_.payload = std::move(data);
        has_data_ = true;
    }

    // What the format takes for granted is said, for those who read the message without it.
    void imply_json() {
        if (message_.meta.content_type.empty()) message_.meta.content_type = "application/json";
    }

    [[nodiscard]] bool is_json() const {
        const std::string& type = message_.meta.content_type;
        return type.empty() || api::says_json(type);
    }

    // The message, or what is wrong with the event.
    boost::system::result<model::NewMessage, Problem> take() {
        for (const auto& name : needed) {
            if (!has(name)) refuse(name, "is missing; every event has one.");
        }
        if (!has_data_ && is_json()) message_.payload = no_data;
        if (message_.payload.empty()) refuse("data", "is empty; a message has at least 1 byte.");
        if (problem_) return std::move(*problem_);
        return std::move(message_);
    }

  private:
    [[nodiscard]] bool has(std::string_view name) const {
        const auto& all = message_.meta.attributes;
        return std::any_of(all.begin(), all.end(), [name](const auto& attribute) {
            return std::string_view(attribute.first).substr(api::event_prefix.size()) == name;
        });
    }

    const std::string prefix_;
    model::NewMessage message_;
    bool has_data_ = false;
    std::optional<Problem> problem_;
};

// ---- binary ------------------------------------------------------------------------------------

// HTTP binding section 3.1.3.2: quotes around a value and their backslashes go first, then one
// round of percent-encoding. Nothing: it is not UTF-8, or an escape is broken.
std::optional<std::string> header_text(std::string_view value) {
    std::string plain;
    if (value.size() < 2 || value.front() != '"' || value.back() != '"') {
        plain = value;
    } else {
        const std::string_view inner = value.substr(1, value.size() - 2);
        for (std::size_t at = 0; at < inner.size(); ++at) {
            if (inner[at] == '\\' && at + 1 < inner.size()) ++at;
            plain += inner[at];
        }
    }
    return decode_percent(plain, false);
}

bool is_repeated(const HttpRequest& request, std::string_view header) {
    const auto& all = request.headers;
    return std::count_if(all.begin(), all.end(), [header](const auto& one) {
               return one.first == header;
           }) > 1;
}

void read_header(EventBuilder& event,
                 const HttpRequest& request,
                 const std::string& header,
                 std::string_view value) {
    const std::string_view name = std::string_view(header).substr(api::event_prefix.size());
    if (is_data_name(name)) {
        return event.refuse(name, "has no header ce-*: the body is the data, of Content-Type.");
    }
    if (is_repeated(request, header)) return event.refuse(name, "is there twice.");
    auto text = header_text(value);
    if (!text) return event.refuse(name, "must be percent-encoded UTF-8.");
    event.add(name, std::move(*text));
}

// ---- JSON --------------------------------------------------------------------------------------

// The text of an attribute as binary mode would have it; nothing: JSON of no attribute's type.
std::optional<std::string> attribute_text(const json::value& value) {
    if (value.is_null()) return std::string();
    if (const auto* text = value.if_string()) return std::string(text->data(), text->size());
    if (const auto* flag = value.if_bool()) return std::string(*flag ? "true" : "false");
    const auto* number = value.if_int64();
    using Integer = std::numeric_limits<std::int32_t>;
    if (number == nullptr || *number < Integer::min() || *number > Integer::max()) return {};
    return std::to_string(*number);
}

bool is_core(std::string_view name) {
    return name == "subject" || name == "time" || name == "dataschema" ||
           std::find(needed.begin(), needed.end(), name) != needed.end();
}

void read_attribute(EventBuilder& event, std::string_view name, const json::value& value) {
    if (is_core(name) && !value.is_string() && !value.is_null()) {
        return event.refuse(name, "must be text.");
    }
    auto text = attribute_text(value);
    if (!text) {
        return event.refuse(name, "must be text, true, false or a whole number of 32 bits.");
    }
    event.add(name, std::move(*text));
}

void read_content_type(EventBuilder& event, const json::object& object) {
    const json::value* value = object.if_contains("datacontenttype");
    if (value == nullptr || value->is_null()) return;
    const auto* text = value->if_string();
    const std::string type = text != nullptr ? std::string(text->data(), text->size()) : "";
    if (type.empty() || type.size() > content_type_bytes.max || !is_printable(type)) {
        return event.refuse("datacontenttype", "must be 1 to 128 printable ASCII characters.");
    }
    event.set_content_type(type);
}

// JSON event format section 3.1.2. `written` is the value of `data` as it stands in the document.
void read_data(EventBuilder& event, const json::value& data, std::string_view written) {
    if (event.is_json()) {
        event.imply_json();
        event.set_data(std::string(written));
    } else if (const auto* text = data.if_string()) {
        event.set_data(std::string(text->data(), text->size()));
    } else {
        event.refuse("data", "must be text where datacontenttype is not JSON.");
    }
}

void read_base64(EventBuilder& event, const json::value& value) {
    const auto* text = value.if_string();
    auto bytes = text != nullptr ? decode_base64({text->data(), text->size()}) : std::nullopt;
    if (!bytes) return event.refuse("data_base64", "must be padded standard base64.");
    event.set_data(std::move(*bytes));
}

// The event's data, where it has some; of a JSON document whose values are `parts`.
void read_data_of(EventBuilder& event,
                  const json::object& object,
                  const std::vector<std::string_view>& parts) {
    const json::value* base64 = object.if_contains("data_base64");
    if (base64 != nullptr && base64->is_null()) base64 = nullptr;
    const auto* data = object.find("data");
    // Unlike an attribute data may be null: that is JSON.
    const bool absent = data == object.end() || (data->value().is_null() && !event.is_json());
    if (base64 != nullptr && !absent) event.refuse("data", "and data_base64 exclude each other.");
    if (base64 != nullptr) return read_base64(event, *base64);
    if (absent) return;
    const auto place = static_cast<std::size_t>(data - object.begin());
    read_data(event, data->value(), parts[place]);
}

// An event as it is written; `place` says where, for problems.
boost::system::result<model::NewMessage, Problem> read_object(const std::string& place,
                                                              const json::value& value,
                                                              std::string_view written) {
    const std::string subject = place.empty() ? "body" : place;
    if (!value.is_object()) {
        return invalid_parameter(subject, "'" + subject + "': must be an object.");
    }
    const json::object& object = value.get_object();
    const std::vector<std::string_view> parts = json_parts(written);
    // Of equal names the tree keeps one.
    if (parts.size() != object.size()) {
        return invalid_parameter(subject, "'" + subject + "': names an attribute twice.");
    }
    EventBuilder event(place.empty() ? place : place + ".");
    read_content_type(event, object);
    read_data_of(event, object, parts);
    for (const auto& [key, item] : object) {
        const std::string_view name(key.data(), key.size());
        if (!is_data_name(name)) read_attribute(event, name, item);
    }
    return event.take();
}

}  // namespace

EventMode event_mode(const HttpRequest& request) {
    std::string_view type = request.header("content-type");
    type = type.substr(0, type.find(';'));
    while (type.ends_with(' ') || type.ends_with('\t')) type.remove_suffix(1);
    const std::string known = lower_case(type);
    if (known == event_type) return EventMode::structured;
    if (known == event_batch_type) return EventMode::batch;
    const bool other_format = known.starts_with("application/cloudevents");
    return other_format || request.header(api::event_mark).empty() ? EventMode::none
                                                                   : EventMode::binary;
}

Events binary_event(const HttpRequest& request, std::string content_type, std::string body) {
    EventBuilder event{std::string()};
    for (const auto& [header, value] : request.headers) {
        if (header.starts_with(api::event_prefix)) read_header(event, request, header, value);
    }
    event.set_content_type(std::move(content_type));
    if (!body.empty()) event.set_data(std::move(body));
    auto message = event.take();
    if (!message) return message.error();
    return std::vector<model::NewMessage>{std::move(*message)};
}

Events structured_event(std::string_view body) {
    const auto value = parse_json(body);
    if (!value) return value.error();
    auto message = read_object({}, *value, body);
    if (!message) return message.error();
    return std::vector<model::NewMessage>{std::move(*message)};
}

Events batch_of_events(std::string_view body) {
    const auto value = parse_json(body);
    if (!value) return value.error();
    const auto* items = value->if_array();
    if (items == nullptr || items->size() < batch_items.min || items->size() > batch_items.max) {
        return invalid_parameter("body", "'body': must be a list of 1 to 16 events.");
    }
    const std::vector<std::string_view> parts = json_parts(body);
    std::vector<model::NewMessage> messages;
    for (std::size_t at = 0; at < items->size(); ++at) {
        const std::string place = "[" + std::to_string(at) + "]";
        auto message = read_object(place, (*items)[at], parts[at]);
        if (!message) return message.error();
        messages.push_back(std::move(*message));
    }
    return messages;
}

}  // namespace penstock::plugins::native
