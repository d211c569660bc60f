#include "broker/model/message.h"

#include "broker/base/bytes.h"

namespace penstock::model {

namespace {

constexpr std::uint8_t body_version = 1;

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

}  // namespace

std::string encode_body(const NewMessage& message) {
    const std::string header = encode_header(message.meta);
    std::string out;
    out.reserve(header.size() + message.payload.size() + 4);
    Writer writer(out);
    writer.u8(body_version);
    writer.bytes(header);
    writer.raw(message.payload);
    return out;
}

std::optional<StoredBody> decode_body(std::string_view bytes) {
    Reader reader(bytes);
    if (reader.u8() != body_version) return {};
    auto meta = decode_header(reader.bytes());
    if (!meta || !reader.ok()) return {};
    return StoredBody{std::move(*meta), reader.raw(reader.left())};
}

}  // namespace penstock::model
