#include "tests/support/simulated_peers.h"

#include <algorithm>
#include <string>

namespace penstock::testing {

using replication::transport::Answer;
using replication::transport::AskFailure;
using replication::transport::ClusterId;
using replication::transport::Hello;
using replication::transport::Lane;
using replication::transport::LinkEnd;
using replication::transport::PeerAddress;
using replication::transport::PeerListener;
using replication::transport::PeersState;
using replication::transport::PeerStatus;
using replication::transport::TakeAnswer;

class SimulatedNetwork::Node final : public transport::Peers,
                                     public std::enable_shared_from_this<Node> {
  public:
    Node(SimulatedNetwork& world, Hello greeting, PeerListener& heard_by)
        : hello(std::move(greeting)), listener(heard_by), network_(world) {}

    void send(NodeId to, Lane lane, std::string frame) override {
        if (!alive) return;
        if (!has_way_to(to)) {
            ++statistics.frames_dropped;
            later([to](Node& self) { self.listener.on_unreachable(to); });
            return;
        }
        ++statistics.frames_sent;
        network_.carry(
            hello.node, to, lane, [from = hello.node, lane, bytes = std::move(frame)](Node& node) {
                ++node.statistics.frames_received;
                node.listener.on_frame(from, lane, bytes);
            });
    }

    void ask(NodeId to,
             Lane lane,
             std::string question,
             std::chrono::milliseconds deadline,
             TakeAnswer take) override {
        if (!alive) return;
        const std::uint64_t number = ++last_question_;
        questions_[number] = {to, std::move(take)};
        if (!has_way_to(to)) {
            later([number](Node& self) { self.fail(number, Errc::unavailable, false); });
            return;
        }
        ++statistics.frames_sent;
        const auto end_us = network_.now_us() + std::chrono::microseconds(deadline).count();
        network_.at(end_us, [self = shared_from_this(), number] {
            self->fail(number, Errc::timeout, true);
        });
        network_.carry(hello.node,
                       to,
                       lane,
                       [from = hello.node, lane, number, bytes = std::move(question)](Node& node) {
                           ++node.statistics.frames_received;
                           node.hear(from, lane, number, bytes);
                       });
    }

    void set_peers(std::vector<PeerAddress> peers) override {
        if (!alive) return;
        members_.clear();
        for (auto& peer : peers) {
            if (peer.node != hello.node) members_[peer.node] = std::move(peer.address);
        }
        network_.refresh();
    }

    void set_cluster(ClusterId cluster, std::uint32_t incarnation) override {
        hello.cluster_id = cluster;
        hello.incarnation = incarnation;
        if (alive) network_.refresh();
    }

    void set_formats(transport::FormatRange formats) override {
        hello.formats = formats;
        if (alive) network_.refresh();
    }

    void inspect(std::function<void(PeersState)> take) override {
        later([take = std::move(take)](Node& self) { take(self.state()); });
    }

    void stop() override {
        if (alive) network_.kill(hello.node);
    }

    [[nodiscard]] bool lists(NodeId node) const { return members_.count(node) > 0; }

    // The link to `other` broke: what was asked there may have been delivered.
    void fail_questions_to(NodeId other) {
        std::vector<std::uint64_t> numbers;
        for (const auto& [number, question] : questions_) {
            if (question.to == other) numbers.push_back(number);
        }
        for (const std::uint64_t number : numbers) fail(number, Errc::unavailable, true);
    }

    // Runs on the node at once, but not inside the call that asked for it.
    void later(std::function<void(Node&)> event) {
        network_.at(network_.now_us(), [self = shared_from_this(), event = std::move(event)] {
            if (self->alive) event(*self);
        });
    }

    bool alive = true;
    Hello hello;
    PeerListener& listener;
    transport::PeerStatistics statistics;

  private:
    struct Question {
        NodeId to;
        TakeAnswer take;
    };

    [[nodiscard]] bool has_way_to(NodeId to) const {
        return lists(to) && network_.stands(hello.node, to);
    }

    void hear(NodeId from, Lane lane, std::uint64_t number, const std::string& bytes) {
        // By the connection it came by: who has been away since asked nothing.
        const std::uint64_t breaks = network_.breaks_[link(from, hello.node)];
        auto respond = [self = shared_from_this(), from, lane, number, breaks](std::string answer) {
            if (!self->alive || self->network_.breaks_[link(from, self->hello.node)] != breaks)
                return;
            self->answer(from, lane, number, std::move(answer));
        };
        if (network_.instead) {
            if (auto given = network_.instead(bytes)) return respond(std::move(*given));
        }
        listener.on_question(from, lane, bytes, std::move(respond));
    }

    void answer(NodeId to, Lane lane, std::uint64_t number, std::string answer) {
        network_.carry(hello.node, to, lane, [number, bytes = std::move(answer)](Node& node) {
            node.take_answer(number, bytes);
        });
    }

    void take_answer(std::uint64_t number, const std::string& bytes) {
        if (const auto take = end(number)) take(Answer(bytes));
    }

    void fail(std::uint64_t number, Errc code, bool maybe_delivered) {
        const auto take = end(number);
        if (!take || !alive) return;
        ++statistics.questions_failed;
        take(AskFailure{error(code, "the simulated network"), maybe_delivered});
    }

    // Empty: it has ended already.
    TakeAnswer end(std::uint64_t number) {
        const auto found = questions_.find(number);
        if (found == questions_.end()) return {};
        TakeAnswer take = std::move(found->second.take);
        questions_.erase(found);
        return take;
    }

    [[nodiscard]] PeersState state() const {
        PeersState state;
        state.statistics = statistics;
        for (const auto& [node, address] : members_) {
            PeerStatus status;
            status.node = node;
            status.address = address;
            const Node* other = network_.find(node);
            const bool standing = other != nullptr && network_.stands(hello.node, node);
            if (standing) status.hello = other->hello;
            for (auto& lane : status.lanes) {
                lane.dialed = standing;
                lane.accepted = standing && other->lists(hello.node);
            }
            state.peers.push_back(std::move(status));
        }
        return state;
    }

    SimulatedNetwork& network_;
    std::map<NodeId, std::string> members_;
    std::map<std::uint64_t, Question> questions_;
    std::uint64_t last_question_ = 0;
};

SimulatedNetwork::~SimulatedNetwork() = default;

SimulatedNetwork::Link SimulatedNetwork::link(NodeId left, NodeId right) {
    return {std::min(left, right), std::max(left, right)};
}

SimulatedNetwork::Node* SimulatedNetwork::find(NodeId node) const {
    const auto found = nodes_.find(node);
    return found == nodes_.end() ? nullptr : found->second.get();
}

transport::Peers& SimulatedNetwork::join(const Hello& hello, PeerListener& listener) {
    auto& node = nodes_[hello.node];
    node = std::make_shared<Node>(*this, hello, listener);
    refresh();
    return *node;
}

void SimulatedNetwork::kill(NodeId node) {
    const auto found = nodes_.find(node);
    if (found == nodes_.end()) return;
    found->second->alive = false;
    killed_.push_back(found->second);
    nodes_.erase(found);
    refresh();
}

void SimulatedNetwork::cut(NodeId left, NodeId right) {
    cuts_.insert(link(left, right));
    refresh();
}

void SimulatedNetwork::heal(NodeId left, NodeId right) {
    cuts_.erase(link(left, right));
    refresh();
}

void SimulatedNetwork::partition(const std::set<NodeId>& group) {
    for (const auto& [left, first] : nodes_) {
        for (const auto& [right, second] : nodes_) {
            if (group.count(left) != group.count(right)) cuts_.insert(link(left, right));
        }
    }
    refresh();
}

void SimulatedNetwork::heal_all() {
    cuts_.clear();
    mutes_.clear();
    refresh();
}

bool SimulatedNetwork::can_stand(const Node& left, const Node& right) const {
    const NodeId one = left.hello.node;
    const NodeId two = right.hello.node;
    return cuts_.count(link(one, two)) == 0 && (left.lists(two) || right.lists(one)) &&
           !transport::judge(left.hello, right.hello) && !transport::judge(right.hello, left.hello);
}

bool SimulatedNetwork::stands(NodeId left, NodeId right) const {
    return standing_.count(link(left, right)) > 0;
}

void SimulatedNetwork::refresh() {
    const std::set<Link> before = standing_;
    for (const Link& standing : before) {
        const Node* left = find(standing.first);
        const Node* right = find(standing.second);
        if (left == nullptr || right == nullptr || !can_stand(*left, *right))
            disconnect(standing.first, standing.second);
    }
    for (const auto& [one, left] : nodes_) {
        for (const auto& [two, right] : nodes_) {
            if (!(one < two) || stands(one, two) || !can_stand(*left, *right)) continue;
            at(now_us_ + delay_us(), [this, one = one, two = two] { connect(one, two); });
        }
    }
}

void SimulatedNetwork::connect(NodeId left, NodeId right) {
    const Node* one = find(left);
    const Node* two = find(right);
    if (one == nullptr || two == nullptr || stands(left, right) || !can_stand(*one, *two)) return;
    standing_.insert(link(left, right));
    for (const auto& [node, other] : {std::pair(left, right), std::pair(right, left)}) {
        Hello hello = find(other)->hello;
        hello.wall_ms = now_us_ / 1'000;
        find(node)->later([hello](Node& self) { self.listener.on_connected(hello.node, hello); });
    }
}

void SimulatedNetwork::disconnect(NodeId left, NodeId right) {
    standing_.erase(link(left, right));
    ++breaks_[link(left, right)];
    for (const auto& [node, other] : {std::pair(left, right), std::pair(right, left)}) {
        Node* self = find(node);
        if (self == nullptr) continue;
        self->later([other = other](Node& gone_for) {
            gone_for.fail_questions_to(other);
            gone_for.listener.on_disconnected(other, LinkEnd::reset);
        });
    }
}

std::int64_t SimulatedNetwork::delay_us() {
    const auto span = static_cast<std::uint64_t>(weather_.delay_us_max - weather_.delay_us_min);
    return weather_.delay_us_min + static_cast<std::int64_t>(random_.below(span + 1));
}

void SimulatedNetwork::at(std::int64_t time_us, std::function<void()> event) {
    events_.emplace(Moment{time_us, ++sequence_}, std::move(event));
}

void SimulatedNetwork::carry(NodeId from, NodeId to, Lane lane, std::function<void(Node&)> event) {
    const std::int64_t delay = delay_us();
    if (random_.below(1'000) < weather_.lost_of_1000) return;
    if (mutes_.contains({from, to})) return;
    if (lane != Lane::raft && lose_ > 0 && --lose_ == 0) return;
    std::int64_t& arrival_us = arrivals_us_[{from, to, lane}];
    arrival_us = std::max(arrival_us, now_us_ + delay);
    const std::uint64_t breaks = breaks_[link(from, to)];
    at(arrival_us, [this, from, to, breaks, event = std::move(event)] {
        Node* node = find(to);
        const bool whole = stands(from, to) && breaks_[link(from, to)] == breaks;
        if (node != nullptr && whole) event(*node);
    });
}

bool SimulatedNetwork::step() {
    if (events_.empty()) return false;
    auto next = events_.extract(events_.begin());
    now_us_ = std::max(now_us_, next.key().first);
    ++happened_;
    next.mapped()();
    return true;
}

void SimulatedNetwork::run_until(std::int64_t time_us) {
    while (!events_.empty() && events_.begin()->first.first <= time_us) step();
    now_us_ = std::max(now_us_, time_us);
}

}  // namespace penstock::testing
