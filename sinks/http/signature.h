// WebhookSigner: signs pushes as Standard Webhooks 1.0 says, with every key of a subscription that
// is in use. Made with the request that it signs for; a value, any thread.
//
//   webhook-id: <message id>                 the same for every attempt
//   webhook-timestamp: <seconds>             of this attempt
//   webhook-signature: v1,<base64> ...       newest key first, separated by blanks
//     over "<id>.<timestamp>.<body>": v1 is HMAC-SHA256, v1a is ed25519
#pragma once

#include "broker/api/secrets.h"
#include "broker/base/error.h"
#include "broker/model/push.h"

#include <string>
#include <string_view>
#include <vector>

namespace penstock::sinks::http {

class WebhookSigner {
  public:
    WebhookSigner() = default;  // signs nothing

    // `owner` is "TOPIC/NAME". Error: a key cannot be opened here.
    static Result<WebhookSigner> make(const std::vector<model::SigningKey>& keys,
                                      const api::SecretBox& secrets,
                                      std::string_view owner);

    // The three headers, each after a line end; nothing when there is no key.
    void append_headers(std::string& out,
                        std::string_view id,
                        model::TimeMs now_ms,
                        std::string_view body) const;

  private:
    struct Key {
        model::SignatureKind kind = model::SignatureKind::hmac;
        std::string secret;
        model::TimeMs until_ms = 0;
    };

    std::vector<Key> keys_;
};

}  // namespace penstock::sinks::http
