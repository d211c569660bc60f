// Reading the EVENT object and the frames to a worker.
#include "broker/base/instant.h"
#include "sinks/worker/protocol.h"
#include "sinks/worker/protocol_members.h"

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <limits>

namespace penstock::sinks::worker {
namespace {

Event read_event(Members& members) {
    Event event;
    event.id = members.text("id");
    event.topic = members.text("topic");
    event.subscription = members.text("subscription");
    event.tags = members.texts("tags");
    event.routing_key = members.text("routing_key");
    event.ordering_key = members.text("ordering_key");
    constexpr std::uint32_t attempt_max = std::numeric_limits<std::uint32_t>::max();
    event.attempt = static_cast<std::uint32_t>(members.count("attempt", attempt_max, 1));
    if (event.attempt == 0) members.wrong("attempt", "counts from 1");
    const std::string time = members.text("publish_time");
    const auto published = parse_instant(time);
    if (!time.empty() && !published) members.wrong("publish_time", "is no RFC 3339 time");
    event.published_ms = published.value_or(0);
    event.headers = members.text_pairs("headers");
    event.content_type = members.text("content_type");
    event.body = members.bytes("body");
    event.replay = members.text("replay");
    return event;
}

void read_event_order(Members& members, Order& order) {
    order.kind = Order::Kind::event;
    order.role = members.text("role");
    if (order.role.empty()) order.role = "handler";
    order.deadline_ms = members.integer("deadline_ms");
    const auto* event = members.find("event");
    if (event == nullptr || !event->is_object()) return members.wrong("event", "is missing");
    Members inner(event->get_object());
    order.event = read_event(inner);
    if (!inner.problem().empty()) members.wrong("event", "is wrong: " + inner.problem());
}

void read_script_order(Members& members, Order& order) {
    order.kind = Order::Kind::script;
    order.script.role = members.needed_text("role");
    constexpr std::uint32_t version_max = std::numeric_limits<std::uint32_t>::max();
    order.script.version = static_cast<std::uint32_t>(members.count("version", version_max));
    order.script.code = members.text("code");
    order.script.name = members.text("name");
}

void read_result_order(std::string_view frame, Members& members, Order& order) {
    order.kind = Order::Kind::result;
    order.call = members.count("call", std::numeric_limits<std::uint64_t>::max());
    order.ok = members.boolean("ok");
    order.error = members.text("error");
    order.arguments = frame;
}

}  // namespace

Result<Event> decode_event(std::string_view json) {
    ParseMemory memory;
    const auto object = parse_object(json, memory);
    if (!object) return error(Errc::invalid, "an event must be one JSON object");
    Members members(*object);
    Event event = read_event(members);
    if (!members.problem().empty()) return error(Errc::invalid, "the event's " + members.problem());
    return event;
}

Order decode_order(std::string_view frame) {
    Order order;
    ParseMemory memory;
    const auto object = parse_object(frame, memory);
    if (!object) {
        order.problem = "the frame is no JSON object";
        return order;
    }
    Members members(*object);
    const std::string type = members.text("type");
    order.id = members.text("id");
    if (type == "event") {
        read_event_order(members, order);
    } else if (type == "result") {
        read_result_order(frame, members, order);
    } else if (type == "script") {
        read_script_order(members, order);
    }
    order.problem = members.problem();
    return order;
}

}  // namespace penstock::sinks::worker
