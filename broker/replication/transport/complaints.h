// Complaints: says in the log what is wrong between nodes, at most one line a kind every ten
// seconds, and counts every one. Owned by the transport, on its thread.
#pragma once

#include "broker/base/clock.h"
#include "broker/base/log.h"
#include "broker/replication/transport/peers.h"

#include <array>
#include <cstdint>
#include <map>
#include <string>

namespace penstock::replication::transport {

class Complaints {
  public:
    Complaints(const Clock& clock, PeerStatistics& statistics)
        : clock_(clock), statistics_(statistics) {}

    // We do not want `whom` ("10.0.0.3:40112").
    void refuse(const Refused& refused, const std::string& whom);

    // `whom` does not want us.
    void refused_by(const std::string& whom, const std::string& why);

    // The clock of `whom` is `difference_ms` ahead of this node's. Said when it begins to be more
    // than clock_difference_ms_max off, and when it is right again; not by every connection.
    void clock(model::NodeId whom, std::int64_t difference_ms);

    // Something that no other kind stands for.
    void failed(const std::string& what);

  private:
    enum Kind : std::size_t {
        first_refusal = 0,
        by_peer = refusal_count,
        failure,
        kind_count,
    };

    struct Limit {
        std::int64_t said_us = 0;  // 0: never
        std::uint64_t unsaid = 0;  // since then
    };

    struct PeerClock {
        bool off = false;
        std::int64_t said_us = 0;  // 0: never
    };

    void say(std::size_t kind, LogLevel level, const std::string& line);

    const Clock& clock_;
    PeerStatistics& statistics_;
    std::array<Limit, kind_count> limits_{};
    std::map<model::NodeId, PeerClock> clocks_;  // at most clocks_max
};

}  // namespace penstock::replication::transport
