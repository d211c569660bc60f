// The referee complains about each kind of broken promise, and about nothing else.
#include "tests/simulation/referee.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace penstock::simulation {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr model::MessageId first_id{100};

class RefereeTest : public ::testing::Test {
  protected:
    RefereeTest() {
        referee_.add_place("queue", "dead");
        referee_.add_place("dead", "");
        referee_.add_place("topic/sub", "dead");
    }

    Token sent(const std::string& place, Ending ending = Ending::done) {
        const Token token = referee_.begin_send({place}, 0);
        referee_.end_send(token, ending, {});
        return token;
    }

    void see(const std::string& place,
             Token token,
             std::uint32_t count,
             model::MessageId id = first_id) {
        referee_.seen({place, payload_of(token), id, count, 1000});
    }

    void remove(const std::string& place, Token token, Ending ending) {
        referee_.begin_remove(place, token);
        referee_.end_remove(place, token, ending);
    }

    Referee::Complaints missing(const Referee::Found& found) {
        Referee::Complaints complaints;
        referee_.judge_all_there(found, complaints);
        return complaints;
    }

    Referee referee_;
};

TEST_F(RefereeTest, AnAcknowledgedMessageThatIsNowhereIsLost) {
    const Token token = sent("queue");
    EXPECT_THAT(missing({}), ElementsAre(HasSubstr("lost")));
    EXPECT_THAT(missing({{"queue", {token}}}), IsEmpty());
    EXPECT_THAT(missing({{"dead", {token}}}), IsEmpty());
    EXPECT_THAT(missing({{"topic/sub", {token}}}), ElementsAre(HasSubstr("lost")));
}

TEST_F(RefereeTest, AnUnknownSendMayBeThereOrNot) {
    const Token token = sent("queue", Ending::unknown);
    EXPECT_THAT(missing({}), IsEmpty());
    see("queue", token, 1);
    EXPECT_THAT(referee_.complaints(), IsEmpty());
}

TEST_F(RefereeTest, ARefusedSendMustNeverTurnUp) {
    see("queue", sent("queue", Ending::refused), 1);
    EXPECT_THAT(referee_.complaints(), ElementsAre(HasSubstr("refused")));
}

TEST_F(RefereeTest, ADeletedMessageMustNeverComeAgainAndNeedNotBeThere) {
    const Token token = sent("queue");
    remove("queue", token, Ending::done);
    EXPECT_THAT(missing({}), IsEmpty());
    see("queue", token, 1);
    EXPECT_THAT(referee_.complaints(), ElementsAre(HasSubstr("acknowledged delete")));
}

TEST_F(RefereeTest, AnUnknownDeleteExcusesBothAndARefusedOneNeither) {
    const Token unknown = sent("queue");
    remove("queue", unknown, Ending::unknown);
    see("queue", unknown, 1);
    const Token refused = sent("queue");
    remove("queue", refused, Ending::refused);
    EXPECT_THAT(referee_.complaints(), IsEmpty());
    EXPECT_EQ(missing({}).size(), 1U);
}

TEST_F(RefereeTest, ReceiveCountsGrowAndAttemptsNeverFallBehindASettledOne) {
    const Token received = sent("queue");
    see("queue", received, 1);
    see("queue", received, 2);
    const Token pushed = sent("topic/sub");
    see("topic/sub", pushed, 1);
    see("topic/sub", pushed, 1);
    EXPECT_THAT(referee_.complaints(), IsEmpty());
    see("queue", received, 2);
    referee_.failed("topic/sub", pushed, 1);
    see("topic/sub", pushed, 1);
    EXPECT_THAT(referee_.complaints(), ElementsAre(HasSubstr("restarted"), HasSubstr("restarted")));
}

TEST_F(RefereeTest, AMessageHasOneIdItsOwnBytesAndKeepsToItsDelay) {
    const Token token = sent("queue");
    see("queue", token, 1);
    see("queue", token, 2, model::MessageId{101});
    const Token early = referee_.begin_send({"queue"}, 2000);
    see("queue", early, 1);
    referee_.seen({"queue", payload_of(token) + "x", first_id, 3, 1000});
    referee_.seen({"queue", payload_of(999), first_id, 1, 1000});
    EXPECT_THAT(referee_.complaints(),
                ElementsAre(HasSubstr("two ids"),
                            HasSubstr("delay"),
                            HasSubstr("nobody sent"),
                            HasSubstr("nobody sent")));
}

TEST_F(RefereeTest, AClearTakesWhatWasAcknowledgedBeforeItWasAskedFor) {
    const Token before = sent("queue");
    const Token during = referee_.begin_send({"queue"}, 0);
    referee_.begin_clear("queue");
    referee_.end_send(during, Ending::done, {});
    referee_.end_clear("queue", Ending::done);
    EXPECT_THAT(missing({}), IsEmpty());
    see("queue", during, 1);
    EXPECT_THAT(referee_.complaints(), IsEmpty());
    see("queue", before, 1);
    EXPECT_THAT(referee_.complaints(), ElementsAre(HasSubstr("acknowledged delete")));
}

TEST_F(RefereeTest, ARewindBringsDeletedMessagesBackWithCountsFromOne) {
    const Token token = sent("queue");
    see("queue", token, 3);
    remove("queue", token, Ending::done);
    referee_.begin_rewind("queue");
    referee_.end_rewind("queue", Ending::done);
    see("queue", token, 1);
    EXPECT_THAT(referee_.complaints(), IsEmpty());
}

TEST_F(RefereeTest, ARedriveLetsAttemptsBeginAgain) {
    const Token token = sent("topic/sub");
    referee_.failed("topic/sub", token, 3);
    referee_.redriven("dead");
    see("topic/sub", token, 1);
    EXPECT_THAT(referee_.complaints(), IsEmpty());
}

}  // namespace
}  // namespace penstock::simulation
