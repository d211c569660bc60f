// The cluster as its nodes tell of it, and its beginning.
#include "plugins/native/call.h"
#include "plugins/native/figures.h"
#include "plugins/native/routes.h"

#include <boost/json/array.hpp>

#include <algorithm>
#include <cstdint>

namespace penstock::plugins::native {

namespace {

using What = api::ChangeCluster::What;

constexpr Range ids{1, INT64_MAX};
constexpr Range address_bytes{3, 255};
constexpr std::uint64_t no_set = 1U << model::set_bits;

// What is no number is that of no node and no set.
std::uint64_t number_in_path(const Call& call, std::uint64_t otherwise = 0) {
    return model::parse_decimal(call.names[0]).value_or(otherwise);
}

boost::json::object show(const api::ClusterNodeView& node) {
    boost::json::object out;
    out["id"] = node.node;
    out["peer_address"] = node.peer_address;
    out["http_address"] = node.http_address;
    if (!node.zone.empty()) out["zone"] = node.zone;
    out["connected"] = node.connected;
    out["sets"] = node.sets;
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
        if (replica.differs) one["state_hash"] = "differs";
        replicas.push_back(std::move(one));
    }
    out["replicas"] = std::move(replicas);
    boost::json::array wanted;
    for (const auto node : set.wanted) wanted.emplace_back(node);
    out["wanted"] = std::move(wanted);
    return out;
}

boost::json::object show(const api::ClusterView& cluster) {
    boost::json::object out;
    out["name"] = cluster.name;
    out["cluster_id"] = cluster.cluster_id;
    out["incarnation"] = cluster.incarnation;
    out["node"] = cluster.node;
    out["rebalancing"] = cluster.balancing;
    boost::json::array nodes;
    for (const auto& node : cluster.nodes) nodes.push_back(show(node));
    out["nodes"] = std::move(nodes);
    boost::json::array sets;
    for (const auto& set : cluster.sets) sets.push_back(show(set));
    out["sets"] = std::move(sets);
    return out;
}

// What the asked node has counted since its start and an operator should see; all of it is at
// /metrics.
boost::json::object show(const model::Metrics& metrics) {
    const std::pair<const char*, const char*> shown[] = {
        {"refused_peers", "penstock_peer_refusals"},
        {"refused_by_peers", "penstock_peer_refusals_by_others"},
        {"clock_warnings", "penstock_peer_clock_warnings"},
        {"ack_all_fallbacks", "penstock_replica_fallbacks"},
        {"leader_changes", "penstock_set_leader_changes"},
        {"snapshots_made", "penstock_snapshots_made"},
        {"snapshots_installed", "penstock_snapshots_installed"},
        {"snapshots_failed", "penstock_snapshots_failed"},
    };
    boost::json::object out;
    for (const auto& [field, name] : shown) {
        double sum = 0;
        for (const model::MetricFamily& family : metrics.families()) {
            if (family.name != name) continue;
            for (const model::MetricSample& sample : family.samples) sum += sample.value;
        }
        out[field] = static_cast<std::uint64_t>(sum);
    }
    return out;
}

Reply reply_of(const api::Outcome<api::ClusterView>& outcome) {
    if (!outcome) return refused(outcome.error());
    return json_reply(show(*outcome));
}

asio::awaitable<Reply> changed(Call& call, api::ChangeCluster request) {
    const auto outcome = co_await ask(call, std::move(request));
    co_return reply_of(outcome);
}

// HOST:PORT; an IPv6 host stands in brackets.
std::string need_address(Fields& fields) {
    std::string address = fields.need_text("address", address_bytes);
    const std::string_view text = address;
    const auto colon = std::min(text.rfind(':'), text.size());
    const auto host = text.substr(0, colon);
    const bool bracketed = host.starts_with('[') && host.ends_with(']');
    const auto port = model::parse_decimal(text.substr(std::min(colon + 1, text.size())));
    const bool host_fits = !host.empty() && (bracketed || host.find(':') == host.npos);
    if (!host_fits || !port || *port == 0 || *port > UINT16_MAX) {
        fields.refuse("address", "must be HOST:PORT such as 10.0.0.4:7072.");
    }
    return address;
}

}  // namespace

asio::awaitable<Reply> get_cluster(Call& call) {
    api::GetCluster request;
    const auto outcome = co_await ask(call, std::move(request));
    if (!outcome || outcome->name.empty() || call.metrics == nullptr) co_return reply_of(outcome);
    boost::json::object shown = show(*outcome);
    const auto figures = co_await figures_of(*call.metrics);
    if (figures) shown["counters"] = show(*figures);
    co_return json_reply(shown);
}

asio::awaitable<Reply> init_cluster(Call& call) {
    api::InitCluster request;
    const auto outcome = co_await ask(call, std::move(request));
    co_return reply_of(outcome);
}

asio::awaitable<Reply> add_node(Call& call) {
    Fields fields = json_fields(call.request.body, {"id", "address"});
    api::ChangeCluster request;
    request.what = What::add;
    request.node = fields.need_whole("id", ids);
    request.peer_address = need_address(fields);
    if (!fields.ok()) co_return *fields.problem();
    co_return co_await changed(call, std::move(request));
}

asio::awaitable<Reply> remove_node(Call& call) {
    api::ChangeCluster request;
    request.what = What::remove;
    request.node = number_in_path(call);
    co_return co_await changed(call, std::move(request));
}

asio::awaitable<Reply> replace_node(Call& call) {
    Fields fields = json_fields(call.request.body, {"id", "address"});
    api::ChangeCluster request;
    request.what = What::replace;
    request.node = number_in_path(call);
    request.by = fields.need_whole("id", ids);
    request.peer_address = need_address(fields);
    if (!fields.ok()) co_return *fields.problem();
    co_return co_await changed(call, std::move(request));
}

asio::awaitable<Reply> transfer_set(Call& call) {
    Fields fields = json_fields(call.request.body, {"node"});
    api::ChangeCluster request;
    request.what = What::transfer;
    // A number that no set can have is refused as one that there is not.
    request.set = static_cast<std::uint32_t>(std::min(number_in_path(call, UINT32_MAX), no_set));
    request.node = fields.need_whole("node", ids);
    if (!fields.ok()) co_return *fields.problem();
    co_return co_await changed(call, std::move(request));
}

asio::awaitable<Reply> balance_cluster(Call& call) {
    api::ChangeCluster request;
    request.what = What::balance;
    co_return co_await changed(call, std::move(request));
}

asio::awaitable<Reply> stop_balancing(Call& call) {
    api::ChangeCluster request;
    request.what = What::stop_balancing;
    co_return co_await changed(call, std::move(request));
}

}  // namespace penstock::plugins::native
