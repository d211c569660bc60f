// Session: one HTTP connection from its handshake to its end, over a plain or a TLS stream. Reads
// a request, has it answered, writes the answer, and so on in order; whatever goes wrong ends this
// connection and nothing else. Owned by its own coroutine, on its lane's thread.
#pragma once

#include "plugins/listener/connection.h"
#include "plugins/listener/head_parser.h"
#include "plugins/listener/input_buffer.h"
#include "plugins/listener/lane.h"
#include "plugins/listener/response_writer.h"
#include "plugins/listener/socket.h"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ssl.hpp>

#include <string>

namespace penstock::plugins {

using TlsStream = asio::ssl::stream<Socket>;

template <class Stream>
class Session final : public Connection {
  public:
    Session(Lane& lane, Stream stream, std::string remote)
        : lane_(lane), stream_(std::move(stream)), remote_(std::move(remote)) {}

    // The whole life of the connection. The caller enters it into the lane before and takes it out
    // behind.
    asio::awaitable<void> run();

    void expire() override;
    void cut() override;
    void release_memory() override;
    int native_handle() override;

  private:
    // How reading a part of a request ended: whole; to be refused with a status; no more bytes.
    static constexpr unsigned whole = 0;
    static constexpr unsigned gone = 1;

    Socket& socket();

    [[nodiscard]] const HttpLimits& limits() const { return lane_.shared().limits; }

    asio::awaitable<bool> handshake();
    asio::awaitable<bool> serve_one();  // false: the connection ends here
    asio::awaitable<unsigned> read_head(HttpRequest& request, Framing& framing);
    asio::awaitable<unsigned> read_body(HttpRequest& request,
                                        const Framing& framing,
                                        LargeBytes::Share& share);
    asio::awaitable<unsigned> read_sized_body(HttpRequest& request, std::size_t bytes);
    asio::awaitable<unsigned> read_chunked_body(HttpRequest& request, LargeBytes::Share& share);
    asio::awaitable<bool> fill();
    asio::awaitable<bool> write(const HttpResponse& response,
                                const Framing& framing,
                                bool head_only);
    asio::awaitable<bool> write_stream(HttpStream& stream, bool chunked);
    asio::awaitable<bool> write_piece(std::string piece);
    asio::awaitable<void> finish();

    [[nodiscard]] HttpFrontEnd* front_end_for(const HttpRequest& request) const;
    [[nodiscard]] HttpResponse refusal(const HttpRequest& request, unsigned status) const;
    // There is room for a body of so many bytes.
    [[nodiscard]] bool has_room(std::size_t body_bytes, LargeBytes::Share& share) const;
    void count_body(std::size_t bytes);

    Lane& lane_;
    Stream stream_;
    std::string remote_;
    InputBuffer input_;
    std::string output_;
    bool expired_ = false;  // the deadline passed while reading
    bool unread_ = false;   // the caller may still be sending what was refused
    std::size_t body_seen_ = 0;
};

extern template class Session<Socket>;
extern template class Session<TlsStream>;

}  // namespace penstock::plugins
