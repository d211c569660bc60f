#include "plugins/all.h"

#include "plugins/cmq_http/cloud/front_end.h"
#include "plugins/cmq_http/front_end.h"
#include "plugins/console/front_end.h"
#include "plugins/metrics/front_end.h"
#include "plugins/native/front_end.h"

namespace penstock::plugins {

namespace {

CmqOptions cmq_options(const Clock& clock, const FrontEndOptions& options) {
    CmqOptions cmq;
    cmq.clock = &clock;
    cmq.seed = options.seed;
    cmq.app_id = options.app_id;
    cmq.timestamp_skew_ms = options.timestamp_skew_ms;
    cmq.routes = options.routes;
    cmq.backoff_min_ms = options.backoff_min_ms;
    cmq.backoff_max_ms = options.backoff_max_ms;
    cmq.quotas = options.quotas;
    return cmq;
}

}  // namespace

std::vector<std::unique_ptr<HttpFrontEnd>> make_front_ends(api::Broker& broker,
                                                           const Clock& clock,
                                                           const FrontEndOptions& options) {
    std::vector<std::unique_ptr<HttpFrontEnd>> all;
    all.push_back(make_native_front_end(broker,
                                        {clock,
                                         options.functions,
                                         options.metrics,
                                         options.secrets,
                                         options.tls,
                                         options.keys,
                                         options.accounts,
                                         options.quotas,
                                         options.uses,
                                         options.trials}));
    // Before CMQ's own, which takes every POST of "/".
    all.push_back(make_cmq_cloud_front_end(broker, cmq_options(clock, options)));
    all.push_back(make_cmq_front_end(broker, cmq_options(clock, options)));
    if (options.metrics != nullptr) {
        all.push_back(make_metrics_front_end(broker, *options.metrics, clock, options.keys));
    }
    all.push_back(make_console_front_end());
    return all;
}

}  // namespace penstock::plugins
