#include "tests/replication/simulated_cluster.h"

#include <iterator>
#include <utility>

namespace penstock::replication::testing {

RaftOptions small_options() {
    RaftOptions options;
    options.engine.message_bytes_max = 2'048;
    options.engine.inflight_messages_max = 8;
    options.engine.committed_bytes_max = 4'096;
    options.engine.uncommitted_bytes_max = 64 << 10;
    options.engine.log_level = LogLevel::error;
    options.window_bytes_max = 4'096;
    options.in_flight_bytes_max = 16 << 10;
    options.keep_bytes_for_followers = 24 << 10;
    options.snapshot_ticks_max = 50;
    options.reread_bytes_per_turn = 3'000;
    options.reread_bytes_on_the_way_max = 6'000;
    options.news_wait = true;
    return options;
}

SimulatedCluster::SimulatedCluster(const EngineLibrary& library,
                                   std::uint64_t seed,
                                   RaftOptions options)
    : world_{library, SeededRandom(seed), options, {}, {}, {}, 0, 0} {
    world_.send = [this](NodeId from, NodeId to, std::string frame) {
        deliver(from, to, std::move(frame));
    };
}

void SimulatedCluster::found(std::uint64_t count) {
    std::vector<NodeId> founders;
    for (std::uint64_t id = 1; id <= count; ++id) founders.emplace_back(id);
    for (const NodeId id : founders) {
        auto node = std::make_unique<SimulatedReplica>(id, world_);
        node->start(RaftOrigin::founders, founders);
        nodes_.emplace(id, std::move(node));
        later(1 + chance(tick_ms), happening(Happening::tick, id));
    }
}

SimulatedReplica& SimulatedCluster::add(NodeId id, RaftOrigin origin) {
    return take_in(std::make_unique<SimulatedReplica>(id, world_), origin);
}

SimulatedReplica& SimulatedCluster::take_in(std::unique_ptr<SimulatedReplica> node,
                                            RaftOrigin origin) {
    const NodeId id = node->id();
    node->start(origin);
    later(1 + chance(tick_ms), happening(Happening::tick, id));
    return *(nodes_[id] = std::move(node));
}

SimulatedCluster::Event SimulatedCluster::happening(Happening what, NodeId node, NodeId peer) {
    Event event;
    event.what = what;
    event.node = node;
    event.peer = peer;
    return event;
}

void SimulatedCluster::later(std::uint64_t delay, Event event) {
    event.at = now_ + delay;
    event.order = ++order_;
    events_.push(std::move(event));
}

void SimulatedCluster::deliver(NodeId from, NodeId to, std::string frame) {
    ++frames_[from];
    if (!reaches(from, to) || chance(100) < weather.drop_percent) return;
    Event event = happening(Happening::frame, to, from);
    event.bytes = std::move(frame);
    if (chance(100) < weather.twice_percent) later(1 + chance(5 * weather.delay_ms_max), event);
    if (chance(100) < weather.astray_percent) lead_astray(event, to);
    later(1 + chance(weather.delay_ms_max), std::move(event));
}

// It comes to another node, or it is of another set, which has come to a later term.
void SimulatedCluster::lead_astray(Event copy, NodeId to) {
    constexpr std::size_t set_at = 1;
    constexpr std::size_t term_at = 7;
    auto other = nodes_.begin();
    std::advance(other, static_cast<std::ptrdiff_t>(chance(nodes_.size())));
    copy.node = other->first;
    copy.astray = copy.node != to;
    if (chance(2) == 0 && copy.bytes.size() > term_at && copy.bytes[term_at] < 100) {
        copy.node = to;
        copy.astray = true;
        ++copy.bytes[set_at];
        copy.bytes[term_at] = static_cast<char>(copy.bytes[term_at] + 3);
    }
    later(1 + chance(weather.delay_ms_max), std::move(copy));
}

void SimulatedCluster::hear(SimulatedReplica& node, const Event& event) {
    RaftLog& log = node.log();
    const std::uint64_t refused = log.counters().frames_refused;
    log.receive(event.peer, event.bytes);
    const bool taken = log.counters().frames_refused == refused;
    if (!event.astray || !taken || log.gone() != Engine::Gone::no) return;
    world_.referee.violation("node " + std::to_string(node.id().value) +
                             " takes a frame that is not for it");
}

void SimulatedCluster::run(std::uint64_t milliseconds) {
    const std::uint64_t end = now_ + milliseconds;
    while (!events_.empty() && events_.top().at <= end && violations().empty()) {
        Event event = events_.top();
        events_.pop();
        now_ = event.at;
        take(std::move(event));
    }
    now_ = end;
}

void SimulatedCluster::take(Event event) {
    const auto found = nodes_.find(event.node);
    if (found == nodes_.end()) return;
    SimulatedReplica& node = *found->second;
    if (event.what == Happening::tick) {
        later(tick_ms - 2 + chance(5), happening(Happening::tick, event.node));
    }
    if (!node.up()) return;
    switch (event.what) {
        case Happening::tick:
            node.log().tick();
            break;
        case Happening::frame:
            hear(node, event);
            break;
        case Happening::lost:
            node.log().peer_lost(event.peer);
            break;
        case Happening::fetched:
            fetch(node, std::move(event.offer));
            break;
    }
    // Frames may gather before a turn, as they do during a sync.
    if (event.what == Happening::frame && chance(4) == 0) return;
    node.run();
    after_run(node);
}

void SimulatedCluster::after_run(SimulatedReplica& node) {
    if (!node.up()) return told_of(node.id());
    if (auto offer = node.take_offer()) {
        Event event = happening(Happening::fetched, node.id());
        event.offer = std::move(*offer);
        later(10 + chance(300), std::move(event));
    }
}

void SimulatedCluster::fetch(SimulatedReplica& node, SnapshotOffer offer) {
    const auto found = nodes_.find(offer.from);
    if (found == nodes_.end() || !found->second->up() || !serves_snapshots) return;
    RaftLog& server = found->second->log();
    if (!reaches(offer.from, node.id()) || chance(10) == 0) {
        if (chance(2) == 0) server.snapshot_failed(node.id());
        return;
    }
    server.snapshot_moves(node.id());
    server.snapshot_sent(node.id());
    node.fetched(std::move(offer));
}

void SimulatedCluster::crash(SimulatedReplica& node) {
    node.crash();
    told_of(node.id());
}

void SimulatedCluster::told_of(NodeId crashed) {
    if (!tells_of_crashes) return;
    for (const auto& [id, node] : nodes_) {
        if (id == crashed || !reaches(crashed, id)) continue;
        // Behind the frames that were on their way.
        const std::uint64_t delay = weather.delay_ms_max + 1 + chance(5);
        later(delay, happening(Happening::lost, id, crashed));
    }
}

SimulatedReplica* SimulatedCluster::leader() {
    SimulatedReplica* best = nullptr;
    for (const auto& [id, node] : nodes_) {
        if (!node->leading()) continue;
        if (best == nullptr || node->log().leadership().term > best->log().leadership().term) {
            best = node.get();
        }
    }
    return best;
}

SimulatedReplica* SimulatedCluster::run_to_leader(std::uint64_t milliseconds) {
    for (std::uint64_t passed = 0; passed < milliseconds; passed += 5) {
        if (SimulatedReplica* found = leader()) return found;
        run(5);
    }
    return leader();
}

void SimulatedCluster::isolate(NodeId node) {
    for (const auto& [id, other] : nodes_) {
        cut(node, id);
        cut(id, node);
    }
}

void SimulatedCluster::heal() {
    cuts_.clear();
    weather = {};
}

}  // namespace penstock::replication::testing
