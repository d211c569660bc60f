// R12: what is refused before the core sees it. A well-formed message of every kind, and each way
// to spoil one.
#include "broker/replication/etcd_raft/engine.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace penstock::replication {
namespace {

constexpr NodeId us{1};
constexpr NodeId peer{2};
const std::string token(24, 't');

class MessageCheck : public ::testing::Test {
  protected:
    MessageCheck() {
        entries_ = {{3, 11, EntryKind::normal, 4, "four"},
                    {3, 12, EntryKind::normal, 0, nullptr},
                    {5, 13, EntryKind::membership, 2, "\x08\x01"}};
        append_ = message(MessageType::append);
        append_.index = 10;
        append_.log_term = 2;
        append_.commit = 9;
        append_.entries = entries_;
        snapshot_.point = {4, 20};
        snapshot_.members.voters = {us, peer};
    }

    static Message message(MessageType type) {
        Message made;
        made.type = type;
        made.to = us;
        made.from = peer;
        made.term = 5;
        return made;
    }

    std::string complaint(const Message& message) {
        return std::string(message_complaint(message, us, options_));
    }

    EngineOptions options_;
    std::vector<RaftEntry> entries_;
    Message append_;
    SnapshotPoint snapshot_;
};

TEST_F(MessageCheck, R12HonestMessagesPass) {
    EXPECT_EQ(complaint(append_), "");
    for (const auto type : {MessageType::append_answer,
                            MessageType::vote,
                            MessageType::vote_answer,
                            MessageType::heartbeat,
                            MessageType::heartbeat_answer,
                            MessageType::timeout_now,
                            MessageType::pre_vote,
                            MessageType::pre_vote_answer})
        EXPECT_EQ(complaint(message(type)), "") << static_cast<int>(type);
    Message snapshot = message(MessageType::snapshot);
    snapshot.snapshot = &snapshot_;
    EXPECT_EQ(complaint(snapshot), "");
}

TEST_F(MessageCheck, R12OnlyTheTypesThatTravelPass) {
    for (int type = 0; type < 256; ++type) {
        Message made = message(static_cast<MessageType>(type));
        made.snapshot = type == 7 ? &snapshot_ : nullptr;
        const bool travels = (type >= 3 && type <= 9) || type == 14 || type == 17 || type == 18;
        EXPECT_EQ(complaint(made).empty(), travels) << type;
    }
}

TEST_F(MessageCheck, R12APreVoteAnswerOfTermZeroIsRefused) {
    Message made = message(MessageType::pre_vote_answer);
    made.term = 0;
    EXPECT_EQ(complaint(made), "an impossible term");
    made.term = ~0ULL;
    EXPECT_EQ(complaint(made), "an impossible term");
}

TEST_F(MessageCheck, R12SenderAndReceiverMustBeRight) {
    Message made = message(MessageType::vote);
    made.to = NodeId{3};
    EXPECT_EQ(complaint(made), "meant for another node");
    made = message(MessageType::vote);
    made.from = NodeId{};
    EXPECT_EQ(complaint(made), "from an impossible sender");
    made.from = us;
    EXPECT_EQ(complaint(made), "from an impossible sender");
}

TEST_F(MessageCheck, R12EntriesFollowTheIndexAndEachOther) {
    append_.index = 9;
    EXPECT_EQ(complaint(append_), "entries that do not follow each other");
    append_.index = 10;
    entries_[1].index = 14;
    EXPECT_EQ(complaint(append_), "entries that do not follow each other");
}

TEST_F(MessageCheck, R12TermsOfEntriesNeverFallNorPassTheSenders) {
    for (const std::uint64_t term : {0ULL, 2ULL, 6ULL}) {
        entries_[1].term = term;
        EXPECT_EQ(complaint(append_), "an entry of an impossible term") << term;
    }
    entries_[1].term = 3;
    append_.log_term = 4;
    EXPECT_EQ(complaint(append_), "an entry of an impossible term");
    append_.log_term = 6;
    EXPECT_EQ(complaint(append_), "a log newer than its term");
}

TEST_F(MessageCheck, R12EntriesHaveAKindALengthAndAPayload) {
    entries_[0].kind = static_cast<EntryKind>(2);
    EXPECT_EQ(complaint(append_), "an entry of an unknown kind");
    entries_[0].kind = EntryKind::normal;
    entries_[0].bytes = options_.payload_bytes_max + 1;
    EXPECT_EQ(complaint(append_), "an entry that is too long");
    entries_[0].bytes = 4;
    entries_[0].payload = nullptr;
    EXPECT_EQ(complaint(append_), "an entry without its payload");
    entries_[0].payload = "four";
    entries_[2].bytes = 65;
    EXPECT_EQ(complaint(append_), "a membership entry of an impossible length");
    entries_[2].bytes = 0;
    EXPECT_EQ(complaint(append_), "a membership entry of an impossible length");
}

TEST_F(MessageCheck, R12OnlyAppendsCarryEntries) {
    append_.type = MessageType::heartbeat;
    EXPECT_EQ(complaint(append_), "entries where none belong");
}

TEST_F(MessageCheck, R12IndexesStayWithinALogsReach) {
    Message made = message(MessageType::append_answer);
    made.index = 1ULL << 43;
    EXPECT_EQ(complaint(made), "an impossible index");
    made.index = 0;
    made.reject_hint = 1ULL << 43;
    EXPECT_EQ(complaint(made), "an impossible index");
}

TEST_F(MessageCheck, R12ContextsBelongToReadsAndTransfers) {
    Message made = message(MessageType::heartbeat);
    made.context = token;
    EXPECT_EQ(complaint(made), "");
    made.context = "short";
    EXPECT_EQ(complaint(made), "a context that does not belong");
    made = message(MessageType::vote);
    made.context = "CampaignTransfer";
    EXPECT_EQ(complaint(made), "");
    made.context = token;
    EXPECT_EQ(complaint(made), "a context that does not belong");
    append_.context = token;
    EXPECT_EQ(complaint(append_), "a context that does not belong");
}

TEST_F(MessageCheck, R12OnlyAnswersRefuse) {
    Message made = message(MessageType::vote_answer);
    made.reject = true;
    EXPECT_EQ(complaint(made), "");
    append_.reject = true;
    EXPECT_EQ(complaint(append_), "a refusal that answers nothing");
}

TEST_F(MessageCheck, R12ASnapshotNamesAPlaceAndItsMembers) {
    Message made = message(MessageType::snapshot);
    EXPECT_EQ(complaint(made), "a snapshot missing or out of place");
    made.snapshot = &snapshot_;
    snapshot_.point.term = 6;
    EXPECT_EQ(complaint(made), "a snapshot of an impossible place");
    snapshot_.point = {4, 0};
    EXPECT_EQ(complaint(made), "a snapshot of an impossible place");
    snapshot_.point = {4, 20};
    snapshot_.members.voters = {};
    EXPECT_EQ(complaint(made), "a snapshot of impossible members");
    snapshot_.members.voters = {peer, us};
    EXPECT_EQ(complaint(made), "a snapshot of impossible members");
    append_.snapshot = &snapshot_;
    EXPECT_EQ(complaint(append_), "a snapshot missing or out of place");
}

}  // namespace
}  // namespace penstock::replication
