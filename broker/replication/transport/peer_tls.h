// TLS between nodes: the context both sides use, what a failed handshake means, and whether a
// certificate names a node. TLS 1.3 only, one authority, certificates on both sides, no resumption:
// each connection proves anew who is there. One thread.
#pragma once

#include "broker/base/error.h"
#include "broker/replication/transport/tls_peers.h"

#include <boost/asio/ssl/context.hpp>
#include <boost/system/error_code.hpp>
#include <openssl/ssl.h>

#include <string>

namespace penstock::replication::transport {

// Error{invalid}: a file that cannot be used, or a certificate that does not name this node. A
// certificate near its end is a line in the log.
Result<boost::asio::ssl::context> make_tls(const TlsPeersOptions& options, const Clock& clock);

// Why the handshake failed, when it is for us to refuse.
Refused tls_refusal(SSL* session, const boost::system::error_code& failed);

// The other side said that it does not want our certificate, or our TLS.
bool is_alert_of_peer(const boost::system::error_code& failed);

bool certificate_names(SSL* session, const std::string& name);

}  // namespace penstock::replication::transport
