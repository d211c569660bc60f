#include "plugins/cmq_tcp/reply.h"

#include "plugins/cmq_tcp/request.h"
#include "plugins/cmq_tcp/wire.h"

#include <utility>

namespace penstock::plugins::cmq_tcp {

namespace {

using Kind = Field::Kind;

// Numbers of CMQProto's fields.
constexpr std::uint32_t seqno_field = 1;
constexpr std::uint32_t command_field = 2;
constexpr std::uint32_t result_field = 3;
constexpr std::uint32_t error_field = 4;
constexpr std::uint32_t request_id_field = 10;
constexpr std::uint32_t pulled_field = 26;
constexpr std::uint32_t batch_pulled_field = 27;
constexpr std::uint32_t failures_field = 28;
constexpr std::uint32_t ids_field = 29;
constexpr std::uint32_t confirmed_field = 222;
constexpr std::uint32_t query_field = 223;

void put_pulled(std::string& out, std::uint32_t number, const PulledMessage& message) {
    const std::size_t begun = begin_message(out, number);
    put_number(out, 1, message.id);
    put_number(out, 3, message.receipt);
    put_bytes(out, 4, message.body);
    put_signed(out, 5, message.enqueued_s);
    put_signed(out, 6, message.next_visible_s);
    put_signed(out, 7, message.first_received_s);
    put_signed(out, 8, message.receives);
    if (!message.ordering_key.empty()) put_bytes(out, ordering_key_field, message.ordering_key);
    end_message(out, begun);
}

void put_all_pulled(std::string& out, const Reply& reply) {
    if (reply.pulled.empty()) return;
    if (reply.command == static_cast<std::int32_t>(Command::pull)) {
        return put_pulled(out, pulled_field, reply.pulled.front());
    }
    const std::size_t begun = begin_message(out, batch_pulled_field);
    for (const PulledMessage& message : reply.pulled) put_pulled(out, 1, message);
    end_message(out, begun);
}

void put_failure(std::string& out, const DeleteFailure& failure) {
    const std::size_t begun = begin_message(out, failures_field);
    put_number(out, 1, failure.receipt);
    put_signed(out, 2, failure.code);
    put_bytes(out, 3, failure.text);
    end_message(out, begun);
}

void put_confirmed(std::string& out, const Reply& reply) {
    if (reply.confirmed.empty()) return;
    const std::size_t begun = begin_message(out, confirmed_field);
    put_bytes(out, 1, reply.confirmed_queue);
    for (const ConfirmedItem& item : reply.confirmed) {
        const std::size_t inner = begin_message(out, 2);
        put_number(out, 1, item.id);
        put_signed(out, 2, item.state);
        if (item.code != 0) put_signed(out, 3, item.code);
        if (!item.text.empty()) put_bytes(out, 4, item.text);
        end_message(out, inner);
    }
    end_message(out, begun);
}

void put_query(std::string& out, const Query& query) {
    const std::size_t begun = begin_message(out, query_field);
    put_bytes(out, 1, query.queue);
    put_number(out, 2, query.id);
    end_message(out, begun);
}

// ---- reading ------------------------------------------------------------------------------------

template <class Number>
void take(const Field& field, std::uint32_t number, Number& to) {
    if (field.number == number && field.kind == Kind::number) to = static_cast<Number>(field.value);
}

bool read_pulled(std::string_view bytes, PulledMessage& to) {
    Field field;
    FieldReader reader(bytes);
    while (reader.next(field)) {
        take(field, 1, to.id);
        take(field, 3, to.receipt);
        if (field.number == 4 && field.kind == Kind::bytes) to.body = field.bytes;
        take(field, 5, to.enqueued_s);
        take(field, 6, to.next_visible_s);
        take(field, 7, to.first_received_s);
        take(field, 8, to.receives);
        if (field.number == ordering_key_field && field.kind == Kind::bytes) {
            to.ordering_key = field.bytes;
        }
    }
    return !reader.malformed();
}

bool read_batch(std::string_view bytes, std::vector<PulledMessage>& to) {
    Field field;
    FieldReader reader(bytes);
    while (reader.next(field)) {
        if (field.number != 1 || field.kind != Kind::bytes) continue;
        if (!read_pulled(field.bytes, to.emplace_back())) return false;
    }
    return !reader.malformed();
}

bool read_failure(std::string_view bytes, DeleteFailure& to) {
    Field field;
    FieldReader reader(bytes);
    while (reader.next(field)) {
        take(field, 1, to.receipt);
        take(field, 2, to.code);
        if (field.number == 3 && field.kind == Kind::bytes) to.text = field.bytes;
    }
    return !reader.malformed();
}

bool read_confirmed_item(std::string_view bytes, ConfirmedItem& to) {
    Field field;
    FieldReader reader(bytes);
    while (reader.next(field)) {
        take(field, 1, to.id);
        take(field, 2, to.state);
        take(field, 3, to.code);
        if (field.number == 4 && field.kind == Kind::bytes) to.text = field.bytes;
    }
    return !reader.malformed();
}

bool read_confirmed(std::string_view bytes, Reply& reply) {
    Field field;
    FieldReader reader(bytes);
    while (reader.next(field)) {
        if (field.kind != Kind::bytes) continue;
        if (field.number == 1) reply.confirmed_queue = field.bytes;
        if (field.number != 2) continue;
        if (!read_confirmed_item(field.bytes, reply.confirmed.emplace_back())) return false;
    }
    return !reader.malformed();
}

bool read_query(std::string_view bytes, Query& to) {
    Field field;
    FieldReader reader(bytes);
    while (reader.next(field)) {
        if (field.number == 1 && field.kind == Kind::bytes) to.queue = field.bytes;
        take(field, 2, to.id);
    }
    return !reader.malformed();
}

// A field that holds bytes; false: they are malformed.
bool read_bytes(const Field& field, Reply& reply) {
    switch (field.number) {
        case error_field:
            reply.error = field.bytes;
            return true;
        case pulled_field:
            return read_pulled(field.bytes, reply.pulled.emplace_back());
        case batch_pulled_field:
            return read_batch(field.bytes, reply.pulled);
        case failures_field:
            return read_failure(field.bytes, reply.failures.emplace_back());
        case confirmed_field:
            return read_confirmed(field.bytes, reply);
        case query_field:
            return read_query(field.bytes, reply.query.emplace());
        default:
            return true;
    }
}

}  // namespace

void append_reply(std::string& out, const Reply& reply) {
    const std::size_t frame = begin_frame(out);
    put_signed(out, seqno_field, reply.seqno);
    put_signed(out, command_field, reply.command);
    if (!reply.query || reply.result != result_ok) put_signed(out, result_field, reply.result);
    if (!reply.error.empty()) put_bytes(out, error_field, reply.error);
    if (reply.request_id != 0) put_number(out, request_id_field, reply.request_id);
    put_all_pulled(out, reply);
    for (const DeleteFailure& failure : reply.failures) put_failure(out, failure);
    for (const std::uint64_t id : reply.ids) put_number(out, ids_field, id);
    put_confirmed(out, reply);
    if (reply.query) put_query(out, *reply.query);
    end_frame(out, frame);
}

std::optional<Reply> decode_reply(std::string_view payload) {
    Reply reply;
    bool has_seqno = false;
    bool has_command = false;
    Field field;
    FieldReader reader(payload);
    while (reader.next(field)) {
        if (field.kind == Kind::bytes && !read_bytes(field, reply)) return std::nullopt;
        if (field.kind != Kind::number) continue;
        take(field, seqno_field, reply.seqno);
        take(field, command_field, reply.command);
        take(field, result_field, reply.result);
        take(field, request_id_field, reply.request_id);
        if (field.number == ids_field) reply.ids.push_back(field.value);
        has_seqno = has_seqno || field.number == seqno_field;
        has_command = has_command || field.number == command_field;
    }
    if (reader.malformed() || !has_seqno || !has_command) return std::nullopt;
    return reply;
}

}  // namespace penstock::plugins::cmq_tcp
