// The cluster as its nodes tell of it, and its beginning.
#include "plugins/native/call.h"
#include "plugins/native/routes.h"

#include <boost/json/array.hpp>

namespace penstock::plugins::native {

namespace {

boost::json::object show(const api::ClusterNodeView& node) {
    boost::json::object out;
    out["id"] = node.node;
    out["peer_address"] = node.peer_address;
    out["http_address"] = node.http_address;
    if (!node.zone.empty()) out["zone"] = node.zone;
    out["connected"] = node.connected;
    if (node.leaving) out["leaving"] = true;
    if (!node.problem.empty()) out["problem"] = readable(node.problem);
    return out;
}

boost::json::object show(const api::SetView& set) {
    boost::json::object out;
    out["set"] = set.set;
    out["leader"] = set.leader;
    out["term"] = set.term;
    out["committed"] = set.committed;
    out["applied"] = set.applied;
    out["objects"] = set.objects;
    boost::json::array replicas;
    for (const auto& replica : set.replicas) {
        boost::json::object one;
        one["node"] = replica.node;
        one["voter"] = replica.voter;
        // Its leader alone knows, and does not always answer.
        if (replica.match != 0) one["match"] = replica.match;
        one["active"] = replica.active;
        one["in_sync"] = replica.in_sync;
        replicas.push_back(std::move(one));
    }
    out["replicas"] = std::move(replicas);
    return out;
}

boost::json::object show(const api::ClusterView& cluster) {
    boost::json::object out;
    out["name"] = cluster.name;
    out["cluster_id"] = cluster.cluster_id;
    out["incarnation"] = cluster.incarnation;
    out["node"] = cluster.node;
    boost::json::array nodes;
    for (const auto& node : cluster.nodes) nodes.push_back(show(node));
    out["nodes"] = std::move(nodes);
    boost::json::array sets;
    for (const auto& set : cluster.sets) sets.push_back(show(set));
    out["sets"] = std::move(sets);
    return out;
}

Reply reply_of(const api::Outcome<api::ClusterView>& outcome) {
    if (!outcome) return refused(outcome.error());
    return json_reply(show(*outcome));
}

}  // namespace

asio::awaitable<Reply> get_cluster(Call& call) {
    api::GetCluster request;
    const auto outcome = co_await ask(call, std::move(request));
    co_return reply_of(outcome);
}

asio::awaitable<Reply> init_cluster(Call& call) {
    api::InitCluster request;
    const auto outcome = co_await ask(call, std::move(request));
    co_return reply_of(outcome);
}

asio::awaitable<Reply> add_node(Call& call) {
    Fields fields = json_fields(call.request.body, {"id", "address"});
    api::AddNode request;
    request.node = fields.whole("id", {1, INT64_MAX}).value_or(0);
    request.peer_address = fields.text("address", {3, 255}).value_or("");
    if (request.node == 0) fields.refuse("id", "is needed: a number that no node had before.");
    if (request.peer_address.empty()) fields.refuse("address", "is needed: HOST:PORT.");
    if (!fields.ok()) co_return *fields.problem();
    const auto outcome = co_await ask(call, std::move(request));
    co_return reply_of(outcome);
}

}  // namespace penstock::plugins::native
