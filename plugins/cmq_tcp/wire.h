// Protocol buffers on the wire, as far as CMQ's tables need them (cmq-api.md 6.3, 6.5): fields of
// the kinds varint, fixed and bytes; groups are malformed. Reading copies nothing: what is read
// points into the bytes given. Pure, any thread; malformed bytes are reported, never followed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace penstock::plugins::cmq_tcp {

struct Field {
    enum class Kind : std::uint8_t { number, bytes, other };

    std::uint32_t number = 0;
    Kind kind = Kind::other;  // other: fixed, which no table uses
    std::uint64_t value = 0;  // Kind::number
    std::string_view bytes;   // Kind::bytes
};

// The fields of one message, one after the other.
class FieldReader {
  public:
    explicit FieldReader(std::string_view bytes) : left_(bytes) {}

    // False at the end, and from the first malformed byte on.
    bool next(Field& field);

    [[nodiscard]] bool malformed() const { return malformed_; }

  private:
    bool take(std::uint64_t bytes, std::string_view& taken);

    std::string_view left_;
    bool malformed_ = false;
};

// Takes one number off the front of `bytes`; false: none begins there, or it needs over 64 bits.
bool take_varint(std::string_view& bytes, std::uint64_t& value);

void put_varint(std::string& out, std::uint64_t value);

void put_number(std::string& out, std::uint32_t number, std::uint64_t value);

// int32 and int64: negative ones take ten bytes, as protocol buffers have it.
void put_signed(std::string& out, std::uint32_t number, std::int64_t value);
void put_bytes(std::string& out, std::uint32_t number, std::string_view bytes);

// A message inside a message: begin, append its fields, end.
std::size_t begin_message(std::string& out, std::uint32_t number);
void end_message(std::string& out, std::size_t begun);

// ---- frames: 0x00 0x00, length with these six bytes as little-endian uint32, one CMQProto
// --------

inline constexpr std::size_t frame_head_bytes = 6;

struct Frame {
    enum class State : std::uint8_t { partial, whole, broken };

    State state = State::partial;
    std::size_t bytes = 0;  // of the frame, head included; 0: its head is not there yet
    std::string_view payload;
};

// The frame at the front of `input`. Broken: no frame begins here, or one of more than `bytes_max`;
// told as soon as the head is there.
Frame first_frame(std::string_view input, std::size_t bytes_max);

// Begins a frame at the end of `out`; append its payload, then end it.
std::size_t begin_frame(std::string& out);
void end_frame(std::string& out, std::size_t begun);

}  // namespace penstock::plugins::cmq_tcp
