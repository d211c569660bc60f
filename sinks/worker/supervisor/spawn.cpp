#include "sinks/worker/supervisor/spawn.h"

#include "sinks/worker/supervisor/keeper.h"
#include "sinks/worker/supervisor/namespaces.h"

#include <linux/sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <system_error>

namespace penstock::sinks::worker::supervisor {

namespace {

// fork() with namespaces and a pidfd.
pid_t forked(std::uint64_t namespaces, int& pidfd) {
    clone_args arguments{};
    arguments.flags = CLONE_PIDFD | namespaces;
    arguments.pidfd = reinterpret_cast<std::uintptr_t>(&pidfd);
    arguments.exit_signal = SIGCHLD;
    return static_cast<pid_t>(::syscall(SYS_clone3, &arguments, sizeof arguments));
}

std::vector<int> numbers_of(const std::vector<OwnedFile>& files) {
    std::vector<int> numbers;
    numbers.reserve(files.size());
    for (const auto& file : files) numbers.push_back(file.get());
    return numbers;
}

}  // namespace

Result<Spawned> spawn(const ProcessOrder& order,
                      const std::vector<OwnedFile>& files,
                      const Cgroups& cgroups,
                      const Slot& slot,
                      const Walls& walls) {
    std::array<int, 2> ends{-1, -1};
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0)
        return error(Errc::io, "no socket: " + std::generic_category().message(errno));
    Spawned spawned;
    spawned.reports.reset(ends[0]);
    const OwnedFile report(ends[1]);
    spawned.alone = order.profile == SandboxProfile::strict;
    spawned.kept = spawned.alone || !cgroups.holds_trees();
    const bool user_namespace = spawned.alone && !walls.root;
    KeeperPlan plan{{order,
                     numbers_of(files),
                     cgroups,
                     slot,
                     walls,
                     report.get(),
                     ::getpid(),
                     false,
                     !user_namespace},
                    spawned.alone,
                    user_namespace,
                    ::geteuid(),
                    ::getegid()};

    // A handler of this process must not run in the child: its pipes are shared.
    sigset_t all{};
    sigset_t before{};
    sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    int pidfd = -1;
    const pid_t child = forked(spawned.alone ? strict_namespaces(walls.root) : 0, pidfd);
    const int code = errno;
    if (child == 0 && spawned.kept) run_keeper(plan);
    if (child == 0) run_child(plan.child);
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    if (child < 0) return error(Errc::io, "no process: " + std::generic_category().message(code));
    spawned.root = child;
    spawned.pidfd.reset(pidfd);
    return spawned;
}

}  // namespace penstock::sinks::worker::supervisor
