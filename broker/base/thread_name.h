// name_thread: what the calling thread is called in ps -L, top -H and perf. Any thread; at most 15
// bytes, more are cut off by us. It cannot fail: a thread that keeps its old name works as well.
#pragma once

#include <string_view>

namespace penstock {

void name_thread(std::string_view name);

}  // namespace penstock
