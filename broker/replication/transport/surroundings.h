// Surroundings: what the connections of one transport share. Owned by TlsPeers, on its thread;
// outlives every connection.
#pragma once

#include "broker/base/clock.h"
#include "broker/base/random.h"
#include "broker/replication/transport/complaints.h"
#include "broker/replication/transport/tls_peers.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ssl/context.hpp>

#include <atomic>
#include <memory>
#include <optional>

namespace penstock::replication::transport {

namespace asio = boost::asio;

struct Surroundings {
    Surroundings(TlsPeersOptions given, PeerListener& heard_by, const Clock& time, Random& chance)
        : options(std::move(given)), listener(heard_by), clock(time), random(chance) {}

    [[nodiscard]] const PeerLimits& limits() const { return options.limits; }

    TlsPeersOptions options;  // options.hello: ours, as of now
    PeerListener& listener;
    const Clock& clock;
    Random& random;
    // Answers may be handed in when the transport is gone: who answers holds on to it weakly.
    std::shared_ptr<asio::io_context> context = std::make_shared<asio::io_context>(1);
    std::optional<asio::ssl::context> tls;
    PeerStatistics statistics;
    Complaints complaints{clock, statistics};
    // Bytes that other threads have posted and this one has not seen; they outlive us as well.
    std::shared_ptr<std::atomic<std::size_t>> posted_bytes =
        std::make_shared<std::atomic<std::size_t>>(0);
    std::atomic<std::uint64_t> posts_dropped{0};
};

}  // namespace penstock::replication::transport
