// Puts together what several nodes say of the sets of their cluster, and of themselves. Pure
// functions, any thread.
#pragma once

#include "broker/api/requests.h"

#include <cstdint>
#include <string>
#include <vector>

namespace penstock::cluster {

// What every node of a cluster should be configured alike in: any of them may lead.
struct NodeSettings {
    std::uint64_t message_bytes_max = 0;  // 0: it does not say, being of a build of before
    bool seals = false;                   // encryption.mode is "on"
};

// What is not alike, in words; empty: all is, or one of them does not say.
[[nodiscard]] std::string difference(const NodeSettings& there, const NodeSettings& here);

// Only a set's leader knows how far the others are.
[[nodiscard]] bool told_by_leader(const api::SetView& set);

// Takes from what node `told_by` says what is better known there: a set's leader is believed, the
// one of the latest term; of others the one that knows of a leader of a later term.
void merge_sets(std::vector<api::SetView>& whole,
                const std::vector<api::SetView>& told,
                std::uint64_t told_by);

}  // namespace penstock::cluster
