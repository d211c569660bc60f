// Peers: how the nodes of a cluster speak to each other: opaque bytes to a node, on a lane, either
// as a frame (fire and forget) or as a question that gets an answer. TlsPeers does it over TCP;
// tests have a simulated one. What the bytes mean is the business of those who use it.
//
// Order: frames and questions to one node on one lane arrive in the order of the calls, each at
// most once; between lanes there is no order. Nothing is kept for a node that is not connected:
// what is sent to it is dropped at once, so nothing stale arrives after a reconnect.
//
// send(), ask(), set_peers(), set_cluster() and inspect() may be called from any thread. All
// callbacks run on the transport's own thread and must not block it; implementations post on, and
// bound what they post. After stop() nothing is called any more.
#pragma once

#include "broker/base/error.h"
#include "broker/replication/transport/hello.h"
#include "broker/replication/transport/refusal.h"

#include <boost/system/result.hpp>

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace penstock::replication::transport {

struct PeerAddress {
    NodeId node;
    std::string address;  // "host:port"

    friend bool operator==(const PeerAddress&, const PeerAddress&) = default;
};

// Why a question has no answer. Not delivered: it certainly had no effect (FAIL). Maybe delivered:
// some of it had left, so it may have had one (UNKNOWN).
struct AskFailure {
    Error error;  // unavailable, timeout, closed; invalid: the question is too long
    bool maybe_delivered = false;
};

[[noreturn]] inline void throw_exception_from_error(const AskFailure& failure,
                                                    const boost::source_location& where) {
    penstock::throw_exception_from_error(failure.error, where);
}

using Answer = boost::system::result<std::string, AskFailure>;
using TakeAnswer = std::function<void(Answer)>;    // called exactly once
using Respond = std::function<void(std::string)>;  // call exactly once, from any thread

enum class LinkEnd : std::uint8_t {
    refused,    // one side did not want the other
    reset,      // broken
    closed,     // in order
    timed_out,  // silent, or did not take what was written
};

class PeerListener {
  public:
    virtual ~PeerListener() = default;

    virtual void on_frame(NodeId from, Lane lane, std::string bytes) = 0;

    // The answer travels back on the connection the question came by; is that gone, it is dropped.
    virtual void on_question(NodeId from, Lane lane, std::string bytes, Respond respond) = 0;

    // The first connection with `node` stands, in either direction. Sends to it may still be
    // dropped for a moment: each node dials the other.
    virtual void on_connected(NodeId node, const Hello& hello) = 0;

    // The last connection with `node` is gone. With `refused` also for a dial that was refused, by
    // them or by us, although nothing had stood.
    virtual void on_disconnected(NodeId node, LinkEnd how) = 0;

    // Something sent to `node` was dropped: not connected, or its queue is full. Told again at
    // most every 20 ms.
    virtual void on_unreachable(NodeId node) = 0;
};

struct LaneStatus {
    bool dialed = false;             // our connection to the node stands
    bool accepted = false;           // the node's connection to us stands
    std::uint64_t queued_bytes = 0;  // waiting to be written on ours
    std::uint64_t reconnects = 0;    // times that ours stood again after an end
};

struct PeerStatus {
    NodeId node;
    std::string address;                   // as set_peers() gave it; empty: it only dials us
    std::optional<Hello> hello;            // of the newest connection
    std::int64_t clock_difference_ms = 0;  // its wall clock less ours, when it last told
    std::array<LaneStatus, lane_count> lanes;
    std::string problem;  // why the last dial failed; empty while connected
};

struct PeerStatistics {
    std::uint64_t frames_sent = 0;  // questions and answers included, keep-alives not
    std::uint64_t frames_received = 0;
    std::uint64_t bytes_sent = 0;  // on the connections, before TLS
    std::uint64_t bytes_received = 0;
    std::uint64_t frames_dropped = 0;    // not connected, or the queue full
    std::uint64_t questions_failed = 0;  // came back without an answer
    std::uint64_t answers_dropped = 0;   // the questioner was gone, or did not read
    std::uint64_t reconnects = 0;
    std::uint64_t refused_by_peers = 0;  // others did not want us
    std::uint64_t clock_warnings = 0;    // times a node's clock was found over a minute off
    std::uint64_t connections = 0;       // now
    RefusalCounts refusals{};            // whom we did not want
};

struct PeersState {
    std::vector<PeerStatus> peers;  // by node id
    PeerStatistics statistics;
};

class Peers {
  public:
    virtual ~Peers() = default;

    virtual void send(NodeId to, Lane lane, std::string frame) = 0;

    // `take` gets the answer, or why there is none, within `deadline` (plus a tick of 20 ms).
    virtual void ask(NodeId to,
                     Lane lane,
                     std::string question,
                     std::chrono::milliseconds deadline,
                     TakeAnswer take) = 0;

    // The other members and where they are; ours in the list is skipped. Whom the list no longer
    // holds is no longer dialed; it may still dial us.
    virtual void set_peers(std::vector<PeerAddress> peers) = 0;

    // Hellos from now on say so: the node has joined a cluster, or the cluster was recovered.
    virtual void set_cluster(ClusterId cluster, std::uint32_t incarnation) = 0;

    // Hellos from now on say that this node reads no other format levels.
    virtual void set_formats(FormatRange formats) = 0;

    // Hands a picture of now to `take`, on the transport's thread.
    virtual void inspect(std::function<void(PeersState)> take) = 0;

    // Ends every connection and question; when it returns nothing will be called again. By the
    // owner, never from a callback. Harmless when repeated.
    virtual void stop() = 0;
};

}  // namespace penstock::replication::transport
