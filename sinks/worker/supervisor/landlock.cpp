#include "sinks/worker/supervisor/landlock.h"

#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <string>
#include <system_error>

namespace penstock::sinks::worker::supervisor {

namespace {

using FileStatus = struct stat;

// Later than the kernel headers this is built with.
constexpr std::uint64_t access_truncate = 1ULL << 14U;  // version 3
constexpr std::uint64_t access_ioctl = 1ULL << 15U;     // version 5
constexpr std::uint64_t network_bind_connect = 3;       // version 4
constexpr std::uint64_t scope_sockets_and_signals = 3;  // version 6

struct RuleSetAttributes {
    std::uint64_t files = 0;
    std::uint64_t network = 0;
    std::uint64_t scoped = 0;
};

constexpr std::uint64_t reading = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
constexpr std::uint64_t running = reading | LANDLOCK_ACCESS_FS_EXECUTE;
constexpr std::uint64_t making = LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |
                                 LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |
                                 LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |
                                 LANDLOCK_ACCESS_FS_MAKE_SYM | LANDLOCK_ACCESS_FS_REFER;
constexpr std::uint64_t writing =
    reading | LANDLOCK_ACCESS_FS_WRITE_FILE | access_truncate | making;
constexpr std::uint64_t all_files =
    writing | running | LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK | access_ioctl;
// The only rights that a rule on a single file may name.
constexpr std::uint64_t of_one_file = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE |
                                      LANDLOCK_ACCESS_FS_EXECUTE | access_truncate | access_ioctl;

constexpr std::array libraries{"/lib", "/lib64", "/usr/lib", "/usr/lib64"};
constexpr std::array programs{
    "/bin", "/sbin", "/usr", "/lib", "/lib32", "/lib64", "/libx32", "/opt", "/etc"};
constexpr std::array information{"/proc", "/sys", "/dev", "/run/systemd/resolve"};
constexpr std::array writable_places{
    "/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty", "/tmp"};

std::uint64_t known_to(int version) {
    std::uint64_t rights = all_files;
    if (version < 5) rights &= ~access_ioctl;
    if (version < 3) rights &= ~access_truncate;
    if (version < 2) rights &= ~LANDLOCK_ACCESS_FS_REFER;
    return rights;
}

Result<OwnedFile> new_rules(const ProcessOrder& order, int version) {
    RuleSetAttributes attributes;
    attributes.files = known_to(version);
    if (version >= 4 && order.only_computes) attributes.network = network_bind_connect;
    if (version >= 6) attributes.scoped = scope_sockets_and_signals;
    // Older kernels take the beginning of the struct only.
    const std::size_t size = version >= 6 ? 24 : version >= 4 ? 16 : 8;
    const auto file = ::syscall(SYS_landlock_create_ruleset, &attributes, size, 0);
    if (file < 0) return error(Errc::io, "rule set: " + std::generic_category().message(errno));
    return OwnedFile(static_cast<int>(file));
}

// False with errno: there is no such path, or the rule is refused.
bool add(const OwnedFile& rules, const char* path, std::uint64_t rights) {
    const OwnedFile place(::open(path, O_PATH | O_CLOEXEC));
    FileStatus status{};
    if (!place.open() || ::fstat(place.get(), &status) != 0) return false;
    landlock_path_beneath_attr rule{};
    rule.allowed_access = S_ISDIR(status.st_mode) ? rights : rights & of_one_file;
    rule.parent_fd = place.get();
    return ::syscall(SYS_landlock_add_rule, rules.get(), LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0;
}

// The system's folders differ from one distribution to the next: what is missing is no loss.
template <class Paths>
void add_present(const OwnedFile& rules, const Paths& paths, std::uint64_t rights) {
    for (const char* path : paths) add(rules, path, rights);
}

Result<void> add_wanted(const OwnedFile& rules, const std::string& path, std::uint64_t rights) {
    if (add(rules, path.c_str(), rights)) return {};
    return error(Errc::not_found, path + ": " + std::generic_category().message(errno));
}

}  // namespace

int landlock_version() {
    const auto version =
        ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
    return version < 0 ? 0 : static_cast<int>(version);
}

Result<OwnedFile> landlock_rules(const ProcessOrder& order, int version) {
    auto rules = new_rules(order, version);
    if (!rules) return rules.error();
    const std::uint64_t known = known_to(version);
    if (order.only_computes) {
        add_present(*rules, libraries, running);
        add_present(*rules, std::array{"/etc/ld.so.cache"}, reading);
    } else {
        add_present(*rules, programs, running);
        add_present(*rules, information, reading);
        add_present(*rules, writable_places, writing & known);
        add(*rules, order.folder.c_str(), running);
    }
    // A missing folder or program is told by its own step, in better words.
    add(*rules, order.command.front().c_str(), running);
    for (const auto& path : order.readable) {
        if (auto done = add_wanted(*rules, path, running); !done) return done.error();
    }
    for (const auto& path : order.writable) {
        if (auto done = add_wanted(*rules, path, writing & known); !done) return done.error();
    }
    return rules;
}

int enter_landlock(const OwnedFile& rules) {
    return ::syscall(SYS_landlock_restrict_self, rules.get(), 0) == 0 ? 0 : errno;
}

}  // namespace penstock::sinks::worker::supervisor
