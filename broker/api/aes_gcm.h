// AES-256-GCM (NIST SP 800-38D), the one place where it is called. A key and nonce must never meet
// twice: that is the caller's to see to. Pure functions, any thread.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace penstock::api {

inline constexpr std::size_t aes_key_bytes = 32;
inline constexpr std::size_t aes_nonce_bytes = 12;
inline constexpr std::size_t aes_tag_bytes = 16;

// What is authenticated beside the text: two parts, the second may be empty.
struct AesContext {
    std::string_view head;
    std::string_view more = {};
};

// The encrypted text with its tag behind it. `key` and `nonce` have exactly the lengths above.
std::string aes_seal(std::string_view key,
                     std::string_view nonce,
                     const AesContext& context,
                     std::string_view text);

// Nothing: it is too short, it was changed, or key, nonce or context are not those it was sealed
// with.
std::optional<std::string> aes_open(std::string_view key,
                                    std::string_view nonce,
                                    const AesContext& context,
                                    std::string_view sealed);

}  // namespace penstock::api
