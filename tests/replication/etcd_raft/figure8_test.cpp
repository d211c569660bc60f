// Figure 8 of the Raft paper (Ongaro and Ousterhout, 2014): an entry of an older term is on a
// majority and must still not count as committed until one of the leader's own term is.
#include "tests/replication/etcd_raft/hand_played.h"

#include <gtest/gtest.h>

namespace penstock::replication::testing {
namespace {

class Figure8 : public ::testing::Test {
  protected:
    // Drops the entries at or above `index`. An append to a follower that lacks what comes before
    // is let through: it is refused, and the leader goes back.
    void hold_entries_from(LogIndex index) {
        set_.withheld = [this, index](const Packet& packet) {
            const Message& message = packet.message;
            return !packet.entries.empty() && packet.entries.back().index >= index &&
                   set_.engine(message.to.value).last() >= message.index;
        };
    }

    // a) "old" is on node 1 only; b) node 3 led a later term, "new" is on node 3 only.
    void play_until_c() {
        ASSERT_TRUE(set_.elect(1));
        set_.isolate(1);
        set_.propose(1, "old");
        set_.tick(1, 25);
        hold_entries_from(3);
        ASSERT_TRUE(set_.elect(3));
        set_.isolate(3);
        set_.withheld = nullptr;
        set_.propose(3, "new");
        set_.tick(3, 25);
        EXPECT_EQ(set_.log_of(1), "-@2 old@2");
        EXPECT_EQ(set_.log_of(2), "-@2");
        EXPECT_EQ(set_.log_of(3), "-@2 -@3 new@3");
        set_.cut(1, 2, false);
    }

    LogIndex applied(std::uint64_t id) { return set_.node(id).rows().applied.index; }

    HandPlayed set_{3};
};

TEST_F(Figure8, AnOldEntryOnAMajorityIsNotCommitted) {
    play_until_c();
    hold_entries_from(4);
    ASSERT_TRUE(set_.elect(1));
    set_.tick(1, 2);
    EXPECT_EQ(set_.log_of(1), "-@2 old@2 -@4");
    EXPECT_EQ(set_.log_of(2), "-@2 old@2");
    EXPECT_EQ(applied(1), 2U);
    EXPECT_EQ(applied(2), 2U);

    // d) node 3 wins and replaces it: nobody had applied it.
    set_.withheld = nullptr;
    set_.isolate(1);
    set_.tick(1, 25);
    set_.cut(2, 3, false);
    ASSERT_TRUE(set_.elect(3));
    set_.tick(3, 3);
    EXPECT_EQ(set_.log_of(2), "-@2 -@3 new@3 -@5");
    EXPECT_EQ(applied(2), 5U);
}

TEST_F(Figure8, WithAnEntryOfTheNewTermOnAMajorityTheOldOneStays) {
    play_until_c();
    ASSERT_TRUE(set_.elect(1));
    set_.tick(1, 2);
    EXPECT_EQ(set_.log_of(2), "-@2 old@2 -@4");
    EXPECT_EQ(applied(2), 4U);

    // e) node 3 cannot win any more.
    set_.isolate(1);
    set_.tick(1, 25);
    set_.cut(2, 3, false);
    EXPECT_FALSE(set_.elect(3));
    ASSERT_TRUE(set_.elect(2));
    set_.tick(2, 3);
    EXPECT_EQ(set_.log_of(3), "-@2 old@2 -@4 -@5");
    EXPECT_EQ(applied(3), 5U);
}

}  // namespace
}  // namespace penstock::replication::testing
