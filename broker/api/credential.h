// Credential: all that is kept of an access key beside its id, sealed as one: whoever gets at a
// disk neither reads a secret nor gives a key another role. The server's first keys (of
// DATA/root.key, of --dev) are kept as the plain text of their secret. Pure functions, any thread.
//
//   sealed for "key/ID" { version:u8 secret:bytes role:u8
//                         statements:count{deny:bool actions:count{bytes} resources:count{bytes}}
//                         note:bytes created_ms:i64 ends_ms:i64
//                         version 2: account:bytes account_number:u64 maker:bytes }
//
// Version 1 is of the server's own account, and written for it still: older builds read it.
#pragma once

#include "broker/api/keys.h"
#include "broker/api/secrets.h"
#include "broker/base/error.h"

#include <memory>
#include <string>
#include <string_view>

namespace penstock::api {

struct Credential {
    std::string secret;
    KeyView view;
    std::string maker = {};  // of a temporary key: the id of the key that made it
    // The maker, where a temporary key is used: it may nothing that this one may not.
    std::shared_ptr<const Credential> within = nullptr;
};

// As allows() of acts.h, and as the key's maker is allowed; a temporary key has no right over keys
// and the server.
bool allows(const Credential& credential, const Act& act);

// Of the server's own account: may name other accounts' objects, and sees them in lists.
bool sees_accounts(const Credential& credential);

// The errors are the box's; open_credential() also damaged: it is of no form known here.
Result<std::string> seal_credential(const SecretBox& box, const Credential& credential);
Result<Credential> open_credential(const SecretBox& box,
                                   std::string_view key_id,
                                   std::string_view sealed);

// A plain secret is printable; sealed bytes begin with a version.
bool is_sealed(std::string_view credential);

}  // namespace penstock::api
