// Handshakes: whether endpoints agreed to be sent anything. Each is asked before the first message
// of its subscription, once for all that wait, and what it said is kept in memory until the
// subscription changes. One that did not agree is asked again after a pause that doubles. Owned by
// the HttpSink, on its thread.
#pragma once

#include "broker/base/clock.h"
#include "broker/base/error.h"
#include "broker/model/ids.h"
#include "sinks/client/http_client.h"
#include "sinks/http/handshake_answer.h"
#include "sinks/sink.h"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <vector>

namespace penstock::sinks::http {

inline constexpr std::uint32_t handshake_pause_ms_first = 5'000;
inline constexpr std::uint32_t handshake_pause_ms_last = 60'000;

class Handshakes {
  public:
    // `pause_ms`: with an error, when the endpoint is asked again.
    using Ready = std::function<void(const Result<Consent>& consent, std::uint32_t pause_ms)>;

    Handshakes(const Clock& clock, client::HttpClient& http) : clock_(clock), http_(http) {}

    // `ready` runs once, inside this call where the answer is known; `question` is asked for only
    // if the endpoint is asked now.
    void get(model::SubscriptionNo subscription,
             const std::function<HandshakeQuestion()>& question,
             Ready ready);

    // The subscription is gone or changed. Those that wait are still told.
    void forget(model::SubscriptionNo subscription) { known_.erase(subscription); }

  private:
    struct Known {
        HandshakeQuestion question;
        Result<Consent> consent = error(Errc::unavailable, "it was not asked yet");
        std::int64_t until_us = 0;  // it is not asked again before
        std::uint32_t pause_ms = handshake_pause_ms_first;
        bool asking = false;
        std::vector<Ready> waiting;
    };

    void ask(const std::shared_ptr<Known>& known);

    const Clock& clock_;
    client::HttpClient& http_;
    std::map<model::SubscriptionNo, std::shared_ptr<Known>> known_;
};

}  // namespace penstock::sinks::http
