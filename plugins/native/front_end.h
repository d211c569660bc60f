// The native API: /v1 in JSON with problem+json errors, and the probes /healthz and /readyz. It
// translates requests for the broker and keeps nothing between them. Any I/O thread; the broker and
// the clock outlive it. Every refusal is an answer; an exception of a library becomes a 500.
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

#include <memory>

namespace penstock::plugins {

struct NativeOptions {
    const Clock& clock;                       // judges the age of signatures
    api::Functions* functions = nullptr;      // outlives the front end; nullptr: none run here
    api::MetricSource* metrics = nullptr;     // outlives it too; nullptr: no figures are shown
    const api::SecretBox* secrets = nullptr;  // outlives it too; nullptr: no secret can be kept
    const ServerTls* tls = nullptr;           // outlives it too; nullptr: no TLS
    api::Keys* keys = nullptr;                // outlives it too; nullptr: none made, all may look
    api::Accounts* accounts = nullptr;        // outlives it too; nullptr: there are none
    const api::Quotas* quotas = nullptr;      // outlives it too; nullptr: nothing is limited
    api::AccountUses* uses = nullptr;         // outlives it too; nullptr: not known
    api::ScriptTrials* trials = nullptr;      // outlives it too; nullptr: scripts are not tried
};

std::unique_ptr<HttpFrontEnd> make_native_front_end(api::Broker& broker,
                                                    const NativeOptions& options);

}  // namespace penstock::plugins
