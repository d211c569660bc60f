// ShortLock guards counters that all I/O threads share, while one counts. Nothing is asked, posted
// or waited for while it is held, and at most a line a second is logged; everything else crosses
// threads by post. Locked with std::lock_guard; any thread.
#pragma once

#include <mutex>

namespace penstock {

using ShortLock = std::mutex;

}  // namespace penstock
