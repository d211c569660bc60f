// The wire, both formats (CMQ's push documentation):
//
//   POST <target> HTTP/1.1
//   Host: <authority>
//   Content-Length: <n>
//   Content-Type: text/plain
//   User-Agent: Qcloud Notification Service Agent
//   x-cmq-request-id: <decimal>
//   x-cmq-message-id: <decimal>
//   x-cmq-message-tag: <tags joined by ", ">
//
//   SIMPLIFIED: the message and nothing else
//   JSON: {"TopicOwner":<number>,"topicName":"..","subscriptionName":"..","msgId":"..",
//          "msgBody":"..","publishTime":<seconds>}
#include "sinks/http/push_request.h"

#include "broker/api/names.h"

#include <boost/json/serializer.hpp>
#include <openssl/evp.h>

#include <algorithm>

namespace penstock::sinks::http {
namespace {

constexpr std::string_view after_length =
    "\r\nContent-Type: text/plain\r\nUser-Agent: Qcloud Notification Service Agent"
    "\r\nx-cmq-request-id: ";

void append_json(std::string& out, std::string_view text) {
    boost::json::serializer serializer;
    serializer.reset(boost::json::string_view(text.data(), text.size()));
    char chunk[2048];
    while (!serializer.done()) {
        const auto part = serializer.read(chunk, sizeof(chunk));
        out.append(part.data(), part.size());
    }
}

std::string base64(std::string_view bytes) {
    std::string text(4 * ((bytes.size() + 2) / 3), '\0');
    ::EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                      reinterpret_cast<const unsigned char*>(bytes.data()),
                      static_cast<int>(bytes.size()));
    return text;
}

// A tag never ends the header it stands in.
void append_header_text(std::string& out, std::string_view text) {
    for (const char letter : text) {
        const auto byte = static_cast<unsigned char>(letter);
        out.push_back(byte < 0x20 || byte == 0x7F ? '?' : letter);
    }
}

}  // namespace

Result<PushRequest> PushRequest::make(const api::Target& target, std::uint64_t topic_owner) {
    Result<client::Url> url = client::parse_url(target.spec.endpoint);
    if (!url) return url.error();
    PushRequest request;
    request.url_ = std::move(*url);
    request.endpoint_ = target.spec.endpoint;
    request.format_ = target.spec.format;
    request.timeout_ms_ = target.spec.timeout_ms;
    request.head_ = "POST " + request.url_.target + " HTTP/1.1\r\nHost: " + request.url_.authority +
                    "\r\nContent-Length: ";
    std::string& json = request.json_begin_;
    json = R"({"TopicOwner":)" + std::to_string(topic_owner) + R"(,"topicName":)";
    append_json(json, target.topic);
    json += R"(,"subscriptionName":)";
    append_json(json, target.name);
    json += R"(,"msgId":")";
    return request;
}

bool PushRequest::fits(const api::Target& target) const {
    return endpoint_ == target.spec.endpoint && format_ == target.spec.format &&
           timeout_ms_ == target.spec.timeout_ms;
}

std::string PushRequest::json_body(const api::Delivery& delivery) const {
    std::string json;
    json.reserve(json_begin_.size() + delivery.payload.size() + 128);
    json += json_begin_;
    json += model::to_text(delivery.message);
    json += R"(","msgBody":)";
    // JSON carries text only; what is not text cannot go unchanged.
    if (api::valid_utf8(delivery.payload)) {
        append_json(json, delivery.payload);
    } else {
        append_json(json, base64(delivery.payload));
    }
    json += R"(,"publishTime":)";
    json += std::to_string(delivery.published_ms / 1000);
    json += '}';
    return json;
}

client::Outgoing PushRequest::fill(const api::Delivery& delivery, std::uint64_t request_id) const {
    client::Outgoing out;
    out.timeout_ms = timeout_ms_;
    const bool json = format_ == model::ContentFormat::cmq_json;
    const std::string body = json ? json_body(delivery) : std::string();
    if (!json) out.body = delivery.payload;

    std::string& head = out.head;
    head.reserve(head_.size() + after_length.size() + body.size() + 256);
    head += head_;
    head += std::to_string(json ? body.size() : delivery.payload.size());
    head += after_length;
    head += std::to_string(request_id);
    head += "\r\nx-cmq-message-id: ";
    head += model::to_text(delivery.message);
    head += "\r\nx-cmq-message-tag: ";
    for (std::size_t at = 0; at < delivery.meta.tags.size(); ++at) {
        if (at > 0) head += ", ";
        append_header_text(head, delivery.meta.tags[at]);
    }
    head += "\r\n\r\n";
    head += body;  // built for this request: one piece is one copy less to keep alive
    return out;
}

}  // namespace penstock::sinks::http
