// CMQ's control plane of API 3.0 (services `cmq` 2019-03-04 and `tdmq` 2020-02-17): POST / with
// X-TC-Action, or a form with Version. Keeps nothing between requests.
//
// Made by main; the broker and the clock outlive it. Any I/O thread. Every refusal is an answer in
// API 3.0's envelope with HTTP status 200.
#pragma once

#include "plugins/cmq_http/front_end.h"

namespace penstock::plugins {

std::unique_ptr<HttpFrontEnd> make_cmq_cloud_front_end(api::Broker& broker,
                                                       const CmqOptions& options);

}  // namespace penstock::plugins
