// What every message that comes in over /v1 keeps to, however it is written. Values and pure
// functions, any thread.
#pragma once

#include "plugins/native/fields.h"

#include <algorithm>
#include <string_view>

namespace penstock::plugins::native {

inline constexpr Range batch_items{1, 16};
inline constexpr Range content_type_bytes{1, 128};
inline constexpr Range attribute_bytes{0, 1024};

// Letters, digits, signs and blanks of ASCII: fit for a header.
inline bool is_printable(std::string_view text) {
    return std::all_of(
        text.begin(), text.end(), [](char byte) { return byte >= 0x20 && byte < 0x7F; });
}

}  // namespace penstock::plugins::native
