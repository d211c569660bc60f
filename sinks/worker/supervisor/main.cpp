// penstock-supervisor: starts and watches processes for the server that started it, which holds the
// other end of descriptor 3. Two processes: a guardian and, below it, the one that works.
#include "broker/base/log.h"
#include "sinks/worker/supervisor/guardian.h"
#include "sinks/worker/supervisor/supervisor.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdio>
#include <optional>
#include <string_view>
#include <utility>

namespace {

using namespace penstock::sinks::worker::supervisor;

constexpr int control_socket = 3;
constexpr int usage_status = 64;

std::optional<CgroupUse> cgroup_use(int count, char** arguments) {
    if (count == 1) return CgroupUse::automatic;
    const std::string_view wish = arguments[1];
    if (count == 2 && wish == "--cgroups=v1") return CgroupUse::first;
    if (count == 2 && wish == "--cgroups=none") return CgroupUse::none;
    return std::nullopt;
}

bool is_socket(int file) {
    int type = 0;
    socklen_t size = sizeof type;
    return ::getsockopt(file, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_SEQPACKET;
}

// Two descriptors a process are needed, and what the shell gives is often 1,024.
void raise_descriptor_limit() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
}

void settle_in() {
    ::syscall(SYS_close_range, control_socket + 1, ~0U, 0);
    // A terminal's signals and a service manager's are for the server, which drains first.
    for (const int signal : {SIGINT, SIGHUP, SIGQUIT, SIGTERM, SIGPIPE}) ::signal(signal, SIG_IGN);
    raise_descriptor_limit();
    ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
}

int work(pid_t guardian, Cgroups cgroups, Walls walls) {
    ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    if (!end_with_guardian(guardian)) return 1;
    Supervisor supervisor(control_socket, guardian, std::move(cgroups), std::move(walls));
    return supervisor.run();
}

}  // namespace

int main(int count, char** arguments) {
    const auto use = cgroup_use(count, arguments);
    if (!use || !is_socket(control_socket)) {
        std::fputs("penstock-supervisor is started by the server: penstock serve\n", stderr);
        return usage_status;
    }
    settle_in();
    Cgroups cgroups(open_hierarchies(*use));
    Walls walls = find_walls();
    const pid_t guardian = ::getpid();
    const pid_t working = ::fork();
    if (working == 0) ::_exit(work(guardian, std::move(cgroups), std::move(walls)));
    if (working < 0) {
        penstock::log_line(
            penstock::LogLevel::error, "sinks/worker/supervisor", "it cannot fork, ending");
        return 1;
    }
    ::close(control_socket);
    return guard(working, cgroups);
}
