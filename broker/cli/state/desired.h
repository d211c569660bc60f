// Desired: the queues, topics and subscriptions that a document wants, in the words of /v1. A
// document has tables `queues` and `topics`, by name; a topic's `subscriptions` stand in it. Their
// members are those of /v1, but durations and sizes may be texts ("4d", "64KiB"), `retry` a list of
// pauses ("5s,5m"), `dead_letter` "none", and a script the name of a file beside the document.
// Reads such files; any thread.
#pragma once

#include "broker/cli/failure.h"

#include <boost/json/object.hpp>
#include <boost/system/result.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace penstock::cli {

enum class Kind : std::uint8_t { queue, topic, subscription };

std::string to_text(Kind kind);  // "queue", "topic", "subscription"

struct Resource {
    Kind kind = Kind::queue;
    std::string name;             // of a subscription: TOPIC/NAME
    boost::json::object members;  // without the name

    friend bool operator==(const Resource&, const Resource&) = default;
};

// Each queue behind the one its dead letters go to; in a circle whoever comes first.
std::vector<Resource> in_order_of_making(const std::vector<Resource>& queues);

// In the order in which they can be made: queues before those whose dead letters they take, topics
// before subscriptions. `folder` is where the files of scripts are looked for. Errors: usage.
boost::system::result<std::vector<Resource>, Failure> read_desired(
    const boost::json::object& document, const std::string& folder);

}  // namespace penstock::cli
