#include "broker/api/secrets.h"

#include "broker/api/aes_gcm.h"
#include "broker/base/check.h"
#include "broker/base/random.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <array>
#include <utility>

namespace penstock::api {

namespace {

constexpr char version = 1;
constexpr std::size_t key_id_bytes = 8;
constexpr std::size_t head_bytes = 1 + key_id_bytes + aes_nonce_bytes;

std::string id_of(std::string_view key) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned length = 0;
    const int done =
        ::EVP_Digest(key.data(), key.size(), digest.data(), &length, ::EVP_sha256(), nullptr);
    check(done == 1 && length >= key_id_bytes, "OpenSSL refuses SHA-256");
    return {reinterpret_cast<const char*>(digest.data()), key_id_bytes};
}

}  // namespace

KeyBox::KeyBox(std::string key, std::string missing)
    : key_(std::move(key)), missing_(std::move(missing)) {
    check(key_.empty() || key_.size() == key_bytes, "a sealing key of 32 bytes, or none");
    if (!key_.empty()) key_id_ = id_of(key_);
}

KeyBox::~KeyBox() {
    ::OPENSSL_cleanse(key_.data(), key_.size());
}

Result<std::string> KeyBox::seal(std::string_view secret, std::string_view owner) const {
    if (key_.empty()) return error(Errc::unavailable, missing_);
    const std::string nonce = SystemRandom().fill(aes_nonce_bytes);
    const std::string head = std::string(1, version) + key_id_ + nonce;
    return head + aes_seal(key_, nonce, {head, owner}, secret);
}

Result<std::string> KeyBox::open(std::string_view sealed, std::string_view owner) const {
    if (key_.empty()) return error(Errc::unavailable, missing_);
    if (sealed.size() < head_bytes + aes_tag_bytes || sealed[0] != version) {
        return error(Errc::damaged, "a sealed secret is cut short or of an unknown version");
    }
    if (sealed.substr(1, key_id_bytes) != key_id_) {
        return error(Errc::unavailable, "a secret was sealed with another key than this node has");
    }
    const std::string_view head = sealed.substr(0, head_bytes);
    const std::string_view nonce = head.substr(1 + key_id_bytes);
    auto secret = aes_open(key_, nonce, {head, owner}, sealed.substr(head_bytes));
    if (secret) return std::move(*secret);
    return error(Errc::damaged, "a sealed secret was changed or belongs to something else");
}

}  // namespace penstock::api
