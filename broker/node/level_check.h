// What a set takes only once all its replicas can read it (broker/model/format.h): until then a
// request that would write it is refused. Pure function, broker thread.
#pragma once

#include "broker/model/format.h"
#include "broker/node/hosted_set.h"
#include "broker/node/validation.h"

#include <cstdint>
#include <string>

namespace penstock::node {

// For a rate that a request sets, in messages a second; 0, none, is for all builds.
inline Refused check_rate_level(const HostedSet& set, std::uint32_t messages_per_s) {
    if (messages_per_s == 0 || set.format() >= model::own_rate_level) return {};
    return model::Refusal{
        model::Reason::unavailable,
        "qps",
        "a queue or topic may have a rate of its own once every node of the cluster is connected "
        "and of a version that knows it: upgrade the others, then try again"};
}

}  // namespace penstock::node
