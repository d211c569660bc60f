// Addresses as "host:port" and the endpoints they stand for. Pure but for resolving; one thread.
#pragma once

#include "broker/base/error.h"

#include <boost/asio/ip/tcp.hpp>

#include <cstdint>
#include <optional>
#include <string>

namespace penstock::replication::transport {

struct HostPort {
    std::string host;
    std::uint16_t port = 0;
};

// "10.0.0.1:7072", "[::1]:7072" or "name:7072"; nothing for anything else.
std::optional<HostPort> split_address(const std::string& text);

// The endpoint, when the host is an address and no name.
std::optional<boost::asio::ip::tcp::endpoint> literal_endpoint(const HostPort& address);

std::string to_text(const boost::asio::ip::tcp::endpoint& endpoint);

}  // namespace penstock::replication::transport
