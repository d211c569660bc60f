// The address guard: which addresses a push may reach. It judges resolved addresses only, so that
// no spelling of a name or number gets around it. Pure functions, any thread.
#pragma once

#include "broker/base/networks.h"

#include <boost/asio/ip/address.hpp>

#include <cstdint>

namespace penstock::sinks::client {

enum class AddressPolicy : std::uint8_t {
    public_only,  // what the public internet routes
    any,          // also loopback and private networks: --dev, or the operator's choice
};

// True when `policy` lets a connection to `address` be made. Addresses that carry another one
// (v4-mapped, NAT64, 6to4, Teredo) are never public, whatever they carry.
bool allowed(AddressPolicy policy, const boost::asio::ip::address& address);

// The same, or `address` is in one of the networks that are open `besides`.
bool allowed(AddressPolicy policy,
             const Networks& besides,
             const boost::asio::ip::address& address);

}  // namespace penstock::sinks::client
