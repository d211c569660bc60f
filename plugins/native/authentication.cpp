#include "plugins/native/authentication.h"

#include "broker/api/signature.h"
#include "broker/base/letters.h"

#include <array>
#include <optional>
#include <utility>

namespace penstock::plugins::native {

namespace {

constexpr std::string_view signed_scheme = "CMQ-HMAC-SHA256";

Problem unauthenticated(std::string detail) {
    model::Refusal refusal;
    refusal.reason = model::Reason::unauthenticated;
    refusal.detail = std::move(detail);
    Problem problem = refused(refusal);
    problem.headers.emplace_back("WWW-Authenticate", "Bearer realm=\"penstock\", CMQ-HMAC-SHA256");
    return problem;
}

// Takes an unknown key through the same comparison, so that key ids cannot be found out by time.
std::string secret_of(const std::optional<api::AccessKey>& key) {
    return key ? key->secret : std::string(api::nobodys_secret);
}

std::string_view trimmed(std::string_view text) {
    while (text.starts_with(' ')) {
        text.remove_prefix(1);
    }
    while (text.ends_with(' ')) {
        text.remove_suffix(1);
    }
    return text;
}

Authenticated check_bearer(const api::Broker& broker, std::string_view credentials) {
    const auto colon = credentials.find(':');
    if (colon == std::string_view::npos) {
        return unauthenticated("The bearer key must be KEY_ID:KEY_SECRET.");
    }
    const std::string_view key_id = credentials.substr(0, colon);
    std::string_view given = credentials.substr(colon + 1);
    std::string_view token;
    // A temporary key is KEY_ID:KEY_SECRET:TOKEN.
    const auto behind = given.find(':');
    if (key_id.starts_with(api::temporary_key_prefix) && behind != std::string_view::npos) {
        token = given.substr(behind + 1);
        given = given.substr(0, behind);
    }
    const auto key = api::find_key(broker, key_id, token);
    const bool equal = api::equal_in_constant_time(secret_of(key), given);
    if (!equal || !key) return unauthenticated("The key is unknown or its secret wrong.");
    return api::principal_of(key_id, token, *key);
}

constexpr std::size_t signature_parts_needed = 3;

// KeyId, Timestamp and Signature, each exactly once, and Token, at most once.
std::optional<std::array<std::string_view, 4>> signature_parts(std::string_view text) {
    constexpr std::array<std::string_view, 4> names = {"KeyId", "Timestamp", "Signature", "Token"};
    std::array<std::string_view, 4> values{};
    while (!text.empty()) {
        const std::string_view part = text.substr(0, text.find(','));
        text.remove_prefix(std::min(text.size(), part.size() + 1));
        const std::string_view pair = trimmed(part);
        const auto equals = pair.find('=');
        if (equals == std::string_view::npos) return std::nullopt;
        bool known = false;
        for (std::size_t at = 0; at < names.size(); ++at) {
            if (pair.substr(0, equals) != names[at]) continue;
            if (!values[at].empty()) return std::nullopt;
            values[at] = pair.substr(equals + 1);
            known = true;
        }
        if (!known) return std::nullopt;
    }
    for (std::size_t at = 0; at < signature_parts_needed; ++at) {
        if (values[at].empty()) return std::nullopt;
    }
    return values;
}

Authenticated check_signature(const api::Broker& broker,
                              const HttpRequest& request,
                              std::string_view credentials,
                              std::int64_t now_ms) {
    const auto parts = signature_parts(credentials);
    if (!parts) {
        return unauthenticated("The signature must be 'KeyId=…, Timestamp=…, Signature=…'.");
    }
    const auto& [key_id, timestamp, given, token] = *parts;
    std::string target = request.path;
    if (!request.query.empty()) target.append("?").append(request.query);
    const auto key = api::find_key(broker, key_id, token);
    const std::string right =
        api::sign(api::SignatureMethod::hmac_sha256,
                  secret_of(key),
                  signed_text(request.method, target, timestamp, request.body));
    const bool equal = api::equal_in_constant_time(right, given);
    if (!equal || !key) {
        return unauthenticated("The key is unknown or the signature does not fit the request.");
    }
    const auto signed_at_s = model::parse_decimal(timestamp);
    const std::int64_t now_s = now_ms / 1000;
    if (!signed_at_s || *signed_at_s > static_cast<std::uint64_t>(now_s + signature_age_max_s) ||
        static_cast<std::int64_t>(*signed_at_s) < now_s - signature_age_max_s) {
        return unauthenticated("The Timestamp is more than " + std::to_string(signature_age_max_s) +
                               " s from the server's clock, which shows " + std::to_string(now_s) +
                               ".");
    }
    return api::principal_of(key_id, token, *key);
}

}  // namespace

std::string signed_text(std::string_view method,
                        std::string_view target,
                        std::string_view timestamp,
                        std::string_view body) {
    std::string text;
    text.reserve(method.size() + target.size() + timestamp.size() + body.size() + 3);
    text.append(method).append("\n").append(target).append("\n");
    text.append(timestamp).append("\n").append(body);
    return text;
}

Authenticated authenticate(const api::Broker& broker,
                           const HttpRequest& request,
                           std::int64_t now_ms) {
    const std::string_view header = request.header("authorization");
    if (header.empty()) return unauthenticated("The request names no key.");
    const auto space = std::min(header.find(' '), header.size());
    const std::string_view scheme = header.substr(0, space);
    const std::string_view credentials = trimmed(header.substr(space));
    if (same_letters(scheme, "Bearer")) return check_bearer(broker, credentials);
    if (same_letters(scheme, signed_scheme)) {
        return check_signature(broker, request, credentials, now_ms);
    }
    return unauthenticated("The Authorization scheme is not known.");
}

}  // namespace penstock::plugins::native
