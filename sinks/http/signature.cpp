#include "sinks/http/signature.h"

#include "broker/api/signature.h"
#include "broker/base/base64.h"
#include "broker/base/check.h"

#include <openssl/evp.h>

#include <array>
#include <memory>
#include <utility>

namespace penstock::sinks::http {
namespace {

constexpr std::size_t ed25519_key_bytes = 32;
constexpr std::size_t ed25519_signature_bytes = 64;

const unsigned char* bytes(std::string_view text) {
    return reinterpret_cast<const unsigned char*>(text.data());
}

std::string ed25519(std::string_view secret, std::string_view text) {
    const std::unique_ptr<EVP_PKEY, decltype(&::EVP_PKEY_free)> key(
        ::EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, bytes(secret), secret.size()),
        ::EVP_PKEY_free);
    const std::unique_ptr<EVP_MD_CTX, decltype(&::EVP_MD_CTX_free)> context(::EVP_MD_CTX_new(),
                                                                            ::EVP_MD_CTX_free);
    std::array<unsigned char, ed25519_signature_bytes> signature{};
    std::size_t length = signature.size();
    const bool done =
        key && context &&
        ::EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1 &&
        ::EVP_DigestSign(context.get(), signature.data(), &length, bytes(text), text.size()) == 1;
    check(done, "OpenSSL refuses ed25519");
    return encode_base64({reinterpret_cast<const char*>(signature.data()), length});
}

}  // namespace

Result<WebhookSigner> WebhookSigner::make(const std::vector<model::SigningKey>& keys,
                                          const api::SecretBox& secrets,
                                          std::string_view owner) {
    WebhookSigner signer;
    for (const model::SigningKey& key : keys) {
        auto secret = secrets.open(key.sealed, owner);
        if (!secret) return secret.error();
        const bool ed = key.kind == model::SignatureKind::ed25519;
        if (ed && secret->size() != ed25519_key_bytes) {
            return error(Errc::damaged, "an ed25519 key has 32 bytes");
        }
        signer.keys_.push_back({key.kind, std::move(*secret), key.until_ms});
    }
    return signer;
}

void WebhookSigner::append_headers(std::string& out,
                                   std::string_view id,
                                   model::TimeMs now_ms,
                                   std::string_view body) const {
    if (keys_.empty()) return;
    const std::string timestamp = std::to_string(now_ms / 1'000);
    std::string text(id);
    text += '.';
    text += timestamp;
    text += '.';
    text += body;
    out += "\r\nwebhook-id: ";
    out += id;
    out += "\r\nwebhook-timestamp: ";
    out += timestamp;
    out += "\r\nwebhook-signature:";
    for (const Key& key : keys_) {
        if (key.until_ms != 0 && key.until_ms <= now_ms) continue;
        if (key.kind == model::SignatureKind::hmac) {
            out += " v1," + api::sign(api::SignatureMethod::hmac_sha256, key.secret, text);
        } else {
            out += " v1a," + ed25519(key.secret, text);
        }
    }
}

}  // namespace penstock::sinks::http
