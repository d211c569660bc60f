#include "sinks/http/access_tokens.h"

#include "broker/base/base64.h"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>

#include <algorithm>
#include <cctype>
#include <string_view>
#include <utility>

namespace penstock::sinks::http {
namespace {

namespace json = boost::json;

constexpr std::int64_t us_per_s = 1'000'000;

// application/x-www-form-urlencoded, which the pair of the Basic header is written in as well
// (RFC 6749, 2.3.1).
std::string form_text(std::string_view text) {
    constexpr std::string_view digits = "0123456789ABCDEF";
    constexpr std::string_view plain = "-._";
    std::string out;
    for (const char letter : text) {
        const auto byte = static_cast<unsigned char>(letter);
        if (std::isalnum(byte) != 0 || plain.find(letter) != std::string_view::npos) {
            out += letter;
        } else {
            out += '%';
            out += digits[byte >> 4U];
            out += digits[byte & 0xFU];
        }
    }
    return out;
}

// Visible letters only: it becomes a header.
bool is_token(std::string_view text) {
    return !text.empty() && text.size() <= token_bytes_max &&
           std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < '\x7f'; });
}

std::string text_of(const json::object& document, std::string_view name) {
    const auto* value = document.if_contains(name);
    return value != nullptr && value->is_string() ? std::string(value->get_string()) : "";
}

std::int64_t life_s(const json::object& document) {
    const auto* value = document.if_contains("expires_in");
    if (value == nullptr || !value->is_number()) return token_life_s_usual;
    boost::system::error_code no_whole_number;
    const auto seconds = value->to_number<std::int64_t>(no_whole_number);
    return no_whole_number ? token_life_s_usual
                           : std::clamp<std::int64_t>(seconds, 1, token_life_s_max);
}

}  // namespace

Result<TokenSource> TokenSource::make(const std::string& endpoint,
                                      const std::string& client_id,
                                      const std::string& secret,
                                      const std::string& scope) {
    auto url = client::parse_url(endpoint);
    if (!url) return error(Errc::invalid, "token endpoint: " + url.error().detail);
    TokenSource made;
    made.url = std::move(*url);
    made.body = "grant_type=client_credentials";
    if (!scope.empty()) made.body += "&scope=" + form_text(scope);
    const std::string pair = encode_base64(form_text(client_id) + ":" + form_text(secret));
    made.head = "POST " + made.url.target + " HTTP/1.1\r\nHost: " + made.url.authority +
                "\r\nUser-Agent: Penstock\r\nAccept: application/json"
                "\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: " +
                std::to_string(made.body.size()) + "\r\nAuthorization: Basic " + pair + "\r\n\r\n";
    return made;
}

void AccessTokens::get(model::SubscriptionNo subscription, const TokenSource& source, Ready ready) {
    std::shared_ptr<Known>& known = known_[subscription];
    const bool same = known && known->source == source;
    if (!same) {
        known = std::make_shared<Known>();
        known->source = source;
    }
    const bool fresh = clock_.steady_us() < known->until_us;
    if (fresh && !known->token.empty()) return ready(known->token);
    if (fresh && !known->failure.empty()) return ready(error(Errc::unavailable, known->failure));
    known->waiting.push_back(std::move(ready));
    if (!std::exchange(known->fetching, true)) fetch(known);
}

void AccessTokens::refuse(model::SubscriptionNo subscription, const std::string& token) {
    const auto found = known_.find(subscription);
    if (found == known_.end() || found->second->token != token) return;
    Known& known = *found->second;
    const std::int64_t now_us = clock_.steady_us();
    if (now_us < known.refusable_us) return;  // the next one would be refused like the last one
    known.refusable_us = now_us + token_pause_us;
    known.token.clear();
    known.until_us = 0;
}

void AccessTokens::fetch(const std::shared_ptr<Known>& known) {
    client::Outgoing request;
    request.head = known->source.head;
    request.body = known->source.body;
    request.timeout_ms = token_timeout_ms;
    http_.send(known->source.url, std::move(request), [this, known](client::Exchange exchange) {
        known->fetching = false;
        take(*known, exchange);
        const auto waiting = std::exchange(known->waiting, {});
        const Result<std::string> got =
            known->token.empty() ? Result<std::string>(error(Errc::unavailable, known->failure))
                                 : Result<std::string>(known->token);
        for (const Ready& ready : waiting) ready(got);
    });
}

void AccessTokens::take(Known& known, const client::Exchange& exchange) const {
    const std::int64_t now_us = clock_.steady_us();
    known.token.clear();
    known.until_us = now_us + token_pause_us;
    if (exchange.ending != client::Ending::answered) {
        known.failure = "no access token: " + exchange.detail;
        return;
    }
    // What the endpoint says beside it may quote the secret: it is not shown.
    known.failure =
        "no access token: the token endpoint answered " + std::to_string(exchange.answer.status);
    if (exchange.answer.status != 200 || !exchange.complete) return;
    boost::system::error_code no_json;
    const json::value answer = json::parse(exchange.answer.body, no_json);
    const json::object* document = no_json ? nullptr : answer.if_object();
    const std::string token = document == nullptr ? "" : text_of(*document, "access_token");
    if (!is_token(token)) {
        known.failure = "no access token: there is none in the token endpoint's answer";
        return;
    }
    known.failure.clear();
    known.token = token;
    const std::int64_t life = life_s(*document);
    known.until_us = now_us + std::max(life / 2, life - token_spare_s) * us_per_s;
}

}  // namespace penstock::sinks::http
