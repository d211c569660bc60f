// prober: a program that tests start inside the sandbox. Its first argument says what it tries; it
// prints one "what=outcome" line each, with outcome ok or the name of the error. Hostile modes end
// only when they are killed.
#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace {

using FileStatus = struct stat;

using Arguments = std::vector<std::string>;

void say(const std::string& line) {
    const std::string text = line + "\n";
    if (::write(1, text.data(), text.size()) < 0) ::_exit(1);
}

void tell(const std::string& what, long result) {
    say(what + "=" + (result < 0 ? ::strerrorname_np(errno) : "ok"));
}

void forever() {
    for (;;) ::pause();
}

// In a child, so that what succeeds against expectation changes nothing for the next probe.
void tell_apart(const std::string& what, const std::function<long()>& attempt) {
    const pid_t child = ::fork();
    if (child == 0) {
        tell(what, attempt());
        ::_exit(0);
    }
    if (child < 0) tell(what, attempt());
    int status = 0;
    ::waitpid(child, &status, 0);
    if (WIFSIGNALED(status)) say(what + "=signal" + std::to_string(WTERMSIG(status)));
}

using Probes = std::vector<std::pair<std::string, std::function<long()>>>;

long clone_with(unsigned long flags) {
    return ::syscall(SYS_clone, flags | SIGCHLD, 0, 0, 0, 0);
}

Probes namespace_probes() {
    return {
        {"mount",
         [] {
             return ::mount("tmpfs", "/mnt", "tmpfs", 0, nullptr);
         }},
        {"umount",
         [] {
             return ::umount2("/proc", MNT_DETACH);
         }},
        {"unshare",
         [] {
             return ::unshare(CLONE_NEWUSER);
         }},
        {"setns",
         [] {
             return ::setns(0, 0);
         }},
        {"clone_user",
         [] {
             return clone_with(CLONE_NEWUSER);
         }},
        {"clone_net",
         [] {
             return clone_with(CLONE_NEWNET);
         }},
        {"clone3",
         [] {
             return ::syscall(SYS_clone3, nullptr, 0);
         }},
        {"chroot",
         [] {
             return ::chroot("/tmp");
         }},
        {"sethostname",
         [] {
             return ::sethostname("x", 1);
         }},
    };
}

Probes kernel_probes() {
    return {
        {"ptrace",
         [] {
             return ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
         }},
        {"bpf",
         [] {
             return ::syscall(SYS_bpf, 0, nullptr, 0);
         }},
        {"perf",
         [] {
             return ::syscall(SYS_perf_event_open, nullptr, 0, -1, -1, 0);
         }},
        {"userfaultfd",
         [] {
             return ::syscall(SYS_userfaultfd, 0);
         }},
        {"io_uring",
         [] {
             return ::syscall(SYS_io_uring_setup, 1, nullptr);
         }},
        {"keyctl",
         [] {
             return ::syscall(SYS_keyctl, 0, 0, 0, 0, 0);
         }},
        {"add_key",
         [] {
             return ::syscall(SYS_add_key, "user", "x", "y", 1, -2);
         }},
        {"process_vm_readv",
         [] {
             return ::syscall(SYS_process_vm_readv, ::getppid(), nullptr, 0, nullptr, 0, 0);
         }},
        {"pidfd_getfd",
         [] {
             return ::syscall(SYS_pidfd_getfd, 0, 0, 0);
         }},
        {"init_module",
         [] {
             return ::syscall(SYS_init_module, nullptr, 0, "");
         }},
        {"kexec",
         [] {
             return ::syscall(SYS_kexec_load, 0, 0, nullptr, 0);
         }},
        {"reboot",
         [] {
             return ::syscall(SYS_reboot, 0, 0, 0, nullptr);
         }},
        {"tiocsti",
         [] {
             return ::ioctl(0, TIOCSTI, "x");
         }},
        {"packet",
         [] {
             return ::socket(AF_PACKET, SOCK_RAW, 0);
         }},
    };
}

Probes user_probes() {
    return {
        {"setuid",
         [] {
             return ::setuid(0);
         }},
        {"setgroups",
         [] {
             return ::setgroups(0, nullptr);
         }},
        {"mknod",
         [] {
             return ::mknod("/tmp/penstock_prober_node", S_IFCHR | 0600, 259);
         }},
    };
}

void calls() {
    for (const auto& probes : {namespace_probes(), kernel_probes(), user_probes()}) {
        for (const auto& [what, attempt] : probes) tell_apart(what, attempt);
    }
}

// Without a fork: a program that only computes has none.
void computing() {
    const auto socket = [](int family) {
        return ::socket(family, SOCK_STREAM, 0);
    };
    tell("inet", socket(AF_INET));
    tell("inet6", socket(AF_INET6));
    tell("unix", socket(AF_UNIX));
    tell("fork", ::fork());
    tell("kill_self", ::kill(::getpid(), SIGCONT));
    tell("write_file", ::open("/tmp/penstock_prober", O_WRONLY | O_CREAT, 0600));
    tell("read_passwd", ::open("/etc/passwd", O_RDONLY));
    tell("read_proc", ::open("/proc/self/status", O_RDONLY));
    tell("exec", ::execl("/bin/true", "true", nullptr));
    tell("ptrace", ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr));
    tell("chmod", ::chmod("/tmp", 0777));
    tell("memory",
         ::mmap(nullptr, 4'096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? -1
                                                                                             : 0);
    timespec now{};
    tell("clock", ::clock_gettime(CLOCK_MONOTONIC, &now));
}

void descriptors() {
    for (int file = 0; file < 4'096; ++file) {
        if (::fcntl(file, F_GETFD) >= 0) say("open=" + std::to_string(file));
    }
}

void identity() {
    int wish = 0;
    ::prctl(PR_GET_PDEATHSIG, &wish);
    rlimit core{};
    ::getrlimit(RLIMIT_CORE, &core);
    say("user=" + std::to_string(::getuid()));
    say("group=" + std::to_string(::getgid()));
    say("groups=" + std::to_string(::getgroups(0, nullptr)));
    say("death_signal=" + std::to_string(wish));
    say("no_new_privs=" + std::to_string(::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)));
    say("seccomp=" + std::to_string(::prctl(PR_GET_SECCOMP, 0, 0, 0, 0)));
    say("core=" + std::to_string(core.rlim_max));
    say("session=" + std::to_string(::getsid(0) == ::getpid() ? 1 : 0));
    say("process=" + std::to_string(::getpid()));
}

void paths(const Arguments& arguments) {
    for (std::size_t at = 2; at < arguments.size(); ++at) {
        const std::string& path = arguments[at];
        tell("read " + path, ::open(path.c_str(), O_RDONLY));
        FileStatus status{};
        const bool folder = ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
        const std::string file = folder ? path + "/new_file" : path;
        tell("write " + path, ::open(file.c_str(), O_WRONLY | (folder ? O_CREAT : 0), 0600));
    }
}

void many_files() {
    int count = 0;
    while (::open("/dev/null", O_RDONLY) >= 0) ++count;
    say("opened=" + std::to_string(count) + " " + ::strerrorname_np(errno));
}

void large_file(const Arguments& arguments) {
    ::signal(SIGXFSZ, SIG_IGN);
    const int file = ::open(arguments.at(2).c_str(), O_WRONLY | O_CREAT, 0600);
    const std::string piece(4'096, 'x');
    long bytes = 0;
    for (ssize_t done = 0; (done = ::write(file, piece.data(), piece.size())) > 0;) bytes += done;
    say("written=" + std::to_string(bytes) + " " + ::strerrorname_np(errno));
}

void eat_memory() {
    constexpr std::size_t piece = 1 << 20;
    for (int at = 0; at < 4'096; ++at) {
        void* bytes =
            ::mmap(nullptr, piece, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (bytes == MAP_FAILED) {
            say(std::string("refused=") + ::strerrorname_np(errno));
            ::_exit(3);
        }
        std::memset(bytes, 1, piece);
    }
}

void touch_mebibytes(std::size_t count) {
    const std::size_t bytes = count << 20;
    void* place =
        ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    std::memset(place, 1, bytes);
}

// Holds 32 MiB, and 16 more in a daemon of its own.
void hold() {
    if (::fork() == 0) {
        ::setsid();
        if (::fork() != 0) ::_exit(0);
        touch_mebibytes(16);
        say("daemon=ok");
        forever();
    }
    touch_mebibytes(32);
    say("holding=ok");
    forever();
}

// Forks where it can and never ends.
void bomb() {
    for (;;) {
        if (::fork() < 0) ::sched_yield();
    }
}

// As many as can be had, all waiting; says how many.
void breed() {
    int count = 0;
    for (; count < 10'000; ++count) {
        const pid_t child = ::fork();
        if (child == 0) forever();
        if (child < 0) break;
    }
    say("children=" + std::to_string(count));
    forever();
}

// A daemon by the book: double fork, own session, deaf to everything.
void daemonize(bool leave) {
    if (::fork() == 0) {
        ::setsid();
        if (::fork() != 0) ::_exit(0);
        for (int signal = 1; signal < NSIG; ++signal) ::signal(signal, SIG_IGN);
        say("daemon=ok");
        forever();
    }
    if (!leave) forever();
}

void zombies() {
    for (int count = 0; count < 20; ++count) {
        if (::fork() == 0) ::_exit(0);
    }
}

void stubborn() {
    for (int signal = 1; signal < NSIG; ++signal) ::signal(signal, SIG_IGN);
    say("ready=ok");
    forever();
}

void await_term() {
    ::signal(SIGTERM, [](int) { ::_exit(7); });
    say("ready=ok");
    forever();
}

void loopback() {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
    tell("bind", ::bind(socket, reinterpret_cast<sockaddr*>(&address), sizeof address));
    tell("listen", ::listen(socket, 1));
}

void kill_parent() {
    tell("kill_parent", ::kill(::getppid(), SIGKILL));
}

}  // namespace

int main(int count, char** words) {
    const Arguments arguments(words, words + count);
    const std::map<std::string, std::function<void()>> modes{
        {"calls", calls},
        {"computing", computing},
        {"descriptors", descriptors},
        {"identity", identity},
        {"paths",
         [&] {
             paths(arguments);
         }},
        {"many_files", many_files},
        {"large_file",
         [&] {
             large_file(arguments);
         }},
        {"memory", eat_memory},
        {"hold", hold},
        {"bomb", bomb},
        {"breed", breed},
        {"daemon",
         [] {
             daemonize(true);
         }},
        {"daemon_and_stay",
         [] {
             daemonize(false);
         }},
        {"zombies", zombies},
        {"stubborn", stubborn},
        {"listen", await_term},
        {"loopback", loopback},
        {"kill_parent", kill_parent},
        {"wait", forever},
    };
    const auto mode = modes.find(count > 1 ? arguments[1] : "");
    if (mode == modes.end()) return 99;
    mode->second();
    return 0;
}
