#include "broker/base/check.h"

#include <cstdio>
#include <cstdlib>

namespace penstock {

void check_failed(const char* what, const std::source_location& where) {
    std::fprintf(stderr, "bug: %s (%s:%u)\n", what, where.file_name(), where.line());
    std::abort();
}

}  // namespace penstock
