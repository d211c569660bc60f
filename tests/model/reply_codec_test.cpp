#include "broker/model/command.h"
#include "tests/model/hex.h"

#include <gtest/gtest.h>

#include <set>

namespace penstock::model {
namespace {

// These bytes go into the state hash: replicas of two versions must agree on them.
TEST(ReplyCodec, EveryReplyHasItsGoldenBytes) {
    LeasedMessage leased;
    leased.message = MessageId{300};
    leased.sequence = 1;
    leased.receipt = Receipt{2};
    leased.enqueued_ms = 3;
    leased.next_visible_ms = 4;
    leased.first_leased_ms = 5;
    leased.receives = 6;
    leased.body = MessageId{7};
    const std::pair<Reply, std::string> samples[] = {
        {Done{}, "00"},
        {Refusal{Reason::queue_full, "q", "full"},
         "010f0171"
         "0466756c6c"},
        {Reserved{{ObjectNo{1}, ObjectNo{300}}}, "0201ac02"},
        {Sent{{MessageId{7}}, true}, "030107"},
        {Leased{{leased}},
         "04ac0201"
         "0200000000000000"
         "0300000000000000"
         "0400000000000000"
         "0500000000000000"
         "06"
         "07"},
        {Deleted{{true, false}}, "050100"},
        {Started{300, 7}, "06ac0207"},
        {Settled{{1, 300}, {2}}, "070201ac020102"},
        {Deployed{300}, "08ac02"},
        {Transferred{TransferOutcome::refused, Reason::queue_full, "full", 300},
         "09020f"
         "0466756c6c"
         "ac02"},
        {Confirmed{{ConfirmResult::done, ConfirmResult::otherwise}}, "0a0002"},
        {ChecksTaken{{{MessageId{300}, 2}}}, "0bac0202"}};
    ASSERT_EQ(std::size(samples), std::variant_size_v<Reply>);
    for (const auto& [reply, hex] : samples) EXPECT_EQ(testing::to_hex(encode_reply(reply)), hex);
}

}  // namespace
}  // namespace penstock::model
