// Who is at the other end of a loopback TCP connection of this machine, asked of the kernel. A pure
// question, any thread; it does not wait.
#pragma once

#include <boost/asio/ip/tcp.hpp>

#include <cstdint>
#include <optional>

namespace penstock::sinks::process {

// The user who owns the socket at `theirs` that is connected to `ours`, both IPv4, or that listens
// there (`ours` is nobody's address then). Nothing: there is none any more, no descriptor is left
// to ask with, or the kernel has no sock_diag.
std::optional<std::uint32_t> peer_user(const boost::asio::ip::tcp::endpoint& ours,
                                       const boost::asio::ip::tcp::endpoint& theirs);

}  // namespace penstock::sinks::process
