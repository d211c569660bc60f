#include "sinks/http/http_sink.h"

#include "sinks/http/classify.h"
#include "sinks/http/receiver_control.h"

#include <algorithm>
#include <utility>

namespace penstock::sinks::http {

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
        AttemptResult result;
        result.verdict = model::Verdict::not_attempted;
        const bool url = entry.request.error().code == Errc::invalid;
        result.failure = url ? model::Failure::name : model::Failure::configuration;
        result.retry_after_ms = deferral_ms_last;
        result.excerpt = entry.request.error().detail;
        return done(std::move(result));
    }
    const std::uint64_t request_id = random_.next() >> 1;  // fits a receiver's signed number
    http_->send(
        entry.request->url(),
        entry.request->fill(delivery, request_id, clock_.wall_ms()),
        [this, subscription = target.subscription, done = std::move(done)](
            client::Exchange exchange) { done(conclude(subscription, std::move(exchange))); });
}

AttemptResult HttpSink::conclude(model::SubscriptionNo subscription, client::Exchange exchange) {
    const auto found = known_.find(subscription);
    if (found != known_.end() && found->second.request) {
        found->second.request->mask(exchange.answer.body);
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
    known_.erase(found);
}

void HttpSink::stop() {
    http_->stop();
}

}  // namespace penstock::sinks::http
