#include "broker/model/message.h"

#include "broker/base/bytes.h"
#include "broker/base/check.h"

namespace penstock::model {

namespace {

constexpr std::uint8_t body_version = 1;
constexpr std::uint8_t packed_body_version = 2;

std::string encode_header(const MessageMeta& meta) {
    std::string out;
    Writer writer(out);
    writer.varint(meta.tags.size());
    for (const std::string& tag : meta.tags) writer.bytes(tag);
    writer.bytes(meta.routing_key);
    writer.bytes(meta.ordering_key);
    writer.bytes(meta.content_type);
    writer.varint(meta.attributes.size());
    for (const auto& [name, value] : meta.attributes) {
        writer.bytes(name);
        writer.bytes(value);
    }
    return out;
}

std::optional<MessageMeta> decode_header(std::string_view bytes) {
    Reader reader(bytes);
    MessageMeta meta;
    for (std::size_t left = reader.count(1); left > 0; --left) meta.tags.push_back(reader.text());
    meta.routing_key = reader.text();
    meta.ordering_key = reader.text();
    meta.content_type = reader.text();
    for (std::size_t left = reader.count(2); left > 0; --left) {
        std::string name = reader.text();
        meta.attributes.emplace_back(std::move(name), reader.text());
    }
    if (!reader.done()) return {};
    return meta;
}

std::optional<Packing> decode_packing(std::string_view bytes) {
    Reader reader(bytes);
    Packing packing;
    const std::uint8_t codec = reader.u8();
    if (codec > static_cast<std::uint8_t>(Codec::zstd)) return {};
    packing.codec = static_cast<Codec>(codec);
    packing.plain_bytes = reader.u32();
    const std::uint8_t sealed = reader.u8();
    if (sealed > 1) return {};
    if (sealed == 1) {
        Seal& seal = packing.seal.emplace();
        seal.account = reader.text();
        seal.object = ObjectNo{reader.u32()};
        seal.key_version = reader.u64();
        seal.nonce = reader.raw(seal_nonce_bytes);
        seal.wrapped_key = reader.text();
        if (seal.wrapped_key.size() > wrapped_key_bytes_max) return {};
    }
    if (!reader.done()) return {};
    return packing;
}

}  // namespace

std::string encode_packing(const Packing& packing) {
    std::string out;
    Writer writer(out);
    writer.u8(static_cast<std::uint8_t>(packing.codec));
    writer.u32(packing.plain_bytes);
    writer.boolean(packing.seal.has_value());
    if (!packing.seal) return out;
    const Seal& seal = *packing.seal;
    check(seal.nonce.size() == seal_nonce_bytes, "a seal's nonce has 16 bytes");
    writer.bytes(seal.account);
    writer.u32(seal.object.value);
    writer.u64(seal.key_version);
    writer.raw(seal.nonce);
    writer.bytes(seal.wrapped_key);
    return out;
}

std::string encode_body(const NewMessage& message) {
    const std::string header = encode_header(message.meta);
    const std::string packing = message.packing ? encode_packing(*message.packing) : std::string();
    std::string out;
    out.reserve(header.size() + packing.size() + message.payload.size() + 6);
    Writer writer(out);
    writer.u8(message.packing ? packed_body_version : body_version);
    writer.bytes(header);
    if (message.packing) writer.bytes(packing);
    writer.raw(message.payload);
    return out;
}

std::optional<StoredBody> decode_body(std::string_view bytes) {
    Reader reader(bytes);
    const std::uint8_t version = reader.u8();
    if (version != body_version && version != packed_body_version) return {};
    auto meta = decode_header(reader.bytes());
    if (!meta || !reader.ok()) return {};
    std::optional<Packing> packing;
    if (version == packed_body_version) {
        packing = decode_packing(reader.bytes());
        if (!packing || !reader.ok()) return {};
    }
    const std::string_view payload = reader.raw(reader.left());
    return StoredBody{std::move(*meta), payload, std::move(packing)};
}

bool is_packed(std::string_view body) {
    return !body.empty() && static_cast<std::uint8_t>(body.front()) == packed_body_version;
}

std::uint32_t size_sent(const NewMessage& message) {
    return message.packing ? message.packing->plain_bytes
                           : static_cast<std::uint32_t>(message.payload.size());
}

BodyInfo take_info(NewMessage& message) {
    const std::uint32_t bytes = size_sent(message);
    return BodyInfo{std::move(message.meta), bytes};
}

}  // namespace penstock::model
