// magic:8 version:u8 length:u32 checksum:u32 body
#include "broker/cluster/sealed_file.h"

#include "broker/base/bytes.h"
#include "broker/base/hash.h"

namespace penstock::cluster {

namespace {

constexpr std::uint64_t file_bytes_max = 1U << 20;
constexpr std::size_t head_bytes_behind_magic = 1 + 4 + 4;

}  // namespace

Error unreadable(const std::string& path, const std::string& what, const Seal& seal) {
    return error(Errc::damaged, path + " " + what + "; " + std::string(seal.without));
}

Result<std::optional<std::string>> load_sealed(Disk& disk,
                                               const std::string& path,
                                               const Seal& seal) {
    auto file = disk.open(path, Disk::Open::existing);
    if (!file) {
        if (file.error().code == Errc::not_found) return std::optional<std::string>();
        return file.error();
    }
    const auto size = (*file)->size();
    if (!size) return size.error();
    if (*size > file_bytes_max) return unreadable(path, "is too long", seal);
    std::string all(*size, '\0');
    if (auto read = (*file)->read_at(0, all.size(), all.data()); !read) return read.error();
    const std::size_t head_bytes = seal.magic.size() + head_bytes_behind_magic;
    if (all.size() < head_bytes || all.substr(0, seal.magic.size()) != seal.magic) {
        return unreadable(path, "is not what its name says", seal);
    }
    Reader reader(std::string_view(all).substr(seal.magic.size()));
    if (reader.u8() != seal.version) {
        return unreadable(path, "was written by another version", seal);
    }
    const std::uint32_t length = reader.u32();
    const std::uint32_t checksum = reader.u32();
    std::string body = all.substr(head_bytes);
    if (body.size() != length || crc32c(body) != checksum) {
        return unreadable(path, "does not match its checksum", seal);
    }
    return std::optional<std::string>(std::move(body));
}

Result<void> save_sealed(Disk& disk,
                         const std::string& folder,
                         const std::string& name,
                         const Seal& seal,
                         std::string_view body) {
    std::string bytes(seal.magic);
    Writer writer(bytes);
    writer.u8(seal.version);
    writer.u32(static_cast<std::uint32_t>(body.size()));
    writer.u32(crc32c(body));
    bytes += body;
    const std::string path = folder + "/" + name;
    auto file = disk.open(path + ".new", Disk::Open::create);
    if (!file) return file.error();
    if (auto cut = (*file)->truncate(0); !cut) return cut;
    if (auto written = (*file)->write_at(0, {bytes}); !written) return written;
    if (auto synced = (*file)->sync(); !synced) return synced;
    if (auto renamed = disk.rename(path + ".new", path); !renamed) return renamed;
    return disk.sync_folder(folder);
}

}  // namespace penstock::cluster
