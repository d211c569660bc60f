// What a node tells of itself in figures: put together in the turn in which it is asked for.
#include "broker/core/names_query.h"
#include "broker/node/node.h"
#include "broker/node/object_figures.h"

#include <string>
#include <utility>

namespace penstock::node {

namespace {

double number(std::uint64_t value) {
    return static_cast<double>(value);
}

std::string text(model::SetId set) {
    return std::to_string(set.value);
}

}  // namespace

void Node::measure(std::function<void(model::Metrics)> take) {
    mailbox_->post([take = std::move(take)](Node& node) { take(node.metrics()); });
}

model::Metrics Node::metrics() {
    model::Metrics metrics;
    measure_server(metrics);
    measure_log(metrics);
    Outcomes outcomes;
    each_set([&](HostedSet& set) {
        measure_set(metrics, set);
        outcomes.add(set.traffic().counters());
    });
    outcomes.measure(metrics);
    measure_objects(metrics);
    if (world_.neighbours != nullptr) world_.neighbours->measure(metrics);
    return metrics;
}

void Node::measure_server(model::Metrics& metrics) const {
    metrics.info("penstock_build", "The program that runs.", {{"version", options_.version}});
    metrics.gauge("penstock_start_time_seconds",
                  "Unix time at which the server was opened.",
                  static_cast<double>(started_ms_) / 1e3);
    metrics.gauge("penstock_ready", "1 while clients are served.", ready() ? 1 : 0);
    std::uint64_t waiters = 0;
    std::uint64_t quarantined = 0;
    for (const auto& [set, desk] : open_->desks) {
        waiters += desk->receiving().waiters().size();
        quarantined += desk->receiving().quarantined();
    }
    metrics.gauge("penstock_long_polls", "Receives that wait for a message.", number(waiters));
    metrics.gauge("penstock_calls", "Requests under way.", number(calls_.size()));
    metrics.counter("penstock_messages_quarantined",
                    "Messages taken out of delivery because their bytes are damaged.",
                    quarantined);
}

void Node::measure_log(model::Metrics& metrics) const {
    const storage::LogStoreStats log = store_->stats();
    metrics.gauge("penstock_log_bytes", "Bytes of the log on the disk.", number(log.bytes));
    metrics.gauge("penstock_log_segments", "Files of the log.", number(log.segments));
    metrics.gauge("penstock_log_large_segments",
                  "Those of them with large bodies alone.",
                  number(log.large_segments));
    metrics.gauge("penstock_log_live_bodies",
                  "Message bodies in the log that are still held.",
                  number(log.bodies_live));
    metrics.gauge("penstock_log_damaged_records",
                  "Records of the log that do not match their checksums.",
                  number(log.damaged_records));
    metrics.counter("penstock_log_rewritten_bytes",
                    "Bytes of the log written again to give space back.",
                    log.rewritten_bytes);
    metrics.counter("penstock_log_shared_bytes",
                    "Bytes of bodies that the log had already, for another set.",
                    log.shared_bytes);
    metrics.histogram(
        "penstock_log_sync_seconds", "Time until what a turn wrote was durable.", sync_latencies_);
    metrics.gauge("penstock_log_below_reserve",
                  "1 while the disk is so full that sends are refused.",
                  store_->space() == storage::SpaceLevel::normal ? 0 : 1);
}

void Node::measure_set(model::Metrics& metrics, HostedSet& set) const {
    const std::string name = text(set.set());
    metrics.gauge("penstock_set_leading",
                  "1 where the set is led by this node.",
                  set.leading() ? 1 : 0,
                  {{"set", name}});
    metrics.gauge("penstock_set_applied_index",
                  "Index of the last entry applied.",
                  number(set.applied()),
                  {{"set", name}});
    metrics.gauge("penstock_set_time_seconds",
                  "Cluster time of the set: that of the last entry applied, Unix time.",
                  static_cast<double>(set.time_ms()) / 1e3,
                  {{"set", name}});
    metrics.gauge("penstock_set_commands_waiting",
                  "Commands that wait for an entry.",
                  number(set.queued()),
                  {{"set", name}});
    metrics.gauge("penstock_set_rows_bytes",
                  "Bytes of the set's rows on the disk.",
                  number(set.row_store().bytes_on_disk()),
                  {{"set", name}});
    set.traffic().measure(metrics, name);
}

void Node::measure_objects(model::Metrics& metrics) {
    const auto count = [&](model::ObjectKind kind, const char* label) {
        metrics.gauge("penstock_objects",
                      "Queues, topics and subscriptions of the whole cluster.",
                      number(first_names(kind).total),
                      {{"kind", label}});
    };
    count(model::ObjectKind::queue, "queue");
    count(model::ObjectKind::topic, "topic");
    count(model::ObjectKind::subscription, "subscription");
    const auto desk_of = [this](model::SetId set) -> DataDesk* {
        const auto desk = open_->desks.find(set);
        return desk == open_->desks.end() || !desk->second->serving() ? nullptr
                                                                      : desk->second.get();
    };
    ObjectFigures figures;
    const auto names_of = [this](model::ObjectKind kind) -> const core::NamePage& {
        return first_names(kind);
    };
    figures.look(names_of, desk_of, even_time_.still_ms(world_.clock));
    figures.measure(metrics);
}

}  // namespace penstock::node
