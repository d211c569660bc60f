// best_encoding(): which of the encodings the console is kept in a caller takes (RFC 9110, 12.5.3).
// A pure function; any thread; what cannot be understood counts as not said.
#pragma once

#include <cstdint>
#include <string_view>

namespace penstock::plugins::console {

enum class Encoding : std::uint8_t { identity, gzip, brotli };

Encoding best_encoding(std::string_view accept_encoding);

}  // namespace penstock::plugins::console
