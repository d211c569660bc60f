#include "broker/allocator.h"

#ifdef PENSTOCK_JEMALLOC
#include "broker/base/log.h"

#include <jemalloc/jemalloc.h>

#include <string>
#endif

namespace penstock {

void return_memory_in_background() {
#ifdef PENSTOCK_JEMALLOC
    bool yes = true;
    const int failed = ::mallctl("background_thread", nullptr, nullptr, &yes, sizeof(yes));
    if (failed == 0) return;
    log_line(LogLevel::warn,
             "broker",
             "event=no_background_thread detail=\"memory is given back later: the allocator has no "
             "thread for it\" errno=" +
                 std::to_string(failed));
#endif
}

}  // namespace penstock
