#include "sinks/worker/supervisor/guardian.h"

#include "sinks/worker/supervisor/descendants.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

namespace penstock::sinks::worker::supervisor {

namespace {

constexpr int end_rounds_max = 10'000;  // of a millisecond
constexpr int killed_status = 3;
constexpr int left_status = 4;

}  // namespace

int guard(pid_t working, Cgroups& cgroups) {
    int status = 0;
    for (;;) {
        const pid_t ended = ::waitpid(-1, &status, __WALL);
        if (ended == working || (ended < 0 && errno != EINTR)) break;
    }
    const bool removed = cgroups.remove_all();
    if (!end_descendants(end_rounds_max) || !removed) return left_status;
    return WIFEXITED(status) ? WEXITSTATUS(status) : killed_status;
}

bool end_with_guardian(pid_t guardian) {
    return ::prctl(PR_SET_PDEATHSIG, SIGTERM) == 0 && ::getppid() == guardian;
}

}  // namespace penstock::sinks::worker::supervisor
