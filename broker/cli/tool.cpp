#include "broker/cli/tool.h"

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

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

int failed(Session& session, const std::string& path, int why) {
    Failure failure;
    failure.what = path + " cannot be run: " + std::strerror(why) + ".";
    failure.next = "It belongs beside the penstock program; install both together.";
    return session.fail(failure);
}

}  // namespace

int run_tool(Session& session, const std::vector<std::string>& arguments, ToolOutput output) {
    const std::string path = tool_path(session);
    std::vector<std::string> words{path};
    words.insert(words.end(), arguments.begin(), arguments.end());
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    pid_t child = 0;
    session.world().out.flush();
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    if (output == ToolOutput::to_stderr) {
        ::posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
    }
    const int spawned =
        ::posix_spawn(&child, path.c_str(), &actions, nullptr, argv.data(), environ);
    ::posix_spawn_file_actions_destroy(&actions);
    if (spawned != 0) return failed(session, path, spawned);
    int status = 0;
    while (::waitpid(child, &status, 0) < 0) {
        if (errno != EINTR) return failed(session, path, errno);
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : static_cast<int>(exit_failure);
}

}  // namespace penstock::cli
