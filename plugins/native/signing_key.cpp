#include "plugins/native/signing_key.h"

#include "broker/base/base64.h"
#include "broker/base/check.h"
#include "broker/base/random.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <array>
#include <memory>
#include <utility>

namespace penstock::plugins::native {

namespace {

constexpr std::size_t key_bytes = 32;  // Standard Webhooks: 24 to 64; ed25519 has 32

std::string public_key_of(std::string_view secret) {
    const std::unique_ptr<EVP_PKEY, decltype(&::EVP_PKEY_free)> key(
        ::EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519,
                                       nullptr,
                                       reinterpret_cast<const unsigned char*>(secret.data()),
                                       secret.size()),
        ::EVP_PKEY_free);
    std::array<unsigned char, key_bytes> open{};
    std::size_t length = open.size();
    const bool done = key && ::EVP_PKEY_get_raw_public_key(key.get(), open.data(), &length) == 1;
    check(done, "OpenSSL refuses ed25519");
    return encode_base64({reinterpret_cast<const char*>(open.data()), length});
}

}  // namespace

Result<MadeKey> make_signing_key(model::SignatureKind kind,
                                 const api::SecretBox& secrets,
                                 std::string_view owner,
                                 model::TimeMs now_ms) {
    std::string secret = SystemRandom().fill(key_bytes);
    auto sealed = secrets.seal(secret, owner);
    if (!sealed) return sealed.error();
    MadeKey made;
    made.key.kind = kind;
    made.key.sealed = std::move(*sealed);
    made.key.made_ms = now_ms;
    if (kind == model::SignatureKind::ed25519) {
        made.key.public_key = "whpk_" + public_key_of(secret);
    } else {
        made.secret = "whsec_" + encode_base64(secret);
    }
    ::OPENSSL_cleanse(secret.data(), secret.size());
    return made;
}

}  // namespace penstock::plugins::native
