#include "broker/node/push_rules.h"

#include <algorithm>
#include <array>
#include <set>
#include <string_view>
#include <utility>

namespace penstock::node {

namespace {

constexpr std::uint64_t overlap_ms_max = 30ULL * 86'400'000;
constexpr std::size_t header_name_bytes_max = 64;
constexpr std::size_t sealed_bytes_max = 8'192;
constexpr std::size_t user_bytes_max = 256;
constexpr std::size_t token_url_bytes_max = 2'048;
constexpr std::size_t sealing_bytes_max = 64;  // what sealing adds to a secret, at most

// What the request's own drawing says; a user's header must not contradict it.
constexpr std::array<std::string_view, 10> own_headers = {"host",
                                                          "connection",
                                                          "content-length",
                                                          "content-type",
                                                          "transfer-encoding",
                                                          "te",
                                                          "trailer",
                                                          "upgrade",
                                                          "expect",
                                                          "user-agent"};
constexpr std::array<std::string_view, 3> own_prefixes = {"webhook-", "ce-", "x-cmq-"};

model::Refusal invalid(std::string_view field, std::string detail) {
    return {model::Reason::invalid_parameter, std::string(field), std::move(detail)};
}

bool is_header_name(std::string_view name) {
    constexpr std::string_view marks = "!#$%&'*+-.^_`|~";
    return !name.empty() && name.size() <= header_name_bytes_max &&
           std::all_of(name.begin(), name.end(), [&](char letter) {
               return (letter >= 'a' && letter <= 'z') || (letter >= '0' && letter <= '9') ||
                      marks.find(letter) != std::string_view::npos;
           });
}

bool is_own(std::string_view name) {
    return std::find(own_headers.begin(), own_headers.end(), name) != own_headers.end() ||
           std::any_of(own_prefixes.begin(), own_prefixes.end(), [&](std::string_view prefix) {
               return name.starts_with(prefix);
           });
}

Refused check_headers(const model::PushSpec& push) {
    if (push.headers.size() > model::push_headers_max) {
        return invalid("headers", "at most 16 headers");
    }
    const bool authorized = push.authorization.kind != model::PushAuthorization::Kind::none;
    std::set<std::string_view> names;
    for (const model::PushHeader& header : push.headers) {
        if (!is_header_name(header.name)) {
            return invalid("headers", "a name has 1 to 64 letters, digits and !#$%&'*+-.^_`|~");
        }
        if (is_own(header.name)) {
            return invalid("headers", header.name + " is the request's own: choose another name");
        }
        if (header.name == "authorization" && authorized) {
            return invalid("headers", "authorization is given twice: as a header and by itself");
        }
        if (!names.insert(header.name).second) {
            return invalid("headers", header.name + " is given twice");
        }
        if (header.sealed.size() > sealed_bytes_max) {
            return invalid("headers", "a value has at most 4096 bytes");
        }
    }
    return {};
}

Refused check_authorization(const model::PushAuthorization& authorization) {
    const bool fits = authorization.name.size() <= user_bytes_max &&
                      authorization.sealed.size() <= sealed_bytes_max;
    if (!fits) return invalid("authorization", "a user has at most 256 bytes, a secret 4096");
    if (authorization.kind != model::PushAuthorization::Kind::oauth2) return {};
    const std::string& url = authorization.token_url;
    const bool scheme = url.starts_with("http://") || url.starts_with("https://");
    if (!scheme || url.size() > token_url_bytes_max) {
        return invalid("authorization", "token_url must begin with http:// or https://");
    }
    return {};
}

Refused check_tls(const model::SubscriptionSpec& spec) {
    const model::PushTls& tls = spec.push.tls;
    if (tls == model::PushTls{}) return {};
    // In clear nobody would be asked who he is, and nobody would notice.
    if (!spec.endpoint.starts_with("https://")) {
        return invalid("tls", "certificates go with an https:// endpoint only");
    }
    if (tls.client.chain.empty() != tls.client.sealed_key.empty()) {
        return invalid("tls", "a client certificate and its key go together");
    }
    const bool fits =
        tls.ca.size() <= model::certificates_bytes_max &&
        tls.client.chain.size() <= model::certificates_bytes_max &&
        tls.client.sealed_key.size() <= model::certificate_key_bytes_max + sealing_bytes_max;
    if (fits) return {};
    return invalid("tls", "certificates have at most 32768 bytes as PEM, a key 16384");
}

}  // namespace

Refused change_signing(const api::SigningChange& change,
                       model::TimeMs now_ms,
                       model::PushSpec& push) {
    if (change.overlap_ms > overlap_ms_max) {
        return out_of_range("overlap", 0, overlap_ms_max / 1'000, "seconds");
    }
    const std::vector<model::SigningKey> before = std::exchange(push.signing_keys, {});
    if (!change.key) return {};
    push.signing_keys.push_back(*change.key);
    push.signing_keys.front().until_ms = 0;
    const model::TimeMs end = now_ms + static_cast<model::TimeMs>(change.overlap_ms);
    for (model::SigningKey key : before) {
        key.until_ms = key.until_ms == 0 ? end : std::min(key.until_ms, end);
        if (key.until_ms > now_ms) push.signing_keys.push_back(std::move(key));
    }
    if (push.signing_keys.size() <= model::signing_keys_max) return {};
    return invalid("overlap",
                   "three keys of before still sign beside the newest: wait until one ends, or "
                   "rotate with an overlap of 0");
}

Refused check_push(const model::SubscriptionSpec& spec) {
    const model::PushSpec& push = spec.push;
    if (spec.sink != model::SinkKind::http && push != model::PushSpec{}) {
        return invalid("http", "signatures, headers, authorization and tls go with http only");
    }
    if (auto refused = check_headers(push)) return refused;
    if (auto refused = check_authorization(push.authorization)) return refused;
    return check_tls(spec);
}

}  // namespace penstock::node
