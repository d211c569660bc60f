#include "broker/api/aes_gcm.h"

#include "broker/base/check.h"

#include <openssl/evp.h>

#include <memory>

namespace penstock::api {

namespace {

using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, decltype(&::EVP_CIPHER_CTX_free)>;

unsigned char* raw(std::string& text) {
    return reinterpret_cast<unsigned char*>(text.data());
}

const unsigned char* raw(std::string_view text) {
    return reinterpret_cast<const unsigned char*>(text.data());
}

int length_of(std::string_view text) {
    return static_cast<int>(text.size());
}

void check_lengths(std::string_view key, std::string_view nonce) {
    check(key.size() == aes_key_bytes && nonce.size() == aes_nonce_bytes,
          "AES-256-GCM with a key of 32 bytes and a nonce of 12");
}

}  // namespace

std::string aes_seal(std::string_view key,
                     std::string_view nonce,
                     const AesContext& context,
                     std::string_view text) {
    check_lengths(key, nonce);
    std::string sealed(text.size() + aes_tag_bytes, '\0');
    const CipherContext owned(::EVP_CIPHER_CTX_new(), ::EVP_CIPHER_CTX_free);
    EVP_CIPHER_CTX* with = owned.get();
    int done = 0;
    const bool whole =
        with != nullptr &&
        ::EVP_EncryptInit_ex(with, ::EVP_aes_256_gcm(), nullptr, raw(key), raw(nonce)) == 1 &&
        ::EVP_EncryptUpdate(with, nullptr, &done, raw(context.head), length_of(context.head)) ==
            1 &&
        ::EVP_EncryptUpdate(with, nullptr, &done, raw(context.more), length_of(context.more)) ==
            1 &&
        ::EVP_EncryptUpdate(with, raw(sealed), &done, raw(text), length_of(text)) == 1 &&
        ::EVP_EncryptFinal_ex(with, raw(sealed) + done, &done) == 1 &&
        ::EVP_CIPHER_CTX_ctrl(with,
                              EVP_CTRL_GCM_GET_TAG,
                              static_cast<int>(aes_tag_bytes),
                              raw(sealed) + text.size()) == 1;
    check(whole, "OpenSSL refuses AES-256-GCM");
    return sealed;
}

std::optional<std::string> aes_open(std::string_view key,
                                    std::string_view nonce,
                                    const AesContext& context,
                                    std::string_view sealed) {
    check_lengths(key, nonce);
    if (sealed.size() < aes_tag_bytes) return std::nullopt;
    const std::string_view body = sealed.substr(0, sealed.size() - aes_tag_bytes);
    std::string tag(sealed.substr(body.size()));
    std::string text(body.size(), '\0');
    const CipherContext owned(::EVP_CIPHER_CTX_new(), ::EVP_CIPHER_CTX_free);
    EVP_CIPHER_CTX* with = owned.get();
    int done = 0;
    const bool whole =
        with != nullptr &&
        ::EVP_DecryptInit_ex(with, ::EVP_aes_256_gcm(), nullptr, raw(key), raw(nonce)) == 1 &&
        ::EVP_DecryptUpdate(with, nullptr, &done, raw(context.head), length_of(context.head)) ==
            1 &&
        ::EVP_DecryptUpdate(with, nullptr, &done, raw(context.more), length_of(context.more)) ==
            1 &&
        ::EVP_DecryptUpdate(with, raw(text), &done, raw(body), length_of(body)) == 1 &&
        ::EVP_CIPHER_CTX_ctrl(with, EVP_CTRL_GCM_SET_TAG, length_of(tag), tag.data()) == 1 &&
        ::EVP_DecryptFinal_ex(with, raw(text) + done, &done) == 1;
    if (!whole) return std::nullopt;
    return text;
}

}  // namespace penstock::api
