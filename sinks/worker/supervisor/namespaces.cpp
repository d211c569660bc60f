#include "sinks/worker/supervisor/namespaces.h"

#include "sinks/worker/owned_file.h"
#include "sinks/worker/supervisor/kernel_files.h"

#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace penstock::sinks::worker::supervisor {

namespace {

using FileStatus = struct stat;

namespace fs = std::filesystem;

constexpr std::array private_places{"/tmp", "/var/tmp", "/dev/shm"};
constexpr const char* private_options = "mode=1777,size=64m";

Error problem(const std::string& what) {
    return error(Errc::io, what + ": " + std::generic_category().message(errno));
}

bool is_private(const std::string& path) {
    return std::any_of(private_places.begin(), private_places.end(), [&](const char* place) {
        const std::string folder = std::string(place) + "/";
        return path.rfind(folder, 0) == 0;
    });
}

bool set_attributes(int folder, const char* path, std::uint64_t set, std::uint64_t clear) {
    mount_attr attributes{};
    attributes.attr_set = set;
    attributes.attr_clr = clear;
    const unsigned flags = AT_RECURSIVE | (path[0] == '\0' ? AT_EMPTY_PATH : 0U);
    return ::syscall(SYS_mount_setattr, folder, path, flags, &attributes, sizeof attributes) == 0;
}

// A place that a private folder will hide and that must show in it all the same.
struct Kept {
    std::string path;
    bool folder = true;
    OwnedFile tree;
};

Result<void> keep(const std::string& path, bool writable, std::vector<Kept>& kept) {
    FileStatus status{};
    // What is missing is told by a later step, in better words.
    if (!is_private(path) || ::stat(path.c_str(), &status) != 0) return {};
    Kept place;
    place.path = path;
    place.folder = S_ISDIR(status.st_mode);
    place.tree.reset(
        static_cast<int>(::syscall(SYS_open_tree,
                                   AT_FDCWD,
                                   path.c_str(),
                                   OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE)));
    if (!place.tree.open()) return problem(path);
    const std::uint64_t lock = MOUNT_ATTR_NOSUID | (writable ? 0U : MOUNT_ATTR_RDONLY);
    if (!set_attributes(place.tree.get(), "", lock, 0)) return problem(path);
    kept.push_back(std::move(place));
    return {};
}

Result<std::vector<Kept>> keep_hidden(const ProcessOrder& order) {
    std::vector<std::pair<std::string, bool>> paths{{order.folder, false},
                                                    {order.command.front(), false}};
    for (const auto& path : order.readable) paths.emplace_back(path, false);
    for (const auto& path : order.writable) paths.emplace_back(path, true);
    std::vector<Kept> kept;
    for (const auto& [path, writable] : paths) {
        if (auto done = keep(path, writable, kept); !done) return done.error();
    }
    // Outer folders first; of one path given twice the writable one comes last and wins.
    std::stable_sort(kept.begin(), kept.end(), [](const Kept& left, const Kept& right) {
        return left.path.size() < right.path.size();
    });
    return kept;
}

// Own mounts can be told apart from the rest when everything becomes read-only.
Result<void> lock_root(const ProcessOrder& order) {
    if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
        return problem("private mounts");
    for (const auto& path : order.writable) {
        if (is_private(path) || ::access(path.c_str(), F_OK) != 0) continue;
        if (::mount(path.c_str(), path.c_str(), nullptr, MS_BIND | MS_REC, nullptr) != 0)
            return problem(path);
    }
    if (!set_attributes(AT_FDCWD, "/", MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID, 0))
        return problem("read-only root");
    for (const auto& path : order.writable) {
        if (is_private(path) || ::access(path.c_str(), F_OK) != 0) continue;
        if (!set_attributes(AT_FDCWD, path.c_str(), 0, MOUNT_ATTR_RDONLY)) return problem(path);
    }
    return {};
}

Result<void> show(const Kept& place) {
    std::error_code ignored;
    const fs::path path = place.path;
    fs::create_directories(place.folder ? path : path.parent_path(), ignored);
    if (!place.folder)
        OwnedFile(::open(place.path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644)).reset();
    const auto moved = ::syscall(SYS_move_mount,
                                 place.tree.get(),
                                 "",
                                 AT_FDCWD,
                                 place.path.c_str(),
                                 MOVE_MOUNT_F_EMPTY_PATH);
    if (moved != 0) return problem(place.path);
    return {};
}

}  // namespace

std::uint64_t strict_namespaces(bool root) {
    const std::uint64_t all = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC;
    return root ? all : all | CLONE_NEWUSER;
}

Result<void> keep_own_user(unsigned user, unsigned group) {
    const std::string user_text = std::to_string(user);
    const std::string group_text = std::to_string(group);
    if (!write_file("/proc/self/setgroups", "deny") ||
        !write_file("/proc/self/uid_map", user_text + " " + user_text + " 1") ||
        !write_file("/proc/self/gid_map", group_text + " " + group_text + " 1"))
        return problem("user namespace");
    return {};
}

Result<void> wall_in_files(const ProcessOrder& order) {
    auto kept = keep_hidden(order);
    if (!kept) return kept.error();
    if (auto done = lock_root(order); !done) return done.error();
    for (const char* place : private_places) {
        if (::access(place, F_OK) != 0) continue;
        if (::mount("tmpfs", place, "tmpfs", MS_NOSUID | MS_NODEV, private_options) != 0)
            return problem(place);
    }
    for (const auto& place : *kept) {
        if (auto done = show(place); !done) return done.error();
    }
    // Refused inside a container that covers parts of /proc: then the old one stays, read-only.
    const auto flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
    if (::mount("proc", "/proc", "proc", flags, nullptr) != 0 && errno != EPERM)
        return problem("/proc");
    return {};
}

namespace {

// The whole of it, as a process goes through it: inside a chroot the kernel gives the namespaces
// but refuses the mounts.
bool try_walls(bool root) {
    const unsigned user = ::getuid();
    const unsigned group = ::getgid();
    if (::unshare(static_cast<int>(strict_namespaces(root))) != 0) return false;
    if (!root && !keep_own_user(user, group)) return false;
    ProcessOrder order;
    order.folder = "/";
    order.command = {"/"};
    return wall_in_files(order).has_value();
}

}  // namespace

bool namespaces_work(bool root) {
    const pid_t child = ::fork();
    if (child == 0) ::_exit(try_walls(root) ? 0 : 1);
    int status = 1;
    return child > 0 && ::waitpid(child, &status, 0) == child && status == 0;
}

Result<void> bring_loopback_up() {
    const OwnedFile socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ifreq request{};
    std::strcpy(request.ifr_name, "lo");
    if (!socket.open() || ::ioctl(socket.get(), SIOCGIFFLAGS, &request) != 0)
        return problem("loopback");
    request.ifr_flags = static_cast<short>(request.ifr_flags | IFF_UP);
    if (::ioctl(socket.get(), SIOCSIFFLAGS, &request) != 0) return problem("loopback");
    return {};
}

}  // namespace penstock::sinks::worker::supervisor
