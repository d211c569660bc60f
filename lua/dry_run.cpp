#include "lua/dry_run.h"

#include "lua/global_names.h"
#include "lua/interpreter.h"
#include "lua/run.h"
#include "lua/vm.h"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include <utility>

namespace penstock::lua {
namespace {

namespace json = boost::json;
using sinks::worker::append_bytes;
using sinks::worker::append_text;

std::string copied(const json::string& text) {
    return {text.data(), text.size()};
}

std::string text_of(const json::value& value) {
    return value.is_string() ? copied(value.get_string()) : json::serialize(value);
}

void append_member(std::string& out, std::string_view before, std::string_view text) {
    out += before;
    append_text(out, text);
}

std::string_view kind_text(Outcome::Kind kind) {
    switch (kind) {
        case Outcome::Kind::accepted:
            return "accepted";
        case Outcome::Kind::dropped:
            return "dropped";
        case Outcome::Kind::failed:
            return "retry";
        case Outcome::Kind::dead:
            return "dead";
        case Outcome::Kind::tripped:
            return "tripped";
    }
    return {};
}

class DryHost final : public Host {
  public:
    explicit DryHost(const Clock& clock) : clock_(clock) {}

    void log(const Run*, std::string_view level, std::string_view text) override {
        append_member(logs_, logs_.empty() ? R"({"level":)" : R"(,{"level":)", level);
        append_member(logs_, R"(,"text":)", text);
        logs_ += "}";
    }

    void breathe() override {}

    [[nodiscard]] std::int64_t wall_ms() const override { return clock_.wall_ms(); }

    [[nodiscard]] const std::string& logs() const { return logs_; }

  private:
    const Clock& clock_;
    std::string logs_;
};

// Answers calls; remembers the http calls.
class Answers {
  public:
    Result<void> take(const Fixtures& fixtures) {
        if (!parse(fixtures.kv, kv_))
            return error(Errc::invalid, "the kv fixture is no JSON object");
        if (!parse(fixtures.http, http_))
            return error(Errc::invalid, "the http fixture is no JSON object");
        return {};
    }

    sinks::worker::Order answer(const Request& request) {
        const std::string members = "{\"name\":\"" + request.name + "\"" + request.members + "}";
        const json::object call = json::parse(members).as_object();
        const bool http = request.name == "http";
        const std::string frame = http ? answer_http(call) : answer_kv(call);
        if (http) calls_ += (calls_.empty() ? "{" : ",{") + request.members.substr(1) + "}";
        return sinks::worker::decode_order(frame);
    }

    [[nodiscard]] const std::string& calls() const { return calls_; }

  private:
    static bool parse(const std::string& text, json::object& object) {
        if (text.empty()) return true;
        boost::system::error_code failure;
        json::value value = json::parse(text, failure);
        if (failure || !value.is_object()) return false;
        object = std::move(value.get_object());
        return true;
    }

    std::string answer_kv(const json::object& call) const {
        const auto* value = kv_.if_contains(call.at("key").as_string());
        if (value == nullptr) return sinks::worker::result_frame(0, "\"version\":0");
        std::string members = "\"version\":1,";
        append_bytes(members, "value", text_of(*value));
        return sinks::worker::result_frame(0, members);
    }

    std::string answer_http(const json::object& call) const {
        const std::string url = copied(call.at("url").as_string());
        const std::string both = copied(call.at("method").as_string()) + " " + url;
        const auto* found = http_.if_contains(both);
        if (found == nullptr) found = http_.if_contains(url);
        if (found == nullptr || !found->is_object())
            return sinks::worker::failed_result_frame(0, "no http fixture for " + both);
        const json::object& fixture = found->get_object();
        const auto* status = fixture.if_contains("status");
        std::string members =
            "\"status\":" + (status == nullptr ? std::string("200") : json::serialize(*status));
        const auto* headers = fixture.if_contains("headers");
        members +=
            ",\"headers\":" + (headers == nullptr ? std::string("{}") : json::serialize(*headers)) +
            ",";
        const auto* body = fixture.if_contains("body");
        const auto* whole = fixture.if_contains("json");
        append_bytes(members,
                     "body",
                     body != nullptr    ? text_of(*body)
                     : whole != nullptr ? json::serialize(*whole)
                                        : std::string());
        return sinks::worker::result_frame(0, members);
    }

    json::object kv_;
    json::object http_;
    std::string calls_;
};

void append_publishes(std::string& out, const Run& run) {
    for (std::size_t at = 0; at < run.publishes.size(); ++at) {
        const auto& publish = run.publishes[at];
        const bool topic = !publish.topic.empty();
        out += at == 0 ? "{" : ",{";
        append_member(
            out, topic ? R"("topic":)" : R"("queue":)", topic ? publish.topic : publish.queue);
        out += ",";
        append_bytes(out, "body", publish.body);
        out += R"(,"tags":[)";
        for (std::size_t tag = 0; tag < publish.tags.size(); ++tag)
            append_member(out, tag == 0 ? "" : ",", publish.tags[tag]);
        append_member(out, R"(],"routing_key":)", publish.routing_key);
        append_member(out, R"(,"ordering_key":)", publish.ordering_key);
        append_member(out, R"(,"content_type":)", publish.content_type);
        out += R"(,"delay_ms":)" + std::to_string(publish.delay_ms) + "}";
    }
}

void append_writes(std::string& out, const Run& run) {
    using Kind = sinks::worker::Write::Kind;
    bool first = true;
    for (const auto& write : run.kv.writes()) {
        append_member(out, std::exchange(first, false) ? R"({"key":)" : R"(,{"key":)", write.key);
        if (write.kind == Kind::put) append_bytes(out += ",", "value", write.value);
        if (write.kind == Kind::erase) out += R"(,"delete":true)";
        if (write.kind == Kind::add) out += R"(,"add":)" + std::to_string(write.amount);
        if (write.ttl_ms > 0) out += R"(,"ttl_ms":)" + std::to_string(write.ttl_ms);
        out += "}";
    }
}

TestReport report(const Run& run, const DryHost& host, const Answers& answers) {
    const Outcome& outcome = run.outcomes.front();
    TestReport report;
    report.accepted =
        outcome.kind == Outcome::Kind::accepted || outcome.kind == Outcome::Kind::dropped;
    std::string& out = report.json;
    append_member(out, R"({"outcome":)", kind_text(outcome.kind));
    if (!report.accepted) append_member(out, R"(,"error":)", outcome.error);
    if (outcome.retry_after_ms > 0)
        out += R"(,"retry_after_ms":)" + std::to_string(outcome.retry_after_ms);
    if (!outcome.result.empty()) out += R"(,"result":)" + outcome.result;
    if (!outcome.result_bytes.empty()) append_bytes(out += ",", "result", outcome.result_bytes);
    out += R"(,"logs":[)" + host.logs() + R"(],"publishes":[)";
    if (report.accepted) append_publishes(out, run);
    out += R"(],"writes":[)";
    if (report.accepted) append_writes(out, run);
    out += R"(],"http":[)" + answers.calls() + "]}";
    return report;
}

}  // namespace

CheckReport check_script(const sinks::worker::Script& script,
                         const Limits& limits,
                         const Clock& clock) {
    DryHost host(clock);
    CheckReport report;
    const auto vm = Vm::load(script, limits, host);
    report.failed = !vm;
    if (!vm) report.lines.push_back(vm.error().detail);
    for (std::string& line : unknown_globals(script.code, script.name))
        report.lines.push_back(std::move(line));
    return report;
}

Result<TestReport> test_script(const sinks::worker::Script& script,
                               std::string_view event_json,
                               const Fixtures& fixtures,
                               const Limits& limits,
                               const Clock& clock) {
    Answers answers;
    if (const auto taken = answers.take(fixtures); !taken) return taken.error();
    auto event = sinks::worker::decode_event(event_json);
    if (!event) return event.error();
    DryHost host(clock);
    const auto vm = Vm::load(script, limits, host);
    if (!vm) return vm.error();
    constexpr std::int64_t test_deadline_ms = 15'000;
    Run run;
    run.role = script.role;
    run.batch = (*vm)->takes_batches();
    run.inputs.push_back({"test", std::move(*event), clock.wall_ms() + test_deadline_ms});
    Vm::Step step = (*vm)->start(run);
    while (step == Vm::Step::waiting) {
        run.reply = answers.answer(run.request);
        step = (*vm)->resume(run);
    }
    return report(run, host, answers);
}

}  // namespace penstock::lua
