// What the bench does on each connection: send, send-receive-delete, publish. One load's thread.
#pragma once

#include "broker/cli/bench_load.h"
#include "broker/cli/bench_requests.h"

#include <memory>
#include <string>

namespace penstock::cli {

struct ScenarioOptions {
    std::string object;       // the queue's or topic's name
    std::size_t size = 1024;  // bytes of a message
    std::size_t batch = 1;    // 1: the single actions; else the batch actions
};

// SendMessage or BatchSendMessage, the same bytes again and again.
std::unique_ptr<Scenario> send_scenario(const CmqRequests& requests,
                                        const Clock& clock,
                                        const ScenarioOptions& options);

// Send, then receive as many as come at once, then delete them. A unit that receives nothing (a
// neighbour was quicker) counts no message.
std::unique_ptr<Scenario> cycle_scenario(const CmqRequests& requests,
                                         const Clock& clock,
                                         const ScenarioOptions& options);

// PublishMessage or BatchPublishMessage; every body opens with the time it was due.
std::unique_ptr<Scenario> publish_scenario(const CmqRequests& requests,
                                           const ScenarioOptions& options);

// Text nobody can compress well, the same in every run.
std::string bench_payload(std::size_t bytes);

}  // namespace penstock::cli
