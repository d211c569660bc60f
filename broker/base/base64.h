// Standard base64 (RFC 4648 section 4, padded). Pure functions, any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace penstock {

std::string encode_base64(std::string_view bytes);

// Strict: padding required, no blanks, no stray bits; nothing for other text.
std::optional<std::string> decode_base64(std::string_view text);

}  // namespace penstock
