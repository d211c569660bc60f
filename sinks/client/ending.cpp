#include "sinks/client/ending.h"

#include <boost/asio/error.hpp>
#include <boost/asio/ssl/error.hpp>
#include <openssl/err.h>
#include <openssl/ssl.h>

namespace penstock::sinks::client {

std::string shown(const asio::ip::tcp::endpoint& endpoint) {
    const std::string address = endpoint.address().to_string();
    const std::string host = endpoint.address().is_v6() ? "[" + address + "]" : address;
    return host + ":" + std::to_string(endpoint.port());
}

bool is_end_of_stream(const boost::system::error_code& ec) {
    return ec == asio::error::eof || ec == asio::ssl::error::stream_truncated;
}

bool is_tls_alert(const boost::system::error_code& ec) {
    return ec.category() == asio::error::get_ssl_category() &&
           ERR_GET_REASON(static_cast<unsigned long>(ec.value())) > SSL_AD_REASON_OFFSET;
}

std::string refused_by_peer(const boost::system::error_code& alert) {
    return "the endpoint does not accept the TLS connection: " + alert.message();
}

Ending ending_of_connect(const boost::system::error_code& ec) {
    namespace errc = boost::system::errc;
    if (ec == errc::timed_out) return Ending::timeout;
    // Taken and thrown out before the kernel told of the first.
    if (ec == errc::connection_reset) return Ending::reset;
    const bool ours = ec == errc::address_not_available || ec == errc::too_many_files_open ||
                      ec == errc::too_many_files_open_in_system || ec == errc::no_buffer_space ||
                      ec == errc::not_enough_memory;
    return ours ? Ending::exhausted : Ending::refused;
}

}  // namespace penstock::sinks::client
