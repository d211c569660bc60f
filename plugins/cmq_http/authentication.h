// Who asks: CMQ's signature over the parameters, with the tolerances its clients need
// (cmq-api.md 1.3, 1.4). Pure functions but for the broker's key lookup; any thread.
#pragma once

#include "broker/api/broker.h"
#include "plugins/cmq_http/parameters.h"
#include "plugins/listener/http.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace penstock::plugins::cmq {

// The string that is signed: "POSThost/path?A=1&b=2".
struct SignedText {
    std::string_view method;
    std::string_view host;
    std::string_view path;
    bool without_at_values = false;  // leaves out parameters whose value begins with '@'
};

std::string signed_text(const SignedText& form, const Parameters& parameters);

struct Freshness {
    std::int64_t now_s = 0;
    std::int64_t skew_s = 0;  // how far Timestamp may be off, either way; 0: any time will do
};

// Checks the common parameters, the signature and then the age; fills `principal`.
Failure authenticate(const HttpRequest& request,
                     const Parameters& parameters,
                     const Freshness& freshness,
                     const api::Broker& broker,
                     api::Principal& principal);

}  // namespace penstock::plugins::cmq
