#include "plugins/cmq_tcp/wire.h"

#include "broker/base/check.h"

#include <array>
#include <limits>

namespace penstock::plugins::cmq_tcp {

namespace {

// Wire types of protocol buffers; 3 and 4, groups, are of the past.
constexpr unsigned type_varint = 0;
constexpr unsigned type_fixed64 = 1;
constexpr unsigned type_bytes = 2;
constexpr unsigned type_fixed32 = 5;
constexpr unsigned type_bits = 3;
constexpr std::uint64_t field_number_max = (1U << 29U) - 1;

constexpr unsigned septet_bits = 7;
constexpr unsigned more_bit = 0x80;
constexpr unsigned byte_bits = 8;

}  // namespace

bool take_varint(std::string_view& bytes, std::uint64_t& value) {
    constexpr unsigned shift_max = 63;
    value = 0;
    for (unsigned shift = 0; shift <= shift_max; shift += septet_bits) {
        if (bytes.empty()) return false;
        const auto byte = static_cast<unsigned char>(bytes.front());
        bytes.remove_prefix(1);
        // The tenth byte has room for one bit.
        if (shift == shift_max && byte > 1) return false;
        value |= std::uint64_t{byte & (more_bit - 1)} << shift;
        if ((byte & more_bit) == 0) return true;
    }
    return false;
}

bool FieldReader::take(std::uint64_t bytes, std::string_view& taken) {
    if (bytes > left_.size()) return false;
    taken = left_.substr(0, bytes);
    left_.remove_prefix(bytes);
    return true;
}

bool FieldReader::next(Field& field) {
    if (left_.empty() || malformed_) return false;
    malformed_ = true;
    std::uint64_t tag = 0;
    if (!take_varint(left_, tag)) return false;
    const std::uint64_t number = tag >> type_bits;
    if (number == 0 || number > field_number_max) return false;
    field.number = static_cast<std::uint32_t>(number);
    field.kind = Field::Kind::other;
    std::uint64_t length = 0;
    switch (tag & ((1U << type_bits) - 1)) {
        case type_varint:
            field.kind = Field::Kind::number;
            malformed_ = !take_varint(left_, field.value);
            break;
        case type_bytes:
            field.kind = Field::Kind::bytes;
            malformed_ = !take_varint(left_, length) || !take(length, field.bytes);
            break;
        case type_fixed64:
            malformed_ = !take(sizeof(std::uint64_t), field.bytes);
            break;
        case type_fixed32:
            malformed_ = !take(sizeof(std::uint32_t), field.bytes);
            break;
        default:
            break;
    }
    return !malformed_;
}

void put_varint(std::string& out, std::uint64_t value) {
    while (value >= more_bit) {
        out.push_back(static_cast<char>((value & (more_bit - 1)) | more_bit));
        value >>= septet_bits;
    }
    out.push_back(static_cast<char>(value));
}

void put_number(std::string& out, std::uint32_t number, std::uint64_t value) {
    put_varint(out, (number << type_bits) | type_varint);
    put_varint(out, value);
}

void put_signed(std::string& out, std::uint32_t number, std::int64_t value) {
    put_number(out, number, static_cast<std::uint64_t>(value));
}

void put_bytes(std::string& out, std::uint32_t number, std::string_view bytes) {
    put_varint(out, (number << type_bits) | type_bytes);
    put_varint(out, bytes.size());
    out.append(bytes);
}

std::size_t begin_message(std::string& out, std::uint32_t number) {
    put_varint(out, (number << type_bits) | type_bytes);
    return out.size();
}

void end_message(std::string& out, std::size_t begun) {
    std::string length;
    put_varint(length, out.size() - begun);
    out.insert(begun, length);
}

Frame first_frame(std::string_view input, std::size_t bytes_max) {
    Frame frame;
    const auto byte_at = [&](std::size_t at) {
        return static_cast<unsigned char>(input[at]);
    };
    for (std::size_t at = 0; at < 2 && at < input.size(); ++at) {
        if (byte_at(at) != 0) frame.state = Frame::State::broken;
    }
    if (frame.state == Frame::State::broken || input.size() < frame_head_bytes) return frame;
    for (std::size_t at = frame_head_bytes; at-- > 2;) {
        frame.bytes = (frame.bytes << byte_bits) | byte_at(at);
    }
    if (frame.bytes < frame_head_bytes || frame.bytes > bytes_max) {
        frame.state = Frame::State::broken;
    } else if (input.size() >= frame.bytes) {
        frame.state = Frame::State::whole;
        frame.payload = input.substr(frame_head_bytes, frame.bytes - frame_head_bytes);
    }
    return frame;
}

std::size_t begin_frame(std::string& out) {
    out.append(frame_head_bytes, '\0');
    return out.size();
}

void end_frame(std::string& out, std::size_t begun) {
    std::size_t bytes = out.size() - begun + frame_head_bytes;
    check(bytes <= std::numeric_limits<std::uint32_t>::max(), "a frame's length fits its head");
    for (std::size_t at = begun - sizeof(std::uint32_t); at < begun; ++at) {
        out[at] = static_cast<char>(bytes & 0xFFU);
        bytes >>= byte_bits;
    }
}

}  // namespace penstock::plugins::cmq_tcp
