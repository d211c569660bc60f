// What the operating system knows of the calling thread. Any thread. Neither can fail: a thread
// that keeps its old name, or its priority, works as well.
#pragma once

#include <string_view>

namespace penstock {

// What it is called in ps -L, top -H and perf: at most 15 bytes, more are cut off by us.
void name_thread(std::string_view name);

// From now on others go first where processors are short: niceness 10, for good.
void lower_thread_priority();

}  // namespace penstock
