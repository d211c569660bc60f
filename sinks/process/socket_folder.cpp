#include "sinks/process/socket_folder.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace penstock::sinks::process {

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

SocketFolder::~SocketFolder() {
    ::unlink(socket().c_str());
    ::rmdir(path_.c_str());
}

}  // namespace penstock::sinks::process
