#include "broker/cli/tool.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>

namespace penstock::cli {

namespace {

// PENSTOCK_LUA names another one; tests use it.
std::string tool_path(const Session& session) {
    std::string named = session.world().variable("PENSTOCK_LUA");
    if (!named.empty()) return named;
    std::error_code ignored;
    const auto self = std::filesystem::read_symlink("/proc/self/exe", ignored);
    return (self.parent_path() / "penstock-lua").string();
}

constexpr std::size_t output_bytes_max = 16U << 20;

Failure failure_to_run(const std::string& path, int why) {
    Failure failure;
    failure.what = path + " cannot be run: " + std::strerror(why) + ".";
    failure.next = "It belongs beside the penstock program; install both together.";
    return failure;
}

// What the child does with its files before it begins.
class FileActions {
  public:
    FileActions() { ::posix_spawn_file_actions_init(&actions_); }

    ~FileActions() { ::posix_spawn_file_actions_destroy(&actions_); }

    FileActions(const FileActions&) = delete;
    FileActions& operator=(const FileActions&) = delete;

    void duplicate(int from, int to) { ::posix_spawn_file_actions_adddup2(&actions_, from, to); }

    [[nodiscard]] const posix_spawn_file_actions_t* get() const { return &actions_; }

  private:
    posix_spawn_file_actions_t actions_{};
};

class Descriptor {
  public:
    explicit Descriptor(int number) : number_(number) {}

    ~Descriptor() { close(); }

    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;

    [[nodiscard]] int number() const { return number_; }

    void close() {
        if (number_ >= 0) ::close(number_);
        number_ = -1;
    }

  private:
    int number_;
};

// errno, or 0.
int start(const std::string& path,
          const std::vector<std::string>& arguments,
          const FileActions& actions,
          pid_t& child) {
    std::vector<std::string> words{path};
    words.insert(words.end(), arguments.begin(), arguments.end());
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    return ::posix_spawn(&child, path.c_str(), actions.get(), nullptr, argv.data(), environ);
}

// errno, or 0.
int wait_for(pid_t child, int& exit_code) {
    int status = 0;
    while (::waitpid(child, &status, 0) < 0) {
        if (errno != EINTR) return errno;
    }
    exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : static_cast<int>(exit_failure);
    return 0;
}

// To its end, so that who writes is not held up.
std::string read_all(int from) {
    std::string all;
    std::string piece(64U << 10, '\0');
    while (true) {
        const ssize_t got = ::read(from, piece.data(), piece.size());
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return all;
        const auto bytes = static_cast<std::size_t>(got);
        all.append(piece, 0, std::min(bytes, output_bytes_max - all.size()));
    }
}

bool write_all(int to, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t wrote = ::write(to, bytes.data(), bytes.size());
        if (wrote < 0 && errno == EINTR) continue;
        if (wrote <= 0) return false;
        bytes.remove_prefix(static_cast<std::size_t>(wrote));
    }
    return true;
}

}  // namespace

int run_tool(Session& session, const std::vector<std::string>& arguments, ToolOutput output) {
    const std::string path = tool_path(session);
    session.world().out.flush();
    FileActions actions;
    if (output == ToolOutput::to_stderr) actions.duplicate(STDERR_FILENO, STDOUT_FILENO);
    pid_t child = 0;
    if (const int why = start(path, arguments, actions, child); why != 0) {
        return session.fail(failure_to_run(path, why));
    }
    int exit_code = 0;
    if (const int why = wait_for(child, exit_code); why != 0) {
        return session.fail(failure_to_run(path, why));
    }
    return exit_code;
}

boost::system::result<ToolRun, Failure> capture_tool(Session& session,
                                                     std::vector<std::string> arguments,
                                                     const std::string& option,
                                                     const std::string& input) {
    const std::string path = tool_path(session);
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return failure_to_run(path, errno);
    const Descriptor out(ends[0]);
    Descriptor in(ends[1]);
    // A file that has no name; the child has it under the same number.
    const Descriptor event(::memfd_create("event", 0));
    if (event.number() < 0 || !write_all(event.number(), input)) {
        return failure_to_run(path, errno);
    }
    arguments.insert(arguments.end(), {option, "/dev/fd/" + std::to_string(event.number())});
    FileActions actions;
    actions.duplicate(in.number(), STDOUT_FILENO);
    pid_t child = 0;
    if (const int why = start(path, arguments, actions, child); why != 0) {
        return failure_to_run(path, why);
    }
    in.close();
    ToolRun run;
    run.output = read_all(out.number());
    if (const int why = wait_for(child, run.exit_code); why != 0) return failure_to_run(path, why);
    return run;
}

}  // namespace penstock::cli
