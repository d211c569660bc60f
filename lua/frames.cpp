#include "lua/frames.h"

namespace penstock::lua {
namespace {

using sinks::worker::append_bytes;
using sinks::worker::append_text;
using sinks::worker::Publish;
using sinks::worker::Write;

void append_member(std::string& out, std::string_view before, std::string_view text) {
    out += before;
    append_text(out, text);
}

void append_publish(std::string& out, std::string_view id, const Publish& publish) {
    append_member(out, R"({"type":"publish","id":)", id);
    const bool topic = !publish.topic.empty();
    append_member(
        out, topic ? R"(,"topic":)" : R"(,"queue":)", topic ? publish.topic : publish.queue);
    out += ",";
    append_bytes(out, "body", publish.body);
    if (!publish.tags.empty()) {
        out += R"(,"tags":[)";
        for (std::size_t at = 0; at < publish.tags.size(); ++at)
            append_member(out, at == 0 ? "" : ",", publish.tags[at]);
        out += "]";
    }
    if (!publish.routing_key.empty()) append_member(out, R"(,"routing_key":)", publish.routing_key);
    if (!publish.ordering_key.empty())
        append_member(out, R"(,"ordering_key":)", publish.ordering_key);
    if (!publish.content_type.empty())
        append_member(out, R"(,"content_type":)", publish.content_type);
    if (publish.delay_ms > 0) out += R"(,"delay_ms":)" + std::to_string(publish.delay_ms);
    out += "}\n";
}

void append_write(std::string& out, const Write& write) {
    append_member(out, R"({"key":)", write.key);
    switch (write.kind) {
        case Write::Kind::put:
            out += ",";
            append_bytes(out, "value", write.value);
            break;
        case Write::Kind::erase:
            out += R"(,"delete":true)";
            break;
        case Write::Kind::add:
            out += R"(,"add":)" + std::to_string(write.amount);
            break;
    }
    if (write.ttl_ms > 0) out += R"(,"ttl_ms":)" + std::to_string(write.ttl_ms);
    out += "}";
}

void append_effects(std::string& out, const Run& run) {
    if (run.kv.writes_count() > 0) {
        const char* before = R"(,"writes":[)";
        for (const Write& write : run.kv.writes()) {
            out += before;
            append_write(out, write);
            before = ",";
        }
        out += "]";
    }
    if (run.kv.reads_count() > 0) {
        const char* before = R"(,"reads":[)";
        for (const auto& read : run.kv.reads()) {
            append_member(out += before, R"({"key":)", read.key);
            out += R"(,"version":)" + std::to_string(read.version) + "}";
            before = ",";
        }
        out += "]";
    }
}

void append_accepted(std::string& out, const Run& run, const Outcome& outcome) {
    out += R"(,"ok":true)";
    if (outcome.kind == Outcome::Kind::dropped) out += R"(,"dropped":true)";
    if (!outcome.result.empty()) out += R"(,"result":)" + outcome.result;
    if (!outcome.result_bytes.empty()) {
        out += ",";
        append_bytes(out, "result", outcome.result_bytes);
    }
    append_effects(out, run);
    out += "}\n";
}

}  // namespace

void append_log(std::string& out,
                std::string_view id,
                std::string_view level,
                std::string_view text) {
    out += R"({"type":"log")";
    if (!id.empty()) append_member(out, R"(,"id":)", id);
    append_member(out, R"(,"level":)", level);
    append_member(out, R"(,"text":)", text);
    out += "}\n";
}

void append_loaded(std::string& out, const sinks::worker::Script& script, std::string_view error) {
    append_member(out, R"({"type":"loaded","role":)", script.role);
    out += R"(,"version":)" + std::to_string(script.version);
    if (!error.empty()) append_member(out, R"(,"error":)", error);
    out += "}\n";
}

void append_call(std::string& out,
                 std::string_view id,
                 std::uint64_t number,
                 const Request& request) {
    append_member(out, R"({"type":"call","id":)", id);
    out += R"(,"call":)" + std::to_string(number);
    append_member(out, R"(,"name":)", request.name);
    out += request.members;
    out += "}\n";
}

void append_outcome(std::string& out, std::string_view id, const Run& run, const Outcome& outcome) {
    using Kind = Outcome::Kind;
    const bool accepted = outcome.kind == Kind::accepted || outcome.kind == Kind::dropped;
    if (accepted)
        for (const Publish& publish : run.publishes) append_publish(out, id, publish);
    const bool tripped = outcome.kind == Kind::tripped;
    append_member(out, tripped ? R"({"type":"tripped","id":)" : R"({"id":)", id);
    if (accepted) return append_accepted(out, run, outcome);
    if (!tripped) out += R"(,"ok":false)";
    append_member(out, R"(,"error":)", outcome.error);
    if (outcome.retry_after_ms > 0)
        out += R"(,"retry_after_ms":)" + std::to_string(outcome.retry_after_ms);
    if (outcome.kind == Kind::dead) out += R"(,"dead":true)";
    out += "}\n";
}

}  // namespace penstock::lua
