// AMQP 0-9-1 as far as a load needs it; numbers of classes and methods are its specification's.
#include "tests/bench/peers/load/drivers.h"

#include <algorithm>

namespace penstock::load {

namespace {

constexpr std::size_t head_bytes = 7;  // type, channel, size
constexpr std::size_t frame_rest = 8;  // the head and the end octet
constexpr char frame_end = '\xCE';
constexpr std::uint8_t frame_method = 1;
constexpr std::uint8_t frame_header = 2;
constexpr std::uint8_t frame_body = 3;
constexpr std::uint16_t channel_1 = 1;
constexpr std::uint8_t durable = 2;  // the bit of exchange.declare and queue.declare
constexpr std::uint8_t persistent = 2;

class Bytes {
  public:
    Bytes& u8(unsigned value) {
        text.push_back(static_cast<char>(value & 0xFFU));
        return *this;
    }

    Bytes& u16(unsigned value) { return u8(value >> 8U).u8(value); }

    Bytes& u32(std::uint32_t value) { return u16(value >> 16U).u16(value & 0xFFFFU); }

    Bytes& u64(std::uint64_t value) {
        return u32(static_cast<std::uint32_t>(value >> 32U)).u32(static_cast<std::uint32_t>(value));
    }

    Bytes& short_text(std::string_view value) {
        u8(static_cast<unsigned>(value.size()));
        text += value;
        return *this;
    }

    Bytes& long_text(std::string_view value) {
        u32(static_cast<std::uint32_t>(value.size()));
        text += value;
        return *this;
    }

    std::string text;
};

std::uint64_t number_at(std::string_view bytes, std::size_t at, std::size_t count) {
    std::uint64_t value = 0;
    for (std::size_t place = at; place < at + count && place < bytes.size(); ++place)
        value = value << 8U | static_cast<std::uint8_t>(bytes[place]);
    return value;
}

struct Frame {
    std::uint64_t type = 0;
    std::string_view payload;
    std::size_t bytes = 0;  // 0: not whole yet
};

Frame first_frame(std::string_view unread) {
    if (unread.size() < frame_rest) return {};
    const std::size_t size = number_at(unread, 3, 4);
    if (unread.size() < size + frame_rest) return {};
    return {number_at(unread, 0, 1), unread.substr(head_bytes, size), size + frame_rest};
}

bool closes(std::uint64_t classed, std::uint64_t numbered) {
    return (classed == 20 && numbered == 40) || (classed == 10 && numbered == 50);
}

}  // namespace

void Amqp::method(std::uint16_t channel,
                  std::uint16_t classed,
                  std::uint16_t numbered,
                  std::string_view arguments) {
    Bytes frame;
    frame.u8(frame_method).u16(channel).u32(static_cast<std::uint32_t>(arguments.size() + 4));
    frame.u16(classed).u16(numbered);
    output_ += frame.text;
    output_ += arguments;
    output_ += frame_end;
}

std::string Amqp::expect(std::uint16_t classed, std::uint16_t numbered) {
    send_now();
    while (true) {
        need(head_bytes);
        need(number_at(unread(), 3, 4) + frame_rest);
        const Frame frame = first_frame(unread());
        const std::string payload(frame.payload);
        skip(frame.bytes);
        if (frame.type != frame_method) continue;
        const auto of_class = number_at(payload, 0, 2);
        const auto of_method = number_at(payload, 2, 2);
        if (of_class == classed && of_method == numbered) return payload.substr(4);
        if (closes(of_class, of_method))
            throw Broken("RabbitMQ: " + payload.substr(7, number_at(payload, 6, 1)));
    }
}

void Amqp::greet() {
    output_.assign("AMQP\0\0\x09\x01", 8);
    expect(10, 10);
    const std::string_view guest("\0guest\0guest", 12);
    method(0, 10, 11, Bytes().u32(0).short_text("PLAIN").long_text(guest).short_text("en_US").text);
    const std::string tune = expect(10, 30);
    const auto channels = static_cast<unsigned>(number_at(tune, 0, 2));
    const auto frame_max = static_cast<std::uint32_t>(number_at(tune, 2, 4));
    method(0, 10, 31, Bytes().u16(channels).u32(frame_max).u16(0).text);
    method(0, 10, 40, Bytes().short_text("/").short_text("").u8(0).text);
    expect(10, 41);
    method(channel_1, 20, 10, Bytes().short_text("").text);
    expect(20, 11);
    if (role() == Role::sender) {
        method(channel_1, 85, 10, Bytes().u8(0).text);  // confirm.select
        expect(85, 11);
    }
    delivery_tag_ = body_bytes_ = 0;
    unacknowledged_ = false;
    const bool fan = options_.fan > 0;
    method(channel_1,
           60,
           40,
           Bytes()
               .u16(0)
               .short_text(fan ? options_.object + ".x" : "")
               .short_text(fan ? "" : options_.object)
               .u8(0)
               .text);
    publish_frame_.swap(output_);
    output_.clear();
}

void Amqp::create() {
    const std::string exchange = options_.object + ".x";
    if (options_.fan > 0) {
        method(channel_1,
               40,
               10,
               Bytes().u16(0).short_text(exchange).short_text("fanout").u8(durable).u32(0).text);
        expect(40, 11);
    }
    for (int at = 0; at < std::max(1, options_.fan); ++at) {
        const std::string name = queue(at);
        method(channel_1, 50, 40, Bytes().u16(0).short_text(name).u8(0).text);  // queue.delete
        expect(50, 41);
        Bytes table;
        table.short_text("x-queue-type").u8('S').long_text("quorum");
        table.short_text("x-quorum-initial-group-size").u8('I');
        table.u32(static_cast<std::uint32_t>(options_.replicas));
        method(channel_1,
               50,
               10,
               Bytes().u16(0).short_text(name).u8(durable).long_text(table.text).text);
        expect(50, 11);
        if (options_.fan == 0) continue;
        Bytes binding;
        binding.u16(0).short_text(name).short_text(exchange).short_text("").u8(0).u32(0);
        method(channel_1, 50, 20, binding.text);
        expect(50, 21);
    }
}

void Amqp::consume() {
    const auto prefetch = static_cast<unsigned>(options_.prefetch);
    method(channel_1, 60, 10, Bytes().u32(0).u16(prefetch).u8(0).text);  // basic.qos
    expect(60, 11);
    method(channel_1, 60, 20, Bytes().u16(0).short_text(queue()).short_text("").u8(0).u32(0).text);
    expect(60, 21);
}

void Amqp::publish(std::string_view bodies, std::uint64_t) {
    output_ += publish_frame_;
    Bytes header;
    header.u8(frame_header).u16(channel_1).u32(15).u16(60).u16(0).u64(bodies.size());
    header.u16(0x1000).u8(persistent);
    output_ += header.text;
    output_ += frame_end;
    Bytes head;
    head.u8(frame_body).u16(channel_1).u32(static_cast<std::uint32_t>(bodies.size()));
    output_ += head.text;
    output_ += bodies;
    output_ += frame_end;
}

void Amqp::on_method(std::string_view payload) {
    const auto of_class = number_at(payload, 0, 2);
    const auto of_method = number_at(payload, 2, 2);
    if (of_class == 60 && (of_method == 80 || of_method == 120)) {
        const bool multiple = (number_at(payload, 12, 1) & 1U) != 0;
        listener_.answered(*this,
                           number_at(payload, 4, 8),
                           multiple ? Listener::Which::all_up_to : Listener::Which::this_one,
                           of_method == 80);
    } else if (of_class == 60 && of_method == 60) {
        delivery_tag_ = number_at(payload, 5 + number_at(payload, 4, 1), 8);
    } else if (closes(of_class, of_method) || (of_class == 60 && of_method == 30)) {
        throw Broken("RabbitMQ closed with " + std::to_string(of_class) + "." +
                     std::to_string(of_method));
    }
}

void Amqp::on_body(std::string_view part) {
    if (part.size() == body_bytes_ && body_.empty()) {
        listener_.delivered(part);
    } else {
        body_ += part;
        if (body_.size() < body_bytes_) return;
        listener_.delivered(body_);
        body_.clear();
    }
    unacknowledged_ = true;
}

void Amqp::parse() {
    while (true) {
        const Frame frame = first_frame(unread());
        if (frame.bytes == 0) break;
        if (frame.type == frame_method) {
            on_method(frame.payload);
        } else if (frame.type == frame_header) {
            body_bytes_ = number_at(frame.payload, 4, 8);
        } else if (frame.type == frame_body) {
            on_body(frame.payload);
        }
        skip(frame.bytes);
    }
    forget_taken();
}

void Amqp::after_reading() {
    if (!unacknowledged_) return;
    method(channel_1, 60, 80, Bytes().u64(delivery_tag_).u8(1).text);
    unacknowledged_ = false;
}

}  // namespace penstock::load
