// Authentication of /v1: a bearer key, or a signature that keeps the secret at home.
//
//   Authorization: Bearer KEY_ID:KEY_SECRET
//   Authorization: CMQ-HMAC-SHA256 KeyId=ID, Timestamp=UNIX_SECONDS, Signature=BASE64
//     Signature = base64(HMAC-SHA256(secret, METHOD "\n" PATH["?"QUERY] "\n" Timestamp "\n" BODY))
//     with path and query exactly as sent.
//
// Pure apart from asking the broker for the secret, which never blocks; any thread.
#pragma once

#include "broker/api/broker.h"
#include "plugins/listener/http.h"
#include "plugins/native/problem.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace penstock::plugins::native {

inline constexpr std::int64_t signature_age_max_s = 300;

using Authenticated = boost::system::result<api::Principal, Problem>;

Authenticated authenticate(const api::Broker& broker,
                           const HttpRequest& request,
                           std::int64_t now_ms);

// The text that is signed.
std::string signed_text(std::string_view method,
                        std::string_view target,
                        std::string_view timestamp,
                        std::string_view body);

}  // namespace penstock::plugins::native
