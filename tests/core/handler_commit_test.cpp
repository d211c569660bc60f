// What a handler wants happens with its acknowledgement, all of it or nothing: messages to topics
// and queues, kv writes, and the bodies of what did not happen.
#include "tests/core/function_commands.h"

#include <gmock/gmock.h>

namespace penstock::testing {

namespace {

using model::Failure;
using model::MessageId;
using model::Verdict;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

inline constexpr model::TopicNo echoes{30};
inline constexpr model::SubscriptionNo echo_reader{31};

MessageId id_of(const CoreDriver& driver, std::uint32_t ordinal) {
    return MessageId{model::first_data_set, driver.index(), ordinal};
}

// Two queues and a second topic beside the function and its topic.
CoreDriver with_places(const model::QueueAttributes& of_orders = {}) {
    CoreDriver driver = with_function();
    driver.done(make_queue(orders, of_orders));
    driver.done(make_queue(others));
    driver.done(make_topic(echoes));
    return driver;
}

std::vector<MessageId> messages_in(CoreDriver& driver, model::QueueNo queue) {
    std::vector<MessageId> ids;
    for (const model::LeasedMessage& one : receive(driver, queue, 16)) ids.push_back(one.message);
    return ids;
}

std::string excerpt_of(const CoreDriver& driver) {
    const auto failure = only_failure(driver);
    if (!failure) return "no failing delivery";
    EXPECT_EQ(failure->failure, Failure::output_refused);
    const auto bytes = driver.rows().get(core::keys::exception(first_reader, 0, failure->sequence));
    return core::decode<core::Exception>(*bytes).excerpt;
}

// Nothing of the commit is there: no message, no row, and its bodies are let go.
void expect_nothing_happened(CoreDriver& driver, std::uint32_t bodies) {
    for (std::uint32_t ordinal = 0; ordinal < bodies; ++ordinal) {
        EXPECT_TRUE(driver.released().contains(id_of(driver, ordinal))) << "body " << ordinal;
    }
    EXPECT_EQ(kv_rows(driver, first_reader), 0U);
    for (const model::QueueNo queue : {orders, others}) {
        EXPECT_EQ(counts(driver, queue).active, 0U);
        EXPECT_EQ(counts(driver, queue).delayed, 0U);
    }
    EXPECT_EQ(core::topic_info(driver.rows(), echoes)->messages, 0U);
}

model::HandlerCommit to_everywhere() {
    model::HandlerCommit commit =
        with_outputs({to_queue(orders, 0), to_topic(echoes, 1), to_queue(others, 2)});
    commit.writes = {kv_put("k", "x")};
    return commit;
}

TEST(HandlerCommit, OutputsAndWritesHappenWithTheAcknowledgement) {
    CoreDriver driver = with_places();
    driver.done(make_subscription(echo_reader, http_spec(), echoes));
    EXPECT_EQ(handle(driver, to_everywhere(), bodies(3)), model::Settled{});
    const auto at = driver.index();
    EXPECT_TRUE(driver.signalled_visible(orders));
    EXPECT_TRUE(driver.signalled_visible(others));
    EXPECT_TRUE(driver.signalled_ready(echo_reader));
    EXPECT_THAT(ready(driver, first_reader), IsEmpty());
    EXPECT_EQ(kv_of(driver, first_reader, "k").value, "x");
    ASSERT_THAT(ready(driver, echo_reader), SizeIs(1));
    EXPECT_EQ(ready(driver, echo_reader)[0].message, (MessageId{model::first_data_set, at, 1}));
    EXPECT_THAT(messages_in(driver, orders), ElementsAre(MessageId{model::first_data_set, at, 0}));
    EXPECT_THAT(messages_in(driver, others), ElementsAre(MessageId{model::first_data_set, at, 2}));
    EXPECT_THAT(driver.released(), IsEmpty());
}

TEST(HandlerCommit, ADiscardedMessageMayLeaveOutputsToo) {
    CoreDriver driver = with_places();
    publish(driver, news);
    model::Settle command = handled(first_reader, 1, to_everywhere());
    command.items[0].verdict = Verdict::discarded;
    driver.done(command, bodies(3));
    EXPECT_EQ(counts(driver, orders).active, 1U);
    EXPECT_EQ(core::subscription_info(driver.rows(), first_reader)->discarded, 1U);
}

TEST(HandlerCommit, OnlyAnAcknowledgementBringsEffects) {
    for (const Verdict verdict : {Verdict::retry, Verdict::rejected, Verdict::not_attempted}) {
        CoreDriver driver = with_places();
        publish(driver, news);
        model::Settle command = handled(first_reader, 1, to_everywhere());
        command.items[0] = outcome(1, verdict);
        command.commits[0].reads = {{"moved", 5}};
        command.commits[0].outputs.push_back(to_queue(morgue, 0));
        driver.done(command, bodies(3));
        expect_nothing_happened(driver, 3);
        if (verdict == Verdict::rejected) continue;
        ASSERT_TRUE(only_failure(driver));
        EXPECT_EQ(only_failure(driver)->failure, Failure::status);
    }
}

TEST(HandlerCommit, OneImpossibleOutputAmongSeveralUndoesAll) {
    const std::vector<std::pair<model::Output, std::string>> impossible = {
        {to_queue(morgue, 3), "the queue does not exist"},
        {to_topic(model::TopicNo{77}, 3), "the topic does not exist"},
        {to_topic(orders, 3), "the topic does not exist"},
        {to_queue(echoes, 3), "the queue does not exist"}};
    for (const auto& [output, detail] : impossible) {
        for (const bool last : {true, false}) {
            CoreDriver driver = with_places();
            model::HandlerCommit commit = to_everywhere();
            commit.outputs.insert(last ? commit.outputs.end() : commit.outputs.begin(), output);
            const model::Settled settled = handle(driver, commit, bodies(4));
            EXPECT_THAT(settled.refused, ElementsAre(0));
            EXPECT_THAT(settled.moved, IsEmpty());
            expect_nothing_happened(driver, 4);
            EXPECT_THAT(excerpt_of(driver), HasSubstr(detail));
            EXPECT_EQ(only_failure(driver)->attempts, 1U);
        }
    }
}

TEST(HandlerCommit, AnOutputLargerThanItsQueueOrTopicTakesUndoesAll) {
    for (const std::uint32_t large : {0U, 1U, 2U}) {
        CoreDriver driver = with_places();
        auto payloads = bodies(3);
        payloads[large] = body(65'537);
        handle(driver, to_everywhere(), payloads);
        expect_nothing_happened(driver, 3);
        EXPECT_THAT(excerpt_of(driver), HasSubstr("at most 65536 bytes"));
    }
}

TEST(HandlerCommit, AnEmptyOutputUndoesAll) {
    CoreDriver driver = with_places();
    handle(driver, to_everywhere(), {body(), body(0), body()});
    expect_nothing_happened(driver, 3);
    EXPECT_THAT(excerpt_of(driver), HasSubstr("at least 1 byte"));
}

TEST(HandlerCommit, AnImpossibleWriteUndoesTheOutputs) {
    CoreDriver driver = with_places();
    model::HandlerCommit commit = to_everywhere();
    commit.writes = {kv_put("k", "no number"), kv_add("k", 1)};
    handle(driver, commit, bodies(3));
    expect_nothing_happened(driver, 3);
}

TEST(HandlerCommit, OutputsToOneQueueNeedRoomTogether) {
    CoreDriver driver = with_places(holding(3));
    const auto two = with_outputs({to_queue(orders, 0), to_queue(orders, 1)});
    EXPECT_EQ(handle(driver, two, bodies(2)), model::Settled{});
    EXPECT_EQ(counts(driver, orders).active, 2U);
    handle(driver, two, bodies(2));
    EXPECT_EQ(counts(driver, orders).active, 2U);
    EXPECT_THAT(excerpt_of(driver), HasSubstr("its maximum of 3 messages"));
    EXPECT_EQ(handle(driver, with_outputs({to_queue(orders)}), bodies(1)), model::Settled{});
    EXPECT_EQ(counts(driver, orders).active, 3U);
}

// The room that was promised to a message for the queue is not taken by one that comes through a
// topic: that one waits for its queue.
TEST(HandlerCommit, ATopicThatFeedsTheSameFullQueueLetsItsMessageWait) {
    for (const bool topic_first : {true, false}) {
        CoreDriver driver = with_places(holding(1));
        driver.done(make_subscription(echo_reader, queue_spec(orders), echoes));
        model::HandlerCommit commit = with_outputs({to_queue(orders, 0), to_topic(echoes, 1)});
        if (topic_first) std::swap(commit.outputs[0], commit.outputs[1]);
        EXPECT_EQ(handle(driver, commit, bodies(2)), model::Settled{});
        const auto at = driver.index();
        EXPECT_THAT(ready(driver, echo_reader), SizeIs(1));
        EXPECT_THAT(messages_in(driver, orders),
                    ElementsAre(MessageId{model::first_data_set, at, 0}));
    }
}

TEST(HandlerCommit, ATopicsSubscribersGetWhatMatchesAndTheirQueuesAreFed) {
    CoreDriver driver = with_places();
    driver.done(make_subscription(echo_reader, tagged_spec({"red"}), echoes));
    driver.done(make_subscription(model::SubscriptionNo{32}, queue_spec(orders), echoes));
    const auto commit = with_outputs({to_topic(echoes, 0), to_topic(echoes, 1)});
    handle(driver, commit, {body(5, {"blue"}), body(5, {"red"})});
    EXPECT_THAT(ready_sequences(driver, echo_reader), ElementsAre(2));
    EXPECT_EQ(counts(driver, orders).active, 2U);
}

TEST(HandlerCommit, AnOutputIntoTheFunctionsOwnTopicIsItsNextMessage) {
    CoreDriver driver = with_places();
    EXPECT_EQ(handle(driver, with_outputs({to_topic(news)}), bodies(1)), model::Settled{});
    EXPECT_TRUE(driver.signalled_ready(first_reader));
    ASSERT_THAT(ready_sequences(driver, first_reader), ElementsAre(2));
    driver.done(handled(first_reader, 2, with_outputs({to_topic(news)})), bodies(1));
    EXPECT_THAT(ready_sequences(driver, first_reader), ElementsAre(3));
    settle(driver, first_reader, {3}, Verdict::accepted);
    EXPECT_EQ(core::subscription_info(driver.rows(), first_reader)->backlog, 0U);
}

// The next item of the command cannot be the message that the one before published.
TEST(HandlerCommit, AnItemOfTheSameCommandMeetsAnOutputIntoItsTopicAsAnyOther) {
    CoreDriver driver = with_places();
    publish(driver, news);
    model::Settle command = handled(first_reader, 1, with_outputs({to_topic(news)}));
    command.items.push_back(outcome(2, Verdict::retry));
    driver.done(command, bodies(1));
    ASSERT_TRUE(only_failure(driver));
    EXPECT_EQ(only_failure(driver)->message, id_of(driver, 0));
}

TEST(HandlerCommit, ADelayedOutputComesWhenItsTimeIsOver) {
    CoreDriver driver = with_places();
    driver.done(make_subscription(echo_reader, http_spec(), echoes));
    handle(
        driver, with_outputs({to_queue(orders, 0, 5'000), to_topic(echoes, 1, 7'000)}), bodies(2));
    EXPECT_EQ(counts(driver, orders).delayed, 1U);
    EXPECT_THAT(ready(driver, echo_reader), IsEmpty());
    driver.advance(5'000);
    EXPECT_EQ(counts(driver, orders).active, 1U);
    driver.advance(1'999);
    EXPECT_THAT(ready(driver, echo_reader), IsEmpty());
    driver.advance(1);
    EXPECT_THAT(ready(driver, echo_reader), SizeIs(1));
    EXPECT_THAT(driver.released(), IsEmpty());
}

TEST(HandlerCommit, AStaleAcknowledgementChangesNothing) {
    CoreDriver driver = with_places();
    publish(driver, news, 3);
    settle(driver, first_reader, {1, 2}, Verdict::accepted);
    settle(driver, first_reader, {3}, Verdict::retry);
    for (const model::Sequence sequence : {1U, 2U, 3U, 4U}) {
        driver.done(handled(first_reader, sequence, to_everywhere()), bodies(3));
        expect_nothing_happened(driver, 3);
    }
    driver.advance(1'000);
    driver.done(handled(first_reader, 3, to_everywhere(), 1), bodies(3));
    expect_nothing_happened(driver, 3);
    driver.done(handled(second_reader, 3, to_everywhere()), bodies(3));
    expect_nothing_happened(driver, 3);
    driver.done(handled(first_reader, 3, to_everywhere()), bodies(3));
    EXPECT_EQ(counts(driver, orders).active, 1U);
}

// What a stale one read, or wanted, is nobody's business any more: it is not to be handled again.
TEST(HandlerCommit, AStaleAcknowledgementNeverCountsAsMovedOrFailed) {
    CoreDriver driver = with_places();
    publish(driver, news);
    settle(driver, first_reader, {1}, Verdict::accepted);
    model::HandlerCommit commit = to_everywhere();
    commit.reads = {{"k", 99}};
    commit.outputs.push_back(to_queue(morgue, 0));
    EXPECT_EQ(driver.apply_as<model::Settled>(handled(first_reader, 1, commit), bodies(3)),
              model::Settled{});
    expect_nothing_happened(driver, 3);
    EXPECT_EQ(core::subscription_info(driver.rows(), first_reader)->waiting, 0U);
}

TEST(HandlerCommit, TheSameMessageTwiceInOneCommandHasItsEffectsOnce) {
    CoreDriver driver = with_places();
    publish(driver, news);
    model::Settle command = handled(first_reader, 1, with_outputs({to_queue(orders, 0)}));
    command.items.push_back(command.items[0]);
    command.commits.push_back(with_outputs({to_queue(orders, 1)}));
    command.commits[1].item = 1;
    driver.done(command, bodies(2));
    EXPECT_EQ(counts(driver, orders).active, 1U);
    EXPECT_THAT(driver.released(), ElementsAre(id_of(driver, 1)));
}

TEST(HandlerCommit, AMovedMessageChangesNothingAndLetsItsBodiesGo) {
    CoreDriver driver = with_places();
    model::HandlerCommit commit = to_everywhere();
    commit.reads = {{"unread", 0}, {"k", 99}};
    EXPECT_THAT(handle(driver, commit, bodies(3)).moved, ElementsAre(0));
    expect_nothing_happened(driver, 3);
    EXPECT_THAT(ready_sequences(driver, first_reader), ElementsAre(1));
    EXPECT_EQ(ready(driver, first_reader)[0].attempt, 1U);
    EXPECT_FALSE(driver.signalled_ready(first_reader));
}

// It would have been impossible as well: that is judged when it is handled with true reads.
TEST(HandlerCommit, AMovedMessageDoesNotCountAsFailedHoweverImpossibleItsOutputs) {
    CoreDriver driver = with_places();
    model::HandlerCommit commit = with_outputs({to_queue(morgue)});
    commit.reads = {{"k", 99}};
    const model::Settled settled = handle(driver, commit, bodies(1));
    EXPECT_THAT(settled.moved, ElementsAre(0));
    EXPECT_THAT(settled.refused, IsEmpty());
    EXPECT_EQ(only_failure(driver), std::nullopt);
}

TEST(HandlerCommit, ItemsOfOneCommandAreJudgedOneByOne) {
    CoreDriver driver = with_places();
    publish(driver, news, 5);
    model::Settle command;
    command.subscription = first_reader;
    for (const model::Sequence at : {1U, 2U, 3U, 4U, 5U}) {
        command.items.push_back(outcome(at, Verdict::accepted));
    }
    command.items[1] = outcome(2, Verdict::retry);
    command.commits = {with_outputs({to_queue(orders, 1)}),
                       with_outputs({to_queue(morgue, 2)}),
                       with_writes({}, {{"k", 1}}),
                       with_outputs({to_queue(orders, 3)})};
    command.commits[0].item = 0;
    command.commits[1].item = 2;
    command.commits[2].item = 3;
    command.commits[3].item = 4;
    command.attempts_ordinal = 0;
    const auto settled = driver.apply_as<model::Settled>(command, bodies(4));
    EXPECT_THAT(settled.moved, ElementsAre(3));
    EXPECT_THAT(settled.refused, ElementsAre(2));
    EXPECT_THAT(driver.released(), ElementsAre(id_of(driver, 2)));
    EXPECT_THAT(ready_sequences(driver, first_reader), ElementsAre(4));
    EXPECT_EQ(core::subscription_info(driver.rows(), first_reader)->waiting, 2U);
    const auto at = driver.index();
    EXPECT_THAT(messages_in(driver, orders),
                ElementsAre(MessageId{model::first_data_set, at, 1},
                            MessageId{model::first_data_set, at, 3}));
}

// Their attempts were written before anyone knew: the row of the track says what they came to.
TEST(HandlerCommit, TheTrackSaysWhichAttemptsMovedOrWereRefused) {
    CoreDriver driver = with_places();
    publish(driver, news, 4);
    model::Settle command;
    command.subscription = first_reader;
    for (const model::Sequence at : {1U, 2U, 3U, 4U}) {
        command.items.push_back(outcome(at, Verdict::accepted));
    }
    command.items[0] = outcome(1, Verdict::retry);
    command.commits = {with_outputs({to_queue(morgue, 1)}),
                       with_writes({kv_put("k", "v")}, {{"k", 1}}),
                       with_outputs({to_queue(orders, 2)})};
    for (std::uint32_t at = 0; at < 3; ++at) command.commits[at].item = at + 1;
    command.attempts_ordinal = 0;
    command.attempts_failed = 1;
    driver.apply_as<model::Settled>(command, bodies(3));
    const auto rows = core::track_rows(driver.rows(), first_reader, MessageId{}, 0, 9);
    ASSERT_THAT(rows, SizeIs(1));
    EXPECT_EQ(rows[0].count, 4U);
    EXPECT_EQ(rows[0].failed, 3U);
    ASSERT_THAT(rows[0].amended, SizeIs(2));
    EXPECT_EQ(rows[0].amended[0].sequence, 2U);
    EXPECT_EQ(rows[0].amended[0].failure, Failure::output_refused);
    EXPECT_THAT(rows[0].amended[0].excerpt, HasSubstr("the queue does not exist"));
    EXPECT_EQ(rows[0].amended[1].sequence, 3U);
    EXPECT_EQ(rows[0].amended[1].failure, Failure::kv_moved);
}

// What the row itself weighs goes with the attempts, or many refusals would escape the limit.
TEST(HandlerCommit, WhatTheTrackSaysOfRefusedAttemptsCountsAgainstItsBytes) {
    const auto track_bytes = [](model::QueueNo target) {
        CoreDriver driver = with_places();
        publish(driver, news);
        model::Settle command = handled(first_reader, 1, with_outputs({to_queue(target, 1)}));
        command.attempts_ordinal = 0;
        driver.apply_as<model::Settled>(command, bodies(2));
        const auto globals = driver.rows().get(core::keys::globals);
        return core::decode<core::Globals>(*globals).track_bytes;
    };
    EXPECT_GT(track_bytes(morgue), track_bytes(orders));
}

TEST(HandlerCommit, TheReasonOfADeadMessageIsItsRefusedOutput) {
    model::SubscriptionSpec spec = http_spec(orders, model::custom_retry({1'000}));
    CoreDriver driver = CoreDriver::data_set();
    driver.done(make_queue(orders));
    driver.done(make_topic(news));
    driver.done(make_subscription(first_reader, spec));
    const auto nowhere = [](CoreDriver& set) {
        const auto command = handled(first_reader, 1, with_outputs({to_queue(morgue)}));
        EXPECT_THAT(set.apply_as<model::Settled>(command, bodies(1)).refused, ElementsAre(0));
    };
    publish(driver, news);
    nowhere(driver);
    driver.advance(1'000);
    EXPECT_EQ(ready(driver, first_reader).at(0).attempt, 2U);
    nowhere(driver);
    const auto letters = core::dead_letters(driver.rows(), orders, 0, 10).items;
    ASSERT_THAT(letters, SizeIs(1));
    EXPECT_EQ(letters[0].dead->failure, Failure::output_refused);
    EXPECT_EQ(letters[0].dead->attempts, 2U);
    EXPECT_THAT(letters[0].dead->excerpt, HasSubstr("the queue does not exist"));
}

TEST(HandlerCommit, ARedrivenMessageIsHandledWithItsEffectsOnce) {
    CoreDriver driver = with_places();
    model::SubscriptionSpec spec = http_spec(others);
    driver.done(model::SetSubscription{first_reader, spec});
    publish(driver, news);
    settle(driver, first_reader, {1}, Verdict::rejected);
    driver.apply({model::Redrive{others, {}}});
    driver.run_due();
    const auto again = ready(driver, first_reader);
    ASSERT_THAT(again, SizeIs(1));
    const auto commit = with_outputs({to_queue(orders)});
    driver.done(handled(first_reader, again[0].sequence, commit), bodies(1));
    driver.done(handled(first_reader, again[0].sequence, commit), bodies(1));
    EXPECT_EQ(counts(driver, orders).active, 1U);
}

}  // namespace

}  // namespace penstock::testing
