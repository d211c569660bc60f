// What an endpoint is asked before its first message, and what its answer means:
//
//   challenge     POST of {"type":"url_verification","challenge":"<32 hex digits>"} as JSON;
//                 agreed: 2xx and the challenge, as text or as {"challenge":"..."}
//   cloudevents   OPTIONS with WebHook-Request-Origin, and WebHook-Request-Rate where the
//                 subscription has a rate (HTTP 1.1 Web Hooks for Event Delivery 1.0.2, 4);
//                 agreed: WebHook-Allowed-Origin names it or is *, whatever the status;
//                 WebHook-Allowed-Rate, requests a minute, is kept to
//
// Pure functions, any thread.
#pragma once

#include "broker/base/error.h"
#include "broker/model/push_policy.h"
#include "sinks/client/http_client.h"
#include "sinks/sink.h"

#include <cstdint>
#include <string>

namespace penstock::sinks::http {

// One question to an endpoint, as it is sent.
struct HandshakeQuestion {
    model::Handshake kind = model::Handshake::none;
    client::Url url;
    std::string head;
    std::string body;
    std::string expected;  // challenge: what it gives back; cloudevents: the origin it allows
    std::uint32_t timeout_ms = 0;
};

// What an answer comes to; `at_ms` is the moment. Error{unavailable}: it did not agree, and why.
Result<Consent> judge_handshake(const HandshakeQuestion& question,
                                const client::Exchange& exchange,
                                model::TimeMs at_ms);

}  // namespace penstock::sinks::http
