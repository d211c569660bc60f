#include "sinks/worker/supervisor/walls.h"

#include "sinks/worker/supervisor/kernel_files.h"
#include "sinks/worker/supervisor/landlock.h"
#include "sinks/worker/supervisor/namespaces.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <system_error>

namespace penstock::sinks::worker::supervisor {

namespace {

using FileStatus = struct stat;

// Threads count too; a process that ends meanwhile is no loss.
std::uint64_t tasks_of(unsigned user) {
    std::uint64_t tasks = 0;
    std::error_code problem;
    const std::filesystem::directory_iterator end;
    for (std::filesystem::directory_iterator at("/proc", problem); !problem && at != end;
         at.increment(problem)) {
        FileStatus status{};
        const std::string folder = at->path().string();
        if (::stat(folder.c_str(), &status) != 0 || status.st_uid != user) continue;
        tasks += number_in(read_file(folder + "/status"), "Threads:").value_or(0);
    }
    return tasks;
}

std::string seccomp_state(const Walls& walls) {
    return walls.seccomp ? "on" : "off: " + walls.seccomp_problem;
}

std::string landlock_state(int version) {
    if (version == 0) return "off: the kernel has none";
    std::string covers = "files";
    if (version >= 4) covers += ", tcp";
    if (version >= 6) covers += ", signals";
    return "version " + std::to_string(version) + ": " + covers;
}

}  // namespace

Walls find_walls() {
    Walls walls;
    walls.root = ::geteuid() == 0;
    if (!walls.root) walls.user_tasks = tasks_of(::geteuid());
    walls.landlock = landlock_version();
    walls.namespaces = namespaces_work(walls.root);
    auto forbidding = forbidding_program();
    auto computing = computing_program();
    walls.seccomp = forbidding.has_value() && computing.has_value();
    if (walls.seccomp) {
        walls.forbidding = std::move(*forbidding);
        walls.computing = std::move(*computing);
    } else {
        walls.seccomp_problem = (forbidding ? computing : forbidding).error().detail;
    }
    return walls;
}

std::vector<SandboxLayer> layers_of(const Walls& walls, const Cgroups& cgroups) {
    std::string limits = "files, file size, core";
    if (!cgroups.limits("memory")) limits += ", memory of each process";
    if (!cgroups.limits("pids")) limits += ", processes of each user";
    return {
        {"user", walls.root ? "one for each function" : "shared: the server is not root"},
        {"cgroup", cgroups.describe()},
        {"tree", cgroups.holds_trees() ? "cgroup" : "subreaper"},
        {"limits", limits},
        {"no_new_privs", "on"},
        {"landlock", landlock_state(walls.landlock)},
        {"seccomp", seccomp_state(walls)},
        {"namespaces", walls.namespaces ? "on" : "off: strict is refused"},
    };
}

}  // namespace penstock::sinks::worker::supervisor
