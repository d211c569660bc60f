#include "broker/node/data_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
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

// A new name in it is durable.
Result<void> sync_folder(const std::string& folder) {
    const int descriptor = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) return failed("cannot open", folder);
    const bool synced = fsync(descriptor) == 0;
    const Error why = failed("cannot sync", folder);
    close(descriptor);
    if (!synced) return why;
    return {};
}

}  // namespace

Result<std::unique_ptr<FolderLock>> FolderLock::take(const std::string& folder) {
    const std::string path = folder + "/" + lock_name;
    const int descriptor = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, owner_only);
    if (descriptor < 0) return failed("cannot open", path);
    auto lock = std::make_unique<FolderLock>(descriptor);
    if (flock(descriptor, LOCK_EX | LOCK_NB) == 0) return lock;
    if (errno != EWOULDBLOCK) return failed("cannot lock", path);
    return error(Errc::unavailable,
                 "another server uses the data folder " + folder +
                     " (its lock is held): stop it or choose another folder with --data");
}

Result<void> refuse_half_restored(const std::string& folder) {
    const std::string mark = folder + "/" + restoring_name;
    if (access(mark.c_str(), F_OK) != 0) return {};
    return error(
        Errc::invalid,
        "a restore into " + folder + " was begun and not finished: run `penstock restore` again");
}

FolderLock::~FolderLock() {
    close(descriptor_);
}

// Under its name it is whole or not there, whatever happens meanwhile.
Result<void> save_secret_file(const std::string& path, const std::string& text) {
    const std::string fresh = path + ".new";
    const int descriptor =
        open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, owner_only);
    if (descriptor < 0) return failed("cannot open", fresh);
    if (fchmod(descriptor, owner_only) != 0) {
        const Error why = failed("cannot protect", fresh);
        close(descriptor);
        return why;
    }
    Result<void> written = write_all(descriptor, text, fresh);
    close(descriptor);
    if (!written) return written;
    if (rename(fresh.c_str(), path.c_str()) != 0) return failed("cannot rename", fresh);
    return sync_folder(path.substr(0, path.rfind('/') + 1));
}

Result<void> save_root_key(const std::string& folder, const RootKey& key) {
    return save_secret_file(folder + "/root.key",
                            "key_id = " + key.key_id + "\nkey_secret = " + key.secret + "\n");
}

}  // namespace penstock::node
