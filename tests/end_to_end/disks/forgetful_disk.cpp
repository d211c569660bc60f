// A disk that forgets: a FUSE file system with one file, `image`, whose writes stay in memory until
// it is synced. Tests put a loop device and ext4 on top, and cut the power by the second file,
// `power`:
//   write "off SEED"  each 4 KiB block not synced is, by a coin with that seed, kept, dropped, or
//   torn
//                     sector by sector; from then on every request fails with EIO
//   write "on"        what is on the disk then is read again
//   read              "syncs N kept N dropped N torn N", counted since the start
// `forgetful_disk BYTES MOUNT_POINT`; one thread; ends when it is unmounted or killed.
#define FUSE_USE_VERSION 31
#include <fuse3/fuse.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace {

constexpr std::size_t block_bytes = 4096;
constexpr std::size_t sector_bytes = 512;
constexpr std::string_view image_path = "/image";
constexpr std::string_view power_path = "/power";

class ForgetfulDisk {
  public:
    explicit ForgetfulDisk(std::size_t bytes)
        : seen_(bytes), durable_(bytes), dirty_(bytes / block_bytes) {}

    [[nodiscard]] std::size_t size() const { return seen_.size(); }

    int read(char* out, std::size_t length, std::size_t offset) const {
        if (!powered_) return -EIO;
        if (offset >= size()) return 0;
        length = std::min(length, size() - offset);
        std::memcpy(out, &seen_[offset], length);
        return static_cast<int>(length);
    }

    int write(const char* data, std::size_t length, std::size_t offset) {
        if (!powered_) return -EIO;
        if (length == 0) return 0;
        if (offset >= size() || length > size() - offset) return -ENOSPC;
        std::memcpy(&seen_[offset], data, length);
        const std::size_t last = (offset + length - 1) / block_bytes;
        for (std::size_t block = offset / block_bytes; block <= last; ++block) dirty_[block] = true;
        return static_cast<int>(length);
    }

    int sync() {
        if (powered_ && syncs_left_ > 0 && is_dirty() && --syncs_left_ == 0) cut_power(seed_);
        if (!powered_) return -EIO;
        for (std::size_t block = 0; block < dirty_.size(); ++block) {
            if (!dirty_[block]) continue;
            keep(block * block_bytes, block_bytes);
            dirty_[block] = false;
        }
        ++syncs_;
        return 0;
    }

    void cut_power_in(std::uint64_t seed, std::uint64_t syncs) {
        seed_ = seed;
        syncs_left_ = syncs;
        if (syncs == 0) cut_power(seed);
    }

    void restore_power() {
        seen_ = durable_;
        syncs_left_ = 0;
        powered_ = true;
    }

    [[nodiscard]] std::string counts() const {
        return std::string(powered_ ? "on" : "off") + " syncs " + std::to_string(syncs_) +
               " kept " + std::to_string(kept_) + " dropped " + std::to_string(dropped_) +
               " torn " + std::to_string(torn_) + "\n";
    }

  private:
    [[nodiscard]] bool is_dirty() const {
        return std::find(dirty_.begin(), dirty_.end(), true) != dirty_.end();
    }

    void cut_power(std::uint64_t seed) {
        std::mt19937_64 coin(seed);
        for (std::size_t block = 0; block < dirty_.size(); ++block) {
            if (dirty_[block]) cut_block(block * block_bytes, coin);
            dirty_[block] = false;
        }
        powered_ = false;
    }

    void keep(std::size_t offset, std::size_t length) {
        std::memcpy(&durable_[offset], &seen_[offset], length);
    }

    void cut_block(std::size_t offset, std::mt19937_64& coin) {
        switch (coin() % 5) {
            case 0:
            case 1:
                keep(offset, block_bytes);
                ++kept_;
                break;
            case 2:
            case 3:
                ++dropped_;
                break;
            default:
                for (std::size_t at = offset; at < offset + block_bytes; at += sector_bytes)
                    if (coin() % 2 == 0) keep(at, sector_bytes);
                ++torn_;
        }
    }

    std::vector<char> seen_;     // what reads answer
    std::vector<char> durable_;  // what a power cut leaves
    std::vector<bool> dirty_;    // blocks in which the two may differ
    bool powered_ = true;
    std::uint64_t seed_ = 0;        // of the cut that is to come
    std::uint64_t syncs_left_ = 0;  // until it comes; 0: none is to come
    std::uint64_t syncs_ = 0;
    std::uint64_t kept_ = 0;
    std::uint64_t dropped_ = 0;
    std::uint64_t torn_ = 0;
};

ForgetfulDisk& disk() {
    return *static_cast<ForgetfulDisk*>(fuse_get_context()->private_data);
}

// The kernel's own cache would remember what the disk forgets.
void* begin(fuse_conn_info*, fuse_config* config) {
    config->direct_io = 1;
    config->kernel_cache = 0;
    return fuse_get_context()->private_data;
}

int get_attributes(const char* path, struct stat* out, fuse_file_info*) {
    std::memset(out, 0, sizeof *out);
    out->st_nlink = 1;
    out->st_mode = S_IFREG | 0600;
    if (path == std::string_view("/"))
        out->st_mode = S_IFDIR | 0700;
    else if (path == image_path)
        out->st_size = static_cast<off_t>(disk().size());
    else if (path != power_path)
        return -ENOENT;
    return 0;
}

int list(const char*, void* out, fuse_fill_dir_t fill, off_t, fuse_file_info*, fuse_readdir_flags) {
    fill(out, &image_path[1], nullptr, 0, fuse_fill_dir_flags{});
    fill(out, &power_path[1], nullptr, 0, fuse_fill_dir_flags{});
    return 0;
}

int open_file(const char*, fuse_file_info*) {
    return 0;
}

int read_file(const char* path, char* out, std::size_t length, off_t offset, fuse_file_info*) {
    const auto at = static_cast<std::size_t>(offset);
    if (path == image_path) return disk().read(out, length, at);
    const std::string text = disk().counts();
    if (at >= text.size()) return 0;
    return static_cast<int>(text.copy(out, length, at));
}

int write_file(const char* path, const char* data, std::size_t length, off_t at, fuse_file_info*) {
    if (path == image_path) return disk().write(data, length, static_cast<std::size_t>(at));
    const std::string word(data, length);
    if (word.rfind("off ", 0) == 0) {
        char* rest = nullptr;
        const std::uint64_t seed = std::strtoull(&word[4], &rest, 10);
        disk().cut_power_in(seed, std::strtoull(rest, nullptr, 10));
    } else if (word == "on") {
        disk().restore_power();
    } else {
        return -EINVAL;
    }
    return static_cast<int>(length);
}

int sync_file(const char* path, int, fuse_file_info*) {
    return path == image_path ? disk().sync() : 0;
}

// Whoever writes a command truncates the file first.
int truncate_file(const char* path, off_t, fuse_file_info*) {
    return path == power_path ? 0 : -EPERM;
}

fuse_operations operations() {
    fuse_operations known{};
    known.init = begin;
    known.getattr = get_attributes;
    known.readdir = list;
    known.open = open_file;
    known.read = read_file;
    known.write = write_file;
    known.fsync = sync_file;
    known.truncate = truncate_file;
    return known;
}

}  // namespace

int main(int count, char** words) {
    const std::size_t bytes = count == 3 ? std::strtoull(words[1], nullptr, 10) : 0;
    if (bytes == 0 || bytes % block_bytes != 0) {
        std::fprintf(stderr, "usage: forgetful_disk BYTES MOUNT_POINT\n");
        return 2;
    }
    ForgetfulDisk disk(bytes);
    const fuse_operations known = operations();
    std::string foreground = "-f";
    std::string one_thread = "-s";
    char* arguments[] = {words[0], foreground.data(), one_thread.data(), words[2], nullptr};
    return fuse_main(4, arguments, &known, &disk);
}
