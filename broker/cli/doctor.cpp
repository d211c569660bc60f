#include "broker/cli/doctor.h"

#include "broker/base/instant.h"

#include <boost/json.hpp>

#include <utility>

namespace penstock::cli {

namespace {

namespace json = boost::json;

constexpr std::int64_t certificate_warned_of_ms = 30LL * 86'400'000;  // so long before it ends

const Columns finding_columns = {
    {"CHECK", "check"}, {"STATE", "state"}, {"FOUND", "found"}, {"NEXT", "next"}};

void add(json::array& findings,
         std::string_view check,
         std::string_view state,
         std::string found,
         std::string_view next = {}) {
    json::object finding;
    finding["check"] = check;
    finding["state"] = state;
    finding["found"] = std::move(found);
    if (!next.empty()) finding["next"] = next;
    findings.emplace_back(std::move(finding));
}

std::uint64_t number_at(const json::object& object, std::string_view path) {
    const std::string text = at_path(object, path);
    return text.empty() ? 0 : std::strtoull(text.c_str(), nullptr, 10);
}

}  // namespace

void Doctor::add_to(CLI::App& root) {
    root.add_subcommand("doctor", "Look at a server and say what is not well")->callback([this] {
        session_.chosen = [this] {
            return examine();
        };
    });
}

bool Doctor::reach(json::array& findings) {
    const auto target = session_.target();
    if (!target) {
        add(findings, "settings", "bad", target.error().what, target.error().next);
        return false;
    }
    const auto alive = session_.get("/healthz");
    if (!alive && alive.error().exit_code != exit_denied) {
        add(findings, "server", "bad", alive.error().what, alive.error().next);
        return false;
    }
    add(findings, "server", "ok", target->server);
    const auto ready = session_.get("/readyz");
    if (!ready && ready.error().exit_code != exit_denied) {
        add(findings, "ready", "bad", ready.error().what, "Wait for it, or look at its log.");
        // A node of a cluster tells of it all the same: others may be what is missing.
        look_at_cluster(findings);
        return false;
    }
    return true;
}

void Doctor::look_at_storage(const json::object& status, json::array& findings) {
    add(findings,
        "version",
        "ok",
        at_path(status, "version") + ", started " + at_path(status, "started_at"));
    const std::string space = at_path(status, "space");
    const std::string used =
        at_path(status, "log_bytes") + " in " + at_path(status, "log_segments") + " segments";
    if (space == "normal") {
        add(findings, "disk", "ok", used);
    } else {
        add(findings,
            "disk",
            "bad",
            "space is " + space + ", " + used,
            "Receive and delete messages, shorten retentions, or add disk.");
    }
    const std::uint64_t damaged = number_at(status, "damaged_records");
    const std::uint64_t quarantined = number_at(status, "quarantined");
    if (damaged + quarantined == 0) {
        add(findings, "stored bytes", "ok", "no damage met");
    } else {
        add(findings,
            "stored bytes",
            "bad",
            std::to_string(damaged) + " damaged records, " + std::to_string(quarantined) +
                " messages in quarantine",
            "Check the disk. Messages in quarantine are not delivered.");
    }
}

void Doctor::look_at_certificate(const json::object& status, json::array& findings) {
    const std::string text = at_path(status, "certificate_ends_at");
    const auto ends_ms = parse_instant(text);
    if (!ends_ms) return;
    const bool fine = lasts("", *ends_ms, "files of tls.cert and tls.key", findings);
    if (fine) add(findings, "certificate", "ok", "ends at " + text);
}

// Says so where a certificate does not last; `whose` stands before it, `place` is where it is kept.
bool Doctor::lasts(const std::string& whose,
                   std::int64_t ends_ms,
                   const std::string& place,
                   json::array& findings) {
    const std::int64_t left_ms = ends_ms - session_.world().clock.wall_ms();
    if (left_ms >= certificate_warned_of_ms) return true;
    const bool over = left_ms <= 0;
    add(findings,
        "certificate",
        over ? "bad" : "look",
        whose + (over ? "expired at " : "ends at ") + format_instant(ends_ms),
        "Renew it and replace the " + place + ".");
    return false;
}

void Doctor::look_at_certificates(const json::object& subscription,
                                  const std::string& name,
                                  json::array& findings) {
    const auto* certificates = subscription.if_contains("certificates");
    if (certificates == nullptr) return;
    for (const auto& item : certificates->get_array()) {
        const auto& one = item.get_object();
        const auto ends_ms = parse_instant(at_path(one, "ends_at"));
        if (!ends_ms) continue;
        lasts(at_path(one, "subject") + " of " + name + " ",
              *ends_ms,
              at_path(one, "use") + " by penstock sub set " + name,
              findings);
    }
}

// True: each has a leader, whom all who vote in it keep up with.
bool Doctor::look_at_sets(const json::object& cluster, json::array& findings) {
    bool fine = true;
    const auto* sets = cluster.if_contains("sets");
    if (sets == nullptr || !sets->is_array()) return fine;
    for (const auto& item : sets->get_array()) {
        const json::object& set = item.get_object();
        const std::string name = "set " + at_path(set, "set") + ": ";
        const auto* listed = set.if_contains("replicas");
        const json::array replicas =
            listed != nullptr && listed->is_array() ? listed->get_array() : json::array();
        if (at_path(set, "leader") == "0") {
            fine = false;
            add(findings,
                "cluster",
                "bad",
                name + "no leader: its queues and topics answer nothing",
                "More than half of its replicas must run: penstock cluster status");
            continue;
        }
        // Where the leader does not tell, nobody is said to keep up.
        bool told = false;
        std::string behind;
        for (const auto& item_of_set : replicas) {
            const json::object& replica = item_of_set.get_object();
            const bool in_sync = at_path(replica, "in_sync") == "true";
            told = told || in_sync;
            if (in_sync || at_path(replica, "voter") != "true") continue;
            behind += (behind.empty() ? "" : ", ") + at_path(replica, "node");
        }
        if (behind.empty() || !told) continue;
        fine = false;
        add(findings,
            "cluster",
            "look",
            name + "behind or away: node " + behind,
            "penstock cluster status");
    }
    return fine;
}

// A key that may not see the cluster hears nothing of it.
void Doctor::look_at_cluster(json::array& findings) {
    const auto cluster = session_.get("/v1/cluster");
    if (!cluster || at_path(*cluster, "name").empty()) return;
    const auto* nodes = cluster->if_contains("nodes");
    if (nodes == nullptr || !nodes->is_array()) return;
    bool fine = true;
    for (const auto& item : nodes->get_array()) {
        const std::string problem = at_path(item.get_object(), "problem");
        const bool connected = at_path(item.get_object(), "connected") == "true";
        if (connected && problem.empty()) continue;
        fine = false;
        add(findings,
            "cluster",
            connected ? "look" : "bad",
            "node " + at_path(item.get_object(), "id") + ": " +
                (connected         ? problem
                 : problem.empty() ? "not connected"
                                   : "not connected: " + problem),
            connected ? "If it does not say what to do: the node's log."
                      : "penstock cluster status");
    }
    fine = look_at_sets(*cluster, findings) && fine;
    if (fine) add(findings, "cluster", "ok", std::to_string(nodes->get_array().size()) + " nodes");
}

void Doctor::look_at_dead_letters(json::array& findings) {
    const auto queues = session_.list("/v1/dead-letters");
    if (!queues) {
        add(findings, "dead letters", "bad", queues.error().what, queues.error().next);
        return;
    }
    std::uint64_t letters = 0;
    std::string fullest;
    std::uint64_t most = 0;
    for (const auto& item : *queues) {
        const std::uint64_t count = number_at(item.get_object(), "messages.visible");
        letters += count;
        if (count > most) most = count, fullest = at_path(item.get_object(), "name");
    }
    if (letters == 0) {
        add(findings, "dead letters", "ok", "none");
    } else {
        add(findings,
            "dead letters",
            "look",
            std::to_string(letters) + ", most in " + fullest,
            "penstock dlq show " + fullest);
    }
}

void Doctor::look_at_subscriptions(json::array& findings) {
    const auto all = session_.list("/v1/subscriptions");
    if (!all) {
        add(findings, "subscriptions", "bad", all.error().what, all.error().next);
        return;
    }
    bool active = true;
    for (const auto& item : *all) {
        const auto& subscription = item.get_object();
        const std::string state = at_path(subscription, "state");
        const std::string name =
            at_path(subscription, "topic") + "/" + at_path(subscription, "name");
        look_at_certificates(subscription, name, findings);
        if (state == "active") continue;
        active = false;
        add(findings,
            "subscriptions",
            "look",
            name + " is " + state,
            "penstock sub resume " + name);
    }
    if (active) add(findings, "subscriptions", "ok", std::to_string(all->size()) + " active");
}

int Doctor::examine() {
    json::array findings;
    if (reach(findings)) {
        const auto status = session_.get("/v1/status");
        if (!status) {
            add(findings, "key", "bad", status.error().what, status.error().next);
        } else {
            add(findings, "key", "ok", "accepted");
            look_at_certificate(*status, findings);
            look_at_storage(*status, findings);
            look_at_cluster(findings);
            look_at_dead_letters(findings);
            look_at_subscriptions(findings);
        }
    }
    session_.show(findings, finding_columns);
    for (const auto& finding : findings) {
        if (at_path(finding.get_object(), "state") == "bad") return exit_failure;
    }
    return exit_ok;
}

}  // namespace penstock::cli
