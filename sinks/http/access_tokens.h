// AccessTokens: tokens for endpoints that let in by OAuth2 client credentials (RFC 6749, 4.4).
// Fetched from each subscription's token endpoint when they are needed, once for all that wait, and
// kept in memory until shortly before they end. Owned by the HttpSink, on its thread. Failures are
// told to all that wait, and for a while to those that come later.
#pragma once

#include "broker/base/clock.h"
#include "broker/base/error.h"
#include "broker/model/ids.h"
#include "sinks/client/http_client.h"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace penstock::sinks::http {

// Where a subscription's tokens come from; the request for one, as it is sent.
struct TokenSource {
    client::Url url;
    std::string head;
    std::string body;

    // Error{invalid}: `endpoint` is no URL.
    static Result<TokenSource> make(const std::string& endpoint,
                                    const std::string& client_id,
                                    const std::string& secret,
                                    const std::string& scope);

    friend bool operator==(const TokenSource&, const TokenSource&) = default;
};

inline constexpr std::uint32_t token_timeout_ms = 10'000;
inline constexpr std::int64_t token_life_s_usual = 300;  // when the endpoint does not say
inline constexpr std::int64_t token_life_s_max = 86'400;
inline constexpr std::int64_t token_spare_s = 30;  // a token is not used so shortly before its end
inline constexpr std::int64_t token_pause_us = 5'000'000;  // after a failure, or a refusal
inline constexpr std::size_t token_bytes_max = 16 * 1024;

class AccessTokens {
  public:
    using Ready = std::function<void(const Result<std::string>& token)>;

    AccessTokens(const Clock& clock, client::HttpClient& http) : clock_(clock), http_(http) {}

    // `ready` runs once, inside this call where a token is at hand. Error{unavailable}: there is
    // none now, and why.
    void get(model::SubscriptionNo subscription, const TokenSource& source, Ready ready);

    // The endpoint does not take that token: the next one is fetched, but for such a reason not
    // more often than every token_pause_us.
    void refuse(model::SubscriptionNo subscription, const std::string& token);

    // The subscription is gone or changed. Those that wait are still told.
    void forget(model::SubscriptionNo subscription) { known_.erase(subscription); }

  private:
    struct Known {
        TokenSource source;
        std::string token;          // empty: none
        std::int64_t until_us = 0;  // of the token, or of the failure
        std::string failure;        // of the last fetch; empty: it went well
        bool fetching = false;
        std::int64_t refusable_us = 0;  // a refusal before it changes nothing
        std::vector<Ready> waiting;
    };

    void fetch(const std::shared_ptr<Known>& known);
    void take(Known& known, const client::Exchange& exchange) const;

    const Clock& clock_;
    client::HttpClient& http_;
    std::map<model::SubscriptionNo, std::shared_ptr<Known>> known_;
};

}  // namespace penstock::sinks::http
