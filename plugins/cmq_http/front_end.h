// CMQ API 2.0 over HTTP, as Tencent Cloud's clients speak it: /v2/index.php and, with CMQ
// parameters, /. Translates actions for the broker and keeps nothing between requests.
//
// Made by main; broker and clock outlive it. Any I/O thread. Every refusal is an answer in CMQ's
// envelope with HTTP status 200.
#pragma once

#include "broker/api/broker.h"
#include "broker/api/quotas.h"
#include "broker/base/clock.h"
#include "plugins/listener/http.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace penstock::plugins {

struct CmqOptions {
    const Clock* clock = nullptr;  // judges Timestamp
    // Of the request ids; random, so that a restart does not repeat them.
    std::uint64_t seed = 0;
    std::uint64_t app_id = 1'250'000'000;  // the account's number: topicOwner and createUin
    // How far Timestamp may be off, either way; 0: any time will do.
    std::uint64_t timestamp_skew_ms = 300'000;
    std::vector<std::string> routes;        // "HOST:PORT" of CMQ over TCP, for Query...Route
    std::uint32_t backoff_min_ms = 10'000;  // BACKOFF_RETRY's pauses
    std::uint32_t backoff_max_ms = 20'000;
    const api::Quotas* quotas = nullptr;  // outlives it; nullptr: nothing is limited
};

std::unique_ptr<HttpFrontEnd> make_cmq_front_end(api::Broker& broker, const CmqOptions& options);

}  // namespace penstock::plugins
