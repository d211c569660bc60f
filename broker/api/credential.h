// Credential: all that is kept of an access key beside its id, sealed as one: whoever gets at a
// disk neither reads a secret nor gives a key another role. The server's first keys (of
// DATA/root.key, of --dev) are kept as the plain text of their secret. Pure functions, any thread.
//
//   sealed for "key/ID" { version:u8=1 secret:bytes role:u8
//                         statements:count{deny:bool actions:count{bytes} resources:count{bytes}}
//                         note:bytes created_ms:i64 ends_ms:i64 }
#pragma once

#include "broker/api/keys.h"
#include "broker/api/secrets.h"
#include "broker/base/error.h"

#include <string>
#include <string_view>

namespace penstock::api {

struct Credential {
    std::string secret;
    KeyView view;
};

// The errors are the box's; open_credential() also damaged: it is of no form known here.
Result<std::string> seal_credential(const SecretBox& box, const Credential& credential);
Result<Credential> open_credential(const SecretBox& box,
                                   std::string_view key_id,
                                   std::string_view sealed);

// A plain secret is printable; sealed bytes begin with a version.
bool is_sealed(std::string_view credential);

}  // namespace penstock::api
