#include "broker/base/bytes.h"
#include "broker/model/command.h"

namespace penstock::model {

namespace {

void encode_one(Writer&, const Done&) {}

void encode_one(Writer& writer, const Refusal& refusal) {
    writer.u8(static_cast<std::uint8_t>(refusal.reason));
    writer.bytes(refusal.subject);
    writer.bytes(refusal.detail);
}

void encode_one(Writer& writer, const Reserved& reply) {
    for (const ObjectNo number : reply.numbers) writer.varint(number.value);
}

void encode_one(Writer& writer, const Sent& reply) {
    writer.boolean(reply.repeated);
    for (const MessageId id : reply.ids) writer.varint(id.value);
}

void encode_one(Writer& writer, const Leased& reply) {
    for (const LeasedMessage& message : reply.messages) {
        writer.varint(message.message.value);
        writer.varint(message.sequence);
        writer.u64(message.receipt.value);
        writer.i64(message.enqueued_ms);
        writer.i64(message.next_visible_ms);
        writer.i64(message.first_leased_ms);
        writer.varint(message.receives);
        writer.varint(message.body.value);
    }
}

void encode_one(Writer& writer, const Deleted& reply) {
    for (const bool removed : reply.removed) writer.boolean(removed);
}

void encode_one(Writer& writer, const Started& reply) {
    writer.varint(reply.items);
    writer.varint(reply.job);
}

void encode_one(Writer& writer, const Settled& reply) {
    for (const auto* items : {&reply.moved, &reply.refused}) {
        writer.varint(items->size());
        for (const std::uint32_t item : *items) writer.varint(item);
    }
}

void encode_one(Writer& writer, const Deployed& reply) {
    writer.varint(reply.version);
}

void encode_one(Writer& writer, const Transferred& reply) {
    writer.u8(static_cast<std::uint8_t>(reply.outcome));
    writer.u8(static_cast<std::uint8_t>(reply.reason));
    writer.bytes(reply.detail);
    writer.varint(reply.next);
}

void encode_one(Writer& writer, const Confirmed& reply) {
    for (const ConfirmResult result : reply.results) writer.u8(static_cast<std::uint8_t>(result));
}

void encode_one(Writer& writer, const ChecksTaken& reply) {
    for (const TransactionCheck& one : reply.items) {
        writer.varint(one.message.value);
        writer.varint(one.checks);
    }
}

}  // namespace

std::string encode_reply(const Reply& reply) {
    std::string out;
    Writer writer(out);
    writer.u8(static_cast<std::uint8_t>(reply.index()));
    std::visit([&](const auto& one) { encode_one(writer, one); }, reply);
    return out;
}

}  // namespace penstock::model
