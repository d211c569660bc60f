// A backup in a folder:
//
//   penstock-backup    says that the folder is one's
//   catalogue          of the last backup that was finished
//   set-<n>/           its parts, and those of one that was cut short
//
// A part is written under another name first and has its own once it is whole; the catalogue is
// swapped by rename; then what it does not name goes. So a backup that is cut short anywhere leaves
// the one before, and the next goes on with the parts that are there.
#include "broker/backup/output.h"
#include "broker/base/bytes.h"

#include <algorithm>
#include <set>
#include <utility>

namespace penstock::backup {

namespace {

constexpr std::string_view partial_suffix = ".partial";
constexpr std::size_t frame_head_bytes = 8;              // replication/snapshot/body_frame.cpp
constexpr std::uint64_t unsynced_bytes_max = 16U << 20;  // a long part is not left to one sync

Result<std::vector<std::string>> names_in(const Disk& disk, const std::string& folder) {
    auto names = disk.list(folder);
    if (names || names.error().code != Errc::not_found) return names;
    return std::vector<std::string>{};
}

Result<void> put_file(Disk& disk,
                      const std::string& folder,
                      const std::string& name,
                      std::string_view bytes) {
    const std::string fresh = folder + "/" + name + ".new";
    {
        auto file = disk.open(fresh, Disk::Open::create);
        if (!file) return file.error();
        if (auto cut = (*file)->truncate(0); !cut) return cut;
        if (auto wrote = (*file)->write_at(0, {bytes}); !wrote) return wrote;
        if (auto synced = (*file)->sync(); !synced) return synced;
    }
    if (auto renamed = disk.rename(fresh, folder + "/" + name); !renamed) return renamed;
    return disk.sync_folder(folder);
}

// The last of the frames of which the file consists, without reading the others; empty: it does
// not consist of so many.
Result<std::string> last_frame(const File& file, std::uint32_t frames) {
    const auto size = file.size();
    if (!size) return size.error();
    std::uint64_t at = 0;
    for (std::uint32_t frame = 0; frame < frames; ++frame) {
        std::string head(frame_head_bytes, '\0');
        if (at + frame_head_bytes > *size) return std::string();
        if (auto read = file.read_at(at, head.size(), head.data()); !read) return read.error();
        const std::uint64_t end = at + frame_head_bytes + Reader(head).u32();
        if (end > *size) return std::string();
        if (frame + 1 == frames && end == *size) {
            std::string bytes(end - at, '\0');
            if (auto read = file.read_at(at, bytes.size(), bytes.data()); !read) {
                return read.error();
            }
            return bytes;
        }
        at = end;
    }
    return std::string();
}

class OutputFolder final : public BackupOutput {
  public:
    OutputFolder(Disk& disk, std::string folder) : disk_(disk), folder_(std::move(folder)) {}

    Result<void> open();
    Result<void> begin(const Catalogue& catalogue) override;
    Result<std::optional<std::string>> stored(const SnapshotManifest& manifest,
                                              std::uint32_t part) override;

    void keep(const SnapshotManifest& manifest, std::uint32_t part) override {
        named_.insert(part_name(manifest, part));
    }

    Result<void> open_part(const SnapshotManifest& manifest, std::uint32_t part) override;
    Result<void> put(std::string_view bytes) override;
    Result<void> close_part() override;
    Result<void> finish() override;

  private:
    [[nodiscard]] std::string path(const std::string& name) const { return folder_ + "/" + name; }

    Result<void> remove_others();

    Disk& disk_;
    std::string folder_;
    Catalogue catalogue_;
    std::set<std::string> named_;  // parts of this backup
    std::string part_;             // that is being written
    std::unique_ptr<File> file_;
    std::uint64_t bytes_ = 0;
    std::uint64_t synced_ = 0;
};

Result<void> OutputFolder::open() {
    const auto names = names_in(disk_, folder_);
    if (!names) return names.error();
    const bool marked = std::find(names->begin(), names->end(), mark_name) != names->end();
    if (marked) return {};
    if (!names->empty()) {
        return error(Errc::invalid,
                     folder_ + " is not empty and holds no backup: choose another folder");
    }
    if (auto made = disk_.make_folder(folder_); !made) return made;
    return put_file(disk_, folder_, mark_name, "A backup of a Penstock server: penstock restore\n");
}

Result<void> OutputFolder::begin(const Catalogue& catalogue) {
    catalogue_ = catalogue;
    named_.clear();
    for (const SnapshotManifest& manifest : catalogue_.sets) {
        if (auto made = disk_.make_folder(path(folder_name(manifest))); !made) return made;
    }
    return disk_.sync_folder(folder_);
}

Result<std::optional<std::string>> OutputFolder::stored(const SnapshotManifest& manifest,
                                                        std::uint32_t part) {
    auto file = disk_.open(path(part_name(manifest, part)), Disk::Open::existing);
    if (!file && file.error().code == Errc::not_found) return std::optional<std::string>();
    if (!file) return file.error();
    if (part < manifest.files.size()) {
        const auto size = (*file)->size();
        if (!size) return size.error();
        if (*size != manifest.files[part].bytes) return std::optional<std::string>();
        return std::optional<std::string>(std::string());
    }
    auto frame = last_frame(**file, manifest.ranges[part - manifest.files.size()].entries);
    if (!frame) return frame.error();
    if (frame->empty()) return std::optional<std::string>();
    return std::optional<std::string>(std::move(*frame));
}

Result<void> OutputFolder::open_part(const SnapshotManifest& manifest, std::uint32_t part) {
    part_ = part_name(manifest, part);
    auto file = disk_.open(path(part_) + std::string(partial_suffix), Disk::Open::create);
    if (!file) return file.error();
    file_ = std::move(*file);
    bytes_ = 0;
    synced_ = 0;
    return file_->truncate(0);
}

Result<void> OutputFolder::put(std::string_view bytes) {
    if (auto wrote = file_->write_at(bytes_, {bytes}); !wrote) return wrote;
    bytes_ += bytes.size();
    if (bytes_ < synced_ + unsynced_bytes_max) return {};
    synced_ = bytes_;
    return file_->sync();
}

Result<void> OutputFolder::close_part() {
    if (auto synced = file_->sync(); !synced) return synced;
    file_.reset();
    named_.insert(part_);
    return disk_.rename(path(part_) + std::string(partial_suffix), path(part_));
}

Result<void> OutputFolder::finish() {
    for (const SnapshotManifest& manifest : catalogue_.sets) {
        if (auto synced = disk_.sync_folder(path(folder_name(manifest))); !synced) return synced;
    }
    if (auto put = put_file(disk_, folder_, catalogue_name, encode_catalogue(catalogue_)); !put) {
        return put;
    }
    return remove_others();
}

Result<void> OutputFolder::remove_others() {
    const auto folders = names_in(disk_, folder_);
    if (!folders) return folders.error();
    for (const std::string& folder : *folders) {
        if (!folder.starts_with("set-")) continue;
        const auto files = names_in(disk_, path(folder));
        if (!files) return files.error();
        for (const std::string& file : *files) {
            const std::string name = folder + "/" + file;
            if (named_.contains(name)) continue;
            if (auto removed = disk_.remove(path(name)); !removed) return removed;
        }
    }
    return {};
}

}  // namespace

Result<std::unique_ptr<BackupOutput>> open_output_folder(Disk& disk, const std::string& folder) {
    auto output = std::make_unique<OutputFolder>(disk, folder);
    if (auto opened = output->open(); !opened) return opened.error();
    return std::unique_ptr<BackupOutput>(std::move(output));
}

Result<std::string> read_file(Disk& disk, const std::string& path, std::size_t bytes_max) {
    auto file = disk.open(path, Disk::Open::existing);
    if (!file) return file.error();
    const auto size = (*file)->size();
    if (!size) return size.error();
    if (*size > bytes_max) return error(Errc::damaged, path + " is too long");
    std::string bytes(static_cast<std::size_t>(*size), '\0');
    if (auto read = (*file)->read_at(0, bytes.size(), bytes.data()); !read) return read.error();
    return bytes;
}

}  // namespace penstock::backup
