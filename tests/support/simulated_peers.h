// SimulatedNetwork: nodes that speak by Peers without sockets, threads or real time. Everything
// that is under way is an event; step() lets the next one happen and moves the time. Delays, lost
// frames and order come from the seed, so that a run can be repeated. What a node sends to itself,
// or to one it does not know, is dropped, as the real one does. One thread; listeners outlive the
// network or are killed before.
#pragma once

#include "broker/base/random.h"
#include "broker/replication/transport/peers.h"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace penstock::testing {

namespace transport = replication::transport;
using model::NodeId;

class SimulatedNetwork {
  public:
    struct Weather {
        std::int64_t delay_us_min = 100;
        std::int64_t delay_us_max = 2'000;
        std::uint64_t lost_of_1000 = 0;  // messages, questions and answers
    };

    explicit SimulatedNetwork(std::uint64_t seed) : random_(seed) {}

    ~SimulatedNetwork();  // no Respond may be called any more
    SimulatedNetwork(const SimulatedNetwork&) = delete;
    SimulatedNetwork& operator=(const SimulatedNetwork&) = delete;

    // A node's Peers; calls after kill() do nothing. A killed node may join again.
    transport::Peers& join(const transport::Hello& hello, transport::PeerListener& listener);

    // The node is gone: others notice, what it sent is still under way, what it asked is forgotten.
    void kill(NodeId node);

    void set_weather(const Weather& weather) { weather_ = weather; }

    // The `nth` message from now on, question or answer, is lost on its way; 1 is the next. Frames
    // of sets are not counted.
    void lose(std::uint64_t nth) { lose_ = nth; }

    // Nothing passes between the two any more, in either direction; they notice.
    void cut(NodeId left, NodeId right);
    void heal(NodeId left, NodeId right);

    // What `from` sends to `to` is lost; neither notices, and the other direction is whole.
    void mute(NodeId from, NodeId to) { mutes_.insert({from, to}); }

    // Sees each question that has arrived, and may answer it in the place of the node: as one of
    // another build would.
    std::function<std::optional<std::string>(const std::string& question)> instead;

    // Cuts every link between `group` and the others.
    void partition(const std::set<NodeId>& group);
    void heal_all();

    // The next event happens; false: there is none.
    bool step();

    // All events up to then, and the time is then.
    void run_until(std::int64_t time_us);

    [[nodiscard]] std::int64_t now_us() const { return now_us_; }

    // Events that have happened: frames, questions and answers that arrived, links that came and
    // went.
    [[nodiscard]] std::uint64_t happened() const { return happened_; }

  private:
    class Node;
    friend class Node;
    using Link = std::pair<NodeId, NodeId>;  // the smaller first
    using Way = std::tuple<NodeId, NodeId, transport::Lane>;
    using Moment = std::pair<std::int64_t, std::uint64_t>;  // time, and the order within it

    static Link link(NodeId left, NodeId right);
    [[nodiscard]] bool can_stand(const Node& left, const Node& right) const;
    [[nodiscard]] bool stands(NodeId left, NodeId right) const;
    void refresh();
    void connect(NodeId left, NodeId right);
    void disconnect(NodeId left, NodeId right);
    void at(std::int64_t time_us, std::function<void()> event);
    void carry(NodeId from, NodeId to, transport::Lane lane, std::function<void(Node&)> event);
    [[nodiscard]] std::int64_t delay_us();
    [[nodiscard]] Node* find(NodeId node) const;

    SeededRandom random_;
    Weather weather_;
    std::uint64_t lose_ = 0;
    std::int64_t now_us_ = 0;
    std::uint64_t sequence_ = 0;
    std::uint64_t happened_ = 0;
    std::map<NodeId, std::shared_ptr<Node>> nodes_;  // alive
    std::vector<std::shared_ptr<Node>> killed_;      // those who hold them may still call
    std::set<Link> cuts_;
    std::set<Link> mutes_;  // from, to
    std::set<Link> standing_;
    std::map<Link, std::uint64_t> breaks_;  // what was under way when a link broke is lost
    std::map<Way, std::int64_t> arrivals_us_;
    std::map<Moment, std::function<void()>> events_;
};

}  // namespace penstock::testing
