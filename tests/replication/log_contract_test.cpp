// LocalLog under the contract of every Log.
#include "tests/replication/log_contract.h"

#include "broker/replication/local_log.h"
#include "tests/replication/fake_log_store.h"
#include "tests/support/memory_disk.h"

namespace penstock::replication {
namespace {

// On the real segments, over a disk whose crashes forget what was not synced.
class SegmentPlace final : public Place {
  public:
    std::unique_ptr<Log> open(TimeMs last_time_ms, LogIndex) override {
        storage::LogStoreOptions options;
        options.segment_bytes = 1 << 20;
        options.reserve_segments = 0;
        const auto nothing_applied = [](SetId) -> LogIndex {
            return 0;
        };
        auto opened = storage::LogStore::open(disk_, "log", options, nothing_applied);
        EXPECT_TRUE(opened) << opened.error().detail;
        store_ = std::move(*opened);
        return std::make_unique<LocalLog>(contract_set, *store_, last_time_ms);
    }

    Result<void> sync() override { return store_->sync(); }

    void crash() override {
        store_.reset();
        disk_.crash(++crashes_);
    }

  private:
    penstock::testing::MemoryDisk disk_;
    std::unique_ptr<storage::LogStore> store_;
    std::uint64_t crashes_ = 0;
};

class LocalPlace final : public Place {
  public:
    std::unique_ptr<Log> open(TimeMs last_time_ms, LogIndex) override {
        return std::make_unique<LocalLog>(contract_set, store_, last_time_ms);
    }

    Result<void> sync() override { return store_.sync(); }

    void crash() override { store_.forget_unsynced(); }

  private:
    testing::FakeLogStore store_;
};

template <class P>
std::unique_ptr<Place> make() {
    return std::make_unique<P>();
}

INSTANTIATE_TEST_SUITE_P(Replication,
                         LogContract,
                         ::testing::Values(Kind{"local", make<LocalPlace>},
                                           Kind{"local_on_segments", make<SegmentPlace>}),
                         [](const auto& tested) { return tested.param.name; });

}  // namespace
}  // namespace penstock::replication
