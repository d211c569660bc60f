#include "sinks/worker/supervisor/keeper.h"

#include "sinks/worker/supervisor/descendants.h"
#include "sinks/worker/supervisor/kernel_files.h"
#include "sinks/worker/supervisor/namespaces.h"

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <optional>
#include <string>

namespace penstock::sinks::worker::supervisor {

namespace {

constexpr int end_rounds_max = 60'000;  // of a millisecond
constexpr int failed_status = 127;

void check_wall(const KeeperPlan& plan, const Result<void>& done) {
    if (!done) give_up(plan.child.report, Step::namespaces, EPERM, done.error().detail);
}

void enter_world(const KeeperPlan& plan) {
    if (plan.user_namespace) check_wall(plan, keep_own_user(plan.user, plan.group));
    check_wall(plan, wall_in_files(plan.child.order));
    check_wall(plan, bring_loopback_up());
}

sigset_t child_signal() {
    sigset_t set{};
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    return set;
}

pid_t start_program(const KeeperPlan& plan) {
    ChildPlan child{plan.child.order,
                    plan.child.files,
                    plan.child.cgroups,
                    plan.child.slot,
                    plan.child.walls,
                    plan.child.report,
                    ::getpid(),
                    true,
                    plan.child.other_user};
    const pid_t program = ::fork();
    if (program == 0) run_child(child);
    if (program < 0) give_up(plan.child.report, Step::session, errno, {});
    return program;
}

// Only the socket to the supervisor stays open: locks and pipes must not outlive their owners here.
int keep_only(int socket) {
    constexpr int place = 3;
    ::dup2(socket, place);
    ::syscall(SYS_close_range, place + 1, ~0U, 0);
    return place;
}

std::optional<Report> reap_until(pid_t program) {
    for (;;) {
        int status = 0;
        rusage used{};
        const pid_t ended = ::wait4(-1, &status, WNOHANG | __WALL, &used);
        if (ended <= 0) return std::nullopt;
        if (ended != program) continue;
        Report report;
        report.kind = Report::Kind::ended;
        report.code = status;
        const auto seconds =
            static_cast<std::uint64_t>(used.ru_utime.tv_sec + used.ru_stime.tv_sec);
        const auto rest = static_cast<std::uint64_t>(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
        report.cpu_us = seconds * 1'000'000 + rest;
        return report;
    }
}

// False: everything is to end now.
bool obey(int socket, pid_t program) {
    std::array<std::uint8_t, 8> order{};
    const ssize_t bytes = ::recv(socket, order.data(), order.size(), MSG_DONTWAIT);
    if (bytes < 0 && (errno == EAGAIN || errno == EINTR)) return true;
    if (bytes <= 0 || order[0] == keeper_kill) return false;
    if (::kill(-program, order[0]) != 0) ::kill(program, order[0]);
    return true;
}

std::optional<Report> watch(int socket, int signals, pid_t program) {
    for (;;) {
        if (auto report = reap_until(program)) return report;
        std::array<pollfd, 2> waits{{{socket, POLLIN, 0}, {signals, POLLIN, 0}}};
        ::poll(waits.data(), waits.size(), -1);
        signalfd_siginfo ignored{};
        if (waits[1].revents != 0 && ::read(signals, &ignored, sizeof ignored) < 0) continue;
        if (waits[0].revents != 0 && !obey(socket, program)) return std::nullopt;
    }
}

}  // namespace

void run_keeper(const KeeperPlan& plan) {
    leave_supervisor();
    const ChildPlan& child = plan.child;
    if (!child.cgroups.join(child.slot)) give_up(child.report, Step::cgroup, errno, {});
    if (plan.strict) enter_world(plan);
    ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    const pid_t program = start_program(plan);
    // Its death would be the end of the whole tree: it goes last.
    write_file("/proc/self/oom_score_adj", "-1000");
    sigset_t all{};
    sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, nullptr);
    const int socket = keep_only(child.report);
    const sigset_t awaited = child_signal();
    const int signals = ::signalfd(-1, &awaited, SFD_CLOEXEC | SFD_NONBLOCK);
    auto report = watch(socket, signals, program);
    if (!report) {
        Report killed;
        killed.kind = Report::Kind::ended;
        killed.code = SIGKILL;
        report = killed;
    }
    // With this process goes its whole namespace; without one everything is looked for.
    const bool gone = plan.strict || end_descendants(end_rounds_max);
    send_report(socket, *report);
    ::_exit(gone ? 0 : failed_status);
}

}  // namespace penstock::sinks::worker::supervisor
