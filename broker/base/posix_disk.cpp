#include "broker/base/disk.h"

#include <fcntl.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>

namespace penstock {

namespace {

Error system_error(const std::string& doing, const std::string& path, int number) {
    Errc code = Errc::io;
    if (number == ENOSPC || number == EDQUOT || number == EFBIG) code = Errc::disk_full;
    if (number == ENOENT) code = Errc::not_found;
    if (number == EMFILE || number == ENFILE || number == ENOMEM) code = Errc::unavailable;
    return error(code, doing + " " + path + ": " + std::generic_category().message(number));
}

class PosixFile final : public File {
  public:
    PosixFile(int descriptor, std::string path) : descriptor_(descriptor), path_(std::move(path)) {}

    ~PosixFile() override { ::close(descriptor_); }

    PosixFile(const PosixFile&) = delete;
    PosixFile& operator=(const PosixFile&) = delete;

    Result<void> read_at(std::uint64_t offset, std::size_t length, char* out) const override {
        while (length > 0) {
            const ssize_t got = ::pread(descriptor_, out, length, static_cast<off_t>(offset));
            if (got < 0 && errno == EINTR) continue;
            if (got < 0) return system_error("read", path_, errno);
            if (got == 0)
                return error(Errc::damaged, path_ + " ends at byte " + std::to_string(offset));
            out += got;
            offset += static_cast<std::uint64_t>(got);
            length -= static_cast<std::size_t>(got);
        }
        return {};
    }

    Result<bool> try_read_cached(std::uint64_t offset,
                                 std::size_t length,
                                 char* out) const override {
        iovec part{out, length};
        const ssize_t got =
            ::preadv2(descriptor_, &part, 1, static_cast<off_t>(offset), RWF_NOWAIT);
        // A file system without RWF_NOWAIT answers EOPNOTSUPP: the caller then reads in its pool.
        return got >= 0 && static_cast<std::size_t>(got) == length;
    }

    Result<void> write_at(std::uint64_t offset,
                          const std::vector<std::string_view>& parts) override {
        std::vector<iovec> vectors;
        vectors.reserve(parts.size());
        for (const std::string_view part : parts) {
            if (part.empty()) continue;
            vectors.push_back({const_cast<char*>(part.data()), part.size()});
        }
        std::size_t first = 0;
        while (first < vectors.size()) {
            const auto batch =
                static_cast<int>(std::min<std::size_t>(vectors.size() - first, IOV_MAX));
            const ssize_t wrote =
                ::pwritev(descriptor_, &vectors[first], batch, static_cast<off_t>(offset));
            if (wrote < 0 && errno == EINTR) continue;
            if (wrote < 0) return system_error("write", path_, errno);
            offset += static_cast<std::uint64_t>(wrote);
            auto left = static_cast<std::size_t>(wrote);
            while (first < vectors.size() && left >= vectors[first].iov_len) {
                left -= vectors[first].iov_len;
                ++first;
            }
            if (left > 0) {
                vectors[first].iov_base = static_cast<char*>(vectors[first].iov_base) + left;
                vectors[first].iov_len -= left;
            }
        }
        return {};
    }

    Result<void> sync() override {
        if (::fdatasync(descriptor_) != 0) return system_error("sync", path_, errno);
        return {};
    }

    Result<void> allocate(std::uint64_t bytes) override {
        int number = EINTR;
        while (number == EINTR) {
            number = ::posix_fallocate(descriptor_, 0, static_cast<off_t>(bytes));
        }
        if (number != 0) return system_error("allocate", path_, number);
        return {};
    }

    Result<void> truncate(std::uint64_t bytes) override {
        if (::ftruncate(descriptor_, static_cast<off_t>(bytes)) != 0) {
            return system_error("truncate", path_, errno);
        }
        return {};
    }

    [[nodiscard]] Result<std::uint64_t> size() const override {
        const off_t end = ::lseek(descriptor_, 0, SEEK_END);
        if (end < 0) return system_error("size", path_, errno);
        return static_cast<std::uint64_t>(end);
    }

  private:
    int descriptor_;
    std::string path_;
};

}  // namespace

Result<std::unique_ptr<File>> PosixDisk::open(const std::string& path, Open mode) {
    const int flags = O_RDWR | O_CLOEXEC | (mode == Open::create ? O_CREAT : 0);
    const int descriptor = ::open(path.c_str(), flags, 0600);
    if (descriptor < 0) return system_error("open", path, errno);
    return std::unique_ptr<File>(std::make_unique<PosixFile>(descriptor, path));
}

Result<std::vector<std::string>> PosixDisk::list(const std::string& folder) const {
    std::error_code failed;
    std::vector<std::string> names;
    for (std::filesystem::directory_iterator at(folder, failed), end; !failed && at != end;
         at.increment(failed)) {
        names.push_back(at->path().filename().string());
    }
    if (failed) return system_error("list", folder, failed.value());
    std::sort(names.begin(), names.end());
    return names;
}

Result<void> PosixDisk::make_folder(const std::string& path) {
    std::error_code failed;
    std::filesystem::create_directories(path, failed);
    if (failed) return system_error("create folder", path, failed.value());
    return {};
}

Result<void> PosixDisk::rename(const std::string& from, const std::string& to) {
    if (::rename(from.c_str(), to.c_str()) != 0) return system_error("rename", from, errno);
    return {};
}

Result<void> PosixDisk::remove(const std::string& path) {
    if (::unlink(path.c_str()) == 0) return {};
    if (errno == EISDIR && ::rmdir(path.c_str()) == 0) return {};
    return system_error("remove", path, errno);
}

Result<void> PosixDisk::sync_folder(const std::string& folder) {
    const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) return system_error("open folder", folder, errno);
    const int outcome = ::fsync(descriptor);
    const int number = errno;
    ::close(descriptor);
    if (outcome != 0) return system_error("sync folder", folder, number);
    return {};
}

Result<Disk::Space> PosixDisk::space(const std::string& folder) const {
    struct statvfs found {};

    if (::statvfs(folder.c_str(), &found) != 0) return system_error("space of", folder, errno);
    return Space{found.f_blocks * found.f_frsize, found.f_bavail * found.f_frsize};
}

}  // namespace penstock
