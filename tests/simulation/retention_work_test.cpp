// What a queue's retention costs where receivers hold many messages beyond it: no more than where
// they hold few.
#include "broker/core/state_machine.h"
#include "tests/simulation/counting_rows.h"

#include <gtest/gtest.h>

#include <memory>
#include <utility>
#include <variant>
#include <vector>

namespace penstock::simulation {
namespace {

constexpr model::QueueNo orders{1};
constexpr std::uint32_t batch = 16;
constexpr std::uint32_t retention_s = 60;

// One data set with one queue whose leases last an hour.
class Held {
  public:
    Held() {
        apply(model::InitSet{});
        model::CreateQueue create;
        create.queue = orders;
        create.name = "orders";
        create.attributes.retention_s = retention_s;
        create.attributes.visibility_s = 3'600;
        apply(create);
    }

    // What applying an entry of one command costs.
    Work apply(model::Command command, std::uint32_t bodies = 0) {
        model::Entry entry;
        entry.set = model::first_data_set;
        entry.term = 1;
        entry.index = ++index_;
        entry.time_ms = time_ms_;
        entry.commands.push_back(std::move(command));
        entry.bodies.resize(bodies);
        for (model::BodyInfo& body : entry.bodies) body.payload_bytes = 1;
        rows_.take();
        effects_ = machine_->apply(entry, rows_);
        EXPECT_TRUE(rows_.apply(effects_.batch, index_));
        return rows_.take();
    }

    void send(std::uint32_t count) {
        model::Send send;
        send.queue = orders;
        send.count = count;
        apply(send, count);
    }

    std::vector<model::LeasedMessage> lease(std::uint32_t count) {
        model::Lease lease;
        lease.queue = orders;
        lease.messages_max = count;
        apply(lease);
        return std::get<model::Leased>(effects_.replies.at(0)).messages;
    }

    // A message that was received and is to be received again.
    void give_back(const model::LeasedMessage& message) {
        apply(model::ChangeVisibility{orders, message.receipt, 0});
    }

    // So much later; the most that a Tick cost until nothing was due.
    Work pass_s(model::TimeMs pause_s) {
        time_ms_ += 1'000 * pause_s;
        Work most;
        do {
            most.raise_to(apply(model::Tick{}));
        } while (effects_.wake_ms && *effects_.wake_ms <= time_ms_);
        return most;
    }

  private:
    CountingRows rows_;
    std::unique_ptr<core::StateMachine> machine_ = core::make_data_set();
    model::Effects effects_;
    model::LogIndex index_ = 0;
    model::TimeMs time_ms_ = 1'000'000;
};

// The oldest message and a young one wait to be received again; between them all is held. The
// oldest is gone with its age, and later the young one is.
Work work_of_a_late_expiry(std::uint32_t held_batches) {
    Held set;
    set.send(batch);
    for (std::uint32_t at = 0; at < held_batches; ++at) set.send(batch);
    std::vector<model::LeasedMessage> first = set.lease(batch);
    for (std::uint32_t at = 0; at < held_batches; ++at) {
        EXPECT_EQ(set.lease(batch).size(), batch);
    }
    set.give_back(first.front());
    set.pass_s(retention_s / 2);
    set.send(2);
    // The one given back comes first.
    std::vector<model::LeasedMessage> young = set.lease(3);
    EXPECT_EQ(young.size(), 3U);
    set.give_back(young.front());
    set.give_back(young.back());
    set.pass_s(retention_s / 2 + 2);
    set.pass_s(1);  // what is gone is reclaimed
    return set.pass_s(retention_s);
}

TEST(RetentionWork, DoesNotGrowWithWhatIsHeldBeyondIt) {
    const Work few = work_of_a_late_expiry(1);
    const Work many = work_of_a_late_expiry(100);
    EXPECT_LE(many.reads, few.reads + 10);
    EXPECT_LE(many.writes, few.writes + 10);
}

}  // namespace
}  // namespace penstock::simulation
