// What a pidfd says of its process. A pure question, any thread; it does not wait.
#pragma once

namespace penstock::sinks::worker {

// False as well where the kernel cannot tell just now: ask again.
bool has_ended(int pidfd);

}  // namespace penstock::sinks::worker
