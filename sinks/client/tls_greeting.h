// Whom a TLS client means to speak with. Before the handshake of a stream; its owner's thread.
#pragma once

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <openssl/ssl.h>

#include <string>

namespace penstock::sinks::client {

// The server's certificate must be of `host`, a name or an address, and of an authority that the
// stream's context trusts. A name is sent along: SNI carries names only (RFC 6066, 3). False: it
// does not fit there.
template <class Socket>
[[nodiscard]] bool expect_server(boost::asio::ssl::stream<Socket>& tls, const std::string& host) {
    tls.set_verify_mode(boost::asio::ssl::verify_peer);
    tls.set_verify_callback(boost::asio::ssl::host_name_verification(host));
    boost::system::error_code no_address;
    boost::asio::ip::make_address(host, no_address);
    return !no_address || ::SSL_ctrl(tls.native_handle(),
                                     SSL_CTRL_SET_TLSEXT_HOSTNAME,
                                     TLSEXT_NAMETYPE_host_name,
                                     const_cast<char*>(host.data())) == 1;
}

}  // namespace penstock::sinks::client
