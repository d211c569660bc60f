// What a turn of the log costs on a real folder: append and sync of 1 KiB messages, and reading
// them back. LOG_STORE_BENCH_FOLDER names the folder (default: a temporary one).
#include "broker/base/check.h"
#include "broker/storage/log/log_store.h"
#include "tests/support/temp_folder.h"

#include <benchmark/benchmark.h>

#include <cstdlib>

namespace penstock::storage {

namespace {

constexpr std::size_t body_bytes = 1024;
constexpr SetId data{1};

struct BenchStore {
    BenchStore() {
        const char* chosen = std::getenv("LOG_STORE_BENCH_FOLDER");
        const std::string folder = chosen != nullptr ? chosen : temporary.file("log");
        auto opened = LogStore::open(disk, folder, {}, [](SetId) { return LogIndex{0}; });
        check(opened.has_value(), "the store does not open");
        store = std::move(*opened);
    }

    void append(std::size_t entries, std::size_t bodies) {
        for (std::size_t at = 0; at < entries; ++at) {
            EntryRecord record;
            record.set = data;
            record.term = 1;
            record.index = store->range(data).last + 1;
            record.commands = std::string(64, 'c');
            record.bodies.assign(bodies, body);
            store->append(std::move(record));
        }
        check(store->sync().has_value(), "the sync failed");
    }

    penstock::testing::TempFolder temporary;
    PosixDisk disk;
    std::unique_ptr<LogStore> store;
    std::string body = std::string(body_bytes, 'b');
};

// One entry of so many messages a turn, or so many entries of one message.
void append_and_sync(benchmark::State& state) {
    BenchStore bench;
    const auto entries = static_cast<std::size_t>(state.range(0));
    const auto bodies = static_cast<std::size_t>(state.range(1));
    for (auto _ : state) bench.append(entries, bodies);
    state.SetItemsProcessed(state.iterations() * state.range(0) * state.range(1));
}

void read_bodies(benchmark::State& state) {
    BenchStore bench;
    constexpr LogIndex entries = 4'000;
    for (LogIndex index = 0; index < entries; index += 20) bench.append(20, 64);
    LogIndex index = 0;
    const bool newest = state.range(0) != 0;
    for (auto _ : state) {
        index = index % 500 + 1;
        const LogIndex wanted = newest ? entries - 500 + index : index;
        const auto source = bench.store->find(MessageId(data, wanted, 7));
        const auto got = source->read(BodySource::Wait::yes);
        check(got.has_value(), "a body cannot be read");
        benchmark::DoNotOptimize(got->bytes.data());
    }
    state.SetItemsProcessed(state.iterations());
}

// Messages in entries of their own, which a sealed segment must be searched for.
void read_single_bodies(benchmark::State& state) {
    BenchStore bench;
    for (int turn = 0; turn < 75; ++turn) bench.append(2'048, 1);
    LogIndex index = 0;
    for (auto _ : state) {
        index = index % 10'000 + 1;
        const auto got = bench.store->find(MessageId(data, index, 0))->read(BodySource::Wait::yes);
        check(got.has_value(), "a body cannot be read");
        benchmark::DoNotOptimize(got->bytes.data());
    }
    state.SetItemsProcessed(state.iterations());
}

BENCHMARK(append_and_sync)
    ->Args({1, 64})
    ->Args({1, 256})
    ->Args({64, 1})
    ->Args({256, 1})
    ->UseRealTime();
BENCHMARK(read_bodies)->Arg(0)->Arg(1);
BENCHMARK(read_single_bodies);

}  // namespace

}  // namespace penstock::storage

BENCHMARK_MAIN();
