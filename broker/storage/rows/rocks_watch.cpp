#include "broker/storage/rows/rocks_options.h"
#include "broker/storage/rows/rocks_rows.h"

#include <rocksdb/db.h>
#include <rocksdb/listener.h>

#include <utility>

namespace penstock::storage {

namespace {

constexpr const char* what_to_do =
    "Keep the data folder as it is; restore the whole of it from a copy, or give this node an "
    "empty one.";

Errc code_of(const rocksdb::Status& status) {
    if (status.IsNoSpace()) return Errc::disk_full;
    // A file the manifest names and nobody finds is damage, not an absent row.
    if (status.IsCorruption() || status.IsNotFound() || status.IsPathNotFound() ||
        status.IsInvalidArgument()) {
        return Errc::damaged;
    }
    return Errc::io;
}

// Told by RocksDB's background threads, never while they hold a lock of the database.
class RocksWatch final : public rocksdb::EventListener {
  public:
    explicit RocksWatch(std::shared_ptr<RocksState> state) : state_(std::move(state)) {}

    void OnFlushCompleted(rocksdb::DB* database, const rocksdb::FlushJobInfo&) override {
        state_->refresh_flushed(*database);
        state_->refresh_pressure(*database);
    }

    void OnCompactionCompleted(rocksdb::DB* database, const rocksdb::CompactionJobInfo&) override {
        state_->refresh_pressure(*database);
    }

    void OnStallConditionsChanged(const rocksdb::WriteStallInfo& info) override {
        state_->stalling = info.condition.cur != rocksdb::WriteStallCondition::kNormal;
    }

    void OnBackgroundError(rocksdb::BackgroundErrorReason, rocksdb::Status* status) override {
        state_->fail(rocks_error("flush or compact", state_->folder(), *status));
    }

    // The first error is final. max_bgerror_resume_count does not hold for a full disk: the file
    // manager that RocksDB makes for itself would try to go on from a thread of its own, again and
    // again, while this process ends; assertions of RocksDB stand in that path.
    void OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason,
                              rocksdb::Status,
                              bool* auto_recovery) override {
        *auto_recovery = false;
    }

  private:
    std::shared_ptr<RocksState> state_;
};

}  // namespace

Error rocks_error(const std::string& doing,
                  const std::string& folder,
                  const rocksdb::Status& status) {
    const Errc code = code_of(status);
    std::string detail = "cannot " + doing + " the rows in " + folder + ": " + status.ToString();
    if (code == Errc::damaged) detail.append(". ").append(what_to_do);
    return error(code, std::move(detail));
}

void RocksState::fail(const Error& first) {
    if (claimed_.exchange(true)) return;
    first_error_ = first;
    failed_.store(true, std::memory_order_release);
}

Result<void> RocksState::health() const {
    if (failed_.load(std::memory_order_acquire)) return first_error_;
    return {};
}

void RocksState::refresh_pressure(rocksdb::DB& database) {
    std::string files;
    std::uint64_t waiting = 0;
    database.GetProperty(rocksdb::DB::Properties::kNumFilesAtLevelPrefix + "0", &files);
    database.GetIntProperty(rocksdb::DB::Properties::kEstimatePendingCompactionBytes, &waiting);
    compaction_late =
        std::atoi(files.c_str()) >= level0_files_pressure || waiting >= compaction_bytes_pressure;
}

std::shared_ptr<rocksdb::EventListener> make_rocks_watch(std::shared_ptr<RocksState> state) {
    return std::make_shared<RocksWatch>(std::move(state));
}

}  // namespace penstock::storage
