// HMAC signatures of requests and the comparison that leaks nothing. Shared by every way in that
// authenticates by key. Pure functions, any thread.
#pragma once

#include <string>
#include <string_view>

namespace penstock::api {

enum class SignatureMethod { hmac_sha1, hmac_sha256 };

// Standard padded base64 of HMAC(method, secret, text). cmq-api.md 1.4 step 6.
std::string sign(SignatureMethod method, std::string_view secret, std::string_view text);

// Equality in time that depends on the lengths only.
bool equal_in_constant_time(std::string_view left, std::string_view right);

}  // namespace penstock::api
