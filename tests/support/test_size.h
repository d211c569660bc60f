// Whether tests that come in two sizes run in full: PENSTOCK_TEST_SIZE=full. Any thread.
#pragma once

#include <cstdlib>
#include <string_view>

namespace penstock::testing {

inline bool is_full_size() {
    const char* size = std::getenv("PENSTOCK_TEST_SIZE");
    return size != nullptr && std::string_view(size) == "full";
}

}  // namespace penstock::testing
