// The signature of API 3.0, TC3-HMAC-SHA256, over one HTTP request (Tencent Cloud API 3.0,
// "Signature v3"; cmq-api.md 1.4 for what clients were seen to do). Pure but for the broker's key
// lookup; any thread.
#pragma once

#include "broker/api/broker.h"
#include "plugins/cmq_http/cloud/problem.h"
#include "plugins/listener/http.h"

#include <cstdint>

namespace penstock::plugins::cmq::cloud {

// How far X-TC-Timestamp may be off, either way (Tencent Cloud API 3.0,
// AuthFailure.SignatureExpire).
inline constexpr std::int64_t skew_s_max = 300;

// Fills `principal`, or says why not. `now_s`: Unix time; `judges_time`: false lets any time do.
Problem authenticate(const HttpRequest& request,
                     std::int64_t now_s,
                     bool judges_time,
                     const api::Broker& broker,
                     api::Principal& principal);

}  // namespace penstock::plugins::cmq::cloud
