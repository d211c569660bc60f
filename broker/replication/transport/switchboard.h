// Switchboard: everything of TlsPeers that happens on its thread: the connections, who is connected
// by them, the dialers of the members, and the tick that looks at all their deadlines. Owned by
// TlsPeers; made before and destroyed after its thread.
#pragma once

#include "broker/replication/transport/dialer.h"
#include "broker/replication/transport/directory.h"

#include <chrono>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace penstock::replication::transport {

inline constexpr std::chrono::milliseconds tick_period{20};

class Switchboard final : public Connection::Owner {
  public:
    explicit Switchboard(Surroundings& world) : world_(world), directory_(world) {}

    void send(NodeId to, Lane lane, std::string frame);
    void ask(NodeId to, Lane lane, std::string question, std::int64_t deadline_us, TakeAnswer take);
    void set_peers(std::vector<PeerAddress> peers);
    [[nodiscard]] PeersState state() const;

    // Takes over a connection that was accepted.
    void welcome(Socket socket);

    void tick(std::int64_t now_us);

    // Everything ends in order, within a moment; idle() then.
    void stop();

    [[nodiscard]] bool idle() const { return connections_.empty(); }

    std::optional<Refused> admit(Connection& connection) override;

  private:
    using Dialers = std::array<std::shared_ptr<Dialer>, lane_count>;

    struct Member {
        PeerAddress peer;
        Dialers dialers;
    };

    asio::awaitable<void> serve(std::shared_ptr<Connection> connection);
    void leave(const Connection& connection);
    void limit_handshakes();
    void unreachable(NodeId node);
    Member hire(const PeerAddress& peer);
    static void retire(Member& member);
    [[nodiscard]] PeerStatus status(NodeId node) const;

    Surroundings& world_;
    Directory directory_;
    std::map<NodeId, Member> members_;
    std::vector<std::shared_ptr<Connection>> connections_;  // in the order of their coming
    std::set<NodeId> told_unreachable_;                     // since the last tick
    std::int64_t ticked_us_ = 0;
    std::uint64_t posts_dropped_ = 0;  // of those, told to the listener
    bool stopping_ = false;
};

}  // namespace penstock::replication::transport
