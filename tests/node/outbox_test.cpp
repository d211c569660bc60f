// The outbox sender alone: rows of a real set, everything around it by hand.
#include "broker/node/outbox.h"

#include "tests/core/two_sets.h"
#include "tests/support/manual_clock.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <utility>
#include <vector>

namespace penstock::node {
namespace {

using model::TransferOutcome;
using namespace penstock::testing;

constexpr model::SetId other_set{3};

class OutboxSenderTest : public ::testing::Test {
  protected:
    struct Sent {
        model::Transfer transfer;
        std::function<void(model::Reply)> done;
    };

    // What was submitted together.
    struct Entry {
        std::size_t bodies = 0;
        std::vector<std::uint32_t> ordinals;  // of each Transfer
    };

    OutboxSenderTest() {
        source_.done(make_topic(news));
        subscribe(first_reader, far(orders));
    }

    void subscribe(model::SubscriptionNo number, model::Place queue) {
        model::SubscriptionSpec spec = queue_spec(queue.number);
        spec.queue = queue;
        source_.done(make_subscription(number, spec));
    }

    void publish_some(std::uint32_t count) {
        publish(source_, news, count);
        for (const model::SetId target : source_.effects().outbox) sender_.wake(target);
    }

    // Numbers that were sent to the target and not yet looked at.
    std::vector<std::uint64_t> sent(model::SetId target = far_set) {
        std::vector<std::uint64_t> numbers;
        for (const Sent& one : sent_[target]) numbers.push_back(one.transfer.number);
        return numbers;
    }

    void answer_all(model::Reply reply, model::SetId target = far_set) {
        for (const Sent& one : std::exchange(sent_[target], {})) one.done(reply);
    }

    // They wait for others that long at most.
    void let_answers_go() { pass_ms(10); }

    void pass_ms(std::int64_t pause_ms) {
        clock_.advance_ms(pause_ms);
        sender_.step();
    }

    static model::Reply unknown() {
        return model::Refusal{model::Reason::unknown_outcome, {}, "no answer"};
    }

    // What it submits to its own set is applied at once.
    void take(model::SetId set, Submission submission) {
        if (set != near_set) {
            Entry& entry = entries_.emplace_back();
            entry.bodies = submission.bodies.bytes.size();
            EXPECT_EQ(submission.bodies.infos.size(), entry.bodies);
            const auto keep = [&](const model::Command& command, const auto& done) {
                const auto& transfer = std::get<model::Transfer>(command);
                entry.ordinals.push_back(transfer.ordinal);
                sent_[set].push_back({transfer, done});
            };
            keep(submission.command, submission.done);
            for (const auto& one : submission.followers) keep(one.command, one.done);
            return;
        }
        ++answered_;
        auto replies = source_.apply({std::move(submission.command)});
        submission.done(std::move(replies.at(0)));
    }

    void fetch(const std::vector<model::MessageId>& places, const Bodies::Fetched& fetched) {
        std::vector<FetchedBody> bodies;
        fetched_ += places.size();
        for (const model::MessageId place : places) {
            if (damaged_.contains(place.ordinal())) {
                bodies.emplace_back(error(Errc::damaged, "a checksum"));
            } else {
                bodies.emplace_back(storage::BodySource::Body{std::string(body_bytes_, 'x'), 0});
            }
        }
        fetched(std::move(bodies));
    }

    CoreDriver source_ = CoreDriver::data_set();
    ManualClock clock_;
    std::map<model::SetId, std::vector<Sent>> sent_;
    std::vector<Entry> entries_;       // of all targets, as they were submitted
    std::size_t fetched_ = 0;          // bodies
    std::size_t answered_ = 0;         // commands to its own set
    std::set<std::uint32_t> damaged_;  // ordinals
    std::size_t body_bytes_ = 10;
    OutboxSender sender_{
        near_set,
        source_.rows(),
        clock_,
        [this](model::SetId set, Submission submission) { take(set, std::move(submission)); },
        transfer_fetch_messages,
        [this](const auto& places, const auto& fetched) {
            fetch(places, fetched);
        }};
};

TEST(TransfersTakenApart, AreGivenInOrderEachWithABodyOfItsOwn) {
    Submission together;
    together.bodies = {{"a", "b"}, {model::BodyInfo{}, model::BodyInfo{}}};
    std::vector<std::uint64_t> ended;
    const auto one = [&ended](std::uint64_t number, std::uint32_t ordinal) {
        model::Transfer transfer;
        transfer.number = number;
        transfer.ordinal = ordinal;
        return Submission::Follower{transfer, [&ended, number](const model::Reply&) {
                                        ended.push_back(number);
                                    }};
    };
    Submission::Follower first = one(4, 0);
    together.command = std::move(first.command);
    together.done = std::move(first.done);
    together.followers = {one(5, 0), one(6, 1)};
    std::vector<std::string> bodies;
    take_apart(std::move(together), [&](const Submission& each) {
        ASSERT_EQ(each.bodies.bytes.size(), 1U);
        EXPECT_EQ(each.bodies.infos.size(), 1U);
        EXPECT_TRUE(each.followers.empty());
        EXPECT_EQ(std::get<model::Transfer>(each.command).ordinal, 0U);
        bodies.push_back(each.bodies.bytes.front());
        each.done(model::Transferred{});
    });
    EXPECT_EQ(bodies, (std::vector<std::string>{"a", "a", "b"}));
    EXPECT_EQ(ended, (std::vector<std::uint64_t>{4, 5, 6}));
}

TEST_F(OutboxSenderTest, SendsInOrderAndAnswersItsOwnSet) {
    sender_.lead();
    publish_some(3);
    sender_.step();
    EXPECT_EQ(sent(), (std::vector<std::uint64_t>{1, 2, 3}));
    EXPECT_EQ(sent_[far_set][0].transfer.source, near_set);
    answer_all(model::Transferred{});
    let_answers_go();
    EXPECT_EQ(core::outbox_figures(source_.rows(), far_set).waiting, 0U);
    sender_.step();
    EXPECT_TRUE(sent().empty());
    EXPECT_FALSE(sender_.next_us());
}

TEST_F(OutboxSenderTest, OneBodyGoesForAllQueuesOfATargetInOneEntry) {
    subscribe(second_reader, far(others));
    sender_.lead();
    publish_some(2);
    sender_.step();
    EXPECT_EQ(sent(), (std::vector<std::uint64_t>{1, 2, 3, 4}));
    ASSERT_EQ(entries_.size(), 1U);
    EXPECT_EQ(entries_[0].bodies, 2U);
    EXPECT_EQ(entries_[0].ordinals, (std::vector<std::uint32_t>{0, 0, 1, 1}));
    EXPECT_EQ(fetched_, 2U);
    EXPECT_EQ(sent_[far_set][0].transfer.object, orders);
    EXPECT_EQ(sent_[far_set][1].transfer.object, others);
}

TEST_F(OutboxSenderTest, LargeBodiesGoInEntriesOfTheirOwnAndStillOnceForAllQueues) {
    body_bytes_ = 1U << 20;
    subscribe(second_reader, far(others));
    sender_.lead();
    publish_some(2);
    sender_.step();
    ASSERT_EQ(entries_.size(), 2U);
    for (const Entry& entry : entries_) {
        EXPECT_EQ(entry.bodies, 1U);
        EXPECT_EQ(entry.ordinals, (std::vector<std::uint32_t>{0, 0}));
    }
}

TEST_F(OutboxSenderTest, AnswersOfAllTargetsWaitForEachOtherALittleAndRefusalsDoNot) {
    subscribe(second_reader, {other_set, others});
    sender_.lead();
    publish_some(2);
    sender_.step();
    sent_[far_set][0].done(model::Transferred{});
    sender_.step();
    const auto until_us = sender_.next_us();
    ASSERT_TRUE(until_us);
    EXPECT_LE(*until_us, clock_.steady_us() + transfer_answers_pause_us);
    EXPECT_EQ(*until_us % transfer_answers_pause_us, 0);
    pass_ms(1);
    sent_[other_set][0].done(model::Transferred{});
    sender_.step();
    EXPECT_EQ(sender_.next_us(), until_us);
    EXPECT_EQ(answered_, 0U);
    pass_ms(9);
    EXPECT_EQ(answered_, 2U);
    sent_[far_set][1].done(
        model::Transferred{TransferOutcome::refused, model::Reason::queue_full, {}, 0});
    sender_.step();
    EXPECT_EQ(answered_, 3U);
}

TEST_F(OutboxSenderTest, ManyAnswersWaitForNobody) {
    sender_.lead();
    for (int entry = 0; entry < 4; ++entry) publish_some(32);
    sender_.step();
    ASSERT_EQ(sent().size(), transfer_answers_enough);
    answer_all(model::Transferred{});
    sender_.step();
    EXPECT_EQ(core::outbox_figures(source_.rows(), far_set).waiting, 0U);
}

TEST_F(OutboxSenderTest, SendsNothingWhileItDoesNotLeadAndEverythingWhenItDoes) {
    publish_some(2);
    sender_.step();
    EXPECT_TRUE(sent().empty());
    sender_.lead();
    sender_.step();
    EXPECT_EQ(sent().size(), 2U);
    const auto late = std::exchange(sent_[far_set], {});
    sender_.rest();
    late[0].done(model::Transferred{});
    sender_.lead();
    sender_.step();
    EXPECT_EQ(sent(), (std::vector<std::uint64_t>{1, 2}));
}

TEST_F(OutboxSenderTest, HasNoMoreUnderWayThanItsWindow) {
    sender_.lead();
    for (int entry = 0; entry < 4; ++entry) publish_some(100);
    sender_.step();
    EXPECT_EQ(sent().size(), transfer_window_messages);
    answer_all(model::Transferred{});
    sender_.step();
    EXPECT_EQ(sent().size(), 400U - transfer_window_messages);
}

TEST_F(OutboxSenderTest, LargeBodiesFillTheWindowSooner) {
    body_bytes_ = 1U << 20;
    sender_.lead();
    publish_some(100);
    sender_.step();
    EXPECT_EQ(sent().size(), transfer_fetch_messages);
}

TEST_F(OutboxSenderTest, AfterAFailureItBeginsAgainBehindTheLastAnswerWithPausesThatGrow) {
    sender_.lead();
    publish_some(3);
    sender_.step();
    sent_[far_set][0].done(model::Transferred{});
    sent_[far_set][1].done(unknown());
    sent_[far_set].clear();
    sender_.step();
    EXPECT_TRUE(sent().empty());
    pass_ms(49);
    EXPECT_TRUE(sent().empty());
    pass_ms(1);
    // The answer to 1 was forgotten with the rest: asked again, it is the same.
    EXPECT_EQ(sent(), (std::vector<std::uint64_t>{1, 2, 3}));
    answer_all(unknown());
    pass_ms(99);
    EXPECT_TRUE(sent().empty());
    pass_ms(1);
    EXPECT_EQ(sent().size(), 3U);
    answer_all(model::Transferred{});
    let_answers_go();
    EXPECT_EQ(core::outbox_figures(source_.rows(), far_set).waiting, 0U);
}

TEST_F(OutboxSenderTest, ATargetThatFailsHoldsUpNoOther) {
    subscribe(second_reader, {other_set, others});
    sender_.lead();
    publish_some(1);
    sender_.step();
    answer_all(unknown(), far_set);
    answer_all(model::Transferred{}, other_set);
    publish_some(1);
    sender_.step();
    EXPECT_TRUE(sent(far_set).empty());
    EXPECT_EQ(sent(other_set), (std::vector<std::uint64_t>{2}));
}

TEST_F(OutboxSenderTest, AnAnswerThatNeverComesIsAskedForAgain) {
    sender_.lead();
    publish_some(1);
    sender_.step();
    const auto lost = std::exchange(sent_[far_set], {});
    EXPECT_EQ(sender_.next_us(), clock_.steady_us() + transfer_answer_us);
    pass_ms(15'000);
    pass_ms(50);
    EXPECT_EQ(sent(), (std::vector<std::uint64_t>{1}));
    lost[0].done(model::Transferred{TransferOutcome::refused, model::Reason::queue_full, {}, 0});
    sender_.step();
    EXPECT_EQ(core::outbox_figures(source_.rows(), far_set).waiting, 1U);
}

TEST_F(OutboxSenderTest, AMessageThatCannotBeReadIsRefusedHereAndThoseBehindItGoOn) {
    damaged_ = {1};
    sender_.lead();
    publish_some(3);
    sender_.step();
    EXPECT_EQ(sent(), (std::vector<std::uint64_t>{1}));
    answer_all(model::Transferred{});
    sender_.step();  // answers for 1 and 2
    sender_.step();
    EXPECT_EQ(sent(), (std::vector<std::uint64_t>{3}));
    // The target passes over what it never saw.
    EXPECT_EQ(sent_[far_set][0].transfer.answered_to, 2U);
    const auto waiting = core::waiting_deliveries(source_.rows(), first_reader, 0, 10);
    ASSERT_EQ(waiting.size(), 1U);
    EXPECT_EQ(waiting[0].failure, model::Failure::damaged);
}

}  // namespace
}  // namespace penstock::node
