// TlsPeers: Peers over TCP with mutual TLS 1.3, on a thread of its own. Each node dials every
// other, once a lane, again and again; it accepts whoever holds a certificate of the cluster's
// authority that names the node it claims to be.
//
// Owned by the composition root; the listener, clock and randomness outlive it. Fails only in
// start(): an address that cannot be bound, TLS files that cannot be used. Whatever comes by the
// port ends its own connection, a counter goes up and the log says why, at most one line a reason
// every ten seconds.
#pragma once

#include "broker/base/clock.h"
#include "broker/base/error.h"
#include "broker/base/random.h"
#include "broker/replication/transport/peers.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace penstock::replication::transport {

// Of one frame, question or answer: a message of 16 MiB with all that goes with it.
inline constexpr std::size_t frame_bytes_max = 24U << 20U;

struct PeerLimits {
    std::size_t queue_bytes_max = 64U << 20U;  // a node and lane; what waits to be written
    std::size_t queue_frames_max = 65'536;
    std::size_t inbox_bytes_max = 128U << 20U;   // handed over by other threads, not yet looked at
    std::size_t questions_max = 8'192;           // a connection; asked and not yet answered
    std::size_t handshakes_max = 64;             // under way at our port; more end the oldest
    std::size_t nodes_max = 256;                 // connected at once
    std::chrono::milliseconds handshake{5'000};  // from TCP to welcome, either side
    std::chrono::milliseconds beat{500};         // silence after which a keep-alive is written
    std::chrono::milliseconds silence{3'000};    // silence after which a peer counts as gone
    std::chrono::milliseconds stall{10'000};     // a peer that takes none of what is written
    std::chrono::milliseconds retry_min{50};     // pause before a dial is repeated; doubles
    std::chrono::milliseconds retry_max{2'000};
    std::chrono::milliseconds certificates{10'000};  // pause between looks at the TLS files
};

struct TlsPeersOptions {
    std::string listen = "127.0.0.1:7072";  // port 0: a free one
    // Says who we are. An empty peer_address becomes the one bound; wall_ms and process are filled
    // in.
    Hello hello;
    // Read again when they change; what cannot be used then changes nothing.
    std::string ca_file;           // PEM; the only authority that is trusted
    std::string certificate_file;  // PEM, the chain; names the node: model/peer_name.h
    std::string key_file;          // PEM
    bool insecure = false;         // no TLS: for tests; every address must be a loopback one
    PeerLimits limits;
};

class TlsPeers final : public Peers {
  public:
    // Binds, loads the TLS files and begins to accept. Error{invalid|unavailable}.
    static Result<std::unique_ptr<TlsPeers>> start(TlsPeersOptions options,
                                                   PeerListener& listener,
                                                   const Clock& clock,
                                                   Random& random);

    struct State;
    explicit TlsPeers(std::unique_ptr<State> state);  // of start()
    ~TlsPeers() override;                             // as stop()
    TlsPeers(const TlsPeers&) = delete;
    TlsPeers& operator=(const TlsPeers&) = delete;

    [[nodiscard]] std::uint16_t port() const;  // the one in use

    void send(NodeId to, Lane lane, std::string frame) override;
    void ask(NodeId to,
             Lane lane,
             std::string question,
             std::chrono::milliseconds deadline,
             TakeAnswer take) override;
    void set_peers(std::vector<PeerAddress> peers) override;
    void set_cluster(ClusterId cluster, std::uint32_t incarnation) override;
    void set_formats(FormatRange formats) override;
    void inspect(std::function<void(PeersState)> take) override;
    void stop() override;

  private:
    std::unique_ptr<State> state_;
};

}  // namespace penstock::replication::transport
