// The wire of CMQ's two formats (its push documentation):
//
//   POST <target> HTTP/1.1
//   Host: <authority>
//   Content-Length: <n>
//   Content-Type: text/plain
//   User-Agent: Qcloud Notification Service Agent
//   x-cmq-request-id: <decimal>
//   x-cmq-message-id: <decimal>
//   x-cmq-message-tag: <tags joined by ", ">
//   penstock-replay: <job>                       only of a message that is replayed
//   traceparent, tracestate                      only of a message that belongs to a trace
//
//   simplified: the message and nothing else
//   cmq-json: {"TopicOwner":<number>,"topicName":"..","subscriptionName":"..","msgId":"..",
//              "msgBody":"..","publishTime":<seconds>}
//
// The others say who they are by `User-Agent: Penstock`:
//
//   scf: Content-Type: application/json, {"Records":[{"CMQ":{..}}]}
//   cloudevents: the payload and its own Content-Type, attributes as ce- headers
//   cloudevents-structured: Content-Type: application/cloudevents+json; charset=utf-8, one event
//   cloudevents-batch: Content-Type: application/cloudevents-batch+json; charset=utf-8, an array
#include "sinks/http/push_request.h"

#include "broker/base/hash.h"
#include "broker/model/trace_context.h"
#include "sinks/http/answer_outputs.h"
#include "sinks/http/cloud_event.h"
#include "sinks/http/json_text.h"
#include "sinks/http/scf_record.h"

#include <algorithm>
#include <string_view>

namespace penstock::sinks::http {
namespace {

using model::ContentFormat;

constexpr std::string_view cmq_headers =
    "\r\nContent-Type: text/plain\r\nUser-Agent: Qcloud Notification Service Agent"
    "\r\nx-cmq-request-id: ";
constexpr std::string_view own_agent = "\r\nUser-Agent: Penstock";

void append_trace(std::string& head, const api::Delivery& delivery) {
    const std::string traceparent = model::traceparent_of(delivery.meta);
    if (traceparent.empty()) return;
    head.append("\r\ntraceparent: ").append(traceparent);
    const std::string_view state = model::tracestate_of(delivery.meta);
    if (!state.empty()) head.append("\r\ntracestate: ").append(state);
}

// As Standard Webhooks' id of several messages: the same for the same ones, no other batch's.
std::string id_of(const Sink::Batch& batch) {
    std::string id = model::to_text(batch.front()->message);
    if (batch.size() == 1) return id;
    std::uint64_t mixed = batch.size();
    for (const api::Delivery* delivery : batch) mixed = mix64(mixed ^ delivery->message.value);
    return id + "-" + std::to_string(mixed);
}

// The job that replays all of them; 0: none does.
std::uint64_t replay_of(const Sink::Batch& batch) {
    const std::uint64_t job = batch.front()->replay;
    const bool all = std::all_of(batch.begin(), batch.end(), [job](const auto* delivery) {
        return delivery->replay == job;
    });
    return all ? job : 0;
}

std::string typed(std::string_view content_type) {
    std::string headers = "\r\nContent-Type: ";
    headers += content_type;
    headers += own_agent;
    return headers;
}

}  // namespace

Result<PushRequest> PushRequest::make(const api::Target& target,
                                      const PushIdentity& identity,
                                      const api::SecretBox* secrets) {
    Result<client::Url> url = client::parse_url(target.spec.endpoint);
    if (!url) return url.error();
    PushRequest request;
    request.url_ = std::move(*url);
    request.endpoint_ = target.spec.endpoint;
    request.format_ = target.spec.format;
    request.timeout_ms_ = target.spec.timeout_ms;
    request.outputs_ = target.spec.pace.outputs;
    request.handshake_ = target.spec.pace.handshake;
    request.rate_per_s_ = target.spec.pace.rate_per_s;
    request.authority_ = identity.authority;
    request.topic_owner_ = model::owner_number(target.account, identity.topic_owner);
    request.topic_ = target.topic;
    request.subscription_ = target.name;
    const std::string account = target.account.empty() ? "default" : target.account;
    request.source_ = "//" + identity.authority + "/" + account + "/" + target.topic;
    request.head_ = "POST " + request.url_.target + " HTTP/1.1\r\nHost: " + request.url_.authority +
                    "\r\nContent-Length: ";
    std::string& json = request.json_begin_;
    json = R"({"TopicOwner":)" + std::to_string(request.topic_owner_) + R"(,"topicName":)";
    append_json_text(json, target.topic);
    json += R"(,"subscriptionName":)";
    append_json_text(json, target.name);
    json += R"(,"msgId":")";
    auto carries = request.carry(target, secrets);
    if (!carries) return carries.error();
    return request;
}

// What stands beside the message.
Result<void> PushRequest::carry(const api::Target& target, const api::SecretBox* secrets) {
    push_ = target.spec.push;
    if (push_ == model::PushSpec{}) return {};
    if (secrets == nullptr) return error(Errc::unavailable, "secrets cannot be opened here");
    const std::string owner = stored_name(target);
    auto credentials = Credentials::make(push_, *secrets, owner);
    if (!credentials) return credentials.error();
    credentials_ = std::make_shared<const Credentials>(std::move(*credentials));
    auto signer = WebhookSigner::make(push_.signing_keys, *secrets, owner);
    if (!signer) return signer.error();
    signer_ = std::move(*signer);
    return {};
}

bool PushRequest::fits(const api::Target& target) const {
    return endpoint_ == target.spec.endpoint && format_ == target.spec.format &&
           timeout_ms_ == target.spec.timeout_ms && outputs_ == target.spec.pace.outputs &&
           handshake_ == target.spec.pace.handshake && rate_per_s_ == target.spec.pace.rate_per_s &&
           push_ == target.spec.push;
}

std::string PushRequest::json_body(const api::Delivery& delivery) const {
    std::string json;
    json.reserve(json_begin_.size() + delivery.payload.size() + 128);
    json += json_begin_;
    json += model::to_text(delivery.message);
    json += R"(","msgBody":)";
    append_json_body(json, delivery.payload);
    json += R"(,"publishTime":)";
    json += std::to_string(delivery.published_ms / 1000);
    json += '}';
    return json;
}

std::string PushRequest::scf_body(const Sink::Batch& batch, std::uint64_t request_id) const {
    const std::string request = std::to_string(request_id);
    std::string json = R"({"Records":[)";
    for (const api::Delivery* delivery : batch) {
        if (delivery != batch.front()) json += ',';
        append_scf_record(json, {topic_, subscription_, request, topic_owner_}, *delivery);
    }
    json += "]}";
    return json;
}

PushRequest::Drawn PushRequest::draw_cmq(const api::Delivery& delivery,
                                         std::uint64_t request_id) const {
    Drawn drawn;
    drawn.as_is = format_ == ContentFormat::simplified;
    if (!drawn.as_is) drawn.body = json_body(delivery);
    std::string& headers = drawn.headers;
    headers = cmq_headers;
    headers += std::to_string(request_id);
    headers += "\r\nx-cmq-message-id: ";
    headers += model::to_text(delivery.message);
    headers += "\r\nx-cmq-message-tag: ";
    for (std::size_t at = 0; at < delivery.meta.tags.size(); ++at) {
        if (at > 0) headers += ", ";
        append_header_text(headers, delivery.meta.tags[at]);
    }
    return drawn;
}

PushRequest::Drawn PushRequest::draw_event(const api::Delivery& delivery) const {
    const CloudEvent event(delivery, source_);
    Drawn drawn;
    drawn.as_is = format_ == ContentFormat::cloudevents;
    if (drawn.as_is) {
        drawn.headers = typed(event.content_type());
        event.append_headers(drawn.headers);
        return drawn;
    }
    drawn.headers = typed("application/cloudevents+json; charset=utf-8");
    event.append_json(drawn.body);
    return drawn;
}

PushRequest::Drawn PushRequest::draw_events(const Sink::Batch& batch) const {
    Drawn drawn;
    drawn.headers = typed("application/cloudevents-batch+json; charset=utf-8");
    drawn.body = '[';
    for (const api::Delivery* delivery : batch) {
        if (delivery != batch.front()) drawn.body += ',';
        CloudEvent(*delivery, source_).append_json(drawn.body);
    }
    drawn.body += ']';
    return drawn;
}

PushRequest::Drawn PushRequest::draw(const Sink::Batch& batch, std::uint64_t request_id) const {
    switch (format_) {
        case ContentFormat::cmq_json:
        case ContentFormat::simplified:
            break;
        case ContentFormat::scf:
            return {typed("application/json"), scf_body(batch, request_id), false};
        case ContentFormat::cloudevents:
        case ContentFormat::cloudevents_structured:
            return draw_event(*batch.front());
        case ContentFormat::cloudevents_batch:
            return draw_events(batch);
    }
    return draw_cmq(*batch.front(), request_id);
}

HandshakeQuestion PushRequest::question(const std::string& challenge,
                                        model::TimeMs now_ms,
                                        std::string_view token) const {
    HandshakeQuestion question;
    question.kind = handshake_;
    question.url = url_;
    question.timeout_ms = timeout_ms_;
    std::string& head = question.head;
    if (handshake_ == model::Handshake::cloudevents) {
        question.expected = authority_;
        head = "OPTIONS " + url_.target + " HTTP/1.1\r\nHost: " + url_.authority;
        head += own_agent;
        head += "\r\nWebHook-Request-Origin: " + authority_;
        const std::uint64_t per_minute = std::uint64_t{rate_per_s_} * 60;
        if (per_minute > 0) head += "\r\nWebHook-Request-Rate: " + std::to_string(per_minute);
    } else {
        question.expected = challenge;
        question.body = R"({"type":"url_verification","challenge":")" + challenge + R"("})";
        head = head_ + std::to_string(question.body.size()) + typed("application/json");
    }
    head += credentials_->headers();
    if (!token.empty()) head.append("\r\nauthorization: Bearer ").append(token);
    signer_.append_headers(head, "handshake-" + challenge, now_ms, question.body);
    head += "\r\n\r\n";
    return question;
}

client::Outgoing PushRequest::fill(const api::Delivery& delivery,
                                   std::uint64_t request_id,
                                   model::TimeMs now_ms,
                                   std::string_view token) const {
    return fill(Sink::Batch{&delivery}, request_id, now_ms, token);
}

client::Outgoing PushRequest::fill(const Sink::Batch& batch,
                                   std::uint64_t request_id,
                                   model::TimeMs now_ms,
                                   std::string_view token) const {
    client::Outgoing out;
    out.timeout_ms = timeout_ms_;
    if (outputs_) out.answer_bytes_max = output_answer_bytes_max;
    const Drawn drawn = draw(batch, request_id);
    if (drawn.as_is) out.body = batch.front()->payload;
    const std::string_view body = drawn.as_is ? out.body : drawn.body;
    std::string& head = out.head;
    head.reserve(head_.size() + drawn.headers.size() + credentials_->headers().size() +
                 token.size() + drawn.body.size() + 256);
    head += head_;
    head += std::to_string(body.size());
    head += drawn.headers;
    if (const auto job = replay_of(batch)) head += "\r\npenstock-replay: " + std::to_string(job);
    // Of several, each event tells its own.
    if (batch.size() == 1) append_trace(head, *batch.front());
    head += credentials_->headers();
    if (!token.empty()) head.append("\r\nauthorization: Bearer ").append(token);
    signer_.append_headers(head, id_of(batch), now_ms, body);
    head += "\r\n\r\n";
    head += drawn.body;  // built for this request: one piece is one copy less to keep alive
    return out;
}

}  // namespace penstock::sinks::http
