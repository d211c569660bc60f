#include "broker/storage/rows/handover.h"

#include "broker/base/check.h"
#include "broker/base/thread_name.h"
#include "broker/storage/rows/rocks_options.h"

#include <rocksdb/db.h>
#include <rocksdb/options.h>
#include <rocksdb/write_batch.h>

#include <semaphore>
#include <string_view>
#include <system_error>
#include <utility>

namespace penstock::storage {

namespace {

// A row that came and went while it was fresh is in no file, mostly. What a look at the filters
// that are in memory does not rule out is erased.
bool is_below(rocksdb::DB& database, std::string_view key) {
    rocksdb::ReadOptions read = rocks_read_options();
    read.read_tier = rocksdb::kBlockCacheTier;
    rocksdb::PinnableSlice value;
    const auto found = database.Get(
        read, database.DefaultColumnFamily(), rocksdb::Slice(key.data(), key.size()), &value);
    return !found.IsNotFound();
}

rocksdb::Status add(const FreshRows& rows, rocksdb::DB& database, rocksdb::WriteBatch& writes) {
    rocksdb::Status added;
    for (const auto& [first, end] : rows.erased_ranges().all()) {
        added = writes.DeleteRange(first, end);
        if (!added.ok()) return added;
    }
    for (const auto& [key, row] : rows.rows()) {
        if (!row.erased) {
            added = writes.Put(key, row.value);
        } else if (!row.was_put || is_below(database, key)) {
            added = writes.Delete(key);
        }
        if (!added.ok()) return added;
    }
    return added;
}

rocksdb::Status write(const FreshRows& rows, rocksdb::DB& database) {
    rocksdb::WriteBatch writes;
    const rocksdb::Status added = add(rows, database, writes);
    return added.ok() ? database.Write(rocks_write_options(), &writes) : added;
}

rocksdb::Status flush(rocksdb::DB& database) {
    rocksdb::FlushOptions options;
    options.wait = true;
    options.allow_write_stall = true;  // nobody writes meanwhile
    return database.Flush(options);
}

}  // namespace

Handover::Handover(rocksdb::DB& database, std::shared_ptr<RocksState> state)
    : database_(database), state_(std::move(state)) {}

Handover::~Handover() {
    if (job_) job_->unread.count_down();
    if (thread_.joinable()) thread_.join();
}

void Handover::start(std::unique_ptr<const FreshRows> rows) {
    check(!job_, "rows are handed over one after the other");
    if (thread_.joinable()) thread_.join();
    job_ = std::make_shared<Job>();
    job_->rows = std::move(rows);
    try {
        thread_ = std::thread([this, job = job_] {
            name_thread("penstock-rows");
            run(*job);
            // To free many rows takes milliseconds, which are not the reader's.
            job->unread.wait();
            job->rows.reset();
        });
    } catch (const std::system_error&) {
        run(*job_);  // no further thread is to be had: then in this one
    }
}

void Handover::run(Job& job) const {
    static std::binary_semaphore turn{1};
    turn.acquire();
    write_and_flush(*job.rows);
    turn.release();
    job.ended.count_down();
}

void Handover::write_and_flush(const FreshRows& rows) const {
    rocksdb::Status done = write(rows, database_);
    const char* doing = done.ok() ? "flush" : "write to";
    if (done.ok()) done = flush(database_);
    if (!done.ok()) return state_->fail(rocks_error(doing, state_->folder(), done));
    // Whoever waits may wake before RocksDB's listener was told.
    state_->refresh_flushed(database_);
}

void Handover::wait() const {
    if (job_) job_->ended.wait();
}

bool Handover::look() {
    // What could not be handed over is nowhere else.
    if (!job_ || under_way() || !state_->health()) return false;
    job_->unread.count_down();
    job_.reset();
    return true;
}

}  // namespace penstock::storage
