#include "sinks/worker/supervisor/seccomp_filters.h"

#include "sinks/worker/owned_file.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <memory>
#include <system_error>

namespace penstock::sinks::worker::supervisor {

namespace {

using Filter = std::unique_ptr<void, decltype(&seccomp_release)>;

constexpr std::array forbidden{
    SCMP_SYS(ptrace),
    SCMP_SYS(process_vm_readv),
    SCMP_SYS(process_vm_writev),
    SCMP_SYS(kcmp),
    SCMP_SYS(pidfd_getfd),
    SCMP_SYS(mount),
    SCMP_SYS(umount2),
    SCMP_SYS(pivot_root),
    SCMP_SYS(chroot),
    SCMP_SYS(move_mount),
    SCMP_SYS(open_tree),
    SCMP_SYS(fsopen),
    SCMP_SYS(fsconfig),
    SCMP_SYS(fsmount),
    SCMP_SYS(fspick),
    SCMP_SYS(mount_setattr),
    SCMP_SYS(setns),
    SCMP_SYS(unshare),
    SCMP_SYS(bpf),
    SCMP_SYS(perf_event_open),
    SCMP_SYS(userfaultfd),
    SCMP_SYS(io_uring_setup),
    SCMP_SYS(io_uring_enter),
    SCMP_SYS(io_uring_register),
    SCMP_SYS(keyctl),
    SCMP_SYS(add_key),
    SCMP_SYS(request_key),
    SCMP_SYS(kexec_load),
    SCMP_SYS(kexec_file_load),
    SCMP_SYS(init_module),
    SCMP_SYS(finit_module),
    SCMP_SYS(delete_module),
    SCMP_SYS(reboot),
    SCMP_SYS(swapon),
    SCMP_SYS(swapoff),
    SCMP_SYS(acct),
    SCMP_SYS(quotactl),
    SCMP_SYS(quotactl_fd),
    SCMP_SYS(sethostname),
    SCMP_SYS(setdomainname),
    SCMP_SYS(settimeofday),
    SCMP_SYS(clock_settime),
    SCMP_SYS(clock_adjtime),
    SCMP_SYS(adjtimex),
    SCMP_SYS(iopl),
    SCMP_SYS(ioperm),
    SCMP_SYS(lookup_dcookie),
    SCMP_SYS(name_to_handle_at),
    SCMP_SYS(open_by_handle_at),
    SCMP_SYS(fanotify_init),
    SCMP_SYS(syslog),
    SCMP_SYS(vhangup),
    SCMP_SYS(nfsservctl),
};

// What the loader, the C++ runtime and a loop over open descriptors need.
constexpr std::array computing{
    SCMP_SYS(read),
    SCMP_SYS(readv),
    SCMP_SYS(pread64),
    SCMP_SYS(write),
    SCMP_SYS(writev),
    SCMP_SYS(close),
    SCMP_SYS(recvfrom),
    SCMP_SYS(recvmsg),
    SCMP_SYS(sendmsg),
    SCMP_SYS(fstat),
    SCMP_SYS(newfstatat),
    SCMP_SYS(statx),
    SCMP_SYS(stat),
    SCMP_SYS(lstat),
    SCMP_SYS(lseek),
    SCMP_SYS(access),
    SCMP_SYS(faccessat),
    SCMP_SYS(faccessat2),
    SCMP_SYS(readlink),
    SCMP_SYS(readlinkat),
    SCMP_SYS(poll),
    SCMP_SYS(ppoll),
    SCMP_SYS(select),
    SCMP_SYS(pselect6),
    SCMP_SYS(epoll_create1),
    SCMP_SYS(epoll_ctl),
    SCMP_SYS(epoll_wait),
    SCMP_SYS(epoll_pwait),
    SCMP_SYS(epoll_pwait2),
    SCMP_SYS(eventfd2),
    SCMP_SYS(timerfd_create),
    SCMP_SYS(timerfd_settime),
    SCMP_SYS(timerfd_gettime),
    SCMP_SYS(mmap),
    SCMP_SYS(munmap),
    SCMP_SYS(mremap),
    SCMP_SYS(mprotect),
    SCMP_SYS(madvise),
    SCMP_SYS(brk),
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(rt_sigtimedwait),
    SCMP_SYS(sigaltstack),
    SCMP_SYS(signalfd4),
    SCMP_SYS(clock_gettime),
    SCMP_SYS(clock_getres),
    SCMP_SYS(clock_nanosleep),
    SCMP_SYS(nanosleep),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(time),
    SCMP_SYS(times),
    SCMP_SYS(getrusage),
    SCMP_SYS(setitimer),
    SCMP_SYS(getrandom),
    SCMP_SYS(futex),
    SCMP_SYS(sched_yield),
    SCMP_SYS(sched_getaffinity),
    SCMP_SYS(set_tid_address),
    SCMP_SYS(set_robust_list),
    SCMP_SYS(rseq),
    SCMP_SYS(arch_prctl),
    SCMP_SYS(getrlimit),
    SCMP_SYS(sysinfo),
    SCMP_SYS(uname),
    SCMP_SYS(getpid),
    SCMP_SYS(gettid),
    SCMP_SYS(getppid),
    SCMP_SYS(getuid),
    SCMP_SYS(geteuid),
    SCMP_SYS(getgid),
    SCMP_SYS(getegid),
    SCMP_SYS(getcwd),
    SCMP_SYS(fcntl),
    SCMP_SYS(membarrier),
    SCMP_SYS(restart_syscall),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
    SCMP_SYS(execve),
    SCMP_SYS(execveat),
};

constexpr std::uint64_t namespace_flags = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS |
                                          CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID |
                                          CLONE_NEWNET;

// The library wants C structs with every member given.
scmp_arg_cmp compare(unsigned argument,
                     scmp_compare how,
                     std::uint64_t first,
                     std::uint64_t second) {
    return {argument, how, first, second};
}

int forbid(const Filter& filter) {
    const std::uint32_t refuse = SCMP_ACT_ERRNO(EPERM);
    int problem = 0;
    for (const int call : forbidden) problem |= seccomp_rule_add(filter.get(), refuse, call, 0);
    for (std::uint64_t flag = 1; flag != 0 && flag <= namespace_flags; flag <<= 1U) {
        if ((namespace_flags & flag) == 0) continue;
        const auto asked = compare(0, SCMP_CMP_MASKED_EQ, flag, flag);
        problem |= seccomp_rule_add_array(filter.get(), refuse, SCMP_SYS(clone), 1, &asked);
    }
    // Its flags are in memory, where a filter cannot look; libraries then take clone.
    problem |= seccomp_rule_add(filter.get(), SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
    for (const std::uint64_t request : {TIOCSTI, TIOCLINUX}) {
        const auto asked = compare(1, SCMP_CMP_MASKED_EQ, 0xffffffffU, request);
        problem |= seccomp_rule_add_array(filter.get(), refuse, SCMP_SYS(ioctl), 1, &asked);
    }
    for (const std::uint64_t family : {AF_PACKET, AF_ALG, AF_VSOCK, AF_KEY}) {
        const auto asked = compare(0, SCMP_CMP_EQ, family, 0);
        problem |= seccomp_rule_add_array(filter.get(), refuse, SCMP_SYS(socket), 1, &asked);
    }
    return problem;
}

int allow(const Filter& filter) {
    int problem = 0;
    for (const int call : computing) {
        problem |= seccomp_rule_add(filter.get(), SCMP_ACT_ALLOW, call, 0);
    }
    const std::uint64_t writing = O_WRONLY | O_RDWR | O_CREAT | O_TRUNC;
    const auto only_read = compare(2, SCMP_CMP_MASKED_EQ, writing, 0);
    const auto only_read_old = compare(1, SCMP_CMP_MASKED_EQ, writing, 0);
    const auto own_limits = compare(2, SCMP_CMP_EQ, 0, 0);
    const auto abort_only = compare(2, SCMP_CMP_EQ, SIGABRT, 0);
    const auto no_target = compare(4, SCMP_CMP_EQ, 0, 0);
    const auto add = [&](int call, const scmp_arg_cmp& condition) {
        problem |= seccomp_rule_add_array(filter.get(), SCMP_ACT_ALLOW, call, 1, &condition);
    };
    add(SCMP_SYS(openat), only_read);
    add(SCMP_SYS(open), only_read_old);
    add(SCMP_SYS(prlimit64), own_limits);
    add(SCMP_SYS(tgkill), abort_only);
    add(SCMP_SYS(sendto), no_target);
    for (const std::uint64_t request : {TCGETS, FIONBIO, FIONREAD}) {
        add(SCMP_SYS(ioctl), compare(1, SCMP_CMP_MASKED_EQ, 0xffffffffU, request));
    }
    const auto absent = SCMP_ACT_ERRNO(ENOSYS);
    problem |= seccomp_rule_add(filter.get(), absent, SCMP_SYS(clone3), 0);
    return problem;
}

Result<SeccompProgram> built(std::uint32_t otherwise, int (*add_rules)(const Filter&)) {
    const Filter filter(seccomp_init(otherwise), &seccomp_release);
    if (!filter) return error(Errc::unavailable, "this machine has no seccomp filters");
    // Programs of a 32-bit twin architecture are refused, not ended without a word.
    seccomp_attr_set(filter.get(), SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(ENOSYS));
    seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2);
    if (add_rules(filter) != 0) return error(Errc::invalid, "a seccomp rule is not possible");
    const OwnedFile file(static_cast<int>(::memfd_create("seccomp", MFD_CLOEXEC)));
    if (!file.open() || seccomp_export_bpf(filter.get(), file.get()) != 0)
        return error(Errc::io, "the seccomp program cannot be written");
    SeccompProgram program(static_cast<std::size_t>(::lseek(file.get(), 0, SEEK_END)), '\0');
    const ssize_t bytes = ::pread(file.get(), program.data(), program.size(), 0);
    if (bytes != static_cast<ssize_t>(program.size()) || program.empty())
        return error(Errc::io, "the seccomp program cannot be read");
    return program;
}

}  // namespace

Result<SeccompProgram> forbidding_program() {
    return built(SCMP_ACT_ALLOW, &forbid);
}

Result<SeccompProgram> computing_program() {
    return built(SCMP_ACT_ERRNO(EPERM), &allow);
}

int enter(const SeccompProgram& program) {
    // The kernel copies the instructions; its interface lacks const.
    auto* first = reinterpret_cast<sock_filter*>(const_cast<char*>(program.data()));
    const sock_fprog filter{static_cast<unsigned short>(program.size() / sizeof(sock_filter)),
                            first};
    return ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0 ? 0 : errno;
}

}  // namespace penstock::sinks::worker::supervisor
