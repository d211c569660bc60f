// How addresses are shown and error codes of sockets are read. Pure functions, any thread.
#pragma once

#include "sinks/client/http_client.h"

#include <boost/asio/ip/tcp.hpp>
#include <boost/system/error_code.hpp>

#include <string>

namespace penstock::sinks::client {

// "127.0.0.1:80", "[::1]:80".
std::string shown(const asio::ip::tcp::endpoint& endpoint);

// The peer closed in an orderly way. TLS peers that skip the closing alert count as well: lengths
// tell whether an answer is whole.
bool is_end_of_stream(const boost::system::error_code& ec);

// What a failed connect means.
Ending ending_of_connect(const boost::system::error_code& ec);

}  // namespace penstock::sinks::client
