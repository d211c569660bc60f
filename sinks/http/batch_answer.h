// What the answer to several messages in one request says of each. Pure functions, any thread.
//
//   2xx and {"batchItemFailures":[{"itemIdentifier":"ID"},...]}   those named failed
//   2xx and [200,503,...]                 as if each had been answered so by itself
//   2xx and anything else, or nothing     all are accepted
//   anything else                         is what it is for each of them
//
// An answer of success that begins as JSON does and cannot be read, names what is no message of the
// batch or has another number of statuses says nothing reliable: all are tried again.
#pragma once

#include "broker/api/dispatch.h"
#include "sinks/client/http_client.h"
#include "sinks/sink.h"

#include <boost/json/value.hpp>

#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::sinks::http {

inline constexpr std::string_view named_in_failures = "the handler names it in batchItemFailures";
inline constexpr std::string_view unknown_in_failures =
    "batchItemFailures names what is no message of the batch: every message is tried again";

// The value of batchItemFailures, as AWS Lambda has it. `all`: it cannot be believed.
struct ItemFailures {
    bool all = false;
    std::set<std::string> ids;
};

// `known`: how the messages of the batch were named.
ItemFailures read_item_failures(const boost::json::value& value,
                                const std::set<std::string>& known);

// One result a message, in their order; a message is known by its id and by its attribute ce-id.
// `whole`: what the exchange means for a single one.
std::vector<AttemptResult> batch_results(const Sink::Batch& batch,
                                         const AttemptResult& whole,
                                         const client::Exchange& exchange);

}  // namespace penstock::sinks::http
