// check(): a bug stops the process, in release builds too. Never for input or operating errors.
#pragma once

#include <source_location>

namespace penstock {

[[noreturn]] void check_failed(const char* what, const std::source_location& where);

// Aborts with file, line and `what` when `condition` is false. Any thread.
inline void check(bool condition,
                  const char* what,
                  const std::source_location& where = std::source_location::current()) {
    if (!condition) [[unlikely]]
        check_failed(what, where);
}

}  // namespace penstock
