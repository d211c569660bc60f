#include "plugins/cmq_tcp/authentication.h"

#include "broker/api/signature.h"

namespace penstock::plugins::cmq_tcp {

cmq::Failure authenticate(const Authenticate& claim,
                          const api::Broker& broker,
                          api::Principal& principal) {
    if (!claim.key_id.starts_with("AKID")) return {cmq::faults::key_id_form, {}};
    const auto method = claim.method == "HmacSHA256" ? api::SignatureMethod::hmac_sha256
                                                     : api::SignatureMethod::hmac_sha1;
    const auto key = broker.key_of(claim.key_id);
    // An unknown key takes as long as a known one.
    const std::string secret = key ? key->secret : std::string(api::nobodys_secret);
    std::string text(claim.client_id);
    text.append(claim.key_id);
    const bool right =
        api::equal_in_constant_time(api::sign(method, secret, text), claim.signature);
    if (!key) return {cmq::faults::unknown_key, {}};
    if (!right) return {cmq::faults::unauthenticated, {}};
    principal = api::principal_of(claim.key_id, {}, *key);
    return {};
}

}  // namespace penstock::plugins::cmq_tcp
