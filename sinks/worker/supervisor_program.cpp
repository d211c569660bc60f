#include "sinks/worker/supervisor_program.h"

#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <system_error>

namespace penstock::sinks::worker {

namespace {

constexpr int control_socket = 3;
constexpr int send_buffer_bytes = 1 << 20;  // the system gives what its limit allows

// Signals as a fresh program expects them, and a group of its own: a terminal's Ctrl-C is for the
// server, which drains first.
class SpawnSettings {
  public:
    explicit SpawnSettings(int socket) {
        ::posix_spawn_file_actions_init(&files_);
        ::posix_spawn_file_actions_adddup2(&files_, socket, control_socket);
        ::posix_spawnattr_init(&attributes_);
        sigset_t none{};
        sigset_t all{};
        sigemptyset(&none);
        sigfillset(&all);
        ::posix_spawnattr_setsigmask(&attributes_, &none);
        ::posix_spawnattr_setsigdefault(&attributes_, &all);
        ::posix_spawnattr_setpgroup(&attributes_, 0);
        const int flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP;
        ::posix_spawnattr_setflags(&attributes_, static_cast<short>(flags));
    }

    SpawnSettings(const SpawnSettings&) = delete;
    SpawnSettings& operator=(const SpawnSettings&) = delete;

    ~SpawnSettings() {
        ::posix_spawnattr_destroy(&attributes_);
        ::posix_spawn_file_actions_destroy(&files_);
    }

    [[nodiscard]] const posix_spawn_file_actions_t* files() const { return &files_; }

    [[nodiscard]] const posix_spawnattr_t* attributes() const { return &attributes_; }

  private:
    posix_spawn_file_actions_t files_{};
    posix_spawnattr_t attributes_{};
};

}  // namespace

std::string supervisor_beside_us() {
    std::error_code problem;
    const auto self = std::filesystem::read_symlink("/proc/self/exe", problem);
    return (self.parent_path() / "penstock-supervisor").string();
}

Result<SupervisorProgram> start_supervisor(const std::string& program,
                                           const std::vector<std::string>& arguments) {
    std::array<int, 2> ends{-1, -1};
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0)
        return error(Errc::io, "no socket: " + std::generic_category().message(errno));
    SupervisorProgram started;
    started.socket.reset(ends[0]);
    const OwnedFile theirs(ends[1]);
    ::setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &send_buffer_bytes, sizeof send_buffer_bytes);
    const SpawnSettings settings(theirs.get());
    std::vector<char*> words{const_cast<char*>(program.c_str())};
    for (const auto& argument : arguments) words.push_back(const_cast<char*>(argument.c_str()));
    words.push_back(nullptr);
    const int code = ::posix_spawn(&started.guardian,
                                   program.c_str(),
                                   settings.files(),
                                   settings.attributes(),
                                   words.data(),
                                   environ);
    if (code != 0)
        return error(code == ENOENT ? Errc::not_found : Errc::io,
                     "cannot start " + program + ": " + std::generic_category().message(code));
    started.pidfd.reset(static_cast<int>(::syscall(SYS_pidfd_open, started.guardian, 0)));
    if (!started.pidfd.open()) {
        // Nobody could watch it, nor reap it later. What it may have begun sees its socket closed.
        const std::string why = std::generic_category().message(errno);
        ::kill(started.guardian, SIGKILL);
        ::waitpid(started.guardian, nullptr, 0);
        return error(Errc::unavailable, "pidfd_open: " + why);
    }
    return started;
}

}  // namespace penstock::sinks::worker
