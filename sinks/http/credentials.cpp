#include "sinks/http/credentials.h"

#include "broker/base/base64.h"
#include "sinks/http/json_text.h"

#include <utility>

namespace penstock::sinks::http {
namespace {

using Kind = model::PushAuthorization::Kind;

constexpr std::string_view masked = "***";

}  // namespace

void Credentials::add(std::string_view name, std::string_view value) {
    headers_ += "\r\n";
    headers_ += name;
    headers_ += ": ";
    append_header_text(headers_, value);
}

Result<Credentials> Credentials::make(const model::PushSpec& push,
                                      const api::SecretBox& secrets,
                                      std::string_view owner) {
    Credentials made;
    for (const model::PushHeader& header : push.headers) {
        auto value = secrets.open(header.sealed, owner);
        if (!value) return value.error();
        made.add(header.name, *value);
        made.secrets_.push_back(std::move(*value));
    }
    const model::PushAuthorization& authorization = push.authorization;
    if (authorization.kind == Kind::none) return made;
    auto secret = secrets.open(authorization.sealed, owner);
    if (!secret) return secret.error();
    if (authorization.kind == Kind::basic) {
        const std::string pair = encode_base64(authorization.name + ":" + *secret);
        made.add("authorization", "Basic " + pair);
        made.secrets_.push_back(pair);
    } else if (authorization.kind == Kind::bearer) {
        made.add("authorization", "Bearer " + *secret);
    } else {
        auto source = TokenSource::make(
            authorization.token_url, authorization.name, *secret, authorization.scope);
        if (!source) return source.error();
        made.tokens_ = std::move(*source);
    }
    made.secrets_.push_back(std::move(*secret));
    return made;
}

void Credentials::mask(std::string& text) const {
    for (const std::string& secret : secrets_) mask(secret, text);
}

void Credentials::mask(std::string_view secret, std::string& text) {
    if (secret.size() < masked_bytes_min) return;
    std::size_t at = text.find(secret);
    while (at != std::string::npos) {
        text.replace(at, secret.size(), masked);
        at = text.find(secret, at + masked.size());
    }
}

}  // namespace penstock::sinks::http
