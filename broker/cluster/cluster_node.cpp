#include "broker/cluster/cluster_node.h"

#include "broker/base/bytes.h"
#include "broker/base/log.h"
#include "broker/cluster/condemned.h"
#include "broker/cluster/folder.h"
#include "broker/core/placement.h"
#include "broker/replication/peer_frame.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace penstock::cluster {

namespace {

namespace transport = replication::transport;

constexpr std::uint64_t frames_waiting_bytes_max = 128ULL << 20;
constexpr std::int64_t ticks_at_once_max = 5;  // after a turn that hung
constexpr std::int64_t tend_pause_us = 200'000;
constexpr std::uint64_t windows_bytes_max = 128ULL << 20;  // of all sets' entries in memory,
constexpr std::uint64_t window_bytes_min = 8ULL << 20;     // but of each at least

std::string text(SetId set) {
    return std::to_string(set.value);
}

bool has(const std::vector<NodeId>& nodes, NodeId node) {
    return std::find(nodes.begin(), nodes.end(), node) != nodes.end();
}

// Two nodes that were linked before they belonged to a cluster may belong to different ones now.
std::uint64_t mark_of(const Identity& identity) {
    return identity.cluster.high ^ identity.cluster.low ^ identity.incarnation;
}

bool is_empty(const node::HostedSet& set, const storage::LogStore& store) {
    const storage::LogStore::Range range = store.range(set.set());
    return set.progress().applied == 0 && range.last < range.first;
}

}  // namespace

ClusterNode::ClusterNode(World world, ClusterOptions options)
    : world_(std::move(world)),
      options_(std::move(options)),
      forwarding_(
          options_.node,
          world_.clock,
          options_.request_timeout_ms,
          [this](SetId set, std::uint32_t tries) { return guess(set, tries); },
          options_.answers),
      founding_(options_.node, world_.disk, options_.data_folder, world_.random),
      membership_(options_.node),
      arranger_({options_.node, options_.data_sets, options_.replicas, options_.replace_after_us}),
      departures_(world_.disk, options_.data_folder),
      snapshots_(world_.disk,
                 world_.clock,
                 options_.data_folder,
                 world_.open_view,
                 options_.snapshot_bytes_per_s),
      agreement_(world_.disk, options_.data_folder, options_.node),
      retreat_(options_.node, options_.slow_sync_us),
      levels_(options_.node),
      packs_([this](NodeId to, std::string pack) {
          peers_->send(to, transport::Lane::raft, std::move(pack));
      }) {}

Result<void> ClusterNode::load() {
    const auto recovering = is_being_recovered(world_.disk, options_.data_folder);
    if (!recovering) return recovering.error();
    if (*recovering) {
        return error(Errc::invalid,
                     "a recovery of " + options_.data_folder +
                         " was begun and not finished: run `penstock cluster recover` again");
    }
    if (auto usable = refuse_condemned(world_.disk, options_.data_folder); !usable) return usable;
    auto identity = load_identity(world_.disk, options_.data_folder);
    if (!identity) return identity.error();
    identity_ = std::move(*identity);
    if (!identity_) return founding_.load();
    if (identity_->node != options_.node.value) {
        return error(Errc::invalid,
                     options_.data_folder + " belongs to node " + std::to_string(identity_->node) +
                         ", the configuration says node " + std::to_string(options_.node.value) +
                         ": node ids are never given twice, set cluster.node_id back");
    }
    if (identity_->name != options_.name) {
        return error(Errc::invalid,
                     options_.data_folder + " belongs to cluster " + identity_->name +
                         ", the configuration says " + options_.name);
    }
    return {};
}

transport::Hello ClusterNode::hello() const {
    transport::Hello hello;
    hello.cluster = options_.name;
    hello.node = options_.node;
    hello.peer_address = options_.peer_address;
    hello.http_address = options_.http_address;
    hello.zone = options_.zone;
    hello.formats = Levels::hello_at(0);
    if (!identity_) return hello;
    hello.cluster_id = identity_->cluster;
    hello.incarnation = identity_->incarnation;
    return hello;
}

void ClusterNode::connect(transport::Peers& peers) {
    peers_ = &peers;
    forwarding_.use(peers, mailbox_);
    founding_.use(peers, mailbox_);
    snapshots_.use(peers);
    repairs_.use(peers);
    agreement_.use(peers, mailbox_);
    retreat_.use(peers);
    peers.set_peers(peers_to_dial());
}

// The configuration's word on a node that it names: it can be changed when nodes are somewhere else
// and set 0, for want of its voters, cannot.
std::string ClusterNode::address_of(const PeerAddress& told) const {
    for (const PeerAddress& peer : options_.peers) {
        if (peer.node == told.node) return peer.address;
    }
    return told.address;
}

// As set 0 says; until it says something, who is configured or has founded the cluster. And whoever
// is connected: what set 0 says here may be old, and who leads it by now must be answered.
std::vector<PeerAddress> ClusterNode::peers_to_dial() const {
    std::vector<PeerAddress> known;
    for (const model::NodeInfo& info : nodes_) {
        known.push_back({info.node, address_of({info.node, info.peer_address})});
    }
    const bool told = !known.empty();
    if (!told && identity_ && !identity_->founders.empty()) {
        for (const Founder& founder : identity_->founders) {
            const NodeId node{founder.node};
            known.push_back({node, address_of({node, founder.peer_address})});
        }
    } else if (!told) {
        known = options_.peers;
    }
    for (const auto& [node, link] : links_) {
        const bool listed = std::any_of(
            known.begin(), known.end(), [&](const PeerAddress& peer) { return peer.node == node; });
        const bool here = link.connected || !told;
        if (!listed && here && !link.peer_address.empty()) {
            known.push_back({node, link.peer_address});
        }
    }
    return known;
}

bool ClusterNode::is_listed(NodeId peer) const {
    return std::any_of(
        nodes_.begin(), nodes_.end(), [&](const auto& info) { return info.node == peer; });
}

std::vector<SetId> ClusterNode::hosted(const model::Rows* names) {
    std::vector<SetId> sets;
    std::vector<model::SetInfo> infos;
    if (names != nullptr) infos = core::list_sets(*names);
    for (const model::SetInfo& info : infos) {
        placed_[info.set] = info;
        if (info.set != model::names_set && has(info.replicas, options_.node)) {
            sets.push_back(info.set);
        }
    }
    // What set 0 told of after its rows were flushed last is found by its folder.
    for (const SetId set : sets_with_rows(world_.disk, options_.data_folder)) {
        if (set != model::names_set && std::find(sets.begin(), sets.end(), set) == sets.end())
            sets.push_back(set);
    }
    std::sort(sets.begin(), sets.end());
    return sets;
}

Result<std::set<SetId>> ClusterNode::being_replaced() {
    if (auto cleared = snapshots_.clear(); !cleared) return cleared.error();
    const auto marked = replication::marked_sets(world_.disk, options_.data_folder);
    if (!marked) return marked.error();
    auto sets = departures_.load();
    if (!sets) return sets.error();
    sets->insert(marked->begin(), marked->end());
    return sets;
}

Result<std::set<SetId>> ClusterNode::finish_replacing(storage::LogStore& store) {
    return finish_installs(world_.disk, options_.data_folder, store, departures_);
}

replication::RaftStart ClusterNode::start_of(const node::HostedSet& set,
                                             const storage::LogStore& store) const {
    const core::SetProgress progress = set.progress();
    replication::RaftStart start;
    start.applied = progress.applied;
    start.time_ms = progress.time_ms;
    start.conf_state = set.conf_state();
    std::vector<NodeId> founders;
    if (set.set() == model::names_set) {
        for (const Founder& founder : identity_ ? identity_->founders : std::vector<Founder>()) {
            founders.emplace_back(founder.node);
        }
    } else if (const auto placed = placed_.find(set.set()); placed != placed_.end()) {
        founders = placed->second.founders;
    }
    if (has(founders, options_.node)) {
        start.origin = replication::RaftOrigin::founders;
        start.founders = std::move(founders);
    } else if (is_empty(set, store)) {
        start.origin = replication::RaftOrigin::joining;
    } else {
        start.origin = replication::RaftOrigin::alone;
    }
    return start;
}

Result<std::unique_ptr<replication::Log>> ClusterNode::open_log(node::HostedSet& set,
                                                                storage::LogStore& store) {
    store_ = &store;
    if (auto fits = check_disk(set, store); !fits) return fits.error();
    return open_raft(set, store, start_of(set, store));
}

Result<std::unique_ptr<replication::Log>> ClusterNode::open_raft(
    node::HostedSet& set, storage::LogStore& store, const replication::RaftStart& start) {
    replication::RaftOptions raft_options = options_.raft;
    const std::uint64_t share = windows_bytes_max / (options_.data_sets + 1U);
    raft_options.window_bytes_max =
        std::min(raft_options.window_bytes_max, std::max(share, window_bytes_min));
    // Nodes that do not lead set 0 wait for its rows: a name just made is asked for at once.
    raft_options.news_wait = set.set() != model::names_set;
    auto log = replication::RaftLog::open({world_.library, store, *this, world_.random},
                                          set.set(),
                                          options_.node,
                                          start,
                                          raft_options);
    if (!log) return log.error();
    const replication::RaftLog* raft = log->get();
    logs_[set.set()] = log->get();
    InSync& in_sync =
        in_sync_.try_emplace(set.set(), options_.ack, options_.behind_us_max).first->second;
    in_sync.forget();
    set.answer_up_to([raft, &in_sync] { return in_sync.answerable(*raft); });
    return std::unique_ptr<replication::Log>(std::move(*log));
}

NodeId ClusterNode::guess(SetId set, std::uint32_t tries) const {
    if (const auto log = logs_.find(set); log != logs_.end()) {
        const NodeId leader = log->second->leadership().leader;
        if (leader.value != 0 && leader != options_.node) return leader;
        // A replica that knows of no leader: nobody else will know more.
        if (tries == 0) return {};
    }
    const auto placed = placed_.find(set);
    if (placed == placed_.end() || placed->second.replicas.empty()) return {};
    const std::vector<NodeId>& replicas = placed->second.replicas;
    for (std::size_t at = 0; at < replicas.size(); ++at) {
        const NodeId node = replicas[(tries + at) % replicas.size()];
        const auto link = links_.find(node);
        const bool connected = link != links_.end() && link->second.connected;
        if (node != options_.node && connected) return node;
    }
    return {};
}

void ClusterNode::begin_turn(node::Node& node, std::int64_t now_us) {
    node_ = &node;
    if (ticked_us_ == 0) ticked_us_ = now_us;
    const std::int64_t due = (now_us - ticked_us_) / options_.tick_us;
    for (std::int64_t tick = 0; tick < std::min(due, ticks_at_once_max); ++tick) {
        for (const auto& [set, log] : logs_) log->tick();
    }
    ticked_us_ += due * options_.tick_us;
    forwarding_.run(node, now_us);
}

std::int64_t ClusterNode::next_wake_us() const {
    if (departures_.busy()) return 0;
    return std::min({ticked_us_ + options_.tick_us,
                     forwarding_.next_wake_us(),
                     snapshots_.next_wake_us(),
                     retreat_.next_wake_us()});
}

Result<void> ClusterNode::look_at_names(node::Node& node) {
    const model::LogIndex applied = node.names_set().applied();
    if (std::exchange(names_seen_, applied) == applied) return {};
    nodes_ = core::list_nodes(node.names_set().rows());
    balancing_ = core::is_balancing(node.names_set().rows());
    placed_.clear();
    for (model::SetInfo& info : core::list_sets(node.names_set().rows())) {
        const SetId set = info.set;
        placed_[set] = std::move(info);
    }
    if (!nodes_.empty() && peers_ != nullptr) peers_->set_peers(peers_to_dial());
    for (const auto& [set, info] : placed_) {
        if (set == model::names_set || !has(info.replicas, options_.node)) continue;
        // What is left of it here goes first.
        if (departures_.has(set)) {
            names_seen_ = 0;
            continue;
        }
        if (auto hosts = node.host(set); !hosts) return hosts.error();
    }
    return {};
}

Result<void> ClusterNode::end_turn(node::Node& node, std::int64_t now_us) {
    if (failed_) return *failed_;
    packs_.flush();
    forwarding_.names_applied(node.names_set().applied());
    const auto linked = [this](NodeId peer) {
        const auto link = links_.find(peer);
        return link != links_.end() && link->second.connected;
    };
    for (const auto& [set, log] : logs_) {
        if (log->failed()) return *log->failed();
        if (log->gone() == replication::Engine::Gone::lost_log) return stop_as_older(set);
        if (log->leadership().leading) {
            in_sync_.at(set).look(*log, now_us, linked);
        } else {
            in_sync_.at(set).forget();
        }
        const NodeId leader = log->leadership().leader;
        if (std::exchange(leaders_seen_[set], leader) == leader) continue;
        forwarding_.leader_changed();
        ++leader_changes_[set];
        log_line(LogLevel::info,
                 "cluster",
                 "event=leader set=" + text(set) + " leader=" + std::to_string(leader.value) +
                     " term=" + std::to_string(log->leadership().term));
    }
    if (auto tended = tend_snapshots(node, now_us); !tended) return tended;
    if (auto tended = tend_departures(node, now_us); !tended) return tended;
    if (auto looked = look_at_names(node); !looked) return looked.error();
    retreat_.tend(logs_, world_.clock.steady_us());
    if (now_us < tended_us_ + tend_pause_us) return {};
    tended_us_ = now_us;
    if (peers_ != nullptr) {
        peer_watch_.look(*peers_, mailbox_, now_us);
        levels_.tend(node, nodes_, linked, *peers_);
    }
    for (const auto& [set, log] : logs_) {
        log->applied_flushed(node.hosted(set)->row_store().flushed_applied());
        if (auto agreed = agreement_.tend(node, *log, now_us); !agreed) return agreed;
        const auto placed = placed_.find(set);
        if (placed == placed_.end()) continue;
        // Nor to a replica that holds something else: it may be the one that is wrong.
        const auto fit = [&](NodeId peer) {
            return retreat_.fit(peer, now_us) && !agreement_.differs(log->set(), peer);
        };
        const auto rest = [&node](SetId resting, std::int64_t until_us) {
            node::DataDesk* desk = node.desk(resting);
            return desk == nullptr || desk->handout().rest(until_us);
        };
        membership_.tend(*log, placed->second, fit, rest, now_us);
    }
    if (identity_) founding_.tend(*identity_, members_to_be(), linked, now_us);
    if (identity_ && node.names_set().leading()) {
        arrange(node, now_us);
    } else {
        arranger_.rest();
    }
    return {};
}

// One set shows it; what the others here have forgotten, votes too, nobody can tell.
Error ClusterNode::stop_as_older(SetId set) {
    const std::string what = "the leader of set " + text(set) +
                             " knows of entries that this node had confirmed and " +
                             options_.data_folder +
                             " does not hold: an older copy of the folder was put back, or the "
                             "disk lost what it had synced";
    Error stop = error(Errc::damaged, what + ". This node must not vote any more: replace it");
    auto marked = condemn(world_.disk, options_.data_folder, Verdict::disk_older, what);
    if (!marked) stop.detail += " (" + marked.error().detail + ")";
    return stop;
}

Result<void> ClusterNode::tend_snapshots(node::Node& node, std::int64_t now_us) {
    std::vector<SetId> sets;
    for (const auto& [set, log] : logs_) sets.push_back(set);
    for (const SetId set : sets) {
        repairs_.tend(node, *logs_[set]);
        auto closed = snapshots_.tend(node, *logs_[set], now_us);
        if (!closed) return closed.error();
        if (*closed) logs_.erase(set);
    }
    return snapshots_.install(node, now_us);
}

void ClusterNode::forward(SetId set,
                          const node::CallPtr& call,
                          api::Request request,
                          node::PreparedBodies bodies,
                          bool repeatable) {
    forwarding_.request(*node_, set, call, request, std::move(bodies), repeatable);
}

void ClusterNode::submit(SetId set, node::Submission submission) {
    forwarding_.command(set, std::move(submission));
}

void ClusterNode::names_current(std::function<void(bool)> then) {
    forwarding_.names_current(std::move(then));
}

void ClusterNode::mend(node::Node& node, SetId set, model::LogIndex index, node::Mended done) {
    const auto log = logs_.find(set);
    repairs_.mend(node, log == logs_.end() ? nullptr : log->second, index, std::move(done));
}

void ClusterNode::send(NodeId to, SetId /*set*/, std::string frame) {
    if (peers_ != nullptr && identity_) packs_.add(to, mark_of(*identity_), frame);
}

void ClusterNode::receive(NodeId from, std::string_view pack) {
    // Founders that were called before this node elect at once, and what they say may overtake the
    // call: a log that has learnt a term before it knows its members never learns them.
    const bool ours = identity_ && FramePacks::open(pack, mark_of(*identity_), [&](auto frame) {
                          const auto set = replication::frame_set(frame);
                          const auto log = set ? logs_.find(*set) : logs_.end();
                          if (log != logs_.end()) {
                              log->second->receive(from, frame);
                          } else {
                              ++counters_.frames_strange;
                          }
                      });
    if (!ours) ++counters_.frames_strange;
}

void ClusterNode::on_frame(NodeId from, transport::Lane lane, std::string bytes) {
    if (lane == transport::Lane::bulk) return;
    const std::uint64_t size = bytes.size();
    // Raft does without a lost frame; memory is not had back.
    if (frames_waiting_.fetch_add(size) + size > frames_waiting_bytes_max) {
        frames_waiting_ -= size;
        return;
    }
    mailbox_->post([this, from, lane, size, bytes = std::move(bytes)](node::Node&) {
        frames_waiting_ -= size;
        if (lane == transport::Lane::raft) return receive(from, bytes);
        retreat_.heard(from, bytes, world_.clock.steady_us());
    });
}

void ClusterNode::on_question(NodeId from,
                              transport::Lane /*lane*/,
                              std::string bytes,
                              transport::Respond respond) {
    mailbox_->post([this, from, bytes = std::move(bytes), respond = std::move(respond)](
                       node::Node& node) { answer(node, from, bytes, respond); });
}

void ClusterNode::on_connected(NodeId peer, const transport::Hello& hello) {
    mailbox_->post([this, peer, hello](node::Node&) {
        links_[peer] = Link{true, hello.peer_address, hello.http_address, hello.zone, {}};
        if (!is_listed(peer) && peers_ != nullptr) peers_->set_peers(peers_to_dial());
        levels_.heard(peer, hello.formats);
        founding_.forget(peer);
        // What was offered before may be forgotten there, or was never heard: offered again, it is
        // fetched from where it was.
        for (const auto& [set, log] : logs_) log->snapshot_failed(peer);
        forwarding_.leader_changed();
    });
}

void ClusterNode::on_disconnected(NodeId peer, transport::LinkEnd how) {
    mailbox_->post([this, peer, how](node::Node&) {
        Link& link = links_[peer];
        link.connected = false;
        founding_.forget(peer);
        link.problem = how == transport::LinkEnd::refused ? "refused" : "no connection";
        if (!is_listed(peer) && peers_ != nullptr) peers_->set_peers(peers_to_dial());
        // Also in order: a node that ends its links stops.
        const bool gone = how != transport::LinkEnd::timed_out;
        for (const auto& [set, log] : logs_) {
            if (gone) log->peer_lost(peer);
            log->unreachable(peer);
        }
    });
}

void ClusterNode::on_unreachable(NodeId peer) {
    mailbox_->post([this, peer](node::Node&) {
        for (const auto& [set, log] : logs_) log->unreachable(peer);
    });
}

}  // namespace penstock::cluster
