// ChunkDecoder: undoes the chunked transfer coding, strictly: CRLF line ends, plain hexadecimal
// sizes, no chunk extensions, no trailers. One per request body; pure, fed piece by piece, never
// throws.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace penstock::plugins {

class ChunkDecoder {
  public:
    explicit ChunkDecoder(std::size_t body_bytes_max) : body_bytes_max_(body_bytes_max) {}

    enum class State : std::uint8_t { more, done, malformed, too_large };

    // Takes bytes from the front of `input` until the body ends or they are used up, appends what
    // they carry to `body` and answers where it stands. Not called again unless `more`.
    State feed(std::string_view& input, std::string& body);

  private:
    enum class Expect : std::uint8_t { size, size_end, data, data_cr, data_lf, last_cr, last_lf };

    State take_size_byte(char byte);
    State take_line_end(char byte);

    std::size_t body_bytes_max_;
    Expect expect_ = Expect::size;
    unsigned digits_ = 0;
    std::size_t left_ = 0;  // of the chunk
};

}  // namespace penstock::plugins
