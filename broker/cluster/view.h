// Puts together what several nodes say of the sets of their cluster. Pure functions, any thread.
#pragma once

#include "broker/api/requests.h"

#include <cstdint>
#include <vector>

namespace penstock::cluster {

// Only a set's leader knows how far the others are.
[[nodiscard]] bool told_by_leader(const api::SetView& set);

// Takes from what node `told_by` says what is better known there: a set's leader is believed, the
// one of the latest term; of others the one that knows of a leader of a later term.
void merge_sets(std::vector<api::SetView>& whole,
                const std::vector<api::SetView>& told,
                std::uint64_t told_by);

}  // namespace penstock::cluster
