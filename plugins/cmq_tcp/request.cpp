#include "plugins/cmq_tcp/request.h"

#include "plugins/cmq_tcp/wire.h"

#include <type_traits>
#include <utility>

namespace penstock::plugins::cmq_tcp {

namespace {

using Kind = Field::Kind;

// Numbers of CMQProto's fields.
constexpr std::uint32_t seqno_field = 1;
constexpr std::uint32_t command_field = 2;
constexpr std::uint32_t one_way_field = 9;

// The field that carries a command's own message; 0: the command has none, or nobody knows it.
std::uint32_t field_of(std::int32_t command) {
    switch (static_cast<Command>(command)) {
        case Command::authenticate:
            return 199;
        case Command::send:
            return 200;
        case Command::send_batch:
            return 201;
        case Command::pull:
            return 202;
        case Command::pull_batch:
            return 204;
        case Command::remove:
            return 206;
        case Command::remove_batch:
            return 207;
        case Command::publish:
            return 208;
        case Command::publish_batch:
            return 209;
        case Command::confirm:
            return 221;
        default:
            return 0;
    }
}

bool is_batch(std::int32_t command) {
    switch (static_cast<Command>(command)) {
        case Command::send_batch:
        case Command::pull_batch:
        case Command::remove_batch:
        case Command::publish_batch:
            return true;
        default:
            return false;
    }
}

// What a field means for a message; each place is given once.
class Taker {
  public:
    explicit Taker(const Field& field) : field_(field) {}

    void text(std::uint32_t number, std::string_view& to) const {
        if (is(number, Kind::bytes)) to = field_.bytes;
    }

    void texts(std::uint32_t number, std::vector<std::string_view>& to) const {
        if (is(number, Kind::bytes)) to.push_back(field_.bytes);
    }

    template <class Number>
    void number(std::uint32_t number, Number& to) const {
        if (is(number, Kind::number)) to = static_cast<Number>(field_.value);
    }

    [[nodiscard]] bool is(std::uint32_t number, Kind kind) const {
        return field_.number == number && field_.kind == kind;
    }

  private:
    const Field& field_;
};

void take(const Taker& taker, Authenticate& to, bool /*batch*/) {
    taker.text(1, to.key_id);
    taker.text(2, to.signature);
    taker.text(3, to.client_id);
    taker.text(4, to.method);
}

// A single message's body is a plain field: the last one counts.
void take_bodies(const Taker& taker, std::vector<std::string_view>& bodies, bool batch) {
    if (!taker.is(2, Kind::bytes)) return;
    if (!batch) bodies.clear();
    taker.texts(2, bodies);
}

void take(const Taker& taker, Send& to, bool batch) {
    taker.text(1, to.queue);
    take_bodies(taker, to.bodies, batch);
    taker.number(3, to.delay_s);
    taker.number(4, to.transaction);
    taker.number(5, to.first_query_s);
    taker.text(ordering_key_field, to.ordering_key);
}

// A batch has its count in between.
void take(const Taker& taker, Pull& to, bool batch) {
    const std::uint32_t shift = batch ? 1 : 0;
    taker.text(1, to.queue);
    if (batch) taker.number(2, to.messages_max);
    if (taker.is(2 + shift, Kind::number)) taker.number(2 + shift, to.wait_s.emplace());
    taker.number(3 + shift, to.visibility_s);
}

// One number a field, or, as protocol buffers allow, all of them packed into one.
void take(const Taker& taker, Remove& to, bool batch) {
    taker.text(1, to.queue);
    if (taker.is(2, Kind::number)) {
        if (!batch) to.receipts.clear();
        taker.number(2, to.receipts.emplace_back());
    }
    if (!batch || !taker.is(2, Kind::bytes)) return;
    std::string_view packed;
    taker.text(2, packed);
    std::uint64_t receipt = 0;
    while (take_varint(packed, receipt)) to.receipts.push_back(receipt);
}

void take(const Taker& taker, Publish& to, bool batch) {
    taker.text(1, to.topic);
    take_bodies(taker, to.bodies, batch);
    taker.texts(3, to.tags);
    taker.text(4, to.routing_key);
    taker.text(ordering_key_field, to.ordering_key);
}

// An item that cannot be read lacks what it should say.
void take(const Taker& taker, Confirm& to, bool /*batch*/) {
    taker.text(1, to.queue);
    std::string_view bytes;
    taker.text(2, bytes);
    if (!taker.is(2, Kind::bytes)) return;
    Confirm::Item& item = to.items.emplace_back();
    Field field;
    FieldReader reader(bytes);
    while (reader.next(field)) {
        const Taker inner(field);
        inner.number(1, item.id);
        inner.number(2, item.state);
    }
    if (reader.malformed()) item = {};
}

std::string_view missing_of(const Authenticate& fields, bool /*batch*/) {
    if (fields.key_id.empty()) return "secret_id";
    if (fields.signature.empty()) return "signature";
    if (fields.client_id.empty()) return "client_id";
    return fields.method.empty() ? "signature_method" : "";
}

std::string_view missing_of(const Send& fields, bool /*batch*/) {
    if (fields.queue.empty()) return "queue_name";
    return fields.bodies.empty() ? "msgBody" : "";
}

std::string_view missing_of(const Pull& fields, bool batch) {
    if (fields.queue.empty()) return "queue_name";
    return batch && fields.messages_max == 0 ? "num_msg" : "";
}

std::string_view missing_of(const Remove& fields, bool /*batch*/) {
    if (fields.queue.empty()) return "queue_name";
    return fields.receipts.empty() ? "receipt_handle" : "";
}

std::string_view missing_of(const Publish& fields, bool /*batch*/) {
    if (fields.topic.empty()) return "topic_name";
    return fields.bodies.empty() ? "msgBody" : "";
}

std::string_view missing_of(const Confirm& fields, bool /*batch*/) {
    if (fields.queue.empty()) return "queue_name";
    if (fields.items.empty()) return "item";
    for (const Confirm::Item& item : fields.items) {
        if (item.id == 0) return "msg_id";
        if (item.state == 0) return "state";
    }
    return "";
}

// The command's own message: false where it is malformed.
template <class Fields>
bool read_fields(std::string_view payload, Request& request) {
    const std::uint32_t wanted = field_of(request.command);
    const bool batch = is_batch(request.command);
    Fields fields;
    if constexpr (std::is_same_v<Fields, Pull>) fields.messages_max = batch ? 0 : 1;
    Field outer;
    FieldReader message(payload);
    while (message.next(outer)) {
        if (outer.number != wanted || outer.kind != Kind::bytes) continue;
        Field inner;
        FieldReader reader(outer.bytes);
        while (reader.next(inner)) take(Taker(inner), fields, batch);
        if (reader.malformed()) return false;
    }
    request.missing = missing_of(fields, batch);
    request.fields = std::move(fields);
    return true;
}

bool read_fields_of_command(std::string_view payload, Request& request) {
    switch (static_cast<Command>(request.command)) {
        case Command::authenticate:
            return read_fields<Authenticate>(payload, request);
        case Command::send:
        case Command::send_batch:
            return read_fields<Send>(payload, request);
        case Command::pull:
        case Command::pull_batch:
            return read_fields<Pull>(payload, request);
        case Command::remove:
        case Command::remove_batch:
            return read_fields<Remove>(payload, request);
        case Command::publish:
        case Command::publish_batch:
            return read_fields<Publish>(payload, request);
        case Command::confirm:
            return read_fields<Confirm>(payload, request);
        default:
            return true;
    }
}

// ---- writing ------------------------------------------------------------------------------------

void put_bodies(std::string& out, const std::vector<std::string_view>& bodies) {
    for (const std::string_view body : bodies) put_bytes(out, 2, body);
}

void put_ordering_key(std::string& out, std::string_view key) {
    if (!key.empty()) put_bytes(out, ordering_key_field, key);
}

void put(std::string& out, const Authenticate& fields, bool /*batch*/) {
    put_bytes(out, 1, fields.key_id);
    put_bytes(out, 2, fields.signature);
    put_bytes(out, 3, fields.client_id);
    put_bytes(out, 4, fields.method);
}

void put(std::string& out, const Send& fields, bool /*batch*/) {
    put_bytes(out, 1, fields.queue);
    put_bodies(out, fields.bodies);
    if (fields.delay_s != 0) put_number(out, 3, fields.delay_s);
    if (fields.transaction != 0) put_signed(out, 4, fields.transaction);
    if (fields.first_query_s != 0) put_signed(out, 5, fields.first_query_s);
    put_ordering_key(out, fields.ordering_key);
}

void put(std::string& out, const Pull& fields, bool batch) {
    const std::uint32_t shift = batch ? 1 : 0;
    put_bytes(out, 1, fields.queue);
    if (batch) put_signed(out, 2, fields.messages_max);
    if (fields.wait_s) put_signed(out, 2 + shift, *fields.wait_s);
    if (fields.visibility_s != 0) put_number(out, 3 + shift, fields.visibility_s);
}

void put(std::string& out, const Remove& fields, bool /*batch*/) {
    put_bytes(out, 1, fields.queue);
    for (const std::uint64_t receipt : fields.receipts) put_number(out, 2, receipt);
}

void put(std::string& out, const Publish& fields, bool /*batch*/) {
    put_bytes(out, 1, fields.topic);
    put_bodies(out, fields.bodies);
    for (const std::string_view tag : fields.tags) put_bytes(out, 3, tag);
    if (!fields.routing_key.empty()) put_bytes(out, 4, fields.routing_key);
    put_ordering_key(out, fields.ordering_key);
}

void put(std::string& out, const Confirm& fields, bool /*batch*/) {
    put_bytes(out, 1, fields.queue);
    for (const Confirm::Item& item : fields.items) {
        const std::size_t begun = begin_message(out, 2);
        put_number(out, 1, item.id);
        put_signed(out, 2, item.state);
        end_message(out, begun);
    }
}

}  // namespace

std::optional<Request> decode_request(std::string_view payload) {
    Request request;
    bool has_seqno = false;
    bool has_command = false;
    Field field;
    FieldReader reader(payload);
    while (reader.next(field)) {
        const Taker taker(field);
        taker.number(seqno_field, request.seqno);
        taker.number(command_field, request.command);
        if (taker.is(one_way_field, Kind::number)) request.one_way = field.value != 0;
        has_seqno = has_seqno || taker.is(seqno_field, Kind::number);
        has_command = has_command || taker.is(command_field, Kind::number);
    }
    if (reader.malformed() || !has_seqno || !has_command) return std::nullopt;
    if (!read_fields_of_command(payload, request)) return std::nullopt;
    return request;
}

void append_request(std::string& out, const Request& request) {
    const std::size_t frame = begin_frame(out);
    put_signed(out, seqno_field, request.seqno);
    put_signed(out, command_field, request.command);
    if (request.one_way) put_number(out, one_way_field, 1);
    std::visit(
        [&](const auto& fields) {
            if constexpr (!std::is_same_v<std::decay_t<decltype(fields)>, std::monostate>) {
                const std::size_t message = begin_message(out, field_of(request.command));
                put(out, fields, is_batch(request.command));
                end_message(out, message);
            }
        },
        request.fields);
    end_frame(out, frame);
}

}  // namespace penstock::plugins::cmq_tcp
