// Transport: a socket and, once there is TLS, the stream on it. Made by the connection that opens
// it; handed over whole to the one that speaks HTTP/2. A value with no thread of its own.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ssl/stream.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace penstock::sinks::client {

struct Transport {
    using Socket = boost::asio::generic::stream_protocol::socket;

    explicit Transport(const boost::asio::any_io_executor& executor) : socket(executor) {}

    // True when nothing says that the peer closed: nothing waits to be read. Asks the kernel.
    [[nodiscard]] bool quiet();

    Socket socket;
    std::optional<boost::asio::ssl::stream<Socket&>> tls;
};

// What was opened: an address that was judged, a handshake that is done.
struct Opened {
    std::unique_ptr<Transport> transport;
    std::string target;          // "127.0.0.1:443"
    std::int64_t opened_us = 0;  // on the client's clock
};

}  // namespace penstock::sinks::client
