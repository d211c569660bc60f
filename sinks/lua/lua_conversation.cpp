#include "sinks/lua/lua_conversation.h"

#include "sinks/lua/http_call.h"
#include "sinks/worker/envelope.h"
#include "sinks/worker/published.h"
#include "sinks/worker/wording.h"

#include <boost/asio/post.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <utility>

namespace penstock::sinks::lua {
namespace {

using model::Failure;
using model::Verdict;
using worker::Heard;

std::string role_of(const worker::Job& job) {
    return job.role.empty() ? "handler" : job.role;
}

std::string key_of(std::string_view arguments) {
    boost::system::error_code ec;
    const auto call = boost::json::parse({arguments.data(), arguments.size()}, ec);
    if (ec || !call.is_object()) return {};
    const boost::json::value* key = call.get_object().if_contains("key");
    if (key == nullptr || !key->is_string()) return {};
    return std::string(key->get_string());
}

std::string kv_result(std::uint64_t call, const api::KvRow& row) {
    std::string members = R"("version":)" + std::to_string(row.version);
    if (row.version != 0) {
        members += ',';
        worker::append_bytes(members, "value", row.value);
    }
    return worker::result_frame(call, members);
}

}  // namespace

LuaConversation::LuaConversation(const LuaSurroundings& surroundings,
                                 worker::Host& host,
                                 LuaDuty duty,
                                 std::string shown_name)
    : world_(surroundings),
      host_(host),
      duty_(duty),
      shown_name_(std::move(shown_name)),
      self_(std::make_shared<LuaConversation*>(this)) {}

LuaConversation::~LuaConversation() = default;

Result<void> LuaConversation::open(const api::Target& target, std::vector<int>& files) {
    worker::FrameLinkOptions options;
    options.frame_bytes_max = lua_frame_bytes_max;
    auto link = worker::FrameLink::open(world_.executor, world_.clock, *this, options, files);
    if (!link) return link.error();
    link_ = std::move(*link);
    send_scripts(target);
    link_->flush();
    return {};
}

void LuaConversation::send_scripts(const api::Target& target) {
    for (const auto& [kind, script] : target.scripts) {
        const bool handles = kind == model::ScriptRole::handler;
        if (handles != (duty_ == LuaDuty::handler)) continue;
        Role& role = roles_[std::string(model::to_text(kind))];
        if (role.sent == script->version) continue;
        role.sent = script->version;
        role.awaited += 1;
        worker::Script wire;
        wire.role = model::to_text(kind);
        wire.version = script->version;
        wire.code = script->code;
        wire.name = script->file;
        link_->put(worker::script_frame(wire));
    }
}

void LuaConversation::offer(Ticket ticket, const worker::Job& job) {
    const api::Target& target = *job.target;
    const api::Delivery& delivery = *job.delivery;
    send_scripts(target);
    const std::string name = role_of(job);
    const Role& role = roles_[name];
    if (role.running == 0 && role.awaited == 0) {
        return host_.finish(ticket, unloadable(target, name));
    }
    Flight flight;
    flight.role = name;
    flight.version = role.awaited > 0 ? role.sent : role.running;
    flight.deadline_us = world_.clock.steady_us() + std::int64_t{target.spec.timeout_ms} * 1000;
    flight.subscription = target.subscription;
    flight.idempotency = "penstock-" + std::to_string(target.subscription.value) + '-' +
                         model::to_text(delivery.message) + '-' + std::to_string(delivery.attempt);
    flight.http_allow = target.spec.function.http_allow;
    flight.begin = link_->put(worker::event_frame(std::to_string(ticket),
                                                  worker::make_event(target, delivery),
                                                  world_.clock.wall_ms() + target.spec.timeout_ms,
                                                  job.role));
    flights_.emplace(ticket, std::move(flight));
}

worker::Outcome LuaConversation::unloadable(const api::Target& target,
                                            const std::string& role) const {
    const std::string& problem = roles_.at(role).problem;
    const std::string text = shown_name_ + ": the " + role + " script " +
                             (problem.empty() ? "is missing" : "does not load: " + problem) +
                             "; deploy one that does: penstock fn deploy " + shown_name_ + " FILE" +
                             worker::then_resume(target);
    worker::Outcome outcome = failed_outcome(Verdict::not_attempted, Failure::configuration, text);
    outcome.result.disable = outcome.result.excerpt;
    outcome.result.retry_after_ms = worker::disabled_pause_ms;
    return outcome;
}

bool LuaConversation::has_seen(Ticket ticket) const {
    const auto found = flights_.find(ticket);
    return found != flights_.end() && link_->has_read(found->second.begin);
}

void LuaConversation::cancel(Ticket ticket) {
    flights_.erase(ticket);
}

void LuaConversation::end_input() {
    ending_ = true;
    if (flights_.empty()) link_->end_input();
}

void LuaConversation::ended() {
    self_.reset();
    ended_ = true;
    link_->ended();
}

void LuaConversation::on_breach(std::string_view what) {
    host_.breach("penstock-lua: " + std::string(what));
}

bool LuaConversation::on_frame(std::string_view frame, Heard heard) {
    if (!heard.problem.empty()) {
        on_breach("a frame cannot be read: " + heard.problem);
        return false;
    }
    const auto ticket = model::parse_decimal(heard.id).value_or(0);
    const auto flight = flights_.find(ticket);
    const bool held = flight != flights_.end();
    switch (heard.kind) {
        case Heard::Kind::answer:
        case Heard::Kind::tripped:
            on_answer(ticket, std::move(heard));
            return held;
        case Heard::Kind::publish:
            if (held) keep(flight->second, std::move(heard.publish));
            return held;
        case Heard::Kind::extend:
            if (held) extend(ticket, flight->second, heard.extend_ms);
            return held;
        case Heard::Kind::log:
            host_.log(heard.log.level, ticket, heard.log.text);
            return true;
        case Heard::Kind::loaded:
            on_loaded(heard.loaded);
            return true;
        case Heard::Kind::call:
            on_call(heard);
            return held;
        case Heard::Kind::text:
            host_.output("stdout", frame);
            return false;
        case Heard::Kind::ready:
        case Heard::Kind::ignored:
            return false;
    }
    return false;
}

void LuaConversation::extend(Ticket ticket, Flight& flight, std::uint64_t by_ms) {
    flight.deadline_us = world_.clock.steady_us() + static_cast<std::int64_t>(by_ms) * 1000;
    host_.extend(ticket, by_ms);
}

void LuaConversation::keep(Flight& flight, worker::Publish publish) {
    // One more than may be is enough to tell that there were too many.
    flight.output_bytes += worker::counted_bytes(publish);
    if (flight.outputs.size() > model::outputs_per_message_max) return;
    if (flight.output_bytes <= output_bytes_max) {
        flight.outputs.push_back(worker::make_output(std::move(publish)));
    }
}

void LuaConversation::on_answer(Ticket ticket, Heard heard) {
    auto flight = flights_.extract(ticket);
    std::string role;
    std::vector<api::HandlerOutput> outputs;
    std::uint32_t version = 0;
    bool too_much = false;
    if (flight) {
        too_much = flight.mapped().output_bytes > output_bytes_max;
        role = std::move(flight.mapped().role);
        outputs = std::move(flight.mapped().outputs);
        version = flight.mapped().version;
    }
    worker::Outcome outcome =
        heard.kind == Heard::Kind::tripped
            ? failed_outcome(Verdict::retry, Failure::budget, heard.answer.error)
            : outcome_of(std::move(heard.answer), std::move(outputs), role);
    if (too_much && model::ends_well(outcome.result.verdict)) {
        outcome = failed_outcome(
            Verdict::retry, Failure::output_refused, "more than 1 MiB published for one message");
    }
    outcome.result.version = version;
    host_.finish(ticket, std::move(outcome));
    if (ending_ && flights_.empty()) link_->end_input();
}

void LuaConversation::on_loaded(const worker::Loaded& loaded) {
    Role& role = roles_[loaded.role];
    if (role.awaited > 0) role.awaited -= 1;
    if (loaded.error.empty()) {
        role.running = loaded.version;
        role.problem.clear();
    } else {
        role.problem = loaded.error;
        const bool older = role.running != 0;
        // What was sent behind it went to the version that goes on.
        for (auto& [ticket, flight] : flights_) {
            if (flight.role == loaded.role && flight.version == loaded.version) {
                flight.version = role.running;
            }
        }
        host_.log("error",
                  0,
                  shown_name_ + ": version " + std::to_string(loaded.version) + " of the " +
                      loaded.role + " script does not load" +
                      (older ? ", version " + std::to_string(role.running) + " goes on" : "") +
                      ": " + loaded.error);
    }
    const bool all = std::none_of(
        roles_.begin(), roles_.end(), [](const auto& each) { return each.second.awaited > 0; });
    if (!all || std::exchange(ready_, true)) return;
    host_.ready();
}

void LuaConversation::on_call(const Heard& heard) {
    const bool too_many = open_calls() >= calls_at_once_max;
    if (too_many && !ended_ && !link_->has_room()) {
        return on_breach("it makes calls and does not read the answers");
    }
    const auto ticket = model::parse_decimal(heard.id).value_or(0);
    const auto flight = flights_.find(ticket);
    if (flight == flights_.end()) {
        return answer_call(worker::failed_result_frame(
            heard.call.number, "the message is no longer in this script's hands"));
    }
    if (calls_ >= calls_at_once_max) {
        return answer_call(
            worker::failed_result_frame(heard.call.number, "too many calls at a time"));
    }
    if (heard.call.name == "http") return call_http(flight->second, heard.call);
    if (heard.call.name == "kv_get") return call_kv(flight->second, heard.call);
    answer_call(worker::failed_result_frame(
        heard.call.number, "this server does not know the call " + heard.call.name));
}

// Those under way, and those whose answer has not been read.
std::size_t LuaConversation::open_calls() {
    while (!unread_answers_.empty() && link_->has_read(unread_answers_.front())) {
        unread_answers_.pop_front();
    }
    return calls_ + unread_answers_.size();
}

void LuaConversation::call_http(Flight& flight, const worker::Call& call) {
    HttpCallContext context;
    context.allowed = &flight.http_allow;
    context.idempotency = flight.idempotency;
    context.ordinal = ++flight.http_calls;
    context.remaining_ms = (flight.deadline_us - world_.clock.steady_us()) / 1000;
    auto read = read_http_call(call.arguments, context);
    if (!read) return answer_call(worker::failed_result_frame(call.number, read.error().detail));
    auto request = std::make_shared<HttpCallRequest>(std::move(*read));
    client::Outgoing out;
    out.head = std::move(request->head);
    out.body = request->body;
    out.timeout_ms = request->timeout_ms;
    out.answer_bytes_max = http_call_answer_bytes_max;
    calls_ += 1;
    world_.http.send(request->url,
                     std::move(out),
                     [weak = std::weak_ptr(self_), request, number = call.number](
                         const client::Exchange& exchange) {
                         const auto self = weak.lock();
                         if (self) (*self)->on_called(http_result(number, exchange));
                     });
}

void LuaConversation::call_kv(const Flight& flight, const worker::Call& call) {
    calls_ += 1;
    world_.dispatch.read_kv(flight.subscription,
                            key_of(call.arguments),
                            [weak = std::weak_ptr(self_),
                             executor = world_.executor,
                             number = call.number](api::KvRow row) {
                                // On a node's thread: the conversation may be gone by the time it
                                // is ours again.
                                boost::asio::post(executor, [weak, number, row = std::move(row)]() {
                                    const auto self = weak.lock();
                                    if (self) (*self)->on_called(kv_result(number, row));
                                });
                            });
}

void LuaConversation::on_called(const std::string& result) {
    calls_ -= 1;
    answer_call(result);
}

void LuaConversation::answer_call(const std::string& frame) {
    if (ended_) return;
    unread_answers_.push_back(link_->put(frame));
    if (std::exchange(flush_posted_, true)) return;
    // Answers of one turn of the loop go out in one write.
    boost::asio::post(world_.executor, [weak = std::weak_ptr(self_)]() {
        const auto self = weak.lock();
        if (!self) return;
        (*self)->flush_posted_ = false;
        (*self)->link_->flush();
    });
}

}  // namespace penstock::sinks::lua
