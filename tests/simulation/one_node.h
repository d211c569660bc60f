// OneNode: one node under one seed, with clients, a sink and crashes at random points: in the
// middle of a turn, between turns, with and without what was written but not synced. Owned by one
// test, one thread; what goes wrong is a complaint, and the node is not used any more after it.
#pragma once

#include "tests/simulation/audit.h"
#include "tests/simulation/workload.h"
#include "tests/support/memory_disk.h"

#include <cstdint>
#include <map>
#include <memory>
#include <string>

namespace penstock::simulation {

class OneNode {
  public:
    explicit OneNode(std::uint64_t seed);
    ~OneNode();
    OneNode(const OneNode&) = delete;
    OneNode& operator=(const OneNode&) = delete;

    void run(int acts);

    // What is left at the end, after one more crash.
    Referee::Complaints complaints();

    // After a crash a byte of the log turns, of one write that had been synced and was not the
    // last: the node refuses to start, or has everything.
    Referee::Complaints complaints_after_damage();

    // Equal for equal seeds.
    [[nodiscard]] std::uint64_t digest() const {
        return workload_.trace() ^ machine_->state_hash();
    }

    [[nodiscard]] std::uint64_t crashes() const { return crashes_; }

    [[nodiscard]] std::uint64_t answers() const { return workload_.answers(); }

    [[nodiscard]] const std::map<std::string, std::uint64_t>& met() const {
        return workload_.met();
    }

    [[nodiscard]] std::uint64_t acknowledged() const { return referee_.acknowledged(); }

  private:
    void start();
    void step();
    void crash();
    void break_disk();

    void come_to_rest();

    SeededRandom random_;
    bool flushes_ = true;
    testing::ManualClock clock_;
    testing::MemoryDisk disk_;
    RowImages rows_;
    Referee referee_;
    std::unique_ptr<Machine> machine_;
    Workload workload_{referee_, random_, clock_};
    Referee::Complaints problems_;
    std::uint64_t crashes_ = 0;
};

}  // namespace penstock::simulation
