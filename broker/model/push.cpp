#include "broker/model/push.h"

namespace penstock::model {

namespace {

constexpr std::size_t key_bytes_min = 5;
constexpr std::size_t header_bytes_min = 2;
constexpr std::uint8_t with_tls = 0x80;  // beside the authorization's kind: certificates follow

SigningKey decode_key(Reader& reader) {
    SigningKey key;
    key.kind = static_cast<SignatureKind>(reader.u8());
    if (key.kind != SignatureKind::hmac && key.kind != SignatureKind::ed25519) reader.fail();
    key.sealed = reader.text();
    key.public_key = reader.text();
    key.made_ms = static_cast<TimeMs>(reader.varint());
    key.until_ms = static_cast<TimeMs>(reader.varint());
    return key;
}

PushAuthorization decode_authorization(Reader& reader, std::uint8_t kind) {
    PushAuthorization authorization;
    authorization.kind = static_cast<PushAuthorization::Kind>(kind);
    if (authorization.kind == PushAuthorization::Kind::none) return authorization;
    if (authorization.kind > PushAuthorization::Kind::oauth2) reader.fail();
    authorization.name = reader.text();
    authorization.sealed = reader.text();
    if (authorization.kind != PushAuthorization::Kind::oauth2) return authorization;
    authorization.token_url = reader.text();
    authorization.scope = reader.text();
    return authorization;
}

void encode(Writer& writer, const PushAuthorization& authorization) {
    if (authorization.kind == PushAuthorization::Kind::none) return;
    writer.bytes(authorization.name);
    writer.bytes(authorization.sealed);
    if (authorization.kind != PushAuthorization::Kind::oauth2) return;
    writer.bytes(authorization.token_url);
    writer.bytes(authorization.scope);
}

}  // namespace

void encode(Writer& writer, const PushSpec& push) {
    writer.varint(push.signing_keys.size());
    for (const SigningKey& key : push.signing_keys) {
        writer.u8(static_cast<std::uint8_t>(key.kind));
        writer.bytes(key.sealed);
        writer.bytes(key.public_key);
        writer.varint(static_cast<std::uint64_t>(key.made_ms));
        writer.varint(static_cast<std::uint64_t>(key.until_ms));
    }
    writer.varint(push.headers.size());
    for (const PushHeader& header : push.headers) {
        writer.bytes(header.name);
        writer.bytes(header.sealed);
    }
    const bool tls = push.tls != PushTls{};
    const auto kind = static_cast<std::uint8_t>(push.authorization.kind);
    writer.u8(tls ? static_cast<std::uint8_t>(kind | with_tls) : kind);
    encode(writer, push.authorization);
    if (!tls) return;
    writer.bytes(push.tls.ca);
    writer.bytes(push.tls.client.chain);
    writer.bytes(push.tls.client.sealed_key);
}

PushSpec decode_push_spec(Reader& reader) {
    PushSpec push;
    push.signing_keys.resize(reader.count(key_bytes_min));
    for (SigningKey& key : push.signing_keys) key = decode_key(reader);
    push.headers.resize(reader.count(header_bytes_min));
    for (PushHeader& header : push.headers) {
        header.name = reader.text();
        header.sealed = reader.text();
    }
    const std::uint8_t kind = reader.u8();
    push.authorization = decode_authorization(reader, kind & ~with_tls);
    if ((kind & with_tls) == 0) return push;
    push.tls.ca = reader.text();
    push.tls.client.chain = reader.text();
    push.tls.client.sealed_key = reader.text();
    return push;
}

}  // namespace penstock::model
