#include "broker/cluster/view.h"

#include <algorithm>
#include <utility>

namespace penstock::cluster {

namespace {

std::string mode_of(const NodeSettings& settings) {
    return settings.seals ? "\"on\"" : "\"off\"";
}

}  // namespace

std::string difference(const NodeSettings& there, const NodeSettings& here) {
    if (there.message_bytes_max == 0 || here.message_bytes_max == 0) return {};
    std::string words;
    if (there.message_bytes_max != here.message_bytes_max) {
        words = "limits.message_size_max is " + std::to_string(there.message_bytes_max) +
                " there, " + std::to_string(here.message_bytes_max) + " here";
    }
    if (there.seals == here.seals) return words;
    if (!words.empty()) words += "; ";
    return words + "encryption.mode is " + mode_of(there) + " there, " + mode_of(here) + " here";
}

bool told_by_leader(const api::SetView& set) {
    return std::any_of(set.replicas.begin(), set.replicas.end(), [](const auto& replica) {
        return replica.match > 0;
    });
}

void merge_sets(std::vector<api::SetView>& whole,
                const std::vector<api::SetView>& told,
                std::uint64_t told_by) {
    for (const api::SetView& news : told) {
        const auto known = std::find_if(
            whole.begin(), whole.end(), [&](const auto& set) { return set.set == news.set; });
        // Where nobody has placed it yet it is not yet a set of the cluster.
        if (known == whole.end()) continue;
        const bool leads = news.leader == told_by;
        const bool led = told_by_leader(*known);
        const bool later = news.leader != 0 && news.term > known->term;
        const bool better = leads ? !led || later : !led && (known->leader == 0 || later);
        if (!better) continue;
        // These are the asked node's own.
        const std::uint64_t applied = known->applied;
        const std::uint32_t objects = known->objects;
        std::vector<std::uint64_t> wanted = std::move(known->wanted);
        *known = news;
        known->applied = applied;
        known->objects = objects;
        known->wanted = std::move(wanted);
    }
}

}  // namespace penstock::cluster
