#include "broker/cli/cluster_commands.h"

#include "broker/cli/cluster_certs.h"
#include "broker/cli/cluster_view.h"
#include "broker/model/peer_name.h"

#include <boost/json.hpp>

namespace penstock::cli {

namespace json = boost::json;

namespace {

bool is_for_people(Format format) {
    return format == Format::table || format == Format::lines;
}

}  // namespace

void ClusterCommands::add_to(CLI::App& root) {
    CLI::App* noun = root.add_subcommand("cluster", "Nodes that form a cluster");
    noun->require_subcommand(1);
    add_init_certs(*noun);
    noun->add_subcommand("init",
                         "Make a cluster of the asked node and its configured peers, all of them "
                         "running and empty. Safe to repeat")
        ->callback([this] {
            session_.chosen = [this] {
                return init();
            };
        });
    add_changes(*noun);
    // Done by the server's own part of the program: it works on a data folder (broker/recover.h).
    noun->add_subcommand("recover",
                         "On the machine of a stopped node whose cluster is lost but for it: go on "
                         "with what it has. --data DIR --survivor --yes [--config FILE]")
        ->allow_extras()
        ->callback([this] {
            session_.chosen = [this] {
                return session_.fail(usage_failure("'cluster recover' asks no server.",
                                                   "penstock cluster recover --help"));
            };
        });
    noun->add_subcommand("status", "Nodes, and each set with its leader and how far replicas are")
        ->callback([this] {
            session_.chosen = [this] {
                return status();
            };
        });
}

void ClusterCommands::add_changes(CLI::App& noun) {
    const auto runs = [this](CLI::App* verb, int (ClusterCommands::*what)()) {
        verb->callback([this, what] {
            session_.chosen = [this, what] {
                return (this->*what)();
            };
        });
    };
    CLI::App* add = noun.add_subcommand(
        "add", "Take a further node in: configured, running and empty. Safe to repeat");
    runs(add, &ClusterCommands::add_node);
    add->add_option("ID", node_, "Its cluster.node_id, a number no node had before")->required();
    add->add_option("ADDRESS", address_, "Where the others reach it: HOST:PORT")->required();
    CLI::App* remove = noun.add_subcommand(
        "remove",
        "Move what a node holds to others, then forget it, whether it runs or not. Safe to repeat; "
        "'add' with its id and address keeps it while it has not gone");
    runs(remove, &ClusterCommands::remove_node);
    remove->add_option("ID", node_, "The node")->required();
    remove->add_flag("--yes", session_.yes, "Do not ask");
    CLI::App* replace = noun.add_subcommand(
        "replace", "'add' one node and 'remove' another, in one step. Safe to repeat");
    runs(replace, &ClusterCommands::replace_node);
    replace->add_option("ID", node_, "The node that goes")->required();
    replace->add_option("BY", by_, "The id of the one that comes")->required();
    replace->add_option("ADDRESS", address_, "Where the others reach that: HOST:PORT")->required();
    replace->add_flag("--yes", session_.yes, "Do not ask");
    CLI::App* transfer = noun.add_subcommand(
        "transfer", "Have a set led by another of its replicas, from now on. Safe to repeat");
    runs(transfer, &ClusterCommands::transfer);
    transfer->add_option("SET", set_, "The set's number, as 'status' shows it")->required();
    transfer->add_option("NODE", node_, "Who should lead it")->required();
    CLI::App* rebalance = noun.add_subcommand(
        "rebalance",
        "Move sets, one replica at a time, until all nodes hold and lead about as many. It goes on "
        "through restarts. Safe to repeat");
    runs(rebalance, &ClusterCommands::rebalance);
    rebalance->add_flag("--stop", stop_, "Stop after the move that is under way");
}

void ClusterCommands::add_init_certs(CLI::App& noun) {
    CLI::App* verb = noun.add_subcommand(
        "init-certs",
        "Make the cluster's certificate authority, unless DIR holds it, and a certificate and key "
        "for each node. Nothing is overwritten");
    verb->callback([this] {
        session_.chosen = [this] {
            return init_certs();
        };
    });
    days_ = certificate_days_default;
    verb->add_option("--dir", folder_, "Folder of the files; made when it is missing")->required();
    verb->add_option("--name", name_, "The cluster's name, as cluster.name")->required();
    verb->add_option("--nodes", nodes_, "Node ids: 1,2,3")->required();
    verb->add_option("--days", days_, "How long the nodes' certificates are valid")
        ->check(CLI::Range(std::uint64_t{1}, certificate_days_max))
        ->capture_default_str();
}

int ClusterCommands::init_certs() {
    CertificateOrder order;
    order.folder = folder_;
    order.cluster = name_;
    order.nodes = parse_nodes(nodes_);
    order.days = days_;
    order.now_s = session_.world().clock.wall_ms() / 1000;
    if (!model::is_cluster_name(name_))
        return session_.fail(usage_failure(
            "'" + name_ + "' is no name for a cluster.",
            "It has 1 to 40 lower-case letters, digits and '-', and '-' not at an end."));
    if (order.nodes.empty())
        return session_.fail(usage_failure("'" + nodes_ + "' is no list of node ids.",
                                           "Ids begin at 1, each stands once: --nodes 1,2,3"));
    const auto made = make_certificates(order);
    if (!made) return session_.fail(made.error());
    json::object shown;
    shown["authority"] = made->authority ? "made" : "used";
    json::array files;
    for (const auto& file : made->files) files.emplace_back(file);
    std::string lines;
    for (const auto& file : made->files) lines += (lines.empty() ? "" : ", ") + file;
    shown["files"] = std::move(files);
    return session_.say("made " + lines, shown);
}

int ClusterCommands::show_tables(const json::object& cluster) {
    auto& out = session_.world().out;
    session_.show(node_rows(cluster), cluster_node_columns);
    out << "\n";
    return session_.show(set_rows(cluster), cluster_set_columns);
}

int ClusterCommands::init() {
    const auto founded = session_.act("POST", "/v1/cluster/init");
    if (!founded) return session_.fail(founded.error());
    const std::string what = "cluster " + at_path(*founded, "name") + " is founded, id " +
                             at_path(*founded, "cluster_id");
    if (!is_for_people(session_.format())) return session_.show(*founded);
    session_.world().out << escaped(what) << "\n\n";
    session_.show(node_rows(*founded), cluster_node_columns);
    session_.world().out
        << "\nEvery node takes requests for all queues and topics now, with the root key of node "
        << at_path(*founded, "node") << ".\n"
        << "'penstock cluster status' shows the sets: each has a leader within seconds.\n";
    return exit_ok;
}

int ClusterCommands::changed(const Called& answer, const std::string& what) {
    if (!answer) return session_.fail(answer.error());
    if (!is_for_people(session_.format())) return session_.show(*answer);
    session_.world().out << what << "\n'penstock cluster status' shows how far it is.\n";
    return exit_ok;
}

int ClusterCommands::add_node() {
    json::object body;
    body["id"] = node_;
    body["address"] = address_;
    return changed(session_.send("POST", "/v1/cluster/nodes", body),
                   "node " + std::to_string(node_) +
                       " is added; sets that lack replicas get them there. 'penstock cluster "
                       "rebalance' moves others to it.");
}

int ClusterCommands::remove_node() {
    int exit_code = exit_ok;
    const std::string node = std::to_string(node_);
    if (!session_.confirmed("Remove node " + node + " from the cluster for ever?", exit_code)) {
        return exit_code;
    }
    return changed(session_.act("DELETE", "/v1/cluster/nodes/" + node),
                   "node " + node + " leaves: its replicas move to other nodes, then it is " +
                       "forgotten. Stop it when 'status' does not show it any more.");
}

int ClusterCommands::replace_node() {
    int exit_code = exit_ok;
    const std::string node = std::to_string(node_);
    const std::string by = std::to_string(by_);
    if (!session_.confirmed("Replace node " + node + " by node " + by + " for ever?", exit_code)) {
        return exit_code;
    }
    json::object body;
    body["id"] = by_;
    body["address"] = address_;
    return changed(session_.send("POST", "/v1/cluster/nodes/" + node + "/replace", body),
                   "node " + by + " is added and node " + node + " leaves.");
}

int ClusterCommands::transfer() {
    json::object body;
    body["node"] = node_;
    const std::string set = std::to_string(set_);
    return changed(session_.send("POST", "/v1/cluster/sets/" + set + "/transfer", body),
                   "set " + set + " will be led by node " + std::to_string(node_) +
                       " as soon as that has all of it.");
}

int ClusterCommands::rebalance() {
    return changed(session_.act(stop_ ? "DELETE" : "POST", "/v1/cluster/rebalance"),
                   stop_ ? "No further set will move." : "Sets move, one replica at a time.");
}

int ClusterCommands::status() {
    const auto cluster = session_.get("/v1/cluster");
    if (!cluster) return session_.fail(cluster.error());
    Failure failure;
    if (at_path(*cluster, "name").empty()) {
        failure.what = "This server is on its own, no node of a cluster.";
        failure.next = "The section [cluster] of its configuration makes it one.";
        return session_.fail(failure);
    }
    if (!is_for_people(session_.format())) return session_.show(*cluster);
    if (at_path(*cluster, "cluster_id").empty()) {
        failure.what = "Cluster " + at_path(*cluster, "name") + " is not founded yet.";
        failure.next = "Start its nodes, then 'penstock cluster init' on one of them.";
        return session_.fail(failure);
    }
    session_.world().out << escaped("cluster " + at_path(*cluster, "name") + ", id " +
                                    at_path(*cluster, "cluster_id"))
                         << "\n\n";
    return show_tables(*cluster);
}

}  // namespace penstock::cli
