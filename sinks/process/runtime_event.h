// What a program behind the runtime APIs is given and what its answer means: the event in the shape
// of each family, the environment, and the outcome of every message of an invocation. Pure
// functions, any thread.
#pragma once

#include "broker/api/dispatch.h"
#include "sinks/process/runtime_listener.h"
#include "sinks/process/runtime_wire.h"
#include "sinks/sink.h"

#include <cstdint>
#include <string>
#include <vector>

namespace penstock::sinks::process {

struct RuntimeOptions {
    std::uint64_t topic_owner = 0;  // the account's number, shown to programs
    bool scf_tag_list = false;      // SCF: msgTag is an array, as in its older pages
};

// The messages of one invocation, at least one, and whose they are; only looked at.
struct RuntimeBatch {
    const api::Target* target = nullptr;
    std::vector<const api::Delivery*> deliveries;
    std::string request_id;
};

// SCF: {"Records":[{"CMQ":{...}}]}, as its CMQ topic trigger sends it.
// Lambda: {"Records":[{...}]}, as its SQS trigger sends it: tags and routing key are message
// attributes. A body that is no text goes as base64 in both; Lambda's record tells by the message
// attribute penstock.body_encoding.
std::string runtime_event(RuntimeFamily family,
                          const RuntimeBatch& batch,
                          const RuntimeOptions& options);

// arn:aws:lambda:local:<12 digits>:function:<topic>-<name>
std::string function_arn(const api::Target& target, const RuntimeOptions& options);

// NAME=value: what both families promise to a program, for the listener at `port`.
std::vector<std::string> runtime_environment(const api::Target& target,
                                             std::uint16_t port,
                                             const RuntimeOptions& options);

// One result a message, in the order of `ids`: an invocation's messages as their events named them.
std::vector<AttemptResult> runtime_results(const std::vector<std::string>& ids,
                                           const RuntimeAnswer& answer);

}  // namespace penstock::sinks::process
