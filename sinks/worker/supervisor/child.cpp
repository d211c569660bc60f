#include "sinks/worker/supervisor/child.h"

#include "sinks/worker/supervisor/kernel_files.h"
#include "sinks/worker/supervisor/landlock.h"

#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <string>
#include <system_error>

namespace penstock::sinks::worker::supervisor {

namespace {

using SignalAction = struct sigaction;

constexpr int not_started_status = 127;
constexpr int low_descriptors = static_cast<int>(message_files_max) + 3;
// Without a cgroup only each user's processes can be counted: those of several at a time.
constexpr std::uint64_t processes_factor = 4;

bool walled(const ChildPlan& plan) {
    return plan.order.profile != SandboxProfile::none;
}

bool own_user(const ChildPlan& plan) {
    return walled(plan) && plan.walls.root && plan.other_user;
}

bool limit(__rlimit_resource resource, std::uint64_t value) {
    rlimit now{};
    ::getrlimit(resource, &now);
    const rlim_t wanted = std::min<rlim_t>(value, now.rlim_max);
    const rlimit set{wanted, wanted};
    return ::setrlimit(resource, &set) == 0;
}

int set_limits(const ChildPlan& plan) {
    const ProcessLimits& limits = plan.order.limits;
    bool done = limit(RLIMIT_CORE, 0) && limit(RLIMIT_FSIZE, limits.file_bytes);
    // Counts what is written to, not what is reserved: Node, Go and Java reserve a lot.
    if (!plan.cgroups.limits("memory")) done = done && limit(RLIMIT_DATA, limits.memory_bytes);
    if (!plan.cgroups.limits("pids")) {
        const std::uint64_t others = own_user(plan) ? 0 : plan.walls.user_tasks;
        done = done && limit(RLIMIT_NPROC, others + limits.processes * processes_factor);
    }
    // When the machine runs short of memory the server is not the first to go.
    write_file("/proc/self/oom_score_adj", "500");
    return done ? 0 : errno;
}

// What nobody gave is /dev/null, so that no program opens a file as its standard output.
int place_files(std::vector<int> files) {
    while (files.size() < 3) files.push_back(::open("/dev/null", O_RDWR | O_CLOEXEC));
    for (std::size_t at = 0; at < files.size(); ++at) {
        if (::dup2(files[at], static_cast<int>(at)) < 0) return errno;
    }
    close_on_exec_from(static_cast<unsigned>(files.size()));
    return 0;
}

int become_user(std::uint32_t user) {
    const bool done = ::setgroups(0, nullptr) == 0 && ::setresgid(user, user, user) == 0 &&
                      ::setresuid(user, user, user) == 0;
    return done ? 0 : errno;
}

// A change of user clears the wish, so it comes after; the parent may be gone by then.
int end_with(pid_t parent) {
    if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) return errno;
    return ::getppid() == parent ? 0 : ESRCH;
}

void step(const ChildPlan& plan, Step step, int code) {
    if (code != 0) give_up(plan.report, step, code, {});
}

std::vector<char*> texts_for_exec(const std::vector<std::string>& texts) {
    std::vector<char*> pointers;
    pointers.reserve(texts.size() + 1);
    // exec changes nothing of them; its interface lacks const.
    for (const auto& text : texts) pointers.push_back(const_cast<char*>(text.c_str()));
    pointers.push_back(nullptr);
    return pointers;
}

// Our own programs may lie where only the server's user can go, as in a build folder: they are
// opened before the change of user. Scripts could not be run so, their interpreter needs the path.
OwnedFile own_program(const ProcessOrder& order) {
    if (!order.only_computes) return {};
    return OwnedFile(::open(order.command.front().c_str(), O_PATH | O_CLOEXEC));
}

// Returns only when it fails, with errno.
int execute(const ProcessOrder& order, const OwnedFile& program) {
    const auto words = texts_for_exec(order.command);
    const auto environment = texts_for_exec(order.environment);
    ::execve(words.front(), words.data(), environment.data());
    if (errno == EACCES && program.open()) {
        ::syscall(SYS_execveat, program.get(), "", words.data(), environment.data(), AT_EMPTY_PATH);
    }
    return errno;
}

void wall_in(const ChildPlan& plan, const OwnedFile& rules) {
    step(plan, Step::privileges, ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 ? 0 : errno);
    if (rules.open()) step(plan, Step::landlock, enter_landlock(rules));
    if (!plan.walls.seccomp) return;
    const bool only_computes = plan.order.only_computes;
    step(plan, Step::seccomp, enter(only_computes ? plan.walls.computing : plan.walls.forbidding));
}

// Paths are opened while that is still possible; the rules are entered later.
OwnedFile rules_for(const ChildPlan& plan) {
    if (!walled(plan) || plan.walls.landlock == 0) return {};
    auto rules = landlock_rules(plan.order, plan.walls.landlock);
    if (!rules) give_up(plan.report, Step::landlock, ENOENT, rules.error().detail);
    return std::move(*rules);
}

}  // namespace

void leave_supervisor() {
    SignalAction standard{};
    standard.sa_handler = SIG_DFL;
    for (int signal = 1; signal < NSIG; ++signal) ::sigaction(signal, &standard, nullptr);
    sigset_t none{};
    sigemptyset(&none);
    ::pthread_sigmask(SIG_SETMASK, &none, nullptr);
    ::umask(022);
    ::setsid();
}

void give_up(int report, Step step, int code, const std::string& detail) {
    Report failure;
    failure.step = step;
    failure.code = code;
    failure.detail = detail;
    send_report(report, failure);
    ::_exit(not_started_status);
}

std::vector<int> out_of_the_way(const std::vector<int>& files) {
    std::vector<int> moved;
    moved.reserve(files.size());
    for (const int file : files) moved.push_back(::fcntl(file, F_DUPFD_CLOEXEC, low_descriptors));
    return moved;
}

void close_on_exec_from(unsigned first) {
    constexpr unsigned on_exec = 1U << 2U;  // CLOSE_RANGE_CLOEXEC, from Linux 5.11 on
    if (::syscall(SYS_close_range, first, ~0U, on_exec) == 0) return;
    const auto last = static_cast<int>(::sysconf(_SC_OPEN_MAX));
    for (int file = static_cast<int>(first); file < last; ++file)
        ::fcntl(file, F_SETFD, FD_CLOEXEC);
}

void run_child(const ChildPlan& plan) {
    const ProcessOrder& order = plan.order;
    const std::vector<int> files = out_of_the_way(plan.files);
    const int report = ::fcntl(plan.report, F_DUPFD_CLOEXEC, low_descriptors);
    const ChildPlan own{order,
                        files,
                        plan.cgroups,
                        plan.slot,
                        plan.walls,
                        report,
                        plan.parent,
                        plan.in_slot,
                        plan.other_user};
    leave_supervisor();
    if (!own.in_slot) step(own, Step::cgroup, own.cgroups.join(own.slot) ? 0 : errno);
    const OwnedFile rules = rules_for(own);
    const OwnedFile program = own_program(order);
    step(own, Step::limits, set_limits(own));
    step(own, Step::folder, ::chdir(order.folder.c_str()) == 0 ? 0 : errno);
    step(own, Step::files, place_files(files));
    step(own, Step::limits, limit(RLIMIT_NOFILE, order.limits.open_files) ? 0 : errno);
    if (own_user(own)) step(own, Step::user, become_user(user_of(order.function)));
    step(own, Step::parent, end_with(own.parent));
    if (walled(own)) wall_in(own, rules);
    give_up(report, Step::exec, execute(order, program), {});
}

}  // namespace penstock::sinks::worker::supervisor
