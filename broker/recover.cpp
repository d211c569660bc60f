#include "broker/recover.h"

#include "broker/base/log.h"
#include "broker/cluster/peer_probe.h"
#include "broker/cluster/recovery.h"
#include "broker/config/load.h"
#include "broker/node/data_folder.h"
#include "broker/offline.h"
#include "broker/room_options.h"

#include <CLI/CLI.hpp>

#include <chrono>
#include <iostream>

namespace penstock {

namespace {

constexpr std::chrono::milliseconds probe_deadline{2'000};

constexpr const char* meaning =
    "Makes the replicas in DIR all there is of their cluster: for a cluster whose other nodes are\n"
    "lost for good. What this node does not hold is given up, and the other nodes can never come\n"
    "back: their ids stay used, what they know is refused. Stop this node first. Everything in "
    "its\n"
    "logs is kept; with ack = all, nothing acknowledged is missing.";

struct Options {
    config::Sources sources;
    bool survivor = false;
    bool yes = false;
    int exit = 0;
    bool run = false;
};

Options parse(const std::vector<std::string>& arguments) {
    CLI::App app(meaning, "penstock cluster recover");
    Options options;
    std::string data;
    app.add_option("--data", data, "Data folder of this node");
    app.add_option("--config", options.sources.file, "Its configuration, for its certificates");
    app.add_flag("--survivor", options.survivor, "This is the one replica to go on with");
    app.add_flag("--yes", options.yes, "The other nodes are lost for good");
    if (!parse_words(app, arguments, options.exit)) return options;
    options.sources.environment = config::process_environment();
    if (app.count("--data") > 0) options.sources.flags.emplace_back("data", data);
    options.run = app.count("--data") > 0 || !options.sources.file.empty();
    if (!options.run) {
        std::cerr << "penstock: which folder? --data DIR\n";
        options.exit = exit_usage;
    }
    return options;
}

std::string name_of(const cluster::PeerAddress& peer) {
    return "node " + std::to_string(peer.node.value) + " at " + peer.address;
}

// Where they were, and where the configuration says that they are.
std::vector<cluster::PeerAddress> addresses_of(const std::vector<cluster::PeerAddress>& others,
                                               const config::ClusterConfig& config) {
    std::vector<cluster::PeerAddress> all = others;
    for (const cluster::PeerAddress& other : others) {
        for (const config::ClusterPeer& peer : config.peers) {
            const bool moved = peer.id == other.node.value && peer.address != other.address;
            if (moved) all.push_back({other.node, peer.address});
        }
    }
    return all;
}

// 0: nobody does.
int refuse_if_others_answer(const cluster::Recovery& recovery, const config::ServerConfig& config) {
    const auto listening =
        cluster::who_listens(addresses_of(recovery.others(), config.cluster), probe_deadline);
    if (listening.empty()) return 0;
    if (config.cluster.name.empty()) {
        return fail(name_of(listening.front()) +
                        " takes connections: give --config FILE, so that it can be asked who it is",
                    exit_conflict);
    }
    SystemClock clock;
    SystemRandom random;
    const auto probed = cluster::ask_who(listening,
                                         recovery.identity(),
                                         cluster_options(config).peers,
                                         probe_deadline,
                                         clock,
                                         random);
    if (!probed) return fail(probed.error().detail);
    for (const cluster::ProbedPeer& one : *probed) {
        const std::string why = one.problem.empty() ? "" : " (" + one.problem + ")";
        if (one.member) {
            return fail(name_of(one.peer) + " answers" + why +
                            ": a cluster that lives is not recovered. Stop it if it is to be given "
                            "up, or let it and this node form a majority",
                        exit_conflict);
        }
        std::cerr << "penstock: what answers as " << name_of(one.peer)
                  << " is no node of this cluster" << why << "\n";
    }
    return 0;
}

std::string line_of(const cluster::RecoveredSet& set) {
    const std::string name = "set " + std::to_string(set.set.value) + ": ";
    const std::string held = "up to entry " + std::to_string(set.last) + " of term " +
                             std::to_string(set.term) + ", " + std::to_string(set.objects) +
                             " queues, topics and subscriptions";
    switch (set.kind) {
        case cluster::ReplicaKind::voter:
            return name + held;
        case cluster::ReplicaKind::learner:
            return name + held +
                   "; this node did not vote in it: what it had not been sent yet is missing";
        case cluster::ReplicaKind::fresh:
            return name + "nothing was in it, it begins anew";
        case cluster::ReplicaKind::lost:
            break;
    }
    return name + "NOT HERE: lost with its " + std::to_string(set.objects) +
           " queues, topics and subscriptions";
}

void show(const cluster::Recovered& recovered, const cluster::Identity& identity) {
    std::cout << "cluster " << identity.name << " goes on as node " << identity.node
              << " alone, incarnation " << recovered.incarnation << "\n";
    for (const cluster::NodeId node : recovered.forgotten) {
        std::cout << "node " << node.value << ": given up, its id is not used again\n";
    }
    for (const cluster::RecoveredSet& set : recovered.sets) std::cout << line_of(set) << "\n";
    if (recovered.condemned) {
        std::cout
            << "This node had stopped for good, its state being another or an older one than\n"
               "the cluster's: now it is the state of the cluster.\n";
    }
    std::cout
        << "What was acknowledged with ack = all is here, as far as this node was in sync then.\n"
           "Missing may be: what the others acknowledged behind these entries while it was not\n"
           "(event=out_of_sync in their logs), and with ack = majority what only they had.\n"
           "Next: penstock serve --config FILE; then penstock cluster add ID HOST:PORT for each\n"
           "new node, with an empty folder and an id that no node had before.\n";
}

int run(const config::ServerConfig& config) {
    PosixDisk disk;
    SystemClock clock;
    if (const auto there = disk.list(config.data); !there) {
        return fail("there is no data folder " + config.data);
    }
    const auto lock = node::FolderLock::take(config.data);
    if (!lock) return fail(lock.error().detail);
    const node::NodeOptions options = node_options(config);
    const auto open_rows = [&options](const std::string& folder) {
        return storage::open_rocks_rows(folder, options.rows);
    };
    auto recovery = cluster::Recovery::open({disk, clock, open_rows}, config.data, options.log);
    if (!recovery) return fail(recovery.error().detail);
    const cluster::Identity identity = (*recovery)->identity();
    const config::ClusterConfig& configured = config.cluster;
    const bool other_node = configured.name != identity.name || configured.node_id != identity.node;
    if (!configured.name.empty() && other_node) {
        return fail(config.data + " belongs to node " + std::to_string(identity.node) +
                    " of cluster " + identity.name + ", the configuration is of another");
    }
    if (const int refused = refuse_if_others_answer(**recovery, config); refused != 0) {
        return refused;
    }
    if ((*recovery)->is_alone()) {
        std::cout << "node " << identity.node << " is all of cluster " << identity.name
                  << " already: nothing to do\n";
        return 0;
    }
    const auto recovered = (*recovery)->run();
    if (!recovered) return fail(recovered.error().detail + "; run it again");
    show(*recovered, identity);
    return 0;
}

}  // namespace

int recover(const std::vector<std::string>& arguments) {
    const Options options = parse(arguments);
    if (!options.run) return options.exit;
    if (!options.survivor || !options.yes) {
        std::cerr << meaning << "\n";
        return fail("say --survivor and --yes to do that", exit_usage);
    }
    const auto loaded = config::load(options.sources);
    if (!loaded) {
        std::cerr << loaded.error().detail << "\n";
        return exit_failure;
    }
    set_log_level(LogLevel::warn);
    return run(loaded->config);
}

}  // namespace penstock
