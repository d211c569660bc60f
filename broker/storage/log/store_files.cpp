#include "broker/storage/log/store_files.h"

#include <algorithm>

namespace penstock::storage {

namespace {

constexpr std::uint64_t manifest_bytes_max = 64ULL << 20;

Error with_advice(const std::string& path, const std::string& what) {
    return error(Errc::damaged, path + ": " + what + std::string(recovery_advice));
}

}  // namespace

std::string StoreFiles::path(SegmentName name) const {
    return folder_ + "/" + segment_file_name(name);
}

std::string StoreFiles::manifest_path() const {
    return folder_ + "/manifest";
}

Result<void> StoreFiles::make_folder() const {
    if (const auto made = disk_.make_folder(folder_); !made) return made;
    const std::size_t slash = folder_.rfind('/');
    if (slash == std::string::npos || slash == 0) return {};
    return disk_.sync_folder(folder_.substr(0, slash));
}

Result<void> StoreFiles::write_manifest(const Manifest& manifest) const {
    const std::string fresh = manifest_path() + ".new";
    const std::string bytes = encode_manifest(manifest);
    {
        auto file = disk_.open(fresh, Disk::Open::create);
        if (!file) return file.error();
        if (const auto cut = (*file)->truncate(0); !cut) return cut;
        if (const auto wrote = (*file)->write_at(0, {bytes}); !wrote) return wrote;
        if (const auto synced = (*file)->sync(); !synced) return synced;
    }
    if (const auto renamed = disk_.rename(fresh, manifest_path()); !renamed) return renamed;
    const auto synced = disk_.sync_folder(folder_);
    // The list is another one by now: whatever the reason is, nobody can go on as if it were not.
    if (!synced) return error(Errc::io, synced.error().detail);
    return {};
}

Result<std::optional<Manifest>> StoreFiles::read_manifest() const {
    auto file = disk_.open(manifest_path(), Disk::Open::existing);
    if (!file && file.error().code == Errc::not_found) return std::optional<Manifest>{};
    if (!file) return file.error();
    const Result<std::uint64_t> size = (*file)->size();
    if (!size) return size.error();
    if (*size > manifest_bytes_max) return with_advice(manifest_path(), "the list is too long");
    std::string bytes(static_cast<std::size_t>(*size), '\0');
    if (const auto read = (*file)->read_at(0, bytes.size(), bytes.data()); !read) {
        return read.error();
    }
    if (const auto version = unknown_version(bytes)) {
        return error(Errc::damaged,
                     manifest_path() + ": it was written by a later version (list of version " +
                         std::to_string(*version) +
                         "); nothing was changed: start that version again");
    }
    const auto manifest = storage::read_manifest(bytes);
    if (!manifest) {
        return with_advice(manifest_path(), "the list of segments does not match its checksum");
    }
    return std::optional<Manifest>(*manifest);
}

Result<std::unique_ptr<File>> StoreFiles::create_segment(
    SegmentName name, std::uint64_t bytes, const std::vector<std::string_view>& content) const {
    const std::string where = path(name);
    auto file = disk_.open(where, Disk::Open::create);
    if (!file) return file.error();
    Result<void> done = (*file)->truncate(0);
    if (done) done = (*file)->allocate(bytes);
    if (done) done = (*file)->write_at(0, content);
    if (done) done = (*file)->sync();
    if (done) done = disk_.sync_folder(folder_);
    if (done) return file;
    if (done.error().code == Errc::disk_full) {
        // What is half made would hold the space that is missing; the first error is the answer.
        const Result<void> removed = disk_.remove(where);
        if (!removed) return removed.error();
    }
    return done.error();
}

Result<std::unique_ptr<File>> StoreFiles::open_segment(SegmentName name) const {
    auto file = disk_.open(path(name), Disk::Open::existing);
    if (!file && file.error().code == Errc::not_found) {
        return with_advice(path(name), "the segment is missing");
    }
    return file;
}

Result<void> StoreFiles::remove_segment(SegmentName name) const {
    return disk_.remove(path(name));
}

Result<std::vector<SegmentName>> StoreFiles::list_segments() const {
    const auto names = disk_.list(folder_);
    if (!names) return names.error();
    std::vector<SegmentName> found;
    for (const std::string& name : *names) {
        if (const auto segment = parse_segment_file_name(name)) found.push_back(*segment);
    }
    std::sort(found.begin(), found.end());
    return found;
}

}  // namespace penstock::storage
