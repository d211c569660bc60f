#include "broker/api/secrets.h"

#include "broker/base/check.h"
#include "broker/base/random.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <array>
#include <memory>
#include <utility>

namespace penstock::api {

namespace {

constexpr char version = 1;
constexpr std::size_t key_id_bytes = 8;
constexpr std::size_t nonce_bytes = 12;
constexpr std::size_t tag_bytes = 16;
constexpr std::size_t head_bytes = 1 + key_id_bytes + nonce_bytes;

using Context = std::unique_ptr<EVP_CIPHER_CTX, decltype(&::EVP_CIPHER_CTX_free)>;

unsigned char* bytes(std::string& text) {
    return reinterpret_cast<unsigned char*>(text.data());
}

const unsigned char* bytes(std::string_view text) {
    return reinterpret_cast<const unsigned char*>(text.data());
}

int length_of(std::string_view text) {
    return static_cast<int>(text.size());
}

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
    const std::string nonce = SystemRandom().fill(nonce_bytes);
    std::string sealed(1, version);
    sealed += key_id_;
    sealed += nonce;
    std::string text(secret.size(), '\0');
    std::string tag(tag_bytes, '\0');
    const Context context(::EVP_CIPHER_CTX_new(), ::EVP_CIPHER_CTX_free);
    EVP_CIPHER_CTX* with = context.get();
    int done = 0;
    const bool whole =
        with != nullptr &&
        ::EVP_EncryptInit_ex(with,
                             ::EVP_aes_256_gcm(),
                             nullptr,
                             bytes(std::string_view(key_)),
                             bytes(std::string_view(nonce))) == 1 &&
        ::EVP_EncryptUpdate(
            with, nullptr, &done, bytes(std::string_view(sealed)), length_of(sealed)) == 1 &&
        ::EVP_EncryptUpdate(with, nullptr, &done, bytes(owner), length_of(owner)) == 1 &&
        ::EVP_EncryptUpdate(with, bytes(text), &done, bytes(secret), length_of(secret)) == 1 &&
        ::EVP_EncryptFinal_ex(with, bytes(text) + done, &done) == 1 &&
        ::EVP_CIPHER_CTX_ctrl(with, EVP_CTRL_GCM_GET_TAG, length_of(tag), tag.data()) == 1;
    check(whole, "OpenSSL refuses AES-256-GCM");
    return sealed + text + tag;
}

Result<std::string> KeyBox::open(std::string_view sealed, std::string_view owner) const {
    if (key_.empty()) return error(Errc::unavailable, missing_);
    if (sealed.size() < head_bytes + tag_bytes || sealed[0] != version) {
        return error(Errc::damaged, "a sealed secret is cut short or of an unknown version");
    }
    if (sealed.substr(1, key_id_bytes) != key_id_) {
        return error(Errc::unavailable, "a secret was sealed with another key than this node has");
    }
    const std::string_view head = sealed.substr(0, head_bytes);
    const std::string_view nonce = head.substr(1 + key_id_bytes);
    const std::string_view text = sealed.substr(head_bytes, sealed.size() - head_bytes - tag_bytes);
    std::string tag(sealed.substr(sealed.size() - tag_bytes));
    std::string secret(text.size(), '\0');
    const Context context(::EVP_CIPHER_CTX_new(), ::EVP_CIPHER_CTX_free);
    EVP_CIPHER_CTX* with = context.get();
    int done = 0;
    const bool whole =
        with != nullptr &&
        ::EVP_DecryptInit_ex(
            with, ::EVP_aes_256_gcm(), nullptr, bytes(std::string_view(key_)), bytes(nonce)) == 1 &&
        ::EVP_DecryptUpdate(with, nullptr, &done, bytes(head), length_of(head)) == 1 &&
        ::EVP_DecryptUpdate(with, nullptr, &done, bytes(owner), length_of(owner)) == 1 &&
        ::EVP_DecryptUpdate(with, bytes(secret), &done, bytes(text), length_of(text)) == 1 &&
        ::EVP_CIPHER_CTX_ctrl(with, EVP_CTRL_GCM_SET_TAG, length_of(tag), tag.data()) == 1 &&
        ::EVP_DecryptFinal_ex(with, bytes(secret) + done, &done) == 1;
    if (whole) return secret;
    return error(Errc::damaged, "a sealed secret was changed or belongs to something else");
}

}  // namespace penstock::api
