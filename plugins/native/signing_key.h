// Keys with which pushes are signed, as Standard Webhooks spells them: made at random, sealed at
// once. What is shown to the user is shown by this one answer. Any thread.
#pragma once

#include "broker/api/secrets.h"
#include "broker/base/error.h"
#include "broker/model/push.h"

#include <string>
#include <string_view>

namespace penstock::plugins::native {

struct MadeKey {
    model::SigningKey key;
    std::string secret;  // "whsec_..." of HMAC, for the receiver; ed25519: empty, it has none
};

// `owner` is "TOPIC/NAME". Error: it cannot be sealed here.
Result<MadeKey> make_signing_key(model::SignatureKind kind,
                                 const api::SecretBox& secrets,
                                 std::string_view owner,
                                 model::TimeMs now_ms);

}  // namespace penstock::plugins::native
