// HttpSink: pushes deliveries to HTTP and HTTPS endpoints, one POST a delivery or batch, and
// classifies the answers. Made by sinks/all.cpp, owned by the dispatcher, on its thread. Failures
// are the AttemptResult; an endpoint that is no URL is a deferral.
#pragma once

#include "broker/base/clock.h"
#include "broker/base/random.h"
#include "sinks/client/http_client.h"
#include "sinks/http/access_tokens.h"
#include "sinks/http/handshakes.h"
#include "sinks/http/push_request.h"
#include "sinks/sink.h"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>

namespace penstock::sinks::http {

// Pause after an attempt that never reached its target: doubles from first to last, each time it is
// over, until one does.
inline constexpr std::uint32_t deferral_ms_first = 5'000;
inline constexpr std::uint32_t deferral_ms_last = 60'000;

struct HttpSinkOptions {
    client::ClientOptions client;
    PushIdentity identity;
    const api::SecretBox* secrets = nullptr;  // outlives the sink; nullptr: nothing is opened
};

class HttpSink final : public Sink {
  public:
    // Error{invalid}: a file or the proxy cannot be used. `clock` and `random` outlive the sink.
    static Result<std::unique_ptr<HttpSink>> make(boost::asio::any_io_executor executor,
                                                  const Clock& clock,
                                                  Random& random,
                                                  std::unique_ptr<client::Resolver> resolver,
                                                  HttpSinkOptions options);

    HttpSink(const Clock& clock,
             Random& random,
             std::unique_ptr<client::Resolver> resolver,
             std::unique_ptr<client::HttpClient> http,
             HttpSinkOptions options);

    void deliver(const api::Target& target, const api::Delivery& delivery, Done done) override;
    void deliver_batch(const api::Target& target, Batch batch, BatchDone done) override;
    void forget(const api::Target& target) override;
    void stop() override;

  private:
    struct Known {
        Result<PushRequest> request;
        std::uint32_t pause_ms = 0;       // after deferrals; 0: the last one was tried
        std::int64_t pause_until_us = 0;  // until when one more does not double it
    };

    // What its answer is judged by, whatever becomes of the subscription meanwhile.
    struct Sent {
        model::SubscriptionNo subscription;
        std::string token;
        bool outputs = false;
        std::shared_ptr<const Credentials> credentials;
    };

    // What came of a request: for its deliveries as one, and how it ended if it was sent.
    using Pushed = std::function<void(AttemptResult, const client::Exchange&)>;

    Known& known(const api::Target& target);
    Result<PushRequest> make_request(const api::Target& target);
    Result<void> identify(const api::Target& target, PushRequest& request);
    void push(const api::Target& target, Batch batch, Pushed pushed);
    void ask(const api::Target& target,
             Batch batch,
             const PushRequest& request,
             const std::string& token,
             Pushed pushed);
    [[nodiscard]] const PushRequest* still(const api::Target& target) const;
    std::string challenge();
    void send(const api::Target& target,
              const Batch& batch,
              const PushRequest& request,
              const std::string& token,
              Pushed pushed);
    [[nodiscard]] std::uint32_t pause_after(model::SubscriptionNo subscription, bool deferred);
    AttemptResult conclude(const Sent& sent, client::Exchange& exchange);

    const Clock& clock_;
    Random& random_;
    std::unique_ptr<client::Resolver> resolver_;
    std::unique_ptr<client::HttpClient> http_;
    AccessTokens tokens_;
    Handshakes handshakes_;
    PushIdentity identity_;
    const api::SecretBox* secrets_;
    std::map<model::SubscriptionNo, Known> known_;  // one per subscription in use
};

}  // namespace penstock::sinks::http
