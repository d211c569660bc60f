// The visible list of ways in: what exists is what is written in all.cpp. Called once by the
// composition root, which owns what is made.
#pragma once

#include "broker/api/account_registry.h"
#include "broker/api/account_uses.h"
#include "broker/api/broker.h"
#include "broker/api/functions.h"
#include "broker/api/keys.h"
#include "broker/api/metrics.h"
#include "broker/api/quotas.h"
#include "broker/api/secrets.h"
#include "broker/base/clock.h"
#include "plugins/listener/http.h"
#include "plugins/listener/server_tls.h"

#include <cstdint>
#include <memory>
#include <vector>

namespace penstock::plugins {

struct FrontEndOptions {
    std::uint64_t seed = 0;    // of request ids: random, so that restarts repeat none
    std::uint64_t app_id = 0;  // CMQ: the account's number
    std::uint64_t timestamp_skew_ms =
        0;                             // CMQ: how far a Timestamp may be off; 0: any time will do
    std::uint32_t backoff_min_ms = 0;  // CMQ: BACKOFF_RETRY's pauses
    std::uint32_t backoff_max_ms = 0;
    std::vector<std::string> routes;          // "HOST:PORT" of CMQ over TCP, for Query...Route
    api::Functions* functions = nullptr;      // outlives them; nullptr: none run here
    api::ScriptTrials* trials = nullptr;      // outlives them; nullptr: scripts are not tried
    api::MetricSource* metrics = nullptr;     // outlives them; nullptr: there is no /metrics
    const api::SecretBox* secrets = nullptr;  // outlives them; nullptr: no secret can be kept
    const ServerTls* tls = nullptr;           // outlives them; nullptr: no TLS
    api::Keys* keys = nullptr;            // outlives them; nullptr: none can be made, all may look
    api::Accounts* accounts = nullptr;    // outlives them; nullptr: there are none
    const api::Quotas* quotas = nullptr;  // outlives them; nullptr: nothing is limited
    api::AccountUses* uses = nullptr;     // outlives them; nullptr: not known
};

// In the order in which the listener asks them. `broker` and `clock` outlive them.
std::vector<std::unique_ptr<HttpFrontEnd>> make_front_ends(api::Broker& broker,
                                                           const Clock& clock,
                                                           const FrontEndOptions& options);

}  // namespace penstock::plugins
