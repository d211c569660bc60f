// The frame: how bytes are cut on a connection between nodes, one direction of it at a time. Pure,
// one thread; a decoder never throws and takes no more memory than has arrived.
//
//   length u32, of the payload | kind u8 | conversation u64 | sequence u64 |
//   CRC32C u32 of all before and of the payload | payload
//
// The conversation is made of what both sides drew for this connection, and is 0 in the first frame
// of each; the sequence counts from 0. So bytes captured elsewhere, or earlier, are known as such.
// Little-endian.
#pragma once

#include "broker/replication/transport/hello.h"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace penstock::replication::transport {

enum class FrameKind : std::uint8_t {
    hello = 1,     // a greeting; the first frame of each side
    ready = 2,     // the dialer has seen the greeting and goes on; empty
    welcome = 3,   // the acceptor agrees; empty
    refused = 4,   // reason u8 | bytes detail; the last frame
    message = 5,   // dialer only: what send() was given
    question = 6,  // dialer only: correlation u64, what ask() was given
    answer = 7,    // acceptor only: correlation u64, the answer
    busy = 8,      // acceptor only: correlation u64; the question was not looked at
    beat = 9,      // nothing to say, but here; wall ms i64, or empty
    bye = 10,      // an end in order; empty
};

struct Frame {
    FrameKind kind = FrameKind::beat;
    std::string payload;
};

inline constexpr std::size_t frame_header_bytes = 25;

// Conversation of the connection whose dialer and acceptor drew these.
std::uint64_t conversation_of(const std::array<std::uint64_t, 2>& dialer,
                              const std::array<std::uint64_t, 2>& acceptor);

class FrameEncoder {
  public:
    void begin_conversation(std::uint64_t conversation) { conversation_ = conversation; }

    // Appends a frame whose payload is `head` and then `body`.
    void append(std::string& out, FrameKind kind, std::string_view head, std::string_view body);

  private:
    std::uint64_t conversation_ = 0;
    std::uint64_t sequence_ = 0;
};

class FrameDecoder {
  public:
    enum class State : std::uint8_t {
        more,       // all input is used up
        whole,      // a frame; there may be more input
        malformed,  // too long, or of no known kind
        damaged,    // wrong checksum
        replayed,   // of another conversation, or out of order
    };

    explicit FrameDecoder(std::size_t payload_bytes_max) : payload_bytes_max_(payload_bytes_max) {}

    void allow(std::size_t payload_bytes_max) { payload_bytes_max_ = payload_bytes_max; }

    void begin_conversation(std::uint64_t conversation) { conversation_ = conversation; }

    // Takes bytes from the front of `input` until a frame is whole or they are used up. Not called
    // again after malformed, damaged or replayed.
    State feed(std::string_view& input, Frame& frame);

  private:
    State take_header();

    std::size_t payload_bytes_max_;
    std::uint64_t conversation_ = 0;
    std::uint64_t sequence_ = 0;
    std::string header_;
    std::string payload_;
    std::size_t length_ = 0;
    std::uint32_t checksum_ = 0;
    FrameKind kind_ = FrameKind::beat;
};

}  // namespace penstock::replication::transport
