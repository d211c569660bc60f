// Reading the frames from a worker. Whatever a program may print arrives here.
#include "sinks/worker/protocol.h"
#include "sinks/worker/protocol_members.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <array>
#include <limits>

namespace penstock::sinks::worker {
namespace {

constexpr std::uint64_t any_count = std::numeric_limits<std::uint64_t>::max();
constexpr std::uint64_t retry_after_max_ms = std::numeric_limits<std::uint32_t>::max();
constexpr std::array<std::string_view, 4> log_levels{"debug", "info", "warn", "error"};

Write read_write(Members& members) {
    Write write;
    write.key = members.needed_text("key");
    const bool erase = members.boolean("delete");
    const bool add = members.has("add");
    const bool put = members.has("value") || members.has("value_base64");
    if (int{erase} + int{add} + int{put} != 1)
        members.wrong("writes", "need one of value, value_base64, delete and add");
    write.kind = erase ? Write::Kind::erase : add ? Write::Kind::add : Write::Kind::put;
    write.value = members.bytes("value");
    write.amount = members.integer("add");
    write.ttl_ms = members.count("ttl_ms", any_count);
    return write;
}

Read read_read(Members& members) {
    Read read;
    read.key = members.needed_text("key");
    read.version = members.count("version", any_count);
    return read;
}

template <class T>
std::vector<T> read_list(Members& members, std::string_view name, T (*read)(Members&)) {
    std::vector<T> items;
    const auto* list = members.find(name);
    if (list == nullptr) return items;
    if (!list->is_array()) members.wrong(name, "must be a list");
    if (!list->is_array()) return items;
    for (const auto& item : list->get_array()) {
        if (!item.is_object()) {
            members.wrong(name, "must be a list of objects");
            break;
        }
        Members inner(item.get_object());
        items.push_back(read(inner));
        if (!inner.problem().empty()) members.wrong(name, "has a wrong item: " + inner.problem());
    }
    return items;
}

void read_answer(std::string_view frame, Members& members, Heard& heard) {
    heard.kind = Heard::Kind::answer;
    heard.id = members.needed_text("id");
    Answer& answer = heard.answer;
    if (!members.has("ok")) members.wrong("ok", "is missing: true or false");
    answer.ok = members.boolean("ok");
    answer.dead = members.boolean("dead");
    answer.dropped = members.boolean("dropped");
    answer.error = members.text("error");
    answer.retry_after_ms =
        static_cast<std::uint32_t>(members.count("retry_after_ms", retry_after_max_ms));
    if (const auto* result = members.find("result"))
        answer.result = raw_member(frame, "result", *result);
    if (members.has("result_base64")) answer.result_bytes = members.bytes("result");
    answer.writes = read_list(members, "writes", &read_write);
    answer.reads = read_list(members, "reads", &read_read);
    if (answer.ok && answer.dead) members.wrong("dead", "contradicts \"ok\":true");
}

void read_log(Members& members, Heard& heard) {
    heard.kind = Heard::Kind::log;
    heard.log.level = members.has("level") ? members.text("level") : "info";
    heard.log.text = members.text("text");
    if (!members.has("text")) members.wrong("text", "is missing");
    if (std::find(log_levels.begin(), log_levels.end(), heard.log.level) == log_levels.end())
        members.wrong("level", "must be debug, info, warn or error");
}

void read_publish(std::string_view frame, Members& members, Heard& heard) {
    heard.kind = Heard::Kind::publish;
    Publish& publish = heard.publish;
    publish.topic = members.text("topic");
    publish.queue = members.text("queue");
    if (publish.topic.empty() == publish.queue.empty())
        members.wrong("publish", "needs either \"topic\" or \"queue\"");
    publish.tags = members.texts("tags");
    publish.routing_key = members.text("routing_key");
    publish.ordering_key = members.text("ordering_key");
    publish.content_type = members.text("content_type");
    publish.delay_ms = members.count("delay_ms", any_count);
    const auto* json = members.find("json");
    const bool body = members.has("body") || members.has("body_base64");
    if ((json != nullptr) == body)
        members.wrong("publish", "needs either \"body\", \"body_base64\" or \"json\"");
    if (json == nullptr) {
        publish.body = members.bytes("body");
    } else {
        publish.body = raw_member(frame, "json", *json);
        if (publish.content_type.empty()) publish.content_type = "application/json";
    }
}

void read_extend(Members& members, Heard& heard) {
    heard.kind = Heard::Kind::extend;
    heard.id = members.needed_text("id");
    heard.extend_ms = members.count("by_ms", any_count);
    if (heard.extend_ms == 0) members.wrong("by_ms", "must be at least 1");
}

void read_loaded(Members& members, Heard& heard) {
    heard.kind = Heard::Kind::loaded;
    heard.loaded.role = members.needed_text("role");
    heard.loaded.version = static_cast<std::uint32_t>(
        members.count("version", std::numeric_limits<std::uint32_t>::max()));
    heard.loaded.error = members.text("error");
}

void read_call(std::string_view frame, Members& members, Heard& heard) {
    heard.kind = Heard::Kind::call;
    heard.id = members.needed_text("id");
    heard.call.number = members.count("call", any_count);
    heard.call.name = members.needed_text("name");
    heard.call.arguments = frame;
    if (!members.has("call")) members.wrong("call", "is missing");
}

void read_tripped(Members& members, Heard& heard) {
    heard.kind = Heard::Kind::tripped;
    heard.id = members.needed_text("id");
    heard.answer.error = members.text("error");
}

}  // namespace

std::string result_body(const Answer& answer) {
    if (answer.result.empty()) return answer.result_bytes;
    if (answer.result.front() != '"') return answer.result;
    boost::system::error_code failure;
    const auto value = boost::json::parse(answer.result, failure);
    if (failure || !value.is_string()) return answer.result;
    return {value.get_string().data(), value.get_string().size()};
}

Result<std::vector<std::string>> decode_list(std::string_view json, std::string_view name) {
    ParseMemory memory;
    const auto object = parse_object(json, memory);
    if (!object) return error(Errc::invalid, "it is no JSON object");
    const auto* list = Members(*object).find(name);
    if (list == nullptr) return std::vector<std::string>{};
    if (list->is_array()) return raw_items(raw_member(json, name, *list));
    return error(Errc::invalid, '"' + std::string(name) + "\" must be a list");
}

Heard decode_publish(std::string_view json) {
    Heard heard;
    heard.kind = Heard::Kind::publish;
    ParseMemory memory;
    const auto object = parse_object(json, memory);
    if (!object) {
        heard.problem = "it is no JSON object";
        return heard;
    }
    Members members(*object);
    read_publish(json, members, heard);
    heard.problem = members.problem();
    return heard;
}

Heard decode_frame(std::string_view frame) {
    Heard heard;
    ParseMemory memory;
    const auto object = parse_object(frame, memory);
    if (!object) {
        heard.kind = Heard::Kind::text;
        return heard;
    }
    Members members(*object);
    const bool typed = object->contains("type");
    const std::string type = members.text("type");
    heard.id = members.text("id");
    if (!typed) {
        read_answer(frame, members, heard);
    } else if (type == "ready") {
        heard.kind = Heard::Kind::ready;
    } else if (type == "log") {
        read_log(members, heard);
    } else if (type == "publish") {
        heard.id = members.needed_text("id");
        read_publish(frame, members, heard);
    } else if (type == "extend") {
        read_extend(members, heard);
    } else if (type == "loaded") {
        read_loaded(members, heard);
    } else if (type == "call") {
        read_call(frame, members, heard);
    } else if (type == "tripped") {
        read_tripped(members, heard);
    }
    heard.problem = members.problem();
    return heard;
}

}  // namespace penstock::sinks::worker
