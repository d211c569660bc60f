// How this node comes into a cluster: by founding it with others, by being called to found it, by
// being added to it; and what it does with a disk that does not fit.
#include "broker/base/log.h"
#include "broker/base/wire.h"
#include "broker/cluster/cluster_node.h"
#include "broker/replication/etcd_raft/members.h"

#include <algorithm>
#include <utility>

namespace penstock::cluster {

namespace {

namespace transport = replication::transport;

bool has(const std::vector<NodeId>& nodes, NodeId node) {
    return std::find(nodes.begin(), nodes.end(), node) != nodes.end();
}

Error disk_lost(const std::string& folder, const Identity& identity) {
    return error(Errc::damaged,
                 folder + "/cluster says that this is node " + std::to_string(identity.node) +
                     " of cluster " + identity.name + ", but the log of set 0 in " + folder +
                     "/log is empty: the disk was lost. It may have voted for what it no longer "
                     "holds: replace this node by one with an empty folder and a new id");
}

Error identity_lost(const std::string& folder) {
    return error(Errc::damaged,
                 folder + "/cluster is missing, and set 0 in " + folder +
                     "/rows has members on other nodes: without that file the node cannot tell "
                     "which cluster it belongs to: restore the data folder, or remove this node "
                     "and add a new one; if no other node is left: penstock store salvage");
}

// As its rows and its log know it.
Result<bool> has_members_elsewhere(const node::HostedSet& set,
                                   const storage::LogStore& store,
                                   NodeId self) {
    std::string known = set.conf_state();
    if (known.empty()) known = store.conf_state(set.set());
    if (known.empty()) return false;
    const auto members = replication::decode_members(known);
    if (!members) return members.error();
    const auto elsewhere = [self](NodeId node) {
        return node != self;
    };
    return std::any_of(members->voters.begin(), members->voters.end(), elsewhere) ||
           std::any_of(members->learners.begin(), members->learners.end(), elsewhere);
}

}  // namespace

// What is durable of the log comes before the identity: with an identity and without a log the disk
// was lost. Without an identity what the log says was never told to anybody, unless it has entries:
// a server that was alone has some before it belongs to a cluster, others only since.
Result<void> ClusterNode::check_disk(const node::HostedSet& names, storage::LogStore& store) {
    if (names.set() != model::names_set) return {};
    const bool empty = store.hard_state(model::names_set).term == 0;
    if (identity_) {
        return empty ? Result<void>(disk_lost(options_.data_folder, *identity_)) : Result<void>();
    }
    if (empty) return {};
    const storage::LogStore::Range range = store.range(model::names_set);
    if (names.progress().applied != 0 || range.last >= range.first) {
        const auto elsewhere = has_members_elsewhere(names, store, options_.node);
        if (!elsewhere) return elsewhere.error();
        return *elsewhere ? Result<void>(identity_lost(options_.data_folder)) : Result<void>();
    }
    store.drop_set(model::names_set);
    return store.sync();
}

Result<void> ClusterNode::begin(node::Node& node, const Identity& identity) {
    auto begun = take_part(node, identity);
    // Half of it may be durable: only a start sorts it out.
    if (!begun && !failed_) failed_ = begun.error();
    return begun;
}

Result<void> ClusterNode::take_part(node::Node& node, const Identity& identity) {
    node::HostedSet& names = node.names_set();
    if (!identity.founders.empty()) {
        replication::RaftStart start;
        start.origin = replication::RaftOrigin::founders;
        for (const Founder& founder : identity.founders) start.founders.emplace_back(founder.node);
        auto log = open_raft(names, *store_, start);
        if (!log) return log.error();
        if (auto opened = names.open(std::move(*log)); !opened) return opened;
    } else if (store_->hard_state(model::names_set).term == 0) {
        store_->append_hard_state(model::names_set, {1, 0, 0});
    }
    if (auto synced = store_->sync(); !synced) return synced;
    if (auto saved = save_identity(world_.disk, options_.data_folder, identity); !saved) {
        return saved;
    }
    identity_ = identity;
    peers_->set_cluster(identity.cluster, identity.incarnation);
    const node::RootKey key{identity.key_id, identity.key_secret};
    if (options_.save_root_key && key.key_id != node::dev_key_id) {
        if (auto saved = options_.save_root_key(key); !saved) return saved.error();
    }
    node.use_first_key(key);
    log_line(LogLevel::info,
             "cluster",
             "event=member cluster=" + identity.name + " id=" +
                 transport::to_text(identity.cluster) + " node=" + std::to_string(identity.node));
    return {};
}

Identity ClusterNode::draw_identity(const node::Node& node) {
    Identity identity;
    identity.cluster = {world_.random.next(), world_.random.next()};
    identity.node = options_.node.value;
    identity.name = options_.name;
    const node::RootKey key = node.first_key();
    identity.key_id = key.key_id;
    identity.key_secret = key.secret;
    return identity;
}

void ClusterNode::init(node::Node& node, std::function<void(node::Refused)> done) {
    if (peers_ == nullptr) {
        return done(model::Refusal{model::Reason::unavailable, {}, "the server starts"});
    }
    if (identity_) return call_founders(done);
    Identity identity = draw_identity(node);
    if (node.names_set().applied() != 0) {
        // A server with data becomes the first of a cluster; others are added to it later.
        return begin_and_call(node, identity, done);
    }
    identity.founders.push_back({options_.node.value, options_.peer_address});
    for (const PeerAddress& peer : options_.peers) {
        if (peer.node == options_.node) continue;
        identity.founders.push_back({peer.node.value, peer.address});
    }
    founding_.gather(std::move(identity), [this, &node, done](const Result<Identity>& promised) {
        // Another call may have come first.
        if (identity_) return call_founders(done);
        if (promised) return begin_and_call(node, *promised, done);
        done(model::Refusal{
            model::Reason::unavailable,
            "nodes",
            promised.error().detail + "start them and repeat `penstock cluster init`"});
    });
}

void ClusterNode::begin_and_call(node::Node& node,
                                 const Identity& identity,
                                 const std::function<void(node::Refused)>& done) {
    if (auto begun = begin(node, identity); !begun) {
        return done(model::Refusal{model::Reason::internal, {}, begun.error().detail});
    }
    call_founders(done);
}

void ClusterNode::call_founders(const std::function<void(node::Refused)>& done) {
    founding_.call(*identity_, [done](const std::string& problems) {
        if (problems.empty()) return done({});
        done(model::Refusal{model::Reason::unavailable,
                            "nodes",
                            problems + "the cluster is founded, and they are called again while "
                                       "they are connected: `penstock cluster status` shows them"});
    });
}

std::vector<NodeId> ClusterNode::members_to_be() const {
    std::vector<NodeId> members;
    const auto names = placed_.find(model::names_set);
    if (names != placed_.end()) return names->second.replicas;
    for (const Founder& founder : identity_->founders) members.emplace_back(founder.node);
    return members;
}

// Asks an added node to join, and has set 0 replicated to it once it does. A node that joined is
// never asked again: without an identity it would be one that lost its disk.
void ClusterNode::invite(node::Node& node, const model::NodeInfo& info) {
    constexpr std::int64_t pause_us = 2'000'000;
    const std::int64_t now_us = world_.clock.steady_us();
    std::int64_t& invited_us = invited_us_[info.node];
    if (invited_us != 0 && now_us < invited_us + pause_us) return;
    invited_us = now_us;
    const auto replicates = [this](NodeId id) {
        const auto names = placed_.find(model::names_set);
        return names == placed_.end() || has(names->second.replicas, id);
    };
    const auto heard = [this, &node, replicates, id = info.node](const Result<void>& joined) {
        if (!joined) {
            log_line(
                LogLevel::warn,
                "cluster",
                "event=not_joined node=" + std::to_string(id.value) + " " + joined.error().detail);
            return;
        }
        if (replicates(id)) return;
        model::SetInfo wanted = placed_.at(model::names_set);
        wanted.replicas.push_back(id);
        node.submit(model::names_set,
                    node::Submission{model::PutSet{std::move(wanted)}, {}, nullptr, {}});
    };
    // Who was deposed may not know who has joined since.
    node.names_set().confirm([this, replicates, heard, id = info.node](bool leads) {
        if (leads && !replicates(id)) founding_.invite(id, *identity_, heard);
    });
}

FoundAnswer ClusterNode::found(node::Node& node, NodeId from, const std::string& question) {
    FoundAnswer answer;
    auto asked = decode_found(std::string_view(question).substr(1));
    auto identity = asked ? wire::decode<Identity>(asked->identity, "identity")
                          : Result<Identity>(asked.error());
    if (!identity) {
        answer.problem = "the call cannot be read: are all nodes of one build?";
    } else if (identity->name != options_.name) {
        answer.problem = "it is configured for cluster " + options_.name;
    } else if (identity_ && identity_->cluster != identity->cluster) {
        answer.problem =
            "it belongs to cluster " + transport::to_text(identity_->cluster) + " already";
    } else if (!identity_ && node.names_set().applied() != 0) {
        answer.problem = "it has data of its own: a cluster is founded by empty nodes";
    } else if (!identity_) {
        identity->node = options_.node.value;
        obey(node, from, asked->step, *identity, answer);
    }
    return answer;
}

void ClusterNode::obey(
    node::Node& node, NodeId from, FoundStep step, const Identity& identity, FoundAnswer& answer) {
    Result<void> obeyed;
    switch (step) {
        case FoundStep::prepare: {
            auto promise = founding_.promise(from, identity.cluster);
            if (promise) answer.promise = *promise;
            if (!promise) obeyed = promise.error();
            break;
        }
        case FoundStep::begin:
            answer.lost = !founding_.promised(identity);
            if (!answer.lost) obeyed = begin(node, identity);
            break;
        case FoundStep::join:
            obeyed = begin(node, identity);
            break;
    }
    if (!obeyed) answer.problem = obeyed.error().detail;
    if (answer.lost) {
        answer.problem = "it does not hold what it had when it became node " +
                         std::to_string(identity.node) +
                         ": its disk was lost. It must not vote for what it has forgotten: "
                         "replace this node by one with a new id";
    }
}

void ClusterNode::answer(node::Node& node,
                         NodeId from,
                         const std::string& question,
                         const transport::Respond& respond) {
    if (forwarding_.serve(node, question, respond)) return;
    const Word word = question.empty() ? Word{} : static_cast<Word>(question.front());
    if (word == Word::view) return respond(tell(node, question));
    if (word == Word::record) {
        const auto record = decode_record_question(std::string_view(question).substr(1));
        RecordAnswer copy{"it cannot be read what is asked", {}};
        if (record) copy = read_record(node.store(), *record);
        return respond(encode_answer(copy));
    }
    if (word == Word::agree) {
        const auto asked = decode_agree(std::string_view(question).substr(1));
        const AgreeAnswer told = asked ? Agreement::answer(node, *asked) : AgreeAnswer();
        return respond(encode_answer(told));
    }
    if (word == Word::chunk) {
        auto chunk = decode_chunk_question(std::string_view(question).substr(1));
        const auto give = [respond](const ChunkAnswer& piece) {
            respond(encode_answer(piece));
        };
        if (!chunk) return give({"it cannot be read what is asked", {}});
        const auto log = logs_.find(SetId{chunk->set});
        replication::RaftLog* held = log == logs_.end() ? nullptr : log->second;
        return snapshots_.read(node, *chunk, from, held, give);
    }
    FoundAnswer answer;
    answer.problem = "it does not know what is asked";
    if (word == Word::found) answer = found(node, from, question);
    if (!answer.problem.empty()) {
        log_line(LogLevel::warn,
                 "cluster",
                 "event=refused node=" + std::to_string(from.value) + " " + answer.problem);
    }
    respond(encode_answer(answer));
}

}  // namespace penstock::cluster
