#include "sinks/process/socket_folder.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <system_error>

namespace penstock::sinks::process {
namespace {

constexpr int entries_max = 64;  // removed with the folder; more are left behind with it

}  // namespace

Result<std::unique_ptr<SocketFolder>> SocketFolder::make(std::uint32_t user) {
    std::string path = "/tmp/penstock-XXXXXX";
    if (::mkdtemp(path.data()) == nullptr) {
        return error(Errc::unavailable,
                     std::string("no folder for a socket in /tmp: ") + std::strerror(errno));
    }
    auto folder = std::make_unique<SocketFolder>(Made{}, path);
    if (user != 0 && ::geteuid() == 0 && ::chown(path.c_str(), user, user) != 0) {
        return error(Errc::unavailable, path + " cannot be given away: " + std::strerror(errno));
    }
    return folder;
}

// The folder may be the process' user's, who may have put something else in its place: nothing is
// followed, and only what lies in it goes. Programs leave lock and pid files beside their socket.
SocketFolder::~SocketFolder() {
    const int folder = ::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (folder < 0) return;
    std::error_code failed;
    const std::filesystem::directory_iterator end;
    std::filesystem::directory_iterator at("/proc/self/fd/" + std::to_string(folder), failed);
    for (int left = entries_max; !failed && at != end && left > 0; --left) {
        ::unlinkat(folder, at->path().filename().c_str(), 0);
        at.increment(failed);
    }
    ::close(folder);
    ::rmdir(path_.c_str());
}

}  // namespace penstock::sinks::process
