#include "broker/node/data_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string_view>
#include <system_error>

namespace penstock::node {

namespace {

constexpr mode_t owner_only = S_IRUSR | S_IWUSR;

Error failed(const std::string& what, const std::string& path) {
    return error(Errc::io, what + " " + path + ": " + std::system_category().message(errno));
}

Result<void> write_all(int descriptor, std::string_view text, const std::string& path) {
    while (!text.empty()) {
        const ssize_t written = write(descriptor, text.data(), text.size());
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return failed("cannot write", path);
        text.remove_prefix(static_cast<std::size_t>(written));
    }
    if (fsync(descriptor) != 0) return failed("cannot sync", path);
    return {};
}

}  // namespace

Result<std::unique_ptr<FolderLock>> FolderLock::take(const std::string& folder) {
    const std::string path = folder + "/lock";
    const int descriptor = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, owner_only);
    if (descriptor < 0) return failed("cannot open", path);
    auto lock = std::make_unique<FolderLock>(descriptor);
    if (flock(descriptor, LOCK_EX | LOCK_NB) == 0) return lock;
    if (errno != EWOULDBLOCK) return failed("cannot lock", path);
    return error(Errc::unavailable,
                 "another server uses the data folder " + folder +
                     " (its lock is held): stop it or choose another folder with --data");
}

FolderLock::~FolderLock() {
    close(descriptor_);
}

Result<void> save_root_key(const std::string& folder, const RootKey& key) {
    const std::string path = folder + "/root.key";
    const int descriptor = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, owner_only);
    if (descriptor < 0) return failed("cannot open", path);
    if (fchmod(descriptor, owner_only) != 0) {
        const Error why = failed("cannot protect", path);
        close(descriptor);
        return why;
    }
    const std::string text = "key_id = " + key.key_id + "\nkey_secret = " + key.secret + "\n";
    Result<void> written = write_all(descriptor, text, path);
    close(descriptor);
    return written;
}

}  // namespace penstock::node
