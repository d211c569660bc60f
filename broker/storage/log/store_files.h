// StoreFiles: the files of one store's folder: segments and the manifest that lists them. A file
// the manifest does not list holds nothing that was acknowledged. Owned by the store, broker thread
// only (open_segment also while reading).
#pragma once

#include "broker/base/disk.h"
#include "broker/storage/log/segment_format.h"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::storage {

inline constexpr std::string_view recovery_advice =
    "; nothing was changed: put the file back from a copy, or empty the folder and let this node "
    "fetch its sets from the others";

class StoreFiles {
  public:
    StoreFiles(Disk& disk, std::string folder) : disk_(disk), folder_(std::move(folder)) {}

    [[nodiscard]] Disk& disk() const { return disk_; }

    [[nodiscard]] const std::string& folder() const { return folder_; }

    [[nodiscard]] std::string path(SegmentName name) const;
    [[nodiscard]] std::string manifest_path() const;

    Result<void> make_folder() const;

    // Replaces the manifest; durable when it returns.
    Result<void> write_manifest(const Manifest& manifest) const;

    // Nothing: there is none. Error{damaged} when it cannot be read.
    [[nodiscard]] Result<std::optional<Manifest>> read_manifest() const;

    // A new file of `bytes` zeros but for `content` at its start; durable when it returns. After
    // Error{disk_full} nothing is left of it.
    Result<std::unique_ptr<File>> create_segment(
        SegmentName name, std::uint64_t bytes, const std::vector<std::string_view>& content) const;

    [[nodiscard]] Result<std::unique_ptr<File>> open_segment(SegmentName name) const;
    Result<void> remove_segment(SegmentName name) const;

    // Names of the segment files in the folder, ascending.
    [[nodiscard]] Result<std::vector<SegmentName>> list_segments() const;

  private:
    Disk& disk_;
    std::string folder_;
};

}  // namespace penstock::storage
