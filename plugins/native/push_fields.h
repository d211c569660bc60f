// What an HTTP subscription's requests carry beside the message, as /v1 spells it: sign, headers,
// authorization, tls. Secrets are sealed as they are read; showing them shows that they are there,
// no more. Pure but for sealing, any thread.
#pragma once

#include "broker/api/requests.h"
#include "broker/api/secrets.h"
#include "broker/model/push.h"
#include "plugins/native/fields.h"

#include <boost/json/object.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::plugins::native {

// Where secrets go while they are read. `box` may be nullptr: then there is no place for them.
struct Sealing {
    const api::SecretBox* box = nullptr;
    std::string owner;  // "TOPIC/NAME" as it is stored
};

// "sign": how, std::nullopt inside for "none"; nothing when it is not said.
std::optional<std::optional<model::SignatureKind>> read_sign(Fields& fields);

// "headers": every header with its value, all of them anew; nothing when it is not said.
std::optional<std::vector<model::PushHeader>> read_headers(Fields& fields, const Sealing& sealing);

// "authorization": basic, bearer, oauth2 or none (null); nothing when it is not said.
std::optional<model::PushAuthorization> read_authorization(Fields& fields, const Sealing& sealing);

// "tls": {ca, client_cert, client_key}, PEM; null takes one away, the last two together, and null
// for the whole takes all. What is not said stays. Certificates that have ended at `now_ms` are
// refused, and keys that are not theirs.
api::TlsChange read_tls(Fields& fields, const Sealing& sealing, model::TimeMs now_ms);

// The same as shown; what is not there is not shown.
void put_push(boost::json::object& out, const model::PushSpec& push);

// There is no key that seals, or it cannot be used.
Problem not_sealed(const std::string& why);

}  // namespace penstock::plugins::native
