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
    Sha256 digest;
    digest.update(text);
    return digest.hex();
}

struct Sha256::State {
    std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context{EVP_MD_CTX_new(),
                                                                    &EVP_MD_CTX_free};
};

Sha256::Sha256() : state_(std::make_unique<State>()) {
    const int done = EVP_DigestInit_ex(state_->context.get(), EVP_sha256(), nullptr);
    check(done == 1, "OpenSSL refuses SHA-256");
}

Sha256::~Sha256() = default;

void Sha256::update(std::string_view piece) {
    const int done = EVP_DigestUpdate(state_->context.get(), piece.data(), piece.size());
    check(done == 1, "OpenSSL refuses SHA-256");
}

std::string Sha256::hex() {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned int digest_bytes = 0;
    const int done = EVP_DigestFinal_ex(state_->context.get(), digest.data(), &digest_bytes);
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
