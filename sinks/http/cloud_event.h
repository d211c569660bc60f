// CloudEvent: a delivery as CloudEvents 1.0 tells it, for the three modes of its HTTP binding.
// What the publisher said in message attributes is kept; the rest is made of what the message has:
//
//   specversion      1.0
//   id               attribute ce-id, else the message id
//   source           attribute ce-source, else //<authority>/default/<topic>
//   type             attribute ce-type, else the first tag, else penstock.message
//   subject          attribute ce-subject, else the routing key; absent when there is none
//   time             attribute ce-time, else the time of publishing
//   datacontenttype  the content type; unknown: application/json for JSON, text/plain for other
//                    text, application/octet-stream for the rest
//   ce-NAME          every other such attribute as it is; NAME is of a-z and 0-9, at most 20 long
//   partitionkey     the ordering key
//   sequence         an event's own (api::is_event), else the message's place in its topic
//                    (20 digits)
//   traceparent, tracestate   attributes of these names
//   penstockattempt  from 1
//   penstockid       the message id, where ce-id took its place
//
// A value that looks at the delivery given, which outlives it; any thread.
#pragma once

#include "broker/api/dispatch.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace penstock::sinks::http {

class CloudEvent {
  public:
    // `source` where the publisher gave none.
    CloudEvent(const api::Delivery& delivery, std::string_view source);

    // Binary mode: "\r\nce-id: ..." and so on, percent-encoded as the binding says. The body is the
    // payload as it is, of content_type().
    void append_headers(std::string& out) const;

    // Structured mode, and an item of a batch: JSON data is embedded as the publisher wrote it,
    // other text is a string, bytes that are neither are data_base64.
    void append_json(std::string& out) const;

    [[nodiscard]] const std::string& content_type() const { return content_type_; }

  private:
    enum class Data { json, text, bytes };

    void add_core(std::string_view source);
    void add_extensions();
    void judge_data();
    [[nodiscard]] const std::string* given(std::string_view name) const;
    [[nodiscard]] bool has(std::string_view name) const;
    void add(std::string_view name, std::string_view value);

    const api::Delivery& delivery_;
    std::vector<std::pair<std::string, std::string>> attributes_;  // in the order above
    std::string content_type_;
    Data data_ = Data::bytes;
};

}  // namespace penstock::sinks::http
