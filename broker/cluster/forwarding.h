// Forwarding: requests and commands for sets that other nodes lead, on their way there and back.
// While nobody is known to lead a set they wait, and are sent again where that has no second
// effect; each ends with its answer or, when its time is over, with a refusal that says whether it
// may have had an effect. Owned by the ClusterNode, broker thread only.
#pragma once

#include "broker/api/quotas.h"
#include "broker/cluster/polls.h"
#include "broker/cluster/words.h"
#include "broker/node/neighbours.h"
#include "broker/node/node.h"
#include "broker/replication/transport/peers.h"

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace penstock::cluster {

using model::NodeId;
using model::SetId;

inline constexpr std::size_t parcels_max = 20'000;
inline constexpr std::uint64_t parcel_bytes_max = 256ULL << 20;

struct ForwardingCounters {
    std::uint64_t forwarded = 0;  // questions that left
    std::uint64_t repeated = 0;   // of those: not the first of their parcel
    std::uint64_t served = 0;     // for other nodes
    std::uint64_t unknown = 0;    // links that broke with an answer outstanding
};

class Forwarding {
  public:
    // Who may lead `set`, to be asked for the `tries`th time; 0: nobody is known.
    using Guess = std::function<NodeId(SetId set, std::uint32_t tries)>;

    // Answers for others are put into bytes on `answers`; without one, on the broker thread.
    Forwarding(NodeId self,
               const Clock& clock,
               std::uint32_t request_timeout_ms,
               Guess guess,
               boost::asio::any_io_executor answers)
        : self_(self),
          clock_(clock),
          request_timeout_us_(std::int64_t{request_timeout_ms} * 1'000),
          guess_(std::move(guess)),
          answers_(std::move(answers)) {}

    // Nothing is sent before.
    void use(replication::transport::Peers& peers, std::shared_ptr<node::Mailbox> mailbox) {
        peers_ = &peers;
        mailbox_ = std::move(mailbox);
    }

    // What other nodes ask for counts there before it is served. Before serve().
    void limit_by(api::Quotas& quotas) { quotas_ = &quotas; }

    void request(node::Node& node,
                 SetId set,
                 const node::CallPtr& call,
                 const api::Request& request,
                 node::PreparedBodies bodies,
                 bool repeatable);
    void command(SetId set, node::Submission submission);

    // Runs `then` once this node's rows of set 0 are as its leader's were when this was called;
    // false: no leader answered in time.
    void names_current(std::function<void(bool)> then);

    // Sends what waits and ends what is overdue. Once a turn.
    void run(node::Node& node, std::int64_t now_us);

    [[nodiscard]] std::int64_t next_wake_us() const;

    // Another node's question; false when it is none of this room's.
    bool serve(node::Node& node,
               const std::string& question,
               const replication::transport::Respond& respond);

    // Set 0 is applied that far here; before the turn's answers leave.
    void names_applied(std::uint64_t index) { names_applied_->store(index); }

    // A set's leader has become known or has changed.
    void leader_changed() { look_now_ = true; }

    [[nodiscard]] const ForwardingCounters& counters() const { return counters_; }

  private:
    struct Parcel {
        SetId set;
        std::string question;
        std::int64_t deadline_us = 0;
        std::int64_t next_try_us = 0;
        std::uint32_t tries = 0;
        bool repeatable = false;  // a second delivery does no harm
        bool under_way = false;
        bool maybe_delivered = false;
        NodeId hint;  // who is said to lead
        node::CallPtr call;
        // The question for a further node, with so much time left; empty: the same one.
        std::function<std::string(std::int64_t left_us)> anew;
        // Runs the thing here, when this node has come to lead the set meanwhile.
        std::function<void(node::Node&)> here;
        // Gets what came back.
        std::function<void(const HandedAnswer&)> answered;
        std::function<void(model::Refusal)> refused;
        // Several commands go once more, one by one: who was asked does not know how to take more.
        // Empty: there is only one.
        std::function<void()> apart;
    };

    // An answer that waits until what it tells of is visible here.
    struct Held {
        std::uint64_t names_index = 0;
        std::int64_t until_us = 0;
        std::function<void()> deliver;
    };

    // For one more question of so many bytes.
    [[nodiscard]] bool has_room(std::uint64_t bytes) const;
    void add(Parcel parcel);
    void send(std::uint64_t id, Parcel& parcel, NodeId to, std::int64_t now_us);
    void back(node::Node& node, std::uint64_t id, const replication::transport::Answer& answer);
    void finish(node::Node& node, std::uint64_t id, HandedAnswer answer);
    void try_again(std::uint64_t id, Parcel& parcel, std::int64_t pause_us);
    void refuse(std::uint64_t id);
    bool look_at(node::Node& node, std::uint64_t id, Parcel& parcel, std::int64_t now_us);
    void serve_request(node::Node& node,
                       std::string_view bytes,
                       const replication::transport::Respond& respond);
    void serve_command(node::Node& node,
                       std::string_view bytes,
                       const replication::transport::Respond& respond);
    void serve_names(node::Node& node, const replication::transport::Respond& respond);

    NodeId self_;
    const Clock& clock_;
    std::int64_t request_timeout_us_;
    Guess guess_;
    boost::asio::any_io_executor answers_;
    // How far set 0 is applied here, for answers that are made on another thread.
    std::shared_ptr<std::atomic<std::uint64_t>> names_applied_ =
        std::make_shared<std::atomic<std::uint64_t>>(0);
    replication::transport::Peers* peers_ = nullptr;
    api::Quotas* quotas_ = nullptr;  // nothing: all is served
    std::shared_ptr<node::Mailbox> mailbox_;
    std::map<std::uint64_t, Parcel> parcels_;
    ServedPolls served_polls_;
    std::vector<Held> held_;
    std::uint64_t bytes_ = 0;  // of the parcels' questions
    std::uint64_t next_id_ = 1;
    bool look_now_ = false;
    ForwardingCounters counters_;
};

}  // namespace penstock::cluster
