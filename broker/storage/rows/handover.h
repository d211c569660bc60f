// Handover: gives sealed rows to RocksDB and has them on the disk, in a thread of its own; of all
// stores in a process one at a time does, so that they do not take every processor at once. Rows,
// what is erased and the applied index go in one batch: whatever RocksDB puts into a file has all
// of them or none. Owned by one store, used by its thread; the database outlives it.
#pragma once

#include "broker/storage/rows/fresh_rows.h"
#include "broker/storage/rows/rocks_rows.h"

#include <latch>
#include <memory>
#include <thread>

namespace penstock::storage {

class Handover {
  public:
    Handover(rocksdb::DB& database, std::shared_ptr<RocksState> state);
    // Waits for what is under way.
    ~Handover();

    Handover(const Handover&) = delete;
    Handover& operator=(const Handover&) = delete;

    // The one before has ended. What goes wrong is told to RocksState::fail().
    void start(std::unique_ptr<const FreshRows> rows);

    // Rows that may not be in RocksDB yet, to be read before what is there; null: there are none.
    // Until the next call of another function.
    [[nodiscard]] const FreshRows* rows() const { return job_ ? job_->rows.get() : nullptr; }

    [[nodiscard]] bool under_way() const { return job_ && !job_->ended.try_wait(); }

    void wait() const;

    // Lets go of rows that RocksDB has on the disk; true: it did.
    bool look();

  private:
    struct Job {
        std::unique_ptr<const FreshRows> rows;
        std::latch ended{1};
        std::latch unread{1};  // nobody will read `rows`
    };

    void run(Job& job) const;
    void write_and_flush(const FreshRows& rows) const;

    rocksdb::DB& database_;
    std::shared_ptr<RocksState> state_;
    std::shared_ptr<Job> job_;
    std::thread thread_;
};

}  // namespace penstock::storage
