#include "broker/model/push.h"

namespace penstock::model {

namespace {

constexpr std::size_t key_bytes_min = 5;
constexpr std::size_t header_bytes_min = 2;

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

PushAuthorization decode_authorization(Reader& reader) {
    PushAuthorization authorization;
    authorization.kind = static_cast<PushAuthorization::Kind>(reader.u8());
    if (authorization.kind == PushAuthorization::Kind::none) return authorization;
    if (authorization.kind > PushAuthorization::Kind::oauth2) reader.fail();
    authorization.name = reader.text();
    authorization.sealed = reader.text();
    if (authorization.kind != PushAuthorization::Kind::oauth2) return authorization;
    authorization.token_url = reader.text();
    authorization.scope = reader.text();
    return authorization;
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
    const PushAuthorization& authorization = push.authorization;
    writer.u8(static_cast<std::uint8_t>(authorization.kind));
    if (authorization.kind == PushAuthorization::Kind::none) return;
    writer.bytes(authorization.name);
    writer.bytes(authorization.sealed);
    if (authorization.kind != PushAuthorization::Kind::oauth2) return;
    writer.bytes(authorization.token_url);
    writer.bytes(authorization.scope);
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
    push.authorization = decode_authorization(reader);
    return push;
}

}  // namespace penstock::model
