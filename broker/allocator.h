// The allocator of the server is jemalloc: messages are taken in by one thread and let go of by
// another, where malloc of the C library has both wait for one lock.
#pragma once

namespace penstock {

// Memory that nobody uses goes back to the system also while nothing is going on: from here on a
// thread of the allocator's sees to it. Called once, by the server, before its own threads start.
// Does nothing in builds under sanitizers, which bring an allocator of their own.
void return_memory_in_background();

}  // namespace penstock
