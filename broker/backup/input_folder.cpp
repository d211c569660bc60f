#include "broker/backup/input.h"
#include "broker/backup/output.h"

#include <algorithm>
#include <utility>

namespace penstock::backup {

namespace {

class InputFolder final : public BackupInput {
  public:
    InputFolder(Disk& disk, std::string folder, Catalogue catalogue)
        : disk_(disk), folder_(std::move(folder)), catalogue_(std::move(catalogue)) {}

    [[nodiscard]] const Catalogue& catalogue() const override { return catalogue_; }

    Result<void> open_part(std::size_t set_at, std::uint32_t part) override {
        auto file = disk_.open(name_of(set_at, part), Disk::Open::existing);
        if (!file) return file.error();
        const auto size = (*file)->size();
        if (!size) return size.error();
        file_ = std::move(*file);
        bytes_ = *size;
        read_ = 0;
        return {};
    }

    Result<std::string> next() override {
        std::string piece(std::min<std::uint64_t>(replication::chunk_bytes_max, bytes_ - read_),
                          '\0');
        if (auto read = file_->read_at(read_, piece.size(), piece.data()); !read) {
            return read.error();
        }
        read_ += piece.size();
        return piece;
    }

    [[nodiscard]] std::string name_of(std::size_t set_at, std::uint32_t part) const override {
        return folder_ + "/" + part_name(catalogue_.sets[set_at], part);
    }

    Result<void> finish() override { return {}; }

  private:
    Disk& disk_;
    std::string folder_;
    Catalogue catalogue_;
    std::unique_ptr<File> file_;
    std::uint64_t bytes_ = 0;
    std::uint64_t read_ = 0;
};

}  // namespace

Result<std::unique_ptr<BackupInput>> open_input_folder(Disk& disk, const std::string& folder) {
    const std::string path = folder + "/" + catalogue_name;
    const auto bytes = read_file(disk, path, catalogue_bytes_max);
    if (!bytes && bytes.error().code == Errc::not_found) {
        return error(Errc::invalid,
                     folder + " holds no backup that was finished: there is no " + path);
    }
    if (!bytes) return bytes.error();
    auto catalogue = decode_catalogue(*bytes);
    if (!catalogue) return error(Errc::damaged, path + " is damaged");
    return std::unique_ptr<BackupInput>(
        std::make_unique<InputFolder>(disk, folder, std::move(*catalogue)));
}

}  // namespace penstock::backup
