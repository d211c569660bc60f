// RaftLog under the contract of every Log: as a sole voter, and as the leader of three.
#include "broker/replication/raft_log.h"
#include "tests/replication/etcd_raft/engine_under_test.h"
#include "tests/replication/log_contract.h"
#include "tests/support/memory_disk.h"

#include <algorithm>
#include <deque>

namespace penstock::replication {
namespace {

struct Frame {
    NodeId from;
    NodeId to;
    std::string bytes;
};

// One member: its disk, store and log; the first one's log is the tested one.
struct Member final : RaftSender {
    Member(NodeId node, std::deque<Frame>& all_frames) : id(node), frames(all_frames) {}

    void send(NodeId to, SetId, std::string frame) override {
        frames.push_back({id, to, std::move(frame)});
    }

    std::unique_ptr<RaftLog> open(const RaftStart& start, Random& random) {
        storage::LogStoreOptions options;
        options.segment_bytes = 1 << 20;
        options.reserve_segments = 0;
        auto opened = storage::LogStore::open(
            disk, "log", options, [&start](SetId) { return start.applied; });
        EXPECT_TRUE(opened) << opened.error().detail;
        store = std::move(*opened);
        RaftOptions raft;
        raft.engine.log_level = LogLevel::error;
        auto made = RaftLog::open(
            {testing::library(), *store, *this, random}, contract_set, id, start, raft);
        EXPECT_TRUE(made) << made.error().detail;
        return std::move(*made);
    }

    NodeId id;
    std::deque<Frame>& frames;
    penstock::testing::MemoryDisk disk;
    std::unique_ptr<storage::LogStore> store;
    std::unique_ptr<RaftLog> own;  // not of the first member
    RaftLog* log = nullptr;
};

template <std::uint64_t count>
class RaftPlace final : public Place {
  public:
    RaftPlace() {
        for (std::uint64_t id = 1; id <= count; ++id) {
            founders_.emplace_back(id);
            members_.push_back(std::make_unique<Member>(NodeId{id}, frames_));
        }
    }

    // All of them begin again: nobody remembers a leader, and only the first one's clock runs.
    std::unique_ptr<Log> open(TimeMs last_time_ms, LogIndex applied) override {
        RaftStart start;
        start.origin = RaftOrigin::founders;
        start.founders = founders_;
        frames_.clear();
        for (const auto& member : members_) {
            if (member->id == NodeId{1}) continue;
            member->own = member->open(start, random_);
            member->log = member->own.get();
        }
        start.applied = applied;
        start.time_ms = last_time_ms;
        auto log = members_[0]->open(start, random_);
        members_[0]->log = log.get();
        return log;
    }

    Result<void> sync() override { return members_[0]->store->sync(); }

    void crash() override {
        for (const auto& member : members_) {
            member->own.reset();
            member->store.reset();
            member->disk.crash(++crashes_);
        }
    }

    bool others() override {
        RaftLog& tested = *members_[0]->log;
        bool more = !tested.leadership().leading;
        if (more && frames_.empty()) tested.tick();
        for (std::deque<Frame> frames = std::exchange(frames_, {}); const Frame& frame : frames) {
            members_[frame.to.value - 1]->log->receive(frame.from, frame.bytes);
            more = true;
        }
        for (const auto& member : members_) {
            if (member->id != NodeId{1}) play(*member);
        }
        return more || !frames_.empty();
    }

  private:
    static void play(Member& member) {
        while (member.log->busy()) {
            member.log->cycle();
            ASSERT_TRUE(member.store->sync());
            member.log->take_committed();
        }
    }

    SeededRandom random_{5};
    std::vector<NodeId> founders_;
    std::deque<Frame> frames_;
    std::vector<std::unique_ptr<Member>> members_;
    std::uint64_t crashes_ = 0;
};

template <std::uint64_t count>
std::unique_ptr<Place> make() {
    return std::make_unique<RaftPlace<count>>();
}

INSTANTIATE_TEST_SUITE_P(Replication,
                         LogContract,
                         ::testing::Values(Kind{"raft_alone", make<1>},
                                           Kind{"raft_of_three", make<3>}),
                         [](const auto& tested) { return tested.param.name; });

}  // namespace
}  // namespace penstock::replication
