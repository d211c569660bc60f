// Acts: what each request does to which resource and by which right, the rights that roles are made
// of, and what a key's access says of an act. The rights of all requests stand in one table in
// acts.cpp; a request without a line there does not compile. Pure functions, any thread.
#pragma once

#include "broker/api/requests.h"
#include "broker/model/access.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::api {

// What roles are made of.
enum class Right : std::uint8_t {
    look,     // names, attributes, counters, attempts without what receivers answered
    content,  // bodies, attributes of messages, answers and logs of receivers
    send,     // into queues, to topics
    receive,  // receive, delete, change visibility
    steer,    // change, pause, clear, rewind, redrive, replay
    manage,   // create and delete, scripts
    keys,     // of others; no statement gives it
    server,   // the cluster; no statement gives it
};

bool has(model::Role role, Right right);

// One thing that a request does to one resource; all of them must be allowed.
struct Act {
    Right right = Right::server;
    std::string_view action;  // "SendMessages"
    std::string resource;  // "queue/jobs", "topic/orders", "subscription/orders/billing", "server"
};

std::vector<Act> acts_of(const Request& request);

// The actions there are, for those who write statements.
const std::vector<std::string>& action_names();

// Statements against the role: denied by one is denied; allowed by either is allowed.
bool allows(const model::Access& access, const Act& act);

// The name under which statements speak of messages' content.
inline constexpr std::string_view content_action = "ReadContent";

}  // namespace penstock::api
