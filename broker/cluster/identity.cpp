// FOLDER/cluster: "PSTKCLST" version:u8=1 length:u32 checksum:u32 then Identity as wire.h codes it.
#include "broker/cluster/identity.h"

#include "broker/base/bytes.h"
#include "broker/base/hash.h"
#include "broker/base/wire.h"

#include <utility>

namespace penstock::cluster {

namespace {

constexpr std::string_view magic = "PSTKCLST";
constexpr std::uint8_t identity_version = 1;
constexpr std::size_t head_bytes = magic.size() + 1 + 4 + 4;
constexpr std::uint64_t file_bytes_max = 1U << 20;

Error unreadable(const std::string& path, const std::string& what) {
    return error(Errc::damaged,
                 path + " " + what +
                     "; without it the node cannot tell which cluster it belongs to: restore the "
                     "data folder, or remove this node and add a new one");
}

Result<std::string> read_all(Disk& disk, const std::string& path) {
    auto file = disk.open(path, Disk::Open::existing);
    if (!file) return file.error();
    const auto size = (*file)->size();
    if (!size) return size.error();
    if (*size > file_bytes_max) return unreadable(path, "is too long");
    std::string bytes(*size, '\0');
    if (auto read = (*file)->read_at(0, bytes.size(), bytes.data()); !read) return read.error();
    return bytes;
}

}  // namespace

Result<std::optional<Identity>> load_identity(Disk& disk, const std::string& folder) {
    const std::string path = folder + "/cluster";
    auto bytes = read_all(disk, path);
    if (!bytes) {
        if (bytes.error().code == Errc::not_found) return std::optional<Identity>();
        return bytes.error();
    }
    const std::string_view all = *bytes;
    if (all.size() < head_bytes || all.substr(0, magic.size()) != magic) {
        return unreadable(path, "is no identity");
    }
    Reader reader(all.substr(magic.size()));
    if (reader.u8() != identity_version) return unreadable(path, "was written by another version");
    const std::uint32_t length = reader.u32();
    const std::uint32_t checksum = reader.u32();
    const std::string_view body = all.substr(head_bytes);
    if (body.size() != length || crc32c(body) != checksum) {
        return unreadable(path, "does not match its checksum");
    }
    auto identity = wire::decode<Identity>(body, "identity");
    if (!identity) return unreadable(path, "cannot be read: " + identity.error().detail);
    return std::optional<Identity>(std::move(*identity));
}

Result<void> save_identity(Disk& disk, const std::string& folder, const Identity& identity) {
    const std::string body = wire::encode(identity);
    std::string bytes(magic);
    Writer writer(bytes);
    writer.u8(identity_version);
    writer.u32(static_cast<std::uint32_t>(body.size()));
    writer.u32(crc32c(body));
    bytes += body;
    const std::string path = folder + "/cluster";
    auto file = disk.open(path + ".new", Disk::Open::create);
    if (!file) return file.error();
    if (auto cut = (*file)->truncate(0); !cut) return cut;
    if (auto written = (*file)->write_at(0, {bytes}); !written) return written;
    if (auto synced = (*file)->sync(); !synced) return synced;
    if (auto renamed = disk.rename(path + ".new", path); !renamed) return renamed;
    return disk.sync_folder(folder);
}

}  // namespace penstock::cluster
