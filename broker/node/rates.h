// Rates: tells the ways in what rates the queues and topics of a set have of their own, where this
// node leads it (api/own_rates.h). What an object has is read from the rows when it is first met,
// not when the node comes to lead: so a set of many objects costs nothing then, and an object's
// first request is let through. Owned by the DataDesk, broker thread only.
#pragma once

#include "broker/api/own_rates.h"
#include "broker/core/names_query.h"
#include "broker/node/hosted_set.h"

#include <cstddef>
#include <cstdint>
#include <unordered_set>

namespace penstock::node {

class Rates {
  public:
    // Objects that need not be looked at again; beyond that it begins anew.
    static constexpr std::size_t met_max = 100'000;

    // `told` may be null: then nobody is told.
    Rates(const HostedSet& data, api::OwnRates* told) : data_(data), told_(told) {}

    // A message is sent to it or asked for.
    void meet(const core::NameInfo& object) {
        if (told_ != nullptr && !met_.contains(object.number.value)) look(object);
    }

    // Its attributes have changed, or it is gone.
    void look(const core::NameInfo& object);

    // Another node leads the set.
    void rest();

  private:
    const HostedSet& data_;
    api::OwnRates* told_;
    std::unordered_set<std::uint32_t> met_;  // by number
};

}  // namespace penstock::node
