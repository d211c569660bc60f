// What a node says of its cluster: by itself, and after asking the others for the sets they lead.
#include "broker/api/wire.h"
#include "broker/cluster/cluster_node.h"
#include "broker/cluster/view.h"
#include "broker/core/placement.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace penstock::cluster {

namespace {

namespace transport = replication::transport;

// Who has not answered by then is shown as unknown.
constexpr std::chrono::milliseconds survey_deadline{1'000};

// Who knows no settings asks by another one, and is told of none.
constexpr std::uint64_t with_settings = 1;

std::uint64_t schema() {
    static const std::uint64_t known = api::schema_of_requests() + with_settings;
    return known;
}

struct Survey {
    api::ClusterView view;
    NodeSettings settings;  // of the node that was asked
    std::size_t missing = 0;
    std::function<void(api::ClusterView)> done;
};

void take_answer(Survey& survey, std::uint64_t from, const transport::Answer& answer) {
    const auto told = answer ? decode_viewed(*answer) : Result<ViewAnswer>(answer.error().error);
    if (told) merge_sets(survey.view.sets, told->sets, from);
    for (api::ClusterNodeView& node : survey.view.nodes) {
        if (node.node != from) continue;
        if (!told) {
            node.problem = "does not answer: " + told.error().detail;
        } else if (node.problem.empty()) {
            node.problem = difference(told->settings, survey.settings);
        }
    }
    if (--survey.missing == 0) survey.done(std::move(survey.view));
}

api::SetView placed_view(const model::SetInfo& info) {
    api::SetView view;
    view.set = info.set.value;
    for (const NodeId node : info.replicas) view.replicas.push_back({node.value, true, 0});
    return view;
}

void show_wanted(const model::SetInfo& placed, api::SetView& one, api::ClusterView& view) {
    for (const NodeId wanted : placed.replicas) {
        one.wanted.push_back(wanted.value);
        for (api::ClusterNodeView& holder : view.nodes) {
            if (placed.set != model::names_set && holder.node == wanted.value) ++holder.sets;
        }
    }
}

}  // namespace

std::vector<model::NodeInfo> ClusterNode::known_nodes() const {
    if (!nodes_.empty() || !identity_) return nodes_;
    // Set 0 does not tell yet: those it was founded with.
    std::vector<model::NodeInfo> nodes;
    for (const Founder& founder : founders()) {
        model::NodeInfo info;
        info.node = NodeId{founder.node};
        info.peer_address = founder.peer_address;
        const auto link = links_.find(info.node);
        if (link != links_.end()) info.http_address = link->second.http_address;
        if (info.node == options_.node) info.http_address = options_.http_address;
        nodes.push_back(std::move(info));
    }
    return nodes;
}

api::SetView ClusterNode::view_of(node::Node& node, const replication::RaftLog& log) {
    const replication::Leadership leadership = log.leadership();
    api::SetView view;
    view.set = log.set().value;
    view.leader = leadership.leader.value;
    view.term = leadership.term;
    view.committed = log.committed();
    if (const node::HostedSet* set = node.hosted(log.set())) view.applied = set->applied();
    const auto add = [&](NodeId member, bool voter) {
        const auto progress = log.progress(member);
        const bool self = member == options_.node && leadership.leading;
        view.replicas.push_back({member.value,
                                 voter,
                                 self       ? log.committed()
                                 : progress ? progress->match
                                            : 0,
                                 self || (progress && progress->recently_active),
                                 self || in_sync_.at(log.set()).has(member),
                                 agreement_.differs(log.set(), member)});
    };
    for (const NodeId voter : log.members().voters) add(voter, true);
    for (const NodeId learner : log.members().learners) add(learner, false);
    return view;
}

std::string ClusterNode::problem_of(NodeId node, const Link& link) const {
    if (node == options_.node) return is_removed() ? "it was removed: stop it" : std::string();
    const std::string dial = peer_watch_.dial_problem(node);
    if (!link.connected) {
        const std::string known = link.problem.empty() ? "not heard of yet" : link.problem;
        if (dial.starts_with(known)) return dial;
        return dial.empty() ? known : known + ": " + dial;
    }
    // The other way alone is not enough: what is sent to it does not arrive.
    if (!dial.empty()) return "it is heard, and cannot be reached: " + dial;
    if (std::string known = founding_.problem_of(node); !known.empty()) return known;
    const auto names = placed_.find(model::names_set);
    if (names == placed_.end()) return {};
    const auto& all = names->second.replicas;
    const bool joined = std::find(all.begin(), all.end(), node) != all.end();
    if (joined || !is_listed(node)) return {};
    const auto log = logs_.find(model::names_set);
    const NodeId leader = log == logs_.end() ? NodeId{} : log->second->leadership().leader;
    if (leader.value == 0 || leader == options_.node) return "it has not joined yet";
    return "it has not joined yet: node " + std::to_string(leader.value) +
           ", which leads set 0, knows why";
}

api::ClusterView ClusterNode::view(node::Node& node) {
    api::ClusterView view;
    view.name = options_.name;
    view.node = options_.node.value;
    if (identity_) {
        view.cluster_id = transport::to_text(identity_->cluster);
        view.incarnation = identity_->incarnation;
    }
    for (const model::NodeInfo& info : known_nodes()) {
        const bool self = info.node == options_.node;
        const auto found = links_.find(info.node);
        const Link link = found == links_.end() ? Link{} : found->second;
        view.nodes.push_back({info.node.value,
                              address_of({info.node, info.peer_address}),
                              info.http_address,
                              info.zone,
                              info.leaving,
                              self || link.connected,
                              problem_of(info.node, link)});
    }
    std::map<SetId, api::SetView> sets;
    for (const auto& [set, info] : placed_) sets[set] = placed_view(info);
    for (const auto& [set, log] : logs_) sets[set] = view_of(node, *log);
    for (auto& [set, one] : sets) {
        one.objects = core::objects_in(node.names_set().rows(), set);
        const auto placed = placed_.find(set);
        if (placed != placed_.end()) show_wanted(placed->second, one, view);
        view.sets.push_back(std::move(one));
    }
    view.balancing = core::is_balancing(node.names_set().rows());
    return view;
}

// What stands in the way of those that leave, which no node alone can tell.
void ClusterNode::explain(api::ClusterView& view) const {
    PlanFacts known = plan_facts(facts(), view);
    known.replicas = options_.replicas;
    for (api::ClusterNodeView& node : view.nodes) {
        if (!node.leaving) continue;
        const std::string why = why_it_stays(known, NodeId{node.node});
        if (!node.problem.empty() && !why.empty()) node.problem += "; ";
        node.problem += why;
    }
}

void ClusterNode::survey(node::Node& node, std::function<void(api::ClusterView)> done) {
    auto survey = std::make_shared<Survey>();
    survey->view = view(node);
    survey->settings = options_.settings;
    survey->done = [this, done = std::move(done)](api::ClusterView whole) {
        explain(whole);
        done(std::move(whole));
    };
    std::vector<NodeId> others;
    for (const api::ClusterNodeView& other : survey->view.nodes) {
        const bool self = other.node == options_.node.value;
        if (!self && other.connected && peers_ != nullptr) others.emplace_back(other.node);
    }
    survey->missing = others.size();
    if (others.empty()) return survey->done(std::move(survey->view));
    const std::string question = encode_question(ViewQuestion{schema()});
    for (const NodeId other : others) {
        auto take = [mailbox = mailbox_, survey, other](transport::Answer answer) {
            mailbox->post([survey, other, answer = std::move(answer)](node::Node&) {
                take_answer(*survey, other.value, answer);
            });
        };
        peers_->ask(other, transport::Lane::requests, question, survey_deadline, std::move(take));
    }
}

std::string ClusterNode::tell(node::Node& node, const std::string& question) {
    ViewAnswer answer;
    const auto asked = decode_view(std::string_view(question).substr(1));
    if (asked && asked->schema == schema()) {
        for (const auto& [set, log] : logs_) answer.sets.push_back(view_of(node, *log));
        answer.settings = options_.settings;
    }
    return encode_answer(answer);
}

}  // namespace penstock::cluster
