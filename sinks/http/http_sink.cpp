#include "sinks/http/http_sink.h"

#include "sinks/http/answer_outputs.h"
#include "sinks/http/batch_answer.h"
#include "sinks/http/classify.h"
#include "sinks/http/receiver_control.h"

#include <openssl/crypto.h>

#include <algorithm>
#include <utility>

namespace penstock::sinks::http {
namespace {

constexpr unsigned unauthorized = 401;

bool is_success(unsigned status) {
    return status >= 200 && status < 300;
}

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
      handshakes_(clock, *http_),
      identity_(std::move(options.identity)),
      secrets_(options.secrets) {}

HttpSink::Known& HttpSink::known(const api::Target& target) {
    const auto found = known_.find(target.subscription);
    if (found != known_.end() && found->second.request && found->second.request->fits(target)) {
        return found->second;
    }
    handshakes_.forget(target.subscription);
    Known made{make_request(target)};
    return known_.insert_or_assign(target.subscription, std::move(made)).first->second;
}

Result<PushRequest> HttpSink::make_request(const api::Target& target) {
    auto request = PushRequest::make(target, identity_, secrets_);
    if (!request) return request;
    if (auto done = identify(target, *request); !done) return done.error();
    return request;
}

// Certificates of its own. Its CA alone vouches for its endpoint; a token endpoint may be a public
// one, which is trusted as ever, and is shown the certificate as well (RFC 8705).
Result<void> HttpSink::identify(const api::Target& target, PushRequest& request) {
    const model::PushTls& tls = target.spec.push.tls;
    if (tls == model::PushTls{}) return {};
    client::TlsTexts texts;
    texts.ca = tls.ca;
    texts.chain = tls.client.chain;
    if (!texts.chain.empty()) {
        auto key = secrets_->open(tls.client.sealed_key, stored_name(target));
        if (!key) return key.error();
        texts.key = std::move(*key);
    }
    const auto push = http_->identity(texts);
    texts.beside_ours = true;
    const auto token = push && request.token_source() ? http_->identity(texts) : push;
    ::OPENSSL_cleanse(texts.key.data(), texts.key.size());
    if (!push) return push.error();
    if (!token) return token.error();
    request.identify(*push, *token);
    return {};
}

void HttpSink::deliver(const api::Target& target, const api::Delivery& delivery, Done done) {
    push(target,
         {&delivery},
         [done = std::move(done)](AttemptResult result, const client::Exchange&) {
             done(std::move(result));
         });
}

void HttpSink::deliver_batch(const api::Target& target, Batch batch, BatchDone done) {
    push(target,
         batch,
         [batch, done = std::move(done)](const AttemptResult& result,
                                         const client::Exchange& exchange) {
             done(batch_results(batch, result, exchange));
         });
}

void HttpSink::push(const api::Target& target, Batch batch, Pushed pushed) {
    const Known& entry = known(target);
    if (!entry.request) {
        const bool url = entry.request.error().code == Errc::invalid;
        return pushed(held_back(url ? model::Failure::name : model::Failure::configuration,
                                entry.request.error().detail),
                      {});
    }
    const auto& source = entry.request->token_source();
    if (!source) return ask(target, std::move(batch), *entry.request, {}, std::move(pushed));
    tokens_.get(target.subscription,
                *source,
                [this, &target, batch = std::move(batch), pushed = std::move(pushed)](
                    const Result<std::string>& token) {
                    if (!token) {
                        return pushed(
                            held_back(model::Failure::configuration, token.error().detail), {});
                    }
                    const PushRequest* request = still(target);
                    if (request == nullptr)
                        return pushed(held_back(model::Failure::none, "", 0), {});
                    ask(target, batch, *request, *token, pushed);
                });
}

// The request for it, unless the subscription has changed since.
const PushRequest* HttpSink::still(const api::Target& target) const {
    const auto now = known_.find(target.subscription);
    const bool same =
        now != known_.end() && now->second.request && now->second.request->fits(target);
    return same ? &*now->second.request : nullptr;
}

void HttpSink::ask(const api::Target& target,
                   Batch batch,
                   const PushRequest& request,
                   const std::string& token,
                   Pushed pushed) {
    if (request.handshake() == model::Handshake::none) {
        return send(target, batch, request, token, std::move(pushed));
    }
    const auto question = [this, &request, &token] {
        return request.question(challenge(), clock_.wall_ms(), token);
    };
    handshakes_.get(
        target.subscription,
        question,
        [this, &target, batch = std::move(batch), token, pushed = std::move(pushed)](
            const Result<Consent>& consent, std::uint32_t pause_ms) {
            if (!consent) {
                return pushed(
                    held_back(model::Failure::handshake, consent.error().detail, pause_ms), {});
            }
            const PushRequest* now = still(target);
            if (now == nullptr) return pushed(held_back(model::Failure::none, "", 0), {});
            send(target,
                 batch,
                 *now,
                 token,
                 [consent = *consent, pushed](AttemptResult result,
                                              const client::Exchange& exchange) {
                     result.consent = consent;
                     pushed(std::move(result), exchange);
                 });
        });
}

// 32 hexadecimal digits that nobody has seen before.
std::string HttpSink::challenge() {
    std::string text(32, '0');
    for (std::size_t half = 0; half < 2; ++half) {
        std::uint64_t bits = random_.next();
        for (std::size_t at = 0; at < 16; ++at, bits >>= 4U) {
            text[half * 16 + at] = "0123456789abcdef"[bits & 0xFU];
        }
    }
    return text;
}

void HttpSink::send(const api::Target& target,
                    const Batch& batch,
                    const PushRequest& request,
                    const std::string& token,
                    Pushed pushed) {
    const std::uint64_t request_id = random_.next() >> 1;  // fits a receiver's signed number
    http_->send(request.url(),
                request.fill(batch, request_id, clock_.wall_ms(), token),
                [this,
                 sent = Sent{target.subscription, token, request.outputs(), request.credentials()},
                 pushed = std::move(pushed)](client::Exchange exchange) {
                    AttemptResult result = conclude(sent, exchange);
                    pushed(std::move(result), exchange);
                });
}

AttemptResult HttpSink::conclude(const Sent& sent, client::Exchange& exchange) {
    if (!sent.token.empty() && exchange.answer.status == unauthorized) {
        tokens_.refuse(sent.subscription, sent.token);
    }
    // What it publishes stays as it is; nothing else of an answer of success is kept.
    const bool publishes = sent.outputs && is_success(exchange.answer.status);
    if (!publishes) sent.credentials->mask(exchange.answer.body);
    if (!sent.token.empty() && !publishes) Credentials::mask(sent.token, exchange.answer.body);
    AttemptResult result = classify(exchange, clock_.wall_ms());
    if (exchange.ending == client::Ending::answered) heed_receiver(exchange.answer, result);
    if (publishes) take_outputs(exchange, result);
    const bool deferred = result.verdict == model::Verdict::not_attempted;
    const std::uint32_t pause_ms = pause_after(sent.subscription, deferred);
    if (deferred) result.retry_after_ms = pause_ms;
    return result;
}

// All that is held up during a pause is held up by one cause: it makes the next pause longer once.
std::uint32_t HttpSink::pause_after(model::SubscriptionNo subscription, bool deferred) {
    const auto found = known_.find(subscription);
    if (found == known_.end()) return deferral_ms_first;
    Known& known = found->second;
    if (!deferred) {
        known.pause_ms = 0;
        known.pause_until_us = 0;
        return 0;
    }
    const std::int64_t now_us = clock_.steady_us();
    if (now_us >= known.pause_until_us) {
        known.pause_ms = std::clamp(2 * known.pause_ms, deferral_ms_first, deferral_ms_last);
        known.pause_until_us = now_us + std::int64_t{known.pause_ms} * 1'000;
    }
    return known.pause_ms;
}

void HttpSink::forget(const api::Target& target) {
    const auto found = known_.find(target.subscription);
    if (found == known_.end()) return;
    if (found->second.request) http_->forget(found->second.request->url());
    tokens_.forget(target.subscription);
    handshakes_.forget(target.subscription);
    known_.erase(found);
}

void HttpSink::stop() {
    http_->stop();
}

}  // namespace penstock::sinks::http
