// TestNode: one node's TlsPeers on loopback with everything it heard, on the system's clock with a
// shift. Recorder: the listener that writes all of it down and wakes who waits. Made by a test, on
// its thread; the recorder is safe to read from there while the transport's thread writes.
#pragma once

#include "broker/base/random.h"
#include "broker/replication/transport/tls_peers.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace penstock::replication::transport {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct Heard {
    NodeId from;
    Lane lane = Lane::raft;
    std::string bytes;

    friend bool operator==(const Heard&, const Heard&) = default;
};

struct Events {
    std::vector<Heard> frames;
    std::vector<Heard> questions;
    std::vector<std::pair<NodeId, Hello>> connected;
    std::vector<std::pair<NodeId, LinkEnd>> disconnected;
    std::vector<NodeId> unreachable;
    std::vector<Respond> unanswered;  // questions while `hold` is set
};

class Recorder final : public PeerListener {
  public:
    // False when `holds(events)` did not become true in time.
    template <class Predicate>
    bool wait(Predicate holds, milliseconds limit = seconds(10)) {
        std::unique_lock lock(mutex_);
        return changed_.wait_for(lock, limit, [&] { return holds(events_); });
    }

    Events events() {
        const std::lock_guard lock(mutex_);
        return events_;
    }

    // Questions are kept in `unanswered` instead of being answered with "re: " and themselves.
    void hold() {
        const std::lock_guard lock(mutex_);
        hold_ = true;
    }

    void on_frame(NodeId from, Lane lane, std::string bytes) override {
        note([&](Events& events) { events.frames.push_back({from, lane, std::move(bytes)}); });
    }

    void on_question(NodeId from, Lane lane, std::string bytes, Respond respond) override {
        bool held = false;
        const std::string answer = "re: " + bytes;
        note([&](Events& events) {
            held = hold_;
            events.questions.push_back({from, lane, std::move(bytes)});
            if (held) events.unanswered.push_back(respond);
        });
        if (!held) respond(answer);
    }

    void on_connected(NodeId node, const Hello& hello) override {
        note([&](Events& events) { events.connected.emplace_back(node, hello); });
    }

    void on_disconnected(NodeId node, LinkEnd how) override {
        note([&](Events& events) { events.disconnected.emplace_back(node, how); });
    }

    void on_unreachable(NodeId node) override {
        note([&](Events& events) { events.unreachable.push_back(node); });
    }

  private:
    template <class Change>
    void note(Change change) {
        const std::lock_guard lock(mutex_);
        change(events_);
        changed_.notify_all();
    }

    std::mutex mutex_;
    std::condition_variable changed_;
    Events events_;
    bool hold_ = false;
};

class ShiftedClock final : public Clock {
  public:
    [[nodiscard]] std::int64_t wall_ms() const override { return system_.wall_ms() + shift_ms; }

    [[nodiscard]] std::int64_t steady_us() const override { return system_.steady_us(); }

    std::atomic<std::int64_t> shift_ms = 0;

  private:
    SystemClock system_;
};

inline TlsPeersOptions plain_options(std::uint64_t id) {
    TlsPeersOptions options;
    options.listen = "127.0.0.1:0";
    options.hello.cluster = "orders";
    options.hello.node = NodeId{id};
    options.hello.zone = "zone-" + std::to_string(id);
    options.hello.build = "test";
    options.insecure = true;
    options.limits.retry_min = milliseconds(10);
    options.limits.retry_max = milliseconds(100);
    return options;
}

class TestNode {
  public:
    explicit TestNode(TlsPeersOptions options, std::int64_t clock_shift_ms = 0)
        : id(options.hello.node) {
        clock.shift_ms = clock_shift_ms;
        auto started = TlsPeers::start(std::move(options), recorder, clock, random);
        if (!started) throw std::runtime_error(started.error().detail);
        peers = std::move(started.value());
    }

    ~TestNode() { peers->stop(); }

    [[nodiscard]] PeerAddress address() const {
        return {id, "127.0.0.1:" + std::to_string(peers->port())};
    }

    [[nodiscard]] PeersState state() const {
        std::promise<PeersState> promise;
        peers->inspect([&promise](PeersState state) { promise.set_value(std::move(state)); });
        return promise.get_future().get();
    }

    [[nodiscard]] PeerStatus status_of(NodeId node) const {
        for (const auto& peer : state().peers) {
            if (peer.node == node) return peer;
        }
        return {};
    }

    [[nodiscard]] std::uint64_t refusals(Refusal reason) const {
        return state().statistics.refusals[static_cast<std::size_t>(reason)];
    }

    // Looks again and again until `holds(state())`, or gives up.
    template <class Predicate>
    bool reaches(Predicate holds, milliseconds limit = seconds(10)) {
        const auto end = std::chrono::steady_clock::now() + limit;
        while (!holds(state())) {
            if (std::chrono::steady_clock::now() >= end) return false;
            recorder.wait([](const Events&) { return false; }, milliseconds(2));
        }
        return true;
    }

    // Our connection to `node` stands on every lane.
    bool reaches_node(NodeId node) {
        return reaches([this, node](const PeersState&) {
            const PeerStatus status = status_of(node);
            for (const auto& lane : status.lanes) {
                if (!lane.dialed) return false;
            }
            return true;
        });
    }

    bool refuses(Refusal reason) {
        return reaches([reason](const PeersState& state) {
            return state.statistics.refusals[static_cast<std::size_t>(reason)] > 0;
        });
    }

    const NodeId id;
    ShiftedClock clock;
    SystemRandom random;
    Recorder recorder;
    std::unique_ptr<TlsPeers> peers;
};

inline void introduce(TestNode& left, TestNode& right) {
    left.peers->set_peers({right.address()});
    right.peers->set_peers({left.address()});
}

// The answer to a question, waited for.
inline Answer ask_and_wait(TestNode& node,
                           NodeId to,
                           std::string question,
                           milliseconds deadline = seconds(10),
                           Lane lane = Lane::requests) {
    auto promise = std::make_shared<std::promise<Answer>>();
    auto future = promise->get_future();
    node.peers->ask(to, lane, std::move(question), deadline, [promise](Answer answer) {
        promise->set_value(std::move(answer));
    });
    return future.get();
}

}  // namespace penstock::replication::transport
