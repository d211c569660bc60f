// HMAC signatures of requests and the comparison that leaks nothing. Shared by every way in that
// authenticates by key. Pure functions, any thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace penstock::api {

enum class SignatureMethod { hmac_sha1, hmac_sha256 };

// Standard padded base64 of HMAC(method, secret, text). cmq-api.md 1.4 step 6.
std::string sign(SignatureMethod method, std::string_view secret, std::string_view text);

// What stands for the secret of a key that nobody knows or that has ended: as long as the secrets
// that are made here, so that computing with it and comparing it takes as long.
inline constexpr std::string_view nobodys_secret =
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

// HMAC-SHA256 as its 32 bytes, SHA-256 and any bytes as lower-case hexadecimal digits: what the
// signature of API 3.0 is made of (Tencent Cloud API 3.0, "Signature v3").
std::string hmac_sha256(std::string_view secret, std::string_view text);
std::string sha256_hex(std::string_view text);
std::string to_hex(std::string_view bytes);

// SHA-256 of text that comes in pieces. Pure, one thread.
class Sha256 {
  public:
    Sha256();
    ~Sha256();
    Sha256(const Sha256&) = delete;
    Sha256& operator=(const Sha256&) = delete;

    void update(std::string_view piece);

    // Lower-case hexadecimal digits; nothing may follow it.
    std::string hex();

  private:
    struct State;
    std::unique_ptr<State> state_;
};

// Equality in time that depends on the lengths only.
bool equal_in_constant_time(std::string_view left, std::string_view right);

}  // namespace penstock::api
