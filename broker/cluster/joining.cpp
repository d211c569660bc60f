// How a cluster begins: one node draws its id, calls its configured peers, and all of them start
// set 0 from the same imagined first entry.
#include "broker/base/log.h"
#include "broker/base/wire.h"
#include "broker/cluster/cluster_node.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace penstock::cluster {

namespace {

namespace transport = replication::transport;

constexpr std::chrono::milliseconds call_deadline{5'000};

}  // namespace

struct ClusterNode::Founding {
    std::size_t missing = 0;
    std::string problems;
    std::function<void(node::Refused)> done;
};

Result<void> ClusterNode::adopt(node::Node& node, const Identity& identity) {
    if (auto saved = save_identity(world_.disk, options_.data_folder, identity); !saved) {
        return saved;
    }
    identity_ = identity;
    peers_->set_cluster(identity.cluster, identity.incarnation);
    const node::RootKey key{identity.key_id, identity.key_secret};
    if (options_.save_root_key && key.key_id != node::dev_key_id) {
        if (auto saved = options_.save_root_key(key); !saved) return saved;
    }
    node.use_first_key(key);
    log_line(LogLevel::info,
             "cluster",
             "event=member cluster=" + identity.name + " id=" +
                 transport::to_text(identity.cluster) + " node=" + std::to_string(identity.node));
    if (identity.founders.empty()) return {};
    auto log = open_log(node.names_set(), *store_);
    if (!log) return log.error();
    return node.names_set().open(std::move(*log));
}

void ClusterNode::init(node::Node& node, std::function<void(node::Refused)> done) {
    if (peers_ == nullptr) {
        return done(model::Refusal{model::Reason::unavailable, {}, "the server starts"});
    }
    if (!identity_) {
        Identity identity;
        identity.cluster = {world_.random.next(), world_.random.next()};
        identity.node = options_.node.value;
        identity.name = options_.name;
        const node::RootKey key = node.first_key();
        identity.key_id = key.key_id;
        identity.key_secret = key.secret;
        // A server with data becomes the first of a cluster; others are added to it later.
        const bool empty = node.names_set().applied() == 0;
        if (empty) {
            identity.founders.push_back({options_.node.value, options_.peer_address});
            for (const PeerAddress& peer : options_.peers) {
                if (peer.node == options_.node) continue;
                identity.founders.push_back({peer.node.value, peer.address});
            }
        }
        if (auto adopted = adopt(node, identity); !adopted) {
            return done(model::Refusal{model::Reason::internal, {}, adopted.error().detail});
        }
    }
    auto founding = std::make_shared<Founding>();
    founding->done = std::move(done);
    call_founders(node, founding);
}

void ClusterNode::call_founders(node::Node& /*node*/, const std::shared_ptr<Founding>& founding) {
    std::vector<NodeId> others;
    for (const Founder& founder : identity_->founders) {
        if (founder.node != options_.node.value) others.emplace_back(founder.node);
    }
    founding->missing = others.size();
    if (others.empty()) return founding->done({});
    const FoundQuestion question{wire::encode(*identity_)};
    for (const NodeId other : others) {
        auto heard = [this, founding, other](const transport::Answer& answer) {
            std::string problem;
            if (!answer) {
                problem = "it does not answer: " + answer.error().error.detail;
            } else if (auto said = decode_founded(*answer); !said) {
                problem = "its answer cannot be read";
            } else {
                problem = said->problem;
            }
            if (!problem.empty()) {
                founding->problems += "node " + std::to_string(other.value) + ": " + problem + "; ";
            }
            if (--founding->missing > 0) return;
            if (founding->problems.empty()) return founding->done({});
            founding->done(model::Refusal{
                model::Reason::unavailable,
                "nodes",
                founding->problems + "start them and repeat `penstock cluster init`"});
        };
        auto take = [mailbox = mailbox_, heard = std::move(heard)](transport::Answer answer) {
            mailbox->post([heard, answer = std::move(answer)](node::Node&) { heard(answer); });
        };
        peers_->ask(other,
                    transport::Lane::requests,
                    encode_question(question),
                    call_deadline,
                    std::move(take));
    }
}

void ClusterNode::add(node::Node& node,
                      const api::AddNode& request,
                      std::function<void(node::Refused)> done) {
    if (!identity_) {
        return done(model::Refusal{model::Reason::invalid_parameter,
                                   "cluster",
                                   "there is no cluster yet: run `penstock cluster init` first"});
    }
    const NodeId id{request.node};
    for (const model::NodeInfo& known : nodes_) {
        if (known.node != id) continue;
        if (known.peer_address == request.peer_address) return done({});
        return done(model::Refusal{model::Reason::invalid_parameter,
                                   "node",
                                   "node " + std::to_string(id.value) +
                                       " is a member already, at " + known.peer_address +
                                       ": ids are never given twice"});
    }
    model::NodeInfo info;
    info.node = id;
    info.peer_address = request.peer_address;
    const auto put = [done = std::move(done)](const model::Reply& reply) {
        const auto* refusal = std::get_if<model::Refusal>(&reply);
        done(refusal == nullptr ? node::Refused() : node::Refused(*refusal));
    };
    node.submit(model::names_set,
                node::Submission{model::PutNode{std::move(info)}, {}, nullptr, put});
}

// Asks an added node to join, and has set 0 replicated to it once it does.
void ClusterNode::invite(node::Node& node, const model::NodeInfo& info) {
    constexpr std::int64_t pause_us = 2'000'000;
    const std::int64_t now_us = world_.clock.steady_us();
    std::int64_t& invited_us = invited_us_[info.node];
    if (invited_us != 0 && now_us < invited_us + pause_us) return;
    invited_us = now_us;
    Identity identity = *identity_;
    identity.founders.clear();
    auto heard = [this, &node, id = info.node](const transport::Answer& answer) {
        const auto said =
            answer ? decode_founded(*answer)
                   : Result<FoundAnswer>(boost::system::in_place_error, answer.error().error);
        if (!said || !said->problem.empty()) {
            const std::string why = said ? said->problem : said.error().detail;
            log_line(LogLevel::warn,
                     "cluster",
                     "event=not_joined node=" + std::to_string(id.value) + " " + why);
            return;
        }
        const auto names = placed_.find(model::names_set);
        if (names == placed_.end()) return;
        model::SetInfo wanted = names->second;
        if (std::find(wanted.replicas.begin(), wanted.replicas.end(), id) !=
            wanted.replicas.end()) {
            return;
        }
        wanted.replicas.push_back(id);
        node.submit(model::names_set,
                    node::Submission{model::PutSet{std::move(wanted)}, {}, nullptr, {}});
    };
    auto take = [mailbox = mailbox_, heard = std::move(heard)](transport::Answer answer) {
        mailbox->post([heard, answer = std::move(answer)](node::Node&) { heard(answer); });
    };
    peers_->ask(info.node,
                transport::Lane::requests,
                encode_question(FoundQuestion{wire::encode(identity)}),
                call_deadline,
                std::move(take));
}

std::string ClusterNode::found(node::Node& node, const std::string& question) {
    auto asked = decode_found(std::string_view(question).substr(1));
    if (!asked) return "the call cannot be read: are all nodes of one build?";
    auto identity = wire::decode<Identity>(asked->identity, "identity");
    if (!identity) return "the call cannot be read: are all nodes of one build?";
    if (identity->name != options_.name) return "it is configured for cluster " + options_.name;
    if (identity_) {
        return identity_->cluster == identity->cluster
                   ? std::string()
                   : "it belongs to cluster " + transport::to_text(identity_->cluster) + " already";
    }
    if (node.names_set().applied() != 0) {
        return "it has data of its own: a cluster is founded by empty nodes";
    }
    // Who is invited later is no founder, and there are none to be named.
    bool named = identity->founders.empty();
    for (const Founder& founder : identity->founders) {
        named = named || founder.node == options_.node.value;
    }
    if (!named) return "it is not among the founders";
    identity->node = options_.node.value;
    auto adopted = adopt(node, *identity);
    return adopted ? std::string() : adopted.error().detail;
}

void ClusterNode::answer(node::Node& node,
                         NodeId from,
                         const std::string& question,
                         const transport::Respond& respond) {
    if (forwarding_.serve(node, question, respond)) return;
    const Word word = question.empty() ? Word{} : static_cast<Word>(question.front());
    if (word == Word::view) return respond(tell(node, question));
    if (word == Word::chunk) {
        auto chunk = decode_chunk_question(std::string_view(question).substr(1));
        ChunkAnswer piece{"it cannot be read what is asked", {}};
        if (chunk) {
            const auto log = logs_.find(SetId{chunk->set});
            piece = snapshots_.read(*chunk, from, log == logs_.end() ? nullptr : log->second);
        }
        return respond(encode_answer(piece));
    }
    FoundAnswer answer;
    const bool founds = word == Word::found;
    answer.problem = founds ? found(node, question) : "it does not know what is asked";
    if (!answer.problem.empty()) {
        log_line(LogLevel::warn,
                 "cluster",
                 "event=refused node=" + std::to_string(from.value) + " " + answer.problem);
    }
    respond(encode_answer(answer));
}

}  // namespace penstock::cluster
