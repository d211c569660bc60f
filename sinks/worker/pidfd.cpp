#include "sinks/worker/pidfd.h"

#include <poll.h>

namespace penstock::sinks::worker {

bool has_ended(int pidfd) {
    pollfd asked{pidfd, POLLIN, 0};
    return ::poll(&asked, 1, 0) == 1 && (asked.revents & POLLIN) != 0;
}

}  // namespace penstock::sinks::worker
