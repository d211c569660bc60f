#include "broker/cli/cluster_commands.h"

#include "broker/cli/cluster_certs.h"
#include "broker/model/peer_name.h"

#include <boost/json.hpp>

namespace penstock::cli {

namespace json = boost::json;

void ClusterCommands::add_to(CLI::App& root) {
    CLI::App* noun = root.add_subcommand("cluster", "Nodes that form a cluster");
    noun->require_subcommand(1);
    add_init_certs(*noun);
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

}  // namespace penstock::cli
