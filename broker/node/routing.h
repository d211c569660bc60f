// Routing: in which set a request is answered. Names are looked up in the rows of set 0; a request
// whose name is not there goes where the
// next object would, and is told so there. Broker thread only.
#pragma once

#include "broker/api/requests.h"
#include "broker/node/names.h"

#include <functional>
#include <vector>

namespace penstock::node {

struct Route {
    enum class To : std::uint8_t {
        any,                // what every node knows: names, its own status
        set,                // one set's leader
        every_set,          // all of them, each its part
        each_subscription,  // the sets of the subscriptions on a page of names
    };

    To to = To::any;
    model::SetId set;      // To::set
    bool reads = false;    // changes nothing: rows must be shown to be current
    bool missing = false;  // there is no such name, as far as this node knows
};

// The data sets there are, ascending, and the one for what is made next.
struct Placement {
    std::vector<model::SetId> sets;
    model::SetId next;
};

// `placement` reads a row per set, so it is asked only for a request whose place no name tells.
Route route_of(const api::Request& request,
               Names& names,
               const std::function<Placement()>& placement);

}  // namespace penstock::node
