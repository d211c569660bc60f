// PushSpec: what an HTTP subscription's requests carry beside the message: signatures, headers,
// authorization, certificates. What must stay secret is held sealed (api/secrets.h): the core keeps
// and copies it, only a sink opens it. Values, any thread.
#pragma once

#include "broker/base/bytes.h"
#include "broker/model/ids.h"

#include <cstdint>
#include <string>
#include <vector>

namespace penstock::model {

inline constexpr std::size_t signing_keys_max = 4;
inline constexpr std::size_t push_headers_max = 16;
inline constexpr std::size_t certificates_bytes_max = 32 * 1024;     // of a chain or list, as PEM
inline constexpr std::size_t certificate_key_bytes_max = 16 * 1024;  // as PEM, before it is sealed

enum class SignatureKind : std::uint8_t {
    hmac = 1,     // Standard Webhooks v1: HMAC-SHA256
    ed25519 = 2,  // Standard Webhooks v1a
};

struct SigningKey {
    SignatureKind kind = SignatureKind::hmac;
    std::string sealed;      // the raw key
    std::string public_key;  // ed25519: "whpk_..."; else empty
    TimeMs made_ms = 0;
    TimeMs until_ms = 0;  // signs no more from then on; 0: the newest, in use until rotated

    friend bool operator==(const SigningKey&, const SigningKey&) = default;
};

// A header of the user's own. Values may be keys: all are sealed.
struct PushHeader {
    std::string name;  // in lower case
    std::string sealed;

    friend bool operator==(const PushHeader&, const PushHeader&) = default;
};

struct PushAuthorization {
    enum class Kind : std::uint8_t { none = 0, basic = 1, bearer = 2, oauth2 = 3 };

    Kind kind = Kind::none;
    std::string name;       // basic: the user; oauth2: the client's id
    std::string sealed;     // the password, token or client's secret
    std::string token_url;  // oauth2: where tokens are fetched
    std::string scope;      // oauth2: what they are asked for; may be empty

    friend bool operator==(const PushAuthorization&, const PushAuthorization&) = default;
};

// What Penstock shows of itself where an endpoint asks for it.
struct ClientCertificate {
    std::string chain;       // PEM, the own one first; empty: there is none
    std::string sealed_key;  // its key, PEM before it was sealed

    friend bool operator==(const ClientCertificate&, const ClientCertificate&) = default;
};

// Certificates of the subscription's own, in place of the server's.
struct PushTls {
    std::string ca;  // PEM of those who alone vouch for the endpoint; empty: the server's do
    ClientCertificate client;

    friend bool operator==(const PushTls&, const PushTls&) = default;
};

struct PushSpec {
    std::vector<SigningKey> signing_keys;  // newest first; empty: requests are not signed
    std::vector<PushHeader> headers;
    PushAuthorization authorization;
    PushTls tls;

    friend bool operator==(const PushSpec&, const PushSpec&) = default;
};

// Bytes of a PushSpec (golden bytes in tests/model):
//   push    = keys:count{kind:u8 sealed:bytes public_key:bytes made_ms:varint until_ms:varint}
//             headers:count{name:bytes sealed:bytes}
//             kind:u8 [name:bytes sealed:bytes [token_url:bytes scope:bytes]]
//                 none: nothing more; the last two only of oauth2; 0x80 beside it: tls follows
//             [ca:bytes chain:bytes sealed_key:bytes]
void encode(Writer& writer, const PushSpec& push);
PushSpec decode_push_spec(Reader& reader);

}  // namespace penstock::model
