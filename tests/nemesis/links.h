// Links: TCP relays in front of the ports of nodes, which treat what passes from one node to
// another as a bad network would: late, slowly, not at all, or by breaking the connection. Bytes
// are never lost or changed within a connection: TCP would see to that, and what it costs is time.
// Who dials a peer port says so in its greeting; clients are node 0. One io_context, one thread.
#pragma once

#include "broker/base/error.h"
#include "broker/base/random.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include <cstdint>
#include <deque>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace penstock::nemesis {

using Tcp = boost::asio::ip::tcp;
using NodeNumber = std::uint64_t;

// What happens to bytes from one node to another.
struct Weather {
    bool cut = false;  // they wait
    std::int64_t delay_ms = 0;
    std::int64_t jitter_ms = 0;      // on top, at most
    std::uint64_t loss_percent = 0;  // of pieces, which come again after 200 ms, then 400 ms, ...
    std::int64_t bytes_per_s = 0;    // 0: as fast as can be
};

class Links {
  public:
    Links(boost::asio::io_context& context, std::uint64_t seed)
        : context_(context), random_(seed), storm_(context) {}

    // `peers`: who dials says who it is.
    Result<void> listen(std::uint16_t port, std::uint16_t target, NodeNumber to, bool peers);

    // `from` and `to` may be `anyone`. What waits goes on as the new weather allows.
    static constexpr NodeNumber anyone = ~NodeNumber{0};
    void set(NodeNumber from, NodeNumber to, const Weather& weather);

    // Breaks every connection between the two; no answer, no farewell.
    void reset(NodeNumber one, NodeNumber other);

    // Breaks one in four connections every so often; 0: no more.
    void storm(std::int64_t every_ms);

    void heal();

  private:
    struct Port;
    class Relay;
    class Flow;

    void accept(const std::shared_ptr<Port>& port);
    void strike(std::int64_t every_ms);
    [[nodiscard]] const Weather& between(NodeNumber from, NodeNumber to);
    void look_again();
    std::vector<std::shared_ptr<Relay>> relays();

    boost::asio::io_context& context_;
    SeededRandom random_;
    boost::asio::steady_timer storm_;
    std::int64_t storm_every_ms_ = 0;
    std::map<std::pair<NodeNumber, NodeNumber>, Weather> weather_;
    std::vector<std::shared_ptr<Port>> ports_;
    std::list<std::weak_ptr<Relay>> relays_;
};

}  // namespace penstock::nemesis
