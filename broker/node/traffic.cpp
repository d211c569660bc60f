#include "broker/node/traffic.h"

#include "broker/base/enumerators.h"
#include "broker/model/transfer.h"

#include <algorithm>
#include <variant>

namespace penstock::node {

void Traffic::count(const std::vector<model::Command>& commands,
                    const std::vector<model::Reply>& replies) {
    ++counters_.entries;
    counters_.commands += commands.size();
    for (std::size_t at = 0; at < commands.size(); ++at) count(commands[at], replies[at]);
}

void Traffic::count(const model::Command& command, const model::Reply& reply) {
    if (std::holds_alternative<model::Refusal>(reply)) ++counters_.refused;
    if (const auto* sent = std::get_if<model::Sent>(&reply)) {
        const bool queue = std::holds_alternative<model::Send>(command) ||
                           std::holds_alternative<model::Prepare>(command);
        const bool edited = std::holds_alternative<model::EditLetter>(command);
        if (!sent->repeated && !edited)
            (queue ? counters_.sent : counters_.published) += sent->ids.size();
    } else if (const auto* leased = std::get_if<model::Leased>(&reply)) {
        counters_.received += leased->messages.size();
    } else if (const auto* deleted = std::get_if<model::Deleted>(&reply)) {
        counters_.deleted += static_cast<std::uint64_t>(
            std::count(deleted->removed.begin(), deleted->removed.end(), true));
    } else if (const auto* settled = std::get_if<model::Settled>(&reply)) {
        // What must be handled again was not an attempt yet.
        const auto* settle = std::get_if<model::Settle>(&command);
        for (std::uint32_t at = 0; settle != nullptr && at < settle->items.size(); ++at) {
            const auto& moved = settled->moved;
            if (std::find(moved.begin(), moved.end(), at) != moved.end()) continue;
            count(settle->items[at]);
        }
    } else if (const auto* transferred = std::get_if<model::Transferred>(&reply)) {
        if (transferred->outcome == model::TransferOutcome::taken) ++counters_.transferred;
    }
}

void Traffic::count(const model::SettleItem& item) {
    ++counters_.attempts[static_cast<std::size_t>(item.verdict)];
    if (model::ends_well(item.verdict)) return;
    const bool deferred = item.verdict == model::Verdict::not_attempted;
    ++(deferred ? counters_.deferrals : counters_.failures)[item.failure];
}

void Traffic::measure(model::Metrics& metrics, const std::string& set) const {
    const auto counter =
        [&](std::string_view name, std::string_view help, std::uint64_t TrafficCounters::*which) {
            metrics.counter(name, help, counters_.*which, {{"set", set}});
        };
    counter("penstock_entries",
            "Entries proposed by this node as the set's leader, and applied.",
            &TrafficCounters::entries);
    counter("penstock_commands", "Commands of those entries.", &TrafficCounters::commands);
    counter(
        "penstock_commands_refused", "Of those: they changed nothing.", &TrafficCounters::refused);
    counter("penstock_messages_sent", "Messages sent to queues.", &TrafficCounters::sent);
    counter("penstock_messages_published",
            "Messages published to topics.",
            &TrafficCounters::published);
    counter("penstock_messages_received",
            "Messages given to receivers, each time counted.",
            &TrafficCounters::received);
    counter("penstock_messages_deleted",
            "Messages acknowledged by receivers.",
            &TrafficCounters::deleted);
    counter("penstock_messages_transferred",
            "Messages taken over from other sets.",
            &TrafficCounters::transferred);
    for (const model::Verdict verdict : {model::Verdict::accepted,
                                         model::Verdict::retry,
                                         model::Verdict::rejected,
                                         model::Verdict::not_attempted,
                                         model::Verdict::discarded}) {
        metrics.counter("penstock_delivery_attempts",
                        "Attempts to push a message to its subscriber, by what they came to.",
                        counters_.attempts[static_cast<std::size_t>(verdict)],
                        {{"set", set}, {"verdict", std::string(model::to_text(verdict))}});
    }
    metrics.histogram("penstock_commit_seconds",
                      "Time from an entry's proposal by the set's leader until it is applied.",
                      commits_,
                      {{"set", set}});
}

void Outcomes::add(const TrafficCounters& counters) {
    for (const auto& [reason, count] : counters.failures) failures_[reason] += count;
    for (const auto& [reason, count] : counters.deferrals) deferrals_[reason] += count;
}

void Outcomes::measure(model::Metrics& metrics) const {
    const auto by_reason =
        [&](const char* name, const char* help, const TrafficCounters::ByFailure& counts) {
            for (std::size_t at = 0; at < enumerator_limit; ++at) {
                if (!enumerators<model::Failure>[at]) continue;
                const auto reason = static_cast<model::Failure>(at);
                const auto found = counts.find(reason);
                metrics.counter(name,
                                help,
                                found == counts.end() ? 0 : found->second,
                                {{"reason", std::string(model::to_text(reason))}});
            }
        };
    by_reason("penstock_delivery_failures",
              "Attempts that were not accepted, by their error class.",
              failures_);
    by_reason("penstock_delivery_deferrals",
              "Deliveries that could not be attempted, by the reason.",
              deferrals_);
}

}  // namespace penstock::node
