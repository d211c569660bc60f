// PushRequest: the bytes of a push, in CMQ's two documented formats (golden bytes in
// tests/sinks/http). What is the same for every message of a subscription is built once. A value;
// pure functions; any thread.
#pragma once

#include "broker/api/dispatch.h"
#include "broker/base/error.h"
#include "sinks/client/http_client.h"

#include <cstdint>
#include <string>
#include <utility>

namespace penstock::sinks::http {

class PushRequest {
  public:
    // `topic_owner` is the account's number shown to receivers. Error{invalid}: the endpoint is no
    // http or https URL.
    static Result<PushRequest> make(const api::Target& target, std::uint64_t topic_owner);

    // The request for one delivery, which outlives what is given back.
    [[nodiscard]] client::Outgoing fill(const api::Delivery& delivery,
                                        std::uint64_t request_id) const;

    [[nodiscard]] const client::Url& url() const { return url_; }

    // From now on it goes to the server behind a Unix socket of this machine.
    void send_to_socket(std::string path) { url_.socket = std::move(path); }

    // True when it was made for a target that looks as `target` does.
    [[nodiscard]] bool fits(const api::Target& target) const;

  private:
    PushRequest() = default;
    [[nodiscard]] std::string json_body(const api::Delivery& delivery) const;

    client::Url url_;
    std::string endpoint_;
    model::ContentFormat format_ = model::ContentFormat::cmq_json;
    std::uint32_t timeout_ms_ = 0;
    std::string head_;        // up to the value of Content-Length
    std::string json_begin_;  // up to the value of msgId
};

}  // namespace penstock::sinks::http
