#include "broker/key_command.h"

#include "broker/base/base64.h"
#include "sinks/worker/owned_file.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <optional>
#include <system_error>
#include <utility>

namespace penstock {

namespace {

using sinks::worker::OwnedFile;
using Deadline = std::chrono::steady_clock::time_point;

constexpr int look_ms = 100;  // how often it is asked whether the server stops

std::string reason(int code) {
    return std::generic_category().message(code);
}

struct Pipe {
    OwnedFile read;
    OwnedFile write;

    static std::optional<Pipe> open() {
        std::array<int, 2> ends{-1, -1};
        if (::pipe2(ends.data(), O_CLOEXEC) != 0) return std::nullopt;
        Pipe pipe;
        pipe.read.reset(ends[0]);
        pipe.write.reset(ends[1]);
        return pipe;
    }
};

// A program under way, in a process group of its own. Ended, all of it, when this goes.
class Running {
  public:
    Running(pid_t process, OwnedFile pidfd) : process_(process), pidfd_(std::move(pidfd)) {}

    ~Running() {
        if (reaped_) return;
        ::kill(-process_, SIGKILL);
        ::waitpid(process_, nullptr, 0);
    }

    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;

    [[nodiscard]] int pidfd() const { return pidfd_.get(); }

    // Its end, once it has come: 0 is well.
    int reap() {
        // What it left behind goes too, while the number of its group is still its own.
        ::kill(-process_, SIGKILL);
        int status = 0;
        ::waitpid(process_, &status, 0);
        reaped_ = true;
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    }

  private:
    pid_t process_;
    OwnedFile pidfd_;
    bool reaped_ = false;
};

Result<pid_t> spawn(const std::vector<std::string>& words, const Pipe& input, const Pipe& output) {
    posix_spawn_file_actions_t files{};
    posix_spawnattr_t attributes{};
    ::posix_spawn_file_actions_init(&files);
    ::posix_spawn_file_actions_adddup2(&files, input.read.get(), STDIN_FILENO);
    ::posix_spawn_file_actions_adddup2(&files, output.write.get(), STDOUT_FILENO);
    ::posix_spawnattr_init(&attributes);
    sigset_t none{};
    sigset_t all{};
    sigemptyset(&none);
    sigfillset(&all);
    ::posix_spawnattr_setsigmask(&attributes, &none);
    ::posix_spawnattr_setsigdefault(&attributes, &all);
    ::posix_spawnattr_setpgroup(&attributes, 0);
    const int flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP;
    ::posix_spawnattr_setflags(&attributes, static_cast<short>(flags));
    std::vector<char*> arguments;
    for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    pid_t process = -1;
    const int code = ::posix_spawnp(
        &process, words.front().c_str(), &files, &attributes, arguments.data(), environ);
    ::posix_spawnattr_destroy(&attributes);
    ::posix_spawn_file_actions_destroy(&files);
    if (code != 0) {
        return error(Errc::unavailable, "cannot start " + words.front() + ": " + reason(code));
    }
    return process;
}

// False: the time is over, or the server stops.
bool await(int file, Deadline until, const std::atomic<bool>& stopping) {
    while (!stopping) {
        const auto left =
            std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
        if (left.count() <= 0) return false;
        pollfd one{file, POLLIN, 0};
        const int wait_ms = static_cast<int>(std::min<std::int64_t>(left.count(), look_ms));
        const int ready = ::poll(&one, 1, wait_ms);
        if (ready > 0) return true;
        if (ready < 0 && errno != EINTR) return false;
    }
    return false;
}

}  // namespace

Result<std::string> KeyCommand::wrap(std::string_view key, std::string_view context) {
    return ask("wrap", key, context);
}

Result<std::string> KeyCommand::unwrap(std::string_view wrapped, std::string_view context) {
    return ask("unwrap", wrapped, context);
}

Result<std::string> KeyCommand::ask(const char* what,
                                    std::string_view bytes,
                                    std::string_view context) {
    const auto failed = [&](const std::string& how, Errc code = Errc::unavailable) {
        return error(code, command_.front() + " " + what + " " + how);
    };
    auto input = Pipe::open();
    auto output = Pipe::open();
    if (!input || !output) return failed("has no pipe: " + reason(errno));
    std::vector<std::string> words = command_;
    words.emplace_back(what);
    words.emplace_back(context);
    const auto process = spawn(words, *input, *output);
    if (!process) return process.error();
    OwnedFile pidfd(static_cast<int>(::syscall(SYS_pidfd_open, *process, 0)));
    Running running(*process, std::move(pidfd));
    input->read.reset();
    output->write.reset();
    // It fits into a pipe, so that this waits for nobody.
    std::string line = encode_base64(bytes) + "\n";
    const auto written = ::write(input->write.get(), line.data(), line.size());
    ::OPENSSL_cleanse(line.data(), line.size());
    input->write.reset();
    const Deadline until = std::chrono::steady_clock::now() + std::chrono::milliseconds(limit_ms_);
    std::string answer;
    std::array<char, 4'096> piece{};
    while (true) {
        if (!await(output->read.get(), until, stopping_))
            return failed("gives no answer in time", Errc::timeout);
        const auto read = ::read(output->read.get(), piece.data(), piece.size());
        if (read < 0 && errno == EINTR) continue;
        if (read < 0) return failed("cannot be read: " + reason(errno));
        if (read == 0) break;
        answer.append(piece.data(), static_cast<std::size_t>(read));
        if (answer.size() > answer_bytes_max) return failed("says too much");
    }
    ::OPENSSL_cleanse(piece.data(), piece.size());
    if (!await(running.pidfd(), until, stopping_))
        return failed("does not end in time", Errc::timeout);
    const int status = running.reap();
    if (status != 0) return failed("ends with " + std::to_string(status));
    if (written < 0) return failed("reads nothing: " + reason(errno));
    while (!answer.empty() && (answer.back() == '\n' || answer.back() == '\r')) answer.pop_back();
    auto decoded = decode_base64(answer);
    ::OPENSSL_cleanse(answer.data(), answer.size());
    if (!decoded || decoded->empty()) return failed("gives no base64");
    return std::move(*decoded);
}

}  // namespace penstock
