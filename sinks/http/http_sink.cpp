#include "sinks/http/http_sink.h"

#include "sinks/http/classify.h"
#include "sinks/http/receiver_control.h"

#include <algorithm>
#include <utility>

namespace penstock::sinks::http {
namespace {

constexpr unsigned unauthorized = 401;

// What this side lacks is no attempt.
AttemptResult held_back(model::Failure failure,
                        const std::string& why,
                        std::uint32_t pause_ms = deferral_ms_last) {
    AttemptResult result;
    result.verdict = model::Verdict::not_attempted;
    result.failure = failure;
    result.retry_after_ms = pause_ms;
    result.excerpt = why;
    return result;
}

}  // namespace

Result<std::unique_ptr<HttpSink>> HttpSink::make(boost::asio::any_io_executor executor,
                                                 const Clock& clock,
                                                 Random& random,
                                                 std::unique_ptr<client::Resolver> resolver,
                                                 HttpSinkOptions options) {
    auto http = client::HttpClient::make(std::move(executor), clock, *resolver, options.client);
    if (!http) return http.error();
    return std::make_unique<HttpSink>(
        clock, random, std::move(resolver), std::move(*http), std::move(options));
}

HttpSink::HttpSink(const Clock& clock,
                   Random& random,
                   std::unique_ptr<client::Resolver> resolver,
                   std::unique_ptr<client::HttpClient> http,
                   HttpSinkOptions options)
    : clock_(clock),
      random_(random),
      resolver_(std::move(resolver)),
      http_(std::move(http)),
      tokens_(clock, *http_),
      identity_(std::move(options.identity)),
      secrets_(options.secrets) {}

HttpSink::Known& HttpSink::known(const api::Target& target) {
    const auto found = known_.find(target.subscription);
    if (found != known_.end() && found->second.request && found->second.request->fits(target)) {
        return found->second;
    }
    Known made{PushRequest::make(target, identity_, secrets_), 0};
    return known_.insert_or_assign(target.subscription, std::move(made)).first->second;
}

void HttpSink::deliver(const api::Target& target, const api::Delivery& delivery, Done done) {
    const Known& entry = known(target);
    if (!entry.request) {
        const bool url = entry.request.error().code == Errc::invalid;
        return done(held_back(url ? model::Failure::name : model::Failure::configuration,
                              entry.request.error().detail));
    }
    const auto& source = entry.request->token_source();
    if (!source) return push(target, delivery, *entry.request, {}, std::move(done));
    tokens_.get(
        target.subscription,
        *source,
        [this, &target, &delivery, done = std::move(done)](const Result<std::string>& token) {
            if (!token) {
                return done(held_back(model::Failure::configuration, token.error().detail));
            }
            // The subscription may have changed since the token was asked for.
            const auto now = known_.find(target.subscription);
            const bool same =
                now != known_.end() && now->second.request && now->second.request->fits(target);
            if (!same) return done(held_back(model::Failure::none, "", 0));
            push(target, delivery, *now->second.request, *token, done);
        });
}

void HttpSink::push(const api::Target& target,
                    const api::Delivery& delivery,
                    const PushRequest& request,
                    const std::string& token,
                    Done done) {
    const std::uint64_t request_id = random_.next() >> 1;  // fits a receiver's signed number
    http_->send(request.url(),
                request.fill(delivery, request_id, clock_.wall_ms(), token),
                [this, subscription = target.subscription, token, done = std::move(done)](
                    client::Exchange exchange) {
                    done(conclude(subscription, token, std::move(exchange)));
                });
}

AttemptResult HttpSink::conclude(model::SubscriptionNo subscription,
                                 const std::string& token,
                                 client::Exchange exchange) {
    const auto found = known_.find(subscription);
    if (found != known_.end() && found->second.request) {
        found->second.request->mask(exchange.answer.body);
    }
    if (!token.empty()) Credentials::mask(token, exchange.answer.body);
    if (!token.empty() && exchange.answer.status == unauthorized) {
        tokens_.refuse(subscription, token);
    }
    AttemptResult result = classify(exchange, clock_.wall_ms());
    if (exchange.ending == client::Ending::answered) heed_receiver(exchange.answer, result);
    unsigned deferrals = 0;
    if (found != known_.end()) {
        unsigned& in_a_row = found->second.deferrals;
        in_a_row = result.verdict == model::Verdict::not_attempted ? in_a_row + 1 : 0;
        deferrals = in_a_row;
    }
    if (result.verdict == model::Verdict::not_attempted) {
        const unsigned doublings = std::min(deferrals > 0 ? deferrals - 1 : 0U, 4U);
        result.retry_after_ms = std::min(deferral_ms_first << doublings, deferral_ms_last);
    }
    return result;
}

void HttpSink::forget(const api::Target& target) {
    const auto found = known_.find(target.subscription);
    if (found == known_.end()) return;
    if (found->second.request) http_->forget(found->second.request->url());
    tokens_.forget(target.subscription);
    known_.erase(found);
}

void HttpSink::stop() {
    http_->stop();
}

}  // namespace penstock::sinks::http
