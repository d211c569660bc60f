// Reads of a data set's rows: where a message is, live bodies, lists, limits that take many
// objects.
#include "broker/core/delays.h"
#include "broker/core/records.h"
#include "broker/core/settle.h"
#include "tests/core/commands.h"

#include <gmock/gmock.h>

#include <map>

namespace penstock::testing {

namespace {

using model::MessageId;
using model::Reason;
using model::Verdict;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::map<std::uint32_t, std::string> states(const CoreDriver& driver,
                                            MessageId message,
                                            model::ObjectNo holder) {
    std::map<std::uint32_t, std::string> found;
    for (const core::MessagePlace& place :
         core::message_places(driver.rows(), message, holder, CoreDriver::start_ms)) {
        found[place.object.value] = place.state;
    }
    return found;
}

using States = std::map<std::uint32_t, std::string>;

TEST(Places, FollowAQueueMessageThroughItsLife) {
    CoreDriver driver = CoreDriver::data_set();
    driver.done(make_queue(morgue));
    driver.done(make_queue(orders, dead_by_receives(morgue, 2)));
    const MessageId message = send(driver, orders, 1, 1'000)[0];
    EXPECT_EQ(states(driver, message, orders), (States{{1, "delayed"}}));
    driver.advance(1'000);
    EXPECT_EQ(states(driver, message, orders), (States{{1, "visible"}}));
    receive(driver, orders, 1, 1'000);
    EXPECT_EQ(states(driver, message, orders), (States{{1, "in_flight"}}));
    driver.advance(1'000);
    receive(driver, orders, 1, 1'000);
    driver.advance(1'050);
    EXPECT_EQ(states(driver, message, orders)[3], "dead");
}

TEST(Places, TellADeletedMessageThatMayStillBeRewound) {
    CoreDriver driver = CoreDriver::data_set();
    driver.done(make_queue(orders, with_rewind(60)));
    const MessageId message = send(driver, orders)[0];
    remove(driver, orders, receive(driver, orders).at(0).receipt);
    EXPECT_EQ(states(driver, message, orders), (States{{1, "deleted"}}));
    driver.advance(70'000);
    EXPECT_THAT(states(driver, message, orders), IsEmpty());
}

TEST(Places, ShowEverySubscriptionOfATopic) {
    CoreDriver driver = CoreDriver::data_set();
    driver.done(make_topic(news));
    driver.done(make_queue(orders));
    driver.done(make_subscription(first_reader, http_spec()));
    driver.done(make_subscription(second_reader, tagged_spec({"red"})));
    driver.done(make_subscription(model::SubscriptionNo{13}, queue_spec(orders)));
    const MessageId message = publish(driver, news)[0];
    EXPECT_EQ(states(driver, message, news),
              (States{{1, "visible"},
                      {10, "retained"},
                      {11, "ready"},
                      {12, "not_matched"},
                      {13, "settled"}}));
    settle(driver, first_reader, {1}, Verdict::retry);
    EXPECT_EQ(states(driver, message, news)[11], "waiting");
    driver.advance(1'000);
    settle(driver, first_reader, {1}, Verdict::accepted);
    EXPECT_EQ(states(driver, message, news)[11], "settled");
}

TEST(LiveBodies, AreToldByEntryAndByOrdinal) {
    CoreDriver driver = CoreDriver::data_set();
    driver.done(make_queue(orders));
    const auto first = send(driver, orders, 3);
    const auto second = send(driver, orders, 1);
    EXPECT_THAT(core::live_ordinals(driver.rows(), first[0].index()), ElementsAre(0, 1, 2));
    EXPECT_THAT(core::live_ordinals(driver.rows(), 77), IsEmpty());
    std::map<model::LogIndex, std::uint32_t> live;
    const auto visit = [&](model::LogIndex index, std::uint32_t bodies) {
        live[index] = bodies;
    };
    const model::LogIndex next = core::count_live(driver.rows(), 0, 1, visit);
    EXPECT_EQ(next, second[0].index());
    EXPECT_EQ(core::count_live(driver.rows(), next, 1, visit), 0U);
    EXPECT_EQ(
        live,
        (std::map<model::LogIndex, std::uint32_t>{{first[0].index(), 3}, {second[0].index(), 1}}));
}

TEST(Backlog, CountsRedrivenDeliveries) {
    CoreDriver driver = CoreDriver::data_set();
    driver.done(make_topic(news));
    driver.done(make_queue(morgue));
    driver.done(make_subscription(first_reader, http_spec(morgue)));
    publish(driver, news, 3);
    settle(driver, first_reader, {1, 2, 3}, Verdict::rejected);
    driver.apply_as<model::Started>(model::Redrive{morgue, {}});
    driver.run_due();
    publish(driver, news);
    EXPECT_EQ(core::subscription_info(driver.rows(), first_reader)->backlog, 4U);
    EXPECT_EQ(core::subscription_info(driver.rows(), first_reader)->waiting, 3U);
    settle(driver, first_reader, {ready(driver, first_reader)[0].sequence}, Verdict::accepted);
    EXPECT_EQ(core::subscription_info(driver.rows(), first_reader)->backlog, 3U);
}

TEST(Limits, DelayedMessagesOfAnObjectAreBounded) {
    CoreDriver driver = CoreDriver::data_set({0, 0});
    driver.done(make_queue(orders));
    send(driver, orders);
    core::LogHead head = core::decode<core::LogHead>(*driver.rows().get(core::keys::head(orders)));
    head.delayed = core::delayed_per_object_max - 1;
    driver.put_row(core::keys::head(orders), core::encode(head));
    EXPECT_EQ(driver.refused(make_send(orders, 2, 1'000), bodies(2)), Reason::too_many_delayed);
    send(driver, orders, 1, 1'000);
    EXPECT_EQ(driver.refused(make_send(orders, 1, 1'000), bodies(1)), Reason::too_many_delayed);
    send(driver, orders);
}

TEST(Limits, TooManyFailingDeliveriesHoldFreshOnesBackUntilOneIsSettled) {
    CoreDriver driver = CoreDriver::data_set({0, 0});
    driver.done(make_topic(news));
    driver.done(make_subscription(first_reader, http_spec()));
    publish(driver, news, 2);
    settle(driver, first_reader, {1}, Verdict::retry);
    driver.advance(1'000);
    const std::string key = core::keys::delivery(first_reader);
    auto state = core::decode<core::DeliveryState>(*driver.rows().get(key));
    state.exceptions = core::failing_per_subscription_max;
    driver.put_row(key, core::encode(state));
    EXPECT_THAT(ready_sequences(driver, first_reader), ElementsAre(1));
    settle(driver, first_reader, {1}, Verdict::accepted);
    EXPECT_TRUE(driver.signalled_ready(first_reader));
    EXPECT_THAT(ready_sequences(driver, first_reader), ElementsAre(2));
}

// A set may have heard of an object in another one that nobody else has heard of.
TEST(HighestNumber, IsAlsoThatOfAnObjectInAnotherSet) {
    CoreDriver driver = CoreDriver::data_set();
    const auto elsewhere = [](std::uint32_t number) {
        return model::Place{model::SetId{2}, model::ObjectNo{number}};
    };
    const auto highest = [&driver] {
        return core::highest_number(driver.rows()).value;
    };
    EXPECT_EQ(highest(), 0U);
    driver.done(make_queue(orders));
    EXPECT_EQ(highest(), orders.value);
    auto attributes = dead_by_receives({}, 3);
    attributes.dead_letter->queue = elsewhere(20);
    driver.done(make_queue(others, attributes));
    EXPECT_EQ(highest(), 20U);
    driver.done(make_topic(news));
    auto fed = queue_spec({});
    fed.queue = elsewhere(30);
    driver.done(make_subscription(first_reader, fed));
    EXPECT_EQ(highest(), 30U);
    auto pushed = http_spec();
    pushed.dead_letter = elsewhere(40);
    driver.done(make_subscription(second_reader, pushed));
    EXPECT_EQ(highest(), 40U);
    driver.done(model::BindDeadLetter{orders, elsewhere(50), true, true});
    EXPECT_EQ(highest(), 50U);
}

TEST(InitSet, KeepsTheFirstReceiptKey) {
    CoreDriver driver = CoreDriver::data_set();
    driver.done(make_queue(orders));
    send(driver, orders);
    const auto got = receive(driver, orders);
    model::InitSet again;
    again.receipt_key = {7, 8};
    driver.done(again);
    EXPECT_TRUE(remove(driver, orders, got[0].receipt));
}

TEST(Progress, TellsIndexTimeAndAHashThatChanges) {
    CoreDriver driver = CoreDriver::data_set();
    driver.done(make_queue(orders));
    const core::SetProgress before = core::progress(driver.rows());
    EXPECT_EQ(before.applied, driver.index());
    EXPECT_EQ(before.time_ms, CoreDriver::start_ms);
    send(driver, orders);
    const core::SetProgress after = core::progress(driver.rows());
    EXPECT_EQ(after.applied, before.applied + 1);
    EXPECT_NE(after.state_hash, before.state_hash);
}

}  // namespace

}  // namespace penstock::testing
