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

// The peer ended TLS with a complaint, as a server does that does not take our certificate: in TLS
// 1.3 that comes when the handshake is over already.
bool is_tls_alert(const boost::system::error_code& ec);

// The complaint, for people.
std::string refused_by_peer(const boost::system::error_code& alert);

// What a failed connect means.
Ending ending_of_connect(const boost::system::error_code& ec);

}  // namespace penstock::sinks::client
