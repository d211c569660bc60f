#include "broker/api/signature.h"

#include "broker/base/base64.h"
#include "broker/base/check.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>

namespace penstock::api {

namespace {

std::string mac_of(const EVP_MD* digest, std::string_view secret, std::string_view text) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> mac{};
    unsigned int mac_bytes = 0;
    const auto* done = HMAC(digest,
                            secret.data(),
                            static_cast<int>(secret.size()),
                            reinterpret_cast<const unsigned char*>(text.data()),
                            text.size(),
                            mac.data(),
                            &mac_bytes);
    check(done != nullptr, "OpenSSL refuses HMAC");
    return {reinterpret_cast<const char*>(mac.data()), mac_bytes};
}

}  // namespace

std::string sign(SignatureMethod method, std::string_view secret, std::string_view text) {
    const bool longer = method == SignatureMethod::hmac_sha256;
    return encode_base64(mac_of(longer ? EVP_sha256() : EVP_sha1(), secret, text));
}

std::string hmac_sha256(std::string_view secret, std::string_view text) {
    return mac_of(EVP_sha256(), secret, text);
}

std::string sha256_hex(std::string_view text) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned int digest_bytes = 0;
    const int done =
        EVP_Digest(text.data(), text.size(), digest.data(), &digest_bytes, EVP_sha256(), nullptr);
    check(done == 1, "OpenSSL refuses SHA-256");
    return to_hex({reinterpret_cast<const char*>(digest.data()), digest_bytes});
}

std::string to_hex(std::string_view bytes) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string out;
    out.reserve(2 * bytes.size());
    for (const char byte : bytes) {
        const auto code = static_cast<unsigned char>(byte);
        out.push_back(digits[code >> 4U]);
        out.push_back(digits[code & 15U]);
    }
    return out;
}

bool equal_in_constant_time(std::string_view left, std::string_view right) {
    return left.size() == right.size() &&
           CRYPTO_memcmp(left.data(), right.data(), left.size()) == 0;
}

}  // namespace penstock::api
