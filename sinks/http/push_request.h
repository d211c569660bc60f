// PushRequest: the bytes of a push, in the formats there are (golden bytes in tests/sinks/http):
// CMQ's two documented ones, the event of SCF's CMQ trigger, the three modes of CloudEvents. What
// is the same for every message of a subscription is built once. A value; pure functions; any
// thread.
#pragma once

#include "broker/api/dispatch.h"
#include "broker/api/secrets.h"
#include "broker/base/error.h"
#include "sinks/client/http_client.h"
#include "sinks/http/credentials.h"
#include "sinks/http/handshake_answer.h"
#include "sinks/http/signature.h"
#include "sinks/sink.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace penstock::sinks::http {

// What receivers are told of who pushes.
struct PushIdentity {
    std::uint64_t topic_owner = 0;  // the account's number
    std::string authority =
        "penstock";  // CloudEvents: source is //<authority>/<account or default>/<topic>
};

class PushRequest {
  public:
    // Error{invalid}: the endpoint is no http or https URL. Other errors: what it carries beside
    // the message cannot be opened with `secrets`, which must be there when it carries anything.
    static Result<PushRequest> make(const api::Target& target,
                                    const PushIdentity& identity,
                                    const api::SecretBox* secrets = nullptr);

    // The request for one delivery, which outlives what is given back; signed at `now_ms`. `token`:
    // of the token source, where there is one.
    [[nodiscard]] client::Outgoing fill(const api::Delivery& delivery,
                                        std::uint64_t request_id,
                                        model::TimeMs now_ms,
                                        std::string_view token = {}) const;

    // The same for one or more; more than one where the format is a list.
    [[nodiscard]] client::Outgoing fill(const Sink::Batch& batch,
                                        std::uint64_t request_id,
                                        model::TimeMs now_ms,
                                        std::string_view token = {}) const;

    // What its endpoint is asked before the first message, with credentials and signed like any
    // other request. `challenge`: what it must give back.
    [[nodiscard]] HandshakeQuestion question(const std::string& challenge,
                                             model::TimeMs now_ms,
                                             std::string_view token = {}) const;

    // Whether it is asked at all.
    [[nodiscard]] model::Handshake handshake() const { return handshake_; }

    // Where the token comes from that each of its requests needs.
    [[nodiscard]] const std::optional<TokenSource>& token_source() const {
        return credentials_->token_source();
    }

    [[nodiscard]] const client::Url& url() const { return url_; }

    // From now on it is sent as `push`, and its token asked for as `token`: identities of the
    // client that sends it.
    void identify(std::shared_ptr<client::TlsIdentity> push,
                  std::shared_ptr<client::TlsIdentity> token) {
        url_.tls = std::move(push);
        auto identified = std::make_shared<Credentials>(*credentials_);
        identified->identify(std::move(token));
        credentials_ = std::move(identified);
    }

    // From now on it goes to the server behind a Unix socket of this machine.
    void send_to_socket(std::string path) { url_.socket = std::move(path); }

    // Answers may publish (answer_outputs.h).
    [[nodiscard]] bool outputs() const { return outputs_; }

    // What it carries: whoever sent it masks the answer with it, though the subscription may have
    // others by then.
    [[nodiscard]] std::shared_ptr<const Credentials> credentials() const { return credentials_; }

    // True when it was made for a target that looks as `target` does.
    [[nodiscard]] bool fits(const api::Target& target) const;

  private:
    // What is delivered in its format: headers behind Content-Length, each after a line end, and
    // the body, which is the payload itself where it goes as it is.
    struct Drawn {
        std::string headers;
        std::string body;
        bool as_is = false;
    };

    PushRequest() = default;
    Result<void> carry(const api::Target& target, const api::SecretBox* secrets);
    [[nodiscard]] Drawn draw(const Sink::Batch& batch, std::uint64_t request_id) const;
    [[nodiscard]] Drawn draw_cmq(const api::Delivery& delivery, std::uint64_t request_id) const;
    [[nodiscard]] Drawn draw_event(const api::Delivery& delivery) const;
    [[nodiscard]] Drawn draw_events(const Sink::Batch& batch) const;
    [[nodiscard]] std::string json_body(const api::Delivery& delivery) const;
    [[nodiscard]] std::string scf_body(const Sink::Batch& batch, std::uint64_t request_id) const;

    client::Url url_;
    std::string endpoint_;
    model::ContentFormat format_ = model::ContentFormat::cmq_json;
    std::uint32_t timeout_ms_ = 0;
    bool outputs_ = false;
    model::Handshake handshake_ = model::Handshake::none;
    std::uint32_t rate_per_s_ = 0;
    std::string authority_;
    std::uint64_t topic_owner_ = 0;
    std::string topic_;
    std::string subscription_;
    std::string source_;      // of CloudEvents
    std::string head_;        // up to the value of Content-Length
    std::string json_begin_;  // up to the value of msgId
    model::PushSpec push_;
    std::shared_ptr<const Credentials> credentials_ = std::make_shared<Credentials>();
    WebhookSigner signer_;
};

}  // namespace penstock::sinks::http
