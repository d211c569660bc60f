#include "broker/api/signature.h"

#include "broker/base/check.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>

namespace penstock::api {

std::string sign(SignatureMethod method, std::string_view secret, std::string_view text) {
    const EVP_MD* digest = method == SignatureMethod::hmac_sha256 ? EVP_sha256() : EVP_sha1();
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
    std::string out(4 * ((mac_bytes + 2) / 3) + 1, '\0');
    const int written = EVP_EncodeBlock(
        reinterpret_cast<unsigned char*>(out.data()), mac.data(), static_cast<int>(mac_bytes));
    out.resize(static_cast<std::size_t>(written));
    return out;
}

bool equal_in_constant_time(std::string_view left, std::string_view right) {
    return left.size() == right.size() &&
           CRYPTO_memcmp(left.data(), right.data(), left.size()) == 0;
}

}  // namespace penstock::api
