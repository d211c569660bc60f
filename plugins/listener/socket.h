// The sockets of the I/O threads: the plain executor instead of any_io_executor, so that there is
// no type erasure on the hot path.
#pragma once

#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

namespace penstock::plugins {

namespace asio = boost::asio;

using Socket = asio::basic_stream_socket<asio::ip::tcp, asio::io_context::executor_type>;

}  // namespace penstock::plugins
