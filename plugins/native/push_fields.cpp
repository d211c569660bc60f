#include "plugins/native/push_fields.h"

#include "broker/base/instant.h"
#include "plugins/native/certificates.h"
#include "plugins/native/url_field.h"
#include "plugins/native/views.h"

#include <boost/json/array.hpp>
#include <openssl/crypto.h>

#include <algorithm>
#include <cctype>
#include <utility>

namespace penstock::plugins::native {

namespace {

namespace json = boost::json;
using model::SignatureKind;
using Kind = model::PushAuthorization::Kind;

constexpr std::string_view hmac_name = "standard-webhooks";
constexpr std::string_view ed25519_name = "standard-webhooks-ed25519";
constexpr std::string_view masked = "***";
constexpr Range secret_bytes{1, 4'096};
constexpr Range user_bytes{1, 256};
constexpr Range scope_bytes{1, 1'024};
constexpr Range certificates_bytes{1, model::certificates_bytes_max};
constexpr Range certificate_key_bytes{1, model::certificate_key_bytes_max};

std::string_view to_text(SignatureKind kind) {
    return kind == SignatureKind::ed25519 ? ed25519_name : hmac_name;
}

// Nothing left in `fields` but a problem when it cannot be sealed.
std::string sealed(Fields& fields,
                   std::string_view name,
                   std::string_view secret,
                   const Sealing& sealing) {
    // Of a document that was exported: kept as it stands, it would be sent.
    if (secret == masked) {
        fields.refuse(name, "is masked (***): give the value itself.");
        return {};
    }
    if (sealing.box == nullptr) {
        fields.refuse(name, "cannot be kept: this server has no key to seal secrets with.");
        return {};
    }
    auto done = sealing.box->seal(secret, sealing.owner);
    if (done) return std::move(*done);
    fields.refuse(name, "cannot be kept: " + done.error().detail + ".");
    return {};
}

std::string lower(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(), [](unsigned char letter) {
        return static_cast<char>(std::tolower(letter));
    });
    return out;
}

// The secret that is called `name`.
void read_secret(Fields& fields,
                 std::string_view name,
                 const Sealing& sealing,
                 model::PushAuthorization& authorization) {
    const std::string secret = fields.need_text(name, secret_bytes);
    if (fields.ok()) authorization.sealed = sealed(fields, name, secret, sealing);
}

model::PushAuthorization read_basic(Fields& object, const Sealing& sealing) {
    model::PushAuthorization authorization;
    authorization.kind = Kind::basic;
    auto given = object.object("basic", {"user", "password"});
    if (!given) return authorization;
    authorization.name = given->need_text("user", user_bytes);
    if (authorization.name.find(':') != std::string::npos) {
        given->refuse("user", "must not contain ':'.");
    }
    read_secret(*given, "password", sealing, authorization);
    object.adopt(*given);
    return authorization;
}

model::PushAuthorization read_bearer(Fields& object, const Sealing& sealing) {
    model::PushAuthorization authorization;
    authorization.kind = Kind::bearer;
    auto given = object.object("bearer", {"token"});
    if (!given) return authorization;
    read_secret(*given, "token", sealing, authorization);
    object.adopt(*given);
    return authorization;
}

model::PushAuthorization read_oauth2(Fields& object, const Sealing& sealing) {
    model::PushAuthorization authorization;
    authorization.kind = Kind::oauth2;
    auto given = object.object("oauth2", {"token_url", "client_id", "client_secret", "scope"});
    if (!given) return authorization;
    authorization.token_url = need_url(*given, "token_url");
    authorization.name = given->need_text("client_id", user_bytes);
    authorization.scope = given->text("scope", scope_bytes).value_or("");
    read_secret(*given, "client_secret", sealing, authorization);
    object.adopt(*given);
    return authorization;
}

// What `name` holds when it is fine; nothing after a problem.
std::optional<Certificates> read_certificates(Fields& given,
                                              std::string_view name,
                                              Result<Certificates> (*read)(std::string_view,
                                                                           model::TimeMs),
                                              model::TimeMs now_ms) {
    const auto pem = given.payload(name, certificates_bytes);
    if (!pem) return std::nullopt;
    auto found = read(*pem, now_ms);
    if (found) return std::move(*found);
    given.refuse(name, found.error().detail);
    return std::nullopt;
}

model::ClientCertificate read_client(Fields& given, const Sealing& sealing, model::TimeMs now_ms) {
    model::ClientCertificate client;
    const auto chain = read_certificates(given, "client_cert", Certificates::chain, now_ms);
    auto pem = given.payload("client_key", certificate_key_bytes);
    if (given.ok() && !chain) given.refuse("client_cert", "is missing: it goes with client_key.");
    if (given.ok() && !pem) given.refuse("client_key", "is missing: it goes with client_cert.");
    if (!given.ok()) return client;
    auto key = *pem == masked ? Result<std::string>(*pem) : chain->key_in(*pem);
    if (key) {
        client.chain = chain->pem();
        client.sealed_key = sealed(given, "client_key", *key, sealing);
        ::OPENSSL_cleanse(key->data(), key->size());
    } else {
        given.refuse("client_key", key.error().detail);
    }
    ::OPENSSL_cleanse(pem->data(), pem->size());
    return client;
}

void put_facts(json::array& out, std::string_view use, const std::string& pem) {
    for (const Certificates::Facts& facts : Certificates::facts_in(pem)) {
        json::object one;
        one["use"] = use;
        one["subject"] = facts.subject;
        put_time(one, "ends_at", facts.ends_ms);
        out.emplace_back(std::move(one));
    }
}

void put_tls(json::object& out, const model::PushTls& tls) {
    if (tls == model::PushTls{}) return;
    json::object shown;
    json::array certificates;
    if (!tls.ca.empty()) shown["ca"] = tls.ca;
    put_facts(certificates, "ca", tls.ca);
    if (!tls.client.chain.empty()) {
        shown["client_cert"] = tls.client.chain;
        shown["client_key"] = masked;
        put_facts(certificates, "client_cert", tls.client.chain);
    }
    out["tls"] = std::move(shown);
    out["certificates"] = std::move(certificates);
}

json::object show(const model::PushAuthorization& authorization) {
    json::object kind;
    json::object out;
    switch (authorization.kind) {
        case Kind::none:
            break;
        case Kind::basic:
            kind["user"] = authorization.name;
            kind["password"] = masked;
            out["basic"] = std::move(kind);
            break;
        case Kind::bearer:
            kind["token"] = masked;
            out["bearer"] = std::move(kind);
            break;
        case Kind::oauth2:
            kind["token_url"] = authorization.token_url;
            kind["client_id"] = authorization.name;
            kind["client_secret"] = masked;
            if (!authorization.scope.empty()) kind["scope"] = authorization.scope;
            out["oauth2"] = std::move(kind);
            break;
    }
    return out;
}

json::object show(const model::SigningKey& key) {
    json::object out;
    out["scheme"] = to_text(key.kind);
    if (!key.public_key.empty()) out["public_key"] = key.public_key;
    put_time(out, "made_at", key.made_ms);
    put_time(out, "until", key.until_ms);
    return out;
}

}  // namespace

std::optional<std::optional<SignatureKind>> read_sign(Fields& fields) {
    const auto sign = fields.one_of("sign", {hmac_name, ed25519_name, "none"});
    if (!sign) return std::nullopt;
    if (*sign == "none") return std::optional<SignatureKind>();
    return *sign == ed25519_name ? SignatureKind::ed25519 : SignatureKind::hmac;
}

std::optional<std::vector<model::PushHeader>> read_headers(Fields& fields, const Sealing& sealing) {
    const json::value* value = fields.raw("headers");
    if (value == nullptr) return std::nullopt;
    const json::object* object = value->if_object();
    if (object == nullptr || object->size() > model::push_headers_max) {
        fields.refuse("headers", "must be an object of at most 16 names and values.");
        return std::nullopt;
    }
    std::vector<std::string_view> names;
    for (const auto& member : *object) names.emplace_back(member.key());
    auto values = fields.object("headers", names);
    if (!values) return std::nullopt;
    std::vector<model::PushHeader> headers;
    for (const std::string_view name : names) {
        const std::string text = values->need_text(name, secret_bytes);
        if (!values->ok()) break;
        headers.push_back({lower(name), sealed(*values, name, text, sealing)});
    }
    fields.adopt(*values);
    return headers;
}

std::optional<model::PushAuthorization> read_authorization(Fields& fields, const Sealing& sealing) {
    if (fields.is_null("authorization")) return model::PushAuthorization{};
    auto object = fields.object("authorization", {"basic", "bearer", "oauth2"});
    if (!object) return std::nullopt;
    model::PushAuthorization authorization;
    const bool basic = object->has("basic");
    const bool oauth2 = object->has("oauth2");
    if (int{basic} + int{oauth2} + int{object->has("bearer")} != 1) {
        object->refuse("basic", "bearer or oauth2 is needed, one of them.");
    } else if (basic) {
        authorization = read_basic(*object, sealing);
    } else {
        authorization = oauth2 ? read_oauth2(*object, sealing) : read_bearer(*object, sealing);
    }
    fields.adopt(*object);
    return authorization;
}

api::TlsChange read_tls(Fields& fields, const Sealing& sealing, model::TimeMs now_ms) {
    api::TlsChange change;
    if (fields.is_null("tls")) return {std::string(), model::ClientCertificate{}};
    auto given = fields.object("tls", {"ca", "client_cert", "client_key"});
    if (!given) return change;
    if (given->is_null("ca")) {
        change.ca.emplace();
    } else if (const auto ca = read_certificates(*given, "ca", Certificates::authorities, now_ms)) {
        change.ca = ca->pem();
    }
    const bool key = given->has("client_key") && !given->is_null("client_key");
    if (given->is_null("client_cert") && !key) {
        change.client.emplace();
    } else if (given->has("client_cert") || given->has("client_key")) {
        change.client = read_client(*given, sealing, now_ms);
    }
    fields.adopt(*given);
    return change;
}

void put_push(json::object& out, const model::PushSpec& push) {
    if (!push.signing_keys.empty()) {
        json::array keys;
        for (const model::SigningKey& key : push.signing_keys) keys.emplace_back(show(key));
        out["sign"] = to_text(push.signing_keys.front().kind);
        out["signing_keys"] = std::move(keys);
    }
    if (!push.headers.empty()) {
        json::object headers;
        for (const model::PushHeader& header : push.headers) headers[header.name] = masked;
        out["headers"] = std::move(headers);
    }
    if (push.authorization.kind != Kind::none) out["authorization"] = show(push.authorization);
    put_tls(out, push.tls);
}

Problem not_sealed(const std::string& why) {
    Problem problem;
    problem.status = 503;
    problem.code = "secrets_unavailable";
    problem.detail = "A secret cannot be kept: " + why + ".";
    problem.hint = "penstock.toml(5), push.secrets_key.";
    problem.subject = "sign";
    return problem;
}

}  // namespace penstock::plugins::native
