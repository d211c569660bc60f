// CloudEvents that publishers send: headers and JSON. Whatever is taken has the attributes that
// every event has, within their bounds, and its data is the very text of the document.
#include "broker/api/event_attributes.h"
#include "broker/api/names.h"
#include "plugins/native/cloud_events.h"
#include "plugins/native/documents.h"
#include "tests/fuzz/target.h"

#include <boost/json.hpp>

#include <algorithm>

namespace penstock::fuzz {
namespace {

using plugins::native::Events;

constexpr std::size_t batch_events_max = 16;
constexpr std::size_t value_bytes_max = 1024;

bool has(const model::MessageMeta& meta, std::string_view name) {
    return std::any_of(meta.attributes.begin(), meta.attributes.end(), [name](const auto& one) {
        return one.first == name;
    });
}

void hold_attributes(const model::MessageMeta& meta) {
    check(api::is_event(meta), "an event of 1.0");
    for (const char* name : {"ce-id", "ce-source", "ce-type"}) check(has(meta, name), "needed");
    check(meta.attributes.size() <= plugins::native::event_attributes_max, "not too many");
    for (const auto& [name, value] : meta.attributes) {
        check(name.starts_with(api::event_prefix), "by the prefix");
        check(api::is_event_attribute(std::string_view(name).substr(3)), "by a plain name");
        check(!value.empty() && value.size() <= value_bytes_max, "in its range");
        check(api::valid_utf8(value), "text");
        const auto same = [&wanted = name](const auto& one) {
            return one.first == wanted;
        };
        check(std::count_if(meta.attributes.begin(), meta.attributes.end(), same) == 1, "once");
    }
}

bool is_json(std::string_view text) {
    boost::system::error_code failed;
    (void)boost::json::parse(boost::json::string_view(text.data(), text.size()), failed);
    return !failed;
}

void hold(const Events& events, std::string_view body) {
    if (!events) {
        check(events.error().status == 400, "the publisher's fault");
        check(!events.error().detail.empty(), "and it is told");
        return;
    }
    check(!events->empty() && events->size() <= batch_events_max, "as many as a batch holds");
    for (const auto& message : *events) {
        hold_attributes(message.meta);
        check(!message.payload.empty(), "a message has a byte");
        const bool cut = message.meta.content_type == "application/json" && !body.empty() &&
                         body.find("data_base64") == std::string_view::npos &&
                         body.find('\\') == std::string_view::npos && message.payload != "null";
        if (!cut) continue;
        check(is_json(message.payload), "JSON by the letter");
        check(body.find(message.payload) != std::string_view::npos, "as it was written");
    }
}

// Lines "name: value", then the body behind an empty one.
void read_headers(std::string_view bytes) {
    plugins::HttpRequest request;
    while (!bytes.empty()) {
        const std::string_view line = bytes.substr(0, bytes.find('\n'));
        bytes.remove_prefix(std::min(bytes.size(), line.size() + 1));
        const auto colon = line.find(':');
        if (colon == std::string_view::npos) break;
        request.headers.emplace_back(line.substr(0, colon), line.substr(colon + 1));
    }
    (void)plugins::native::event_mode(request);
    hold(plugins::native::binary_event(request, "text/plain", std::string(bytes)), {});
}

void cut_apart(std::string_view bytes) {
    const auto value = plugins::native::parse_json(bytes);
    if (!value) return;
    const auto parts = plugins::native::json_parts(bytes);
    if (const auto* array = value->if_array()) {
        check(parts.size() == array->size(), "a part for each item");
    } else if (value->is_object()) {
        check(parts.size() >= value->get_object().size(), "a part for each member");
    } else {
        check(parts.empty(), "a scalar has none");
    }
    for (const auto& part : parts) check(is_json(part), "each part is JSON");
}

}  // namespace

void one_input(std::string_view bytes) {
    switch (take_choice(bytes, 4)) {
        case 0:
            return hold(plugins::native::structured_event(bytes), bytes);
        case 1:
            return hold(plugins::native::batch_of_events(bytes), bytes);
        case 2:
            return read_headers(bytes);
        default:
            return cut_apart(bytes);
    }
}

std::vector<std::string> seeds() {
    const std::string whole =
        R"({"specversion":"1.0","id":"1","source":"/a","type":"t","time":"2026-01-31T08:05:09Z",)"
        R"("subject":null,"n":-7,"yes":true,"dataschema":"https://a.example/s",)";
    const std::string json = whole + R"("data": {"big":12345678901234567890, "a":[1.0,"]}"]} })";
    const std::string bytes = whole + R"("datacontenttype":"image/png","data_base64":"/w=="})";
    const std::string text = whole + R"("datacontenttype":"text/plain","data":"a\nb"})";
    std::vector<std::string> all;
    for (const auto& one : {json, bytes, text}) all.push_back(chosen(0, one));
    all.push_back(chosen(1, "[" + json + ", " + bytes + "]"));
    all.push_back(chosen(1, "[]"));
    all.push_back(
        chosen(2,
               "ce-specversion:1.0\nce-id:1\nce-source:/a\nce-type:t\n"
               "ce-subject:\"a%20\\\"b\"\nce-x:%E2%82%AC\ncontent-type:text/plain\n\nbody"));
    all.push_back(chosen(3, R"([ {"a":[1,{}]} ,"]", 1e5,null])"));
    all.push_back(chosen(3, R"({"\"}":"\\","b":[[],{"c":","}]})"));
    return all;
}

}  // namespace penstock::fuzz
