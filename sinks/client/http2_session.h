// Http2Session: what HTTP/2 (RFC 9113) is on one connection to a server, without its bytes' way:
// what came is put in, what has to go out is taken, and how requests ended is asked for. Built on
// nghttp2, whose limits are set here and whose names stay in http2_session.cpp. Owned by one
// connection, on its thread. A peer that breaks the protocol or a limit ends the session
// (`over()`), never throws.
#pragma once

#include "sinks/client/http_client.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::sinks::client {

// The request of a session, by the number of its stream.
using StreamId = std::int32_t;

inline constexpr std::size_t http2_streams_max = 100;        // of one connection, at a time
inline constexpr std::size_t http2_window_bytes = 1U << 20;  // of answers on their way, all streams
inline constexpr std::size_t http2_write_bytes = 64 * 1024;  // taken at once, about
inline constexpr std::size_t http2_settings_max = 32;        // in one frame
inline constexpr std::size_t http2_acks_max = 100;           // of PING and SETTINGS, unsent
inline constexpr std::size_t http2_continuations_max = 8;    // of one head
// What comes between two answers and belongs to none: frames, fewer the more is sent; bytes.
inline constexpr std::size_t http2_idle_frames_max = 1'000;
inline constexpr std::size_t http2_idle_bytes_max = 2U << 20;

class Http2Session {
  public:
    enum class How : std::uint8_t {
        answered,      // the head is whole
        unprocessed,   // the server has not looked at it, and says so, or it never left
        wants_http_1,  // as before; the server asks for HTTP/1.1
        lost,          // no answer, and it may have been seen
    };

    struct Ended {
        StreamId stream = 0;
        How how = How::lost;
        HttpAnswer answer;      // with How::answered
        bool complete = false;  // the body is whole
        std::string detail;     // what went wrong, for people
    };

    Http2Session();
    ~Http2Session();
    Http2Session(const Http2Session&) = delete;
    Http2Session& operator=(const Http2Session&) = delete;

    // Begins a request over TLS; what cannot begin has ended. `head` is written as for HTTP/1.1
    // (the body may begin in it), and both views live until it ended; of the answer's body
    // `answer_max` bytes are kept.
    StreamId start(std::string_view head, std::string_view body, std::size_t answer_max);

    // Ends a request that is under way, for its deadline; the others notice nothing.
    Ended cancel(StreamId stream);

    // What came.
    void receive(std::string_view bytes);

    // Appends what has to go out, some http2_write_bytes; nothing: all went.
    void fill(std::string& out);

    // Asks the server for a sign of life.
    void ping();

    // The connection is gone: all that is under way ends. `unsent`: not a byte of the last fill()
    // went out.
    void lose(const std::string& why, bool unsent);

    // Requests that ended since it was last asked.
    std::vector<Ended> take_ended();

    // The server's SETTINGS have come.
    [[nodiscard]] bool ready() const;

    // More requests that may be started now: none once the server says GOAWAY.
    [[nodiscard]] std::size_t room() const;

    // As many as the server takes at a time, and we give it.
    [[nodiscard]] std::size_t streams_max() const;

    // No request can be started any more.
    [[nodiscard]] bool draining() const;

    // There is no more to be read or written; why, for people.
    [[nodiscard]] bool over() const;
    [[nodiscard]] std::string why() const;

    struct State;  // nghttp2's side

  private:
    std::unique_ptr<State> state_;
};

}  // namespace penstock::sinks::client
