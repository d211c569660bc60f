// ClusterNode: what makes a Node one of a cluster: the replicated logs of its sets, the links to
// the other nodes, who is asked for what. Made by the composition root before the Node and outlives
// it; after start() it lives on the broker thread, the transport's thread only puts letters into
// the node's mailbox.
//
// A node without an identity in its folder waits: with nothing in it, until it is called to found a
// cluster; with the data of a server that stood alone it serves on as the sole voter of its sets.
#pragma once

#include "broker/cluster/agreement.h"
#include "broker/cluster/arranger.h"
#include "broker/cluster/departures.h"
#include "broker/cluster/forwarding.h"
#include "broker/cluster/founding.h"
#include "broker/cluster/frame_packs.h"
#include "broker/cluster/identity.h"
#include "broker/cluster/in_sync.h"
#include "broker/cluster/levels.h"
#include "broker/cluster/membership.h"
#include "broker/cluster/peer_watch.h"
#include "broker/cluster/repairs.h"
#include "broker/cluster/retreat.h"
#include "broker/cluster/snapshots.h"
#include "broker/cluster/view.h"
#include "broker/node/neighbours.h"
#include "broker/node/node.h"
#include "broker/replication/raft_log.h"
#include "broker/replication/transport/peers.h"

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace penstock::cluster {

struct ClusterOptions {
    std::string data_folder;
    std::string name;
    NodeId node;
    std::string peer_address;
    std::string http_address;
    std::string zone;
    std::vector<PeerAddress> peers;                 // as configured: whom a cluster is founded with
    std::uint16_t data_sets = 8;                    // of a new cluster
    std::uint32_t replicas = 3;                     // of each of them, as far as there are nodes
    std::int64_t replace_after_us = 1'800'000'000;  // a node away for longer is lost
    std::uint32_t request_timeout_ms = 10'000;
    Ack ack = Ack::all;
    std::int64_t behind_us_max = 1'000'000;  // a replica that takes longer is not waited for
    std::int64_t slow_sync_us = 500'000;     // whose disk takes longer gives up what it leads
    std::int64_t tick_us = 30'000;
    std::uint64_t snapshot_bytes_per_s = 32ULL << 20;  // fetched, and taken into use; 0: no limit
    replication::RaftOptions raft;
    NodeSettings settings;  // told to whoever asks how the cluster is
    // Answers of forwarded requests are put into bytes there; empty: on the broker thread.
    boost::asio::any_io_executor answers;
    // A key of a founded cluster is kept beside the one it replaces.
    std::function<Result<void>(const node::RootKey&)> save_root_key;
};

struct ClusterCounters {
    std::uint64_t frames_strange = 0;  // of a set that is not here
};

class ClusterNode : public node::Neighbours,
                    public replication::transport::PeerListener,
                    public replication::RaftSender {
  public:
    struct World {
        Disk& disk;
        const Clock& clock;
        Random& random;
        const replication::EngineLibrary& library;
        OpenView open_view;
    };

    ClusterNode(World world, ClusterOptions options);

    // Reads the folder's identity. Error{damaged|invalid}: it is another node's, or unreadable.
    Result<void> load();

    // What the transport's hello says of this node.
    [[nodiscard]] replication::transport::Hello hello() const;

    // This node stops soon: it hands over what it leads. `done` on the broker thread, once that is
    // done as far as it can be.
    void leave(std::function<void()> done) { retreat_.leave(std::move(done)); }

    // Where clients reach this node, once that is known.
    void use_http_address(std::string address) { options_.http_address = std::move(address); }

    // Other nodes' requests count there. Before connect().
    void limit_forwarded(api::Quotas& quotas) { forwarding_.limit_by(quotas); }

    // The node's; before the transport starts.
    void use_mailbox(std::shared_ptr<node::Mailbox> mailbox) { mailbox_ = std::move(mailbox); }

    // The links, before the broker thread starts; nothing is sent without. `peers` outlives the
    // last turn.
    void connect(replication::transport::Peers& peers);

    // node::Neighbours
    [[nodiscard]] std::vector<SetId> hosted(const model::Rows* names) override;
    Result<std::set<SetId>> being_replaced() override;
    Result<std::set<SetId>> finish_replacing(storage::LogStore& store) override;
    Result<std::unique_ptr<replication::Log>> open_log(node::HostedSet& set,
                                                       storage::LogStore& store) override;
    void begin_turn(node::Node& node, std::int64_t now_us) override;

    void proposed() override { packs_.flush(); }

    void synced(std::int64_t took_us) override { retreat_.synced(took_us); }

    Result<void> end_turn(node::Node& node, std::int64_t now_us) override;
    [[nodiscard]] std::int64_t next_wake_us() const override;
    void forward(SetId set,
                 const node::CallPtr& call,
                 api::Request request,
                 node::PreparedBodies bodies,
                 bool repeatable) override;
    void submit(SetId set, node::Submission submission) override;
    void names_current(std::function<void(bool)> then) override;
    void mend(node::Node& node, SetId set, model::LogIndex index, node::Mended done) override;
    void survey(node::Node& node, std::function<void(api::ClusterView)> done) override;
    void measure(model::Metrics& metrics) override;
    void init(node::Node& node, std::function<void(node::Refused)> done) override;
    void change(node::Node& node,
                const api::ChangeCluster& change,
                std::function<void(node::Refused)> done) override;

    [[nodiscard]] SnapshotCounters snapshots() const { return snapshots_.counters(); }

    [[nodiscard]] const RepairCounters& repairs() const { return repairs_.counters(); }

    // The cluster as far as this node knows of it by itself.
    [[nodiscard]] api::ClusterView view(node::Node& node);

    // transport::PeerListener: the transport's thread
    void on_frame(NodeId from, replication::transport::Lane lane, std::string bytes) override;
    void on_question(NodeId from,
                     replication::transport::Lane lane,
                     std::string bytes,
                     replication::transport::Respond respond) override;
    void on_connected(NodeId node, const replication::transport::Hello& hello) override;
    void on_disconnected(NodeId node, replication::transport::LinkEnd how) override;
    void on_unreachable(NodeId node) override;

    // replication::RaftSender
    void send(NodeId to, SetId set, std::string frame) override;

  private:
    struct Link {
        bool connected = false;
        std::string peer_address;
        std::string http_address;
        std::string zone;
        std::string problem;
    };

    [[nodiscard]] replication::RaftStart start_of(const node::HostedSet& set,
                                                  const storage::LogStore& store) const;
    [[nodiscard]] NodeId guess(SetId set, std::uint32_t tries) const;
    void receive(NodeId from, std::string_view pack);
    void answer(node::Node& node,
                NodeId from,
                const std::string& question,
                const replication::transport::Respond& respond);
    FoundAnswer found(node::Node& node, NodeId from, const std::string& question);
    void obey(node::Node& node,
              NodeId from,
              FoundStep step,
              const Identity& identity,
              FoundAnswer& answer);
    std::string tell(node::Node& node, const std::string& question);
    [[nodiscard]] std::vector<model::NodeInfo> known_nodes() const;
    [[nodiscard]] std::string problem_of(NodeId node, const Link& link) const;
    void explain(api::ClusterView& view) const;
    [[nodiscard]] api::SetView view_of(node::Node& node, const replication::RaftLog& log);
    Result<void> check_disk(const node::HostedSet& names, storage::LogStore& store);
    Result<std::unique_ptr<replication::Log>> open_raft(node::HostedSet& set,
                                                        storage::LogStore& store,
                                                        const replication::RaftStart& start);
    [[nodiscard]] Identity draw_identity(const node::Node& node);
    Result<void> begin(node::Node& node, const Identity& identity);
    Result<void> take_part(node::Node& node, const Identity& identity);
    void begin_and_call(node::Node& node,
                        const Identity& identity,
                        const std::function<void(node::Refused)>& done);
    void call_founders(const std::function<void(node::Refused)>& done);
    [[nodiscard]] std::vector<NodeId> members_to_be() const;
    Result<void> look_at_names(node::Node& node);
    Error stop_as_older(SetId set);
    Result<void> tend_snapshots(node::Node& node, std::int64_t now_us);
    void arrange(node::Node& node, std::int64_t now_us);
    void found_names(node::Node& node);
    [[nodiscard]] Arranger::Facts facts() const;
    [[nodiscard]] std::set<NodeId> away() const;
    [[nodiscard]] std::vector<PeerAddress> peers_to_dial() const;
    [[nodiscard]] std::string address_of(const PeerAddress& told) const;
    [[nodiscard]] bool is_listed(NodeId peer) const;  // by what set 0 says here
    [[nodiscard]] node::Refused complaint(const api::ChangeCluster& change) const;
    [[nodiscard]] bool is_removed() const;
    void tell_removed();
    Result<void> tend_departures(node::Node& node, std::int64_t now_us);
    [[nodiscard]] std::vector<SetId> data_sets_here() const;
    [[nodiscard]] bool may_go(SetId set, const api::ClusterView& view, std::uint64_t term) const;
    Result<void> outlive_removal(node::Node& node, SetId set);
    void close_to_depart(node::Node& node, SetId set);
    void close_log(node::Node& node, SetId set);
    Result<void> depart(node::Node& node, SetId set);
    [[nodiscard]] std::vector<Founder> founders() const;
    void invite(node::Node& node, const model::NodeInfo& info);

    World world_;
    ClusterOptions options_;
    std::optional<Identity> identity_;  // nothing: it takes part in no cluster
    std::optional<Error> failed_;       // final
    replication::transport::Peers* peers_ = nullptr;
    std::shared_ptr<node::Mailbox> mailbox_;
    node::Node* node_ = nullptr;  // known from the first turn on
    storage::LogStore* store_ = nullptr;
    std::map<SetId, replication::RaftLog*> logs_;  // owned by the hosted sets
    std::map<SetId, InSync> in_sync_;              // of the sets that are here
    std::map<SetId, model::SetInfo> placed_;       // as set 0 says
    std::vector<model::NodeInfo> nodes_;
    bool balancing_ = false;
    std::map<NodeId, Link> links_;
    Forwarding forwarding_;
    Founding founding_;
    Membership membership_;
    Arranger arranger_;
    Departures departures_;
    Snapshots snapshots_;
    Repairs repairs_;
    Agreement agreement_;
    Retreat retreat_;
    Levels levels_;
    FramePacks packs_;
    std::atomic<std::uint64_t> frames_waiting_{0};  // bytes of letters under way
    model::LogIndex names_seen_ = 0;
    std::map<SetId, NodeId> leaders_seen_;
    std::map<SetId, std::uint64_t> leader_changes_;
    PeerWatch peer_watch_;
    std::map<NodeId, std::int64_t> invited_us_;
    std::int64_t ticked_us_ = 0;
    std::int64_t tended_us_ = 0;
    bool removed_ = false;           // from the cluster, and said so
    std::int64_t departing_us_ = 0;  // who still holds what was asked
    ClusterCounters counters_;
};

}  // namespace penstock::cluster
