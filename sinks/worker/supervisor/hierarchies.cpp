#include "sinks/worker/supervisor/hierarchies.h"

#include "sinks/worker/supervisor/kernel_files.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <optional>
#include <system_error>

namespace penstock::sinks::worker::supervisor {

namespace {

using FileStatus = struct stat;

namespace fs = std::filesystem;

constexpr std::string_view prefix = "penstock-";
constexpr std::array<const char*, 3> useful{"pids", "memory", "cpu"};
constexpr int remove_rounds_max = 1'000;  // of a millisecond
constexpr int names_max = 100;

struct Mount {
    int version = 2;
    std::set<std::string> controllers;  // version 1: of the mount
    std::string point;
    std::string own;  // the calling process's folder, below `point`
};

std::vector<std::string> folders_below(const std::string& folder) {
    std::vector<std::string> found;
    std::error_code problem;
    const fs::directory_iterator end;
    for (fs::directory_iterator at(folder, problem); !problem && at != end; at.increment(problem)) {
        if (at->is_directory(problem)) found.push_back(at->path().string());
    }
    return found;
}

// This process's path in the hierarchy: version 1 by a controller of it, version 2 by "".
std::string own_path(const std::string& memberships, const std::string& controller) {
    for (const auto& line : split(memberships, '\n')) {
        const auto parts = split(line, ':');
        if (parts.size() < 3) continue;
        const auto names = split(parts[1], ',');
        const bool ours = controller.empty()
                              ? parts[0] == "0"
                              : std::find(names.begin(), names.end(), controller) != names.end();
        if (ours) return line.substr(parts[0].size() + parts[1].size() + 2);
    }
    return "/";
}

// In a container the mount may show only a part of the hierarchy, `root`.
std::string below_point(const std::string& point, const std::string& root, std::string path) {
    if (root != "/" && path.rfind(root, 0) == 0) path = path.substr(root.size());
    if (path == "/") path.clear();
    const std::string folder = point + path;
    return ::access(folder.c_str(), F_OK) == 0 ? folder : point;
}

// One line of mountinfo: "id parent dev ROOT POINT options ... - TYPE source SUPER_OPTIONS".
std::optional<Mount> parse_mount(const std::string& line, const std::string& memberships) {
    const auto words = split(line, ' ');
    const auto dash = std::find(words.begin(), words.end(), "-");
    if (words.size() < 7 || words.end() - dash < 4) return std::nullopt;
    Mount mount;
    mount.point = words[4];
    const std::string& type = *(dash + 1);
    std::string name;
    if (type == "cgroup") {
        mount.version = 1;
        const auto options = split(*(dash + 3), ',');
        for (const char* controller : useful) {
            const bool here =
                std::find(options.begin(), options.end(), controller) != options.end();
            if (here) name = *mount.controllers.insert(controller).first;
        }
        if (name.empty()) return std::nullopt;
    } else if (type != "cgroup2") {
        return std::nullopt;
    }
    mount.own = below_point(mount.point, words[3], own_path(memberships, name));
    return mount;
}

bool clear_of_stale(const std::string& parent, int version) {
    bool clean = true;
    for (const auto& folder : folders_below(parent)) {
        if (fs::path(folder).filename().string().rfind(prefix, 0) != 0) continue;
        const OwnedFile lock(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        const bool stale = lock.open() && ::flock(lock.get(), LOCK_EX | LOCK_NB) == 0;
        if (stale) clean = kill_and_remove(folder, version) && clean;
    }
    return clean;
}

// Between mkdir and flock another supervisor may take the folder for a stale one and remove it.
bool lock_new(const std::string& folder, OwnedFile& lock) {
    if (::mkdir(folder.c_str(), 0755) != 0) return false;
    lock.reset(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    FileStatus opened{};

    FileStatus named{};
    return lock.open() && ::flock(lock.get(), LOCK_EX | LOCK_NB) == 0 &&
           ::fstat(lock.get(), &opened) == 0 && ::stat(folder.c_str(), &named) == 0 &&
           opened.st_ino == named.st_ino;
}

bool make_own(const std::string& parent, Hierarchy& hierarchy) {
    clear_of_stale(parent, hierarchy.version);
    const std::string first = parent + "/" + std::string(prefix) + std::to_string(::getpid());
    for (int name = 0; name < names_max; ++name) {
        hierarchy.folder = name == 0 ? first : first + "-" + std::to_string(name);
        if (lock_new(hierarchy.folder, hierarchy.lock)) return true;
        if (::access(hierarchy.folder.c_str(), F_OK) != 0) break;
    }
    return false;
}

// The controllers that children of `parent` have; asks for them where they can be had.
std::set<std::string> passed_on(const std::string& parent) {
    for (const char* controller : useful)
        write_file(parent + "/cgroup.subtree_control", std::string("+") + controller);
    std::set<std::string> found;
    std::string text = read_file(parent + "/cgroup.subtree_control");
    while (!text.empty() && text.back() == '\n') text.pop_back();
    for (const auto& controller : split(text, ' ')) {
        if (std::find(useful.begin(), useful.end(), controller) != useful.end())
            found.insert(controller);
    }
    return found;
}

// A folder of version 2 that holds processes passes no controllers on: then one above is taken.
std::optional<Hierarchy> open_second(const Mount& mount) {
    std::string parent = mount.own;
    while (parent.size() > mount.point.size() && passed_on(parent).count("memory") == 0)
        parent = fs::path(parent).parent_path().string();
    if (passed_on(parent).count("memory") == 0) parent = mount.own;
    Hierarchy hierarchy;
    if (!make_own(parent, hierarchy)) return std::nullopt;
    hierarchy.controllers = passed_on(hierarchy.folder);
    return hierarchy;
}

std::optional<Hierarchy> open_first(const Mount& mount) {
    Hierarchy hierarchy;
    hierarchy.version = 1;
    hierarchy.controllers = mount.controllers;
    if (!make_own(mount.own, hierarchy)) return std::nullopt;
    return hierarchy;
}

void kill_listed(const std::string& folder) {
    for (const pid_t process : processes_in(folder)) ::kill(process, SIGKILL);
    for (const auto& below : folders_below(folder)) kill_listed(below);
}

// Version 1 has no single step: nothing may be forked while the list is gone through.
void forbid_forks(const std::string& folder) {
    write_file(folder + "/pids.max", "0");
    for (const auto& below : folders_below(folder)) forbid_forks(below);
}

void remove_tree(const std::string& folder) {
    for (const auto& below : folders_below(folder)) remove_tree(below);
    ::rmdir(folder.c_str());
}

}  // namespace

std::vector<Hierarchy> open_hierarchies(CgroupUse use) {
    std::vector<Hierarchy> found;
    if (use == CgroupUse::none) return found;
    const std::string memberships = read_file("/proc/self/cgroup");
    for (const auto& line : split(read_file("/proc/self/mountinfo"), '\n')) {
        auto mount = parse_mount(line, memberships);
        if (!mount || (mount->version == 2 && use == CgroupUse::first)) continue;
        auto hierarchy = mount->version == 2 ? open_second(*mount) : open_first(*mount);
        if (hierarchy) found.push_back(std::move(*hierarchy));
    }
    const auto rank = [](const Hierarchy& hierarchy) {
        if (hierarchy.version == 2) return 0;
        return hierarchy.controllers.count("pids") > 0 ? 1 : 2;
    };
    std::stable_sort(
        found.begin(), found.end(), [&](const Hierarchy& left, const Hierarchy& right) {
            return rank(left) < rank(right);
        });
    return found;
}

std::vector<pid_t> processes_in(const std::string& folder) {
    std::vector<pid_t> found;
    for (const auto& line : split(read_file(folder + "/cgroup.procs"), '\n')) {
        pid_t process = 0;
        std::from_chars(line.data(), line.data() + line.size(), process);
        if (process > 0) found.push_back(process);
    }
    return found;
}

void kill_in(const std::string& folder, int version) {
    if (version == 2 && write_file(folder + "/cgroup.kill", "1")) return;
    if (version == 1) forbid_forks(folder);
    kill_listed(folder);
}

bool nothing_in(const std::string& folder, int version) {
    if (version == 2) {
        const auto populated = number_in(read_file(folder + "/cgroup.events"), "populated");
        return !populated || *populated == 0;
    }
    if (!read_file(folder + "/cgroup.procs").empty()) return false;
    const auto below = folders_below(folder);
    return std::all_of(
        below.begin(), below.end(), [](const std::string& child) { return nothing_in(child, 1); });
}

bool kill_and_remove(const std::string& folder, int version) {
    for (int round = 0; round < remove_rounds_max; ++round) {
        if (!nothing_in(folder, version)) kill_in(folder, version);
        remove_tree(folder);
        if (::access(folder.c_str(), F_OK) != 0) return true;
        pause_ms(1);
    }
    return false;
}

}  // namespace penstock::sinks::worker::supervisor
