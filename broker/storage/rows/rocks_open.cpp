#include "broker/base/disk.h"
#include "broker/storage/rows/rocks_options.h"
#include "broker/storage/rows/rocks_rows.h"

#include <rocksdb/db.h>
#include <rocksdb/listener.h>
#include <rocksdb/metadata.h>
#include <rocksdb/options.h>
#include <rocksdb/sst_file_reader.h>

#include <algorithm>
#include <filesystem>
#include <system_error>

namespace penstock::storage {

namespace {

namespace fs = std::filesystem;

Error file_error(const std::string& doing, const fs::path& path, const std::error_code& why) {
    const bool full = why == std::errc::no_space_on_device;
    return error(full ? Errc::disk_full : Errc::io,
                 "cannot " + doing + " " + path.string() + ": " + why.message());
}

// RocksDB writes a manifest and a list of options when it opens. Without room for them it ends the
// process by an assertion of its own (WritableFileWriter, 7.8) instead of giving an error.
constexpr std::uint64_t open_free_bytes_min = 1ULL << 20;

Result<void> check_space(const fs::path& folder) {
    const auto space = PosixDisk().space(folder.parent_path().string());
    if (!space) return space.error();
    if (space->free_bytes >= open_free_bytes_min) return {};
    return error(Errc::disk_full,
                 "cannot open " + folder.string() + ": only " + std::to_string(space->free_bytes) +
                     " bytes are free on its disk, " + std::to_string(open_free_bytes_min) +
                     " are needed. Make room and start again");
}

// A new database is made aside and renamed into place: a folder that has files but no CURRENT has
// lost it, whatever moment the process died in.
Result<void> create(const fs::path& folder, const RowStoreOptions& options) {
    fs::path aside = folder;
    aside += ".new";
    std::error_code failed;
    fs::remove_all(aside, failed);
    if (!failed) fs::create_directories(aside, failed);
    if (failed) return file_error("create", aside, failed);
    rocksdb::Options rocks = rocks_options(options, nullptr);
    rocks.create_if_missing = true;
    rocks.error_if_exists = true;
    rocksdb::DB* database = nullptr;
    rocksdb::Status status = rocksdb::DB::Open(rocks, aside.string(), &database);
    const std::unique_ptr<rocksdb::DB> owner(database);
    if (status.ok()) status = database->Close();
    if (!status.ok()) return rocks_error("create", aside.string(), status);
    fs::rename(aside, folder, failed);
    if (failed) return file_error("rename", aside, failed);
    return PosixDisk().sync_folder(folder.parent_path().string());
}

Result<void> create_if_new(const fs::path& folder, const RowStoreOptions& options) {
    std::error_code failed;
    const bool there = fs::exists(folder, failed);
    if (failed) return file_error("look at", folder, failed);
    const bool empty = there && fs::is_empty(folder, failed);
    if (failed) return file_error("list", folder, failed);
    if (!there || empty) return create(folder, options);
    if (!fs::exists(folder / "CURRENT", failed)) {
        return rocks_error(
            "open",
            folder.string(),
            rocksdb::Status::Corruption("the file CURRENT is missing but others are there"));
    }
    return {};
}

Result<void> verify_files(const std::vector<rocksdb::LiveFileMetaData>& newest_first,
                          const rocksdb::Options& rocks,
                          const std::string& folder,
                          std::uint64_t budget) {
    for (const rocksdb::LiveFileMetaData& file : newest_first) {
        if (file.size > budget) return {};
        budget -= file.size;
        rocksdb::SstFileReader reader(rocks);
        rocksdb::Status status = reader.Open(file.db_path + file.name);
        if (status.ok()) status = reader.VerifyChecksum();
        if (!status.ok()) {
            return rocks_error("verify " + file.name.substr(1) + " of", folder, status);
        }
    }
    return {};
}

// Reads the newest files back, up to `budget` bytes: what the last run wrote is checked before it
// is built on; older blocks are checked as they are read. Compactions run already: what they make
// superfluous must stay until it is read.
Result<void> verify_newest(rocksdb::DB& database,
                           const rocksdb::Options& rocks,
                           const std::string& folder,
                           std::uint64_t budget) {
    rocksdb::Status kept = database.DisableFileDeletions();
    if (!kept.ok()) return rocks_error("verify", folder, kept);
    std::vector<rocksdb::LiveFileMetaData> files;
    database.GetLiveFilesMetaData(&files);
    std::sort(files.begin(), files.end(), [](const auto& left, const auto& right) {
        return left.file_number > right.file_number;
    });
    auto verified = verify_files(files, rocks, folder, budget);
    kept = database.EnableFileDeletions(false);
    if (verified && !kept.ok()) return rocks_error("verify", folder, kept);
    return verified;
}

// RocksDB blames its manifest for what is wrong with a table file, and looks for a lost one under
// an old name: say which file it is.
Error open_error(const rocksdb::Options& rocks,
                 const fs::path& folder,
                 const rocksdb::Status& status) {
    Error failed = rocks_error("open", folder.string(), status);
    if (failed.code != Errc::damaged) return failed;
    if (const auto at = failed.detail.find(".ldb:"); at != std::string::npos) {
        failed.detail.replace(at, 4, ".sst");
    }
    std::error_code unreadable;
    for (fs::directory_iterator at(folder, unreadable), end; !unreadable && at != end;
         at.increment(unreadable)) {
        if (at->path().extension() != ".sst") continue;
        rocksdb::SstFileReader reader(rocks);
        const rocksdb::Status opened = reader.Open(at->path().string());
        if (!opened.ok()) {
            failed.detail += " Damaged file: " + at->path().string() + ": " + opened.ToString();
        }
    }
    return failed;
}

}  // namespace

Result<std::unique_ptr<RowStore>> open_rocks_rows(const std::string& folder,
                                                  const RowStoreOptions& options) {
    fs::path path = fs::absolute(folder).lexically_normal();
    if (!path.has_filename()) path = path.parent_path();
    std::error_code failed;
    fs::create_directories(path.parent_path(), failed);
    if (failed) return file_error("create", path.parent_path(), failed);
    if (auto enough = check_space(path); !enough) return enough.error();
    if (auto created = create_if_new(path, options); !created) return created.error();
    auto state = std::make_shared<RocksState>(path.string());
    const rocksdb::Options rocks = rocks_options(options, make_rocks_watch(state));
    const rocksdb::Options unwatched = rocks_options(options, nullptr);
    rocksdb::DB* opened = nullptr;
    const rocksdb::Status status = rocksdb::DB::Open(rocks, path.string(), &opened);
    std::unique_ptr<rocksdb::DB> database(opened);
    if (!status.ok()) return open_error(unwatched, path, status);
    auto verified = verify_newest(*database, unwatched, path.string(), options.verify_bytes);
    if (!verified) return verified.error();
    return make_rocks_rows(std::move(database), std::move(state), options.memtable_bytes);
}

}  // namespace penstock::storage
