#include "broker/model/attempt.h"

#include "broker/base/bytes.h"

namespace penstock::model {

namespace {

constexpr std::uint8_t attempts_version = 1;
constexpr std::size_t smallest_attempt_bytes = 13;

std::uint32_t varint32(Reader& reader) {
    const std::uint64_t value = reader.varint();
    if (value > UINT32_MAX) reader.fail();
    return static_cast<std::uint32_t>(value);
}

}  // namespace

std::string_view to_text(Verdict verdict) {
    switch (verdict) {
        case Verdict::accepted:
            return "accepted";
        case Verdict::retry:
            return "retry";
        case Verdict::rejected:
            return "rejected";
        case Verdict::not_attempted:
            return "not_attempted";
        case Verdict::discarded:
            return "discarded";
    }
    return "unknown";
}

std::string_view to_text(Failure failure) {
    switch (failure) {
        case Failure::none:
            return "none";
        case Failure::status:
            return "status";
        case Failure::timeout:
            return "timeout";
        case Failure::refused:
            return "refused";
        case Failure::reset:
            return "reset";
        case Failure::tls:
            return "tls";
        case Failure::name:
            return "name_not_resolved";
        case Failure::guarded:
            return "address_refused";
        case Failure::queue_full:
            return "queue_full";
        case Failure::queue_gone:
            return "queue_gone";
        case Failure::exhausted_resources:
            return "resources_short";
        case Failure::damaged:
            return "damaged";
        case Failure::receives:
            return "max_receives";
        case Failure::time_to_live:
            return "time_to_live";
        case Failure::handler:
            return "handler";
        case Failure::crash:
            return "crash";
        case Failure::budget:
            return "budget";
        case Failure::configuration:
            return "configuration";
        case Failure::no_worker:
            return "no_worker";
        case Failure::output_refused:
            return "output_refused";
        case Failure::key_waits:
            return "key_waits";
        case Failure::kv_moved:
            return "kv_moved";
        case Failure::handshake:
            return "handshake";
        case Failure::sealed:
            return "sealed";
    }
    return "unknown";
}

std::string encode_attempts(const std::vector<Attempt>& attempts) {
    std::string out;
    Writer writer(out);
    writer.u8(attempts_version);
    writer.varint(attempts.size());
    for (const Attempt& attempt : attempts) {
        writer.varint(attempt.sequence);
        writer.varint(attempt.message.value);
        writer.varint(attempt.number);
        writer.varint(static_cast<std::uint64_t>(attempt.at_ms));
        writer.varint(attempt.latency_us);
        writer.u8(static_cast<std::uint8_t>(attempt.verdict));
        writer.u8(static_cast<std::uint8_t>(attempt.failure));
        writer.u16(attempt.status);
        writer.bytes(attempt.target);
        writer.bytes(attempt.excerpt);
        writer.bytes(attempt.log);
        writer.varint(attempt.version);
    }
    return out;
}

std::optional<std::vector<Attempt>> decode_attempts(std::string_view bytes) {
    Reader reader(bytes);
    if (reader.u8() != attempts_version) return {};
    std::vector<Attempt> attempts(reader.count(smallest_attempt_bytes));
    for (Attempt& attempt : attempts) {
        attempt.sequence = reader.varint();
        attempt.message = MessageId{reader.varint()};
        attempt.number = varint32(reader);
        attempt.at_ms = static_cast<TimeMs>(reader.varint());
        attempt.latency_us = varint32(reader);
        attempt.verdict = static_cast<Verdict>(reader.u8());
        attempt.failure = static_cast<Failure>(reader.u8());
        attempt.status = reader.u16();
        attempt.target = reader.text();
        attempt.excerpt = reader.text();
        attempt.log = reader.text();
        attempt.version = varint32(reader);
    }
    if (!reader.done()) return {};
    return attempts;
}

}  // namespace penstock::model
