// Names: reserved, visible, hidden, free again.
#include "broker/core/names_query.h"
#include "tests/support/core_driver.h"

#include <gmock/gmock.h>

namespace penstock::testing {

namespace {

using core::NameState;
using model::ObjectKind;
using model::ObjectNo;
using model::Reason;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

model::ReserveNames asking(std::vector<model::NameRequest> names) {
    model::ReserveNames command;
    command.names = std::move(names);
    command.set = model::first_data_set;
    command.queues_max = 3;
    command.topics_max = 2;
    command.subscriptions_max = 2;
    command.name_reuse_ms = 10'000;
    return command;
}

std::vector<ObjectNo> reserve(CoreDriver& driver, std::vector<model::NameRequest> names) {
    return driver.apply_as<model::Reserved>(asking(std::move(names))).numbers;
}

ObjectNo create(CoreDriver& driver, ObjectKind kind, const std::string& name) {
    const auto numbers = reserve(driver, {{kind, name}});
    driver.done(model::MarkReady{numbers});
    return numbers.at(0);
}

void destroy(CoreDriver& driver, ObjectNo number) {
    driver.done(model::HideNames{{number}});
    driver.done(model::ReleaseNames{{number}, true});
}

Reason refusal(CoreDriver& driver, ObjectKind kind, const std::string& name) {
    return driver.refused(asking({{kind, name}}));
}

TEST(NameSet, AReservedNameIsSeenOnlyWhenReady) {
    CoreDriver driver = CoreDriver::name_set();
    const auto numbers = reserve(driver, {{ObjectKind::queue, "Orders"}});
    EXPECT_THAT(numbers, ElementsAre(ObjectNo{1}));
    EXPECT_FALSE(core::find_name(driver.rows(), ObjectKind::queue, "Orders").has_value());
    ASSERT_THAT(core::unfinished_names(driver.rows()), SizeIs(1));
    EXPECT_EQ(core::unfinished_names(driver.rows())[0].state, NameState::reserved);
    EXPECT_EQ(refusal(driver, ObjectKind::queue, "oRDERS"), Reason::unavailable);
    driver.done(model::MarkReady{numbers});
    const auto found = core::find_name(driver.rows(), ObjectKind::queue, "Orders");
    ASSERT_TRUE(found.has_value());
    EXPECT_EQ(found->number, ObjectNo{1});
    EXPECT_EQ(found->set, model::first_data_set);
    EXPECT_EQ(found->name, "Orders");
    EXPECT_EQ(found->created_ms, CoreDriver::start_ms);
    EXPECT_THAT(core::unfinished_names(driver.rows()), IsEmpty());
}

TEST(NameSet, AHiddenNameIsUnfinishedUntilItIsReleased) {
    CoreDriver driver = CoreDriver::name_set();
    const ObjectNo number = create(driver, ObjectKind::topic, "news");
    driver.done(model::HideNames{{number}});
    EXPECT_FALSE(core::find_name(driver.rows(), ObjectKind::topic, "news").has_value());
    ASSERT_THAT(core::unfinished_names(driver.rows()), SizeIs(1));
    EXPECT_EQ(core::unfinished_names(driver.rows())[0].state, NameState::hidden);
    EXPECT_EQ(refusal(driver, ObjectKind::topic, "news"), Reason::name_too_soon);
    driver.done(model::ReleaseNames{{number}, true});
    EXPECT_THAT(core::unfinished_names(driver.rows()), IsEmpty());
    EXPECT_FALSE(core::find_number(driver.rows(), number).has_value());
}

TEST(NameSet, QueueNamesIgnoreCaseAndTopicNamesDoNot) {
    CoreDriver driver = CoreDriver::name_set();
    create(driver, ObjectKind::queue, "Orders");
    EXPECT_EQ(refusal(driver, ObjectKind::queue, "oRDERS"), Reason::queue_exists);
    EXPECT_EQ(core::find_name(driver.rows(), ObjectKind::queue, "ORDERS")->name, "Orders");
    create(driver, ObjectKind::topic, "News");
    create(driver, ObjectKind::topic, "news");
    EXPECT_EQ(refusal(driver, ObjectKind::topic, "news"), Reason::topic_exists);
}

TEST(NameSet, KindsHaveNamesOfTheirOwn) {
    CoreDriver driver = CoreDriver::name_set();
    create(driver, ObjectKind::queue, "same");
    create(driver, ObjectKind::topic, "same");
    create(driver, ObjectKind::subscription, "same/same");
    EXPECT_EQ(refusal(driver, ObjectKind::subscription, "same/same"), Reason::subscription_exists);
}

TEST(NameSet, ReservesAllNamesOrNone) {
    CoreDriver driver = CoreDriver::name_set();
    create(driver, ObjectKind::queue, "a");
    EXPECT_EQ(driver.refused(asking({{ObjectKind::queue, "b"}, {ObjectKind::queue, "A"}})),
              Reason::queue_exists);
    EXPECT_EQ(driver.refused(asking({{ObjectKind::queue, "c"}, {ObjectKind::queue, "C"}})),
              Reason::queue_exists);
    EXPECT_THAT(core::unfinished_names(driver.rows()), IsEmpty());
    EXPECT_THAT(reserve(driver, {{ObjectKind::queue, "b"}, {ObjectKind::topic, "t"}}),
                ElementsAre(ObjectNo{2}, ObjectNo{3}));
}

TEST(NameSet, LimitsCountReservedNamesAndFallWithReleasedOnes) {
    CoreDriver driver = CoreDriver::name_set();
    const ObjectNo first = create(driver, ObjectKind::queue, "a");
    reserve(driver, {{ObjectKind::queue, "b"}, {ObjectKind::queue, "c"}});
    EXPECT_EQ(refusal(driver, ObjectKind::queue, "d"), Reason::queue_limit);
    destroy(driver, first);
    create(driver, ObjectKind::queue, "d");
    create(driver, ObjectKind::topic, "t");
    create(driver, ObjectKind::topic, "u");
    EXPECT_EQ(refusal(driver, ObjectKind::topic, "v"), Reason::topic_limit);
    create(driver, ObjectKind::subscription, "t/one");
    create(driver, ObjectKind::subscription, "t/two");
    create(driver, ObjectKind::subscription, "u/one");
    EXPECT_EQ(refusal(driver, ObjectKind::subscription, "t/three"), Reason::subscription_limit);
    model::ReserveNames unlimited = asking({{ObjectKind::queue, "e"}});
    unlimited.queues_max = 0;
    driver.apply_as<model::Reserved>(unlimited);
}

TEST(NameSet, ADeletedNameStaysBlockedForItsTime) {
    CoreDriver driver = CoreDriver::name_set();
    destroy(driver, create(driver, ObjectKind::queue, "Orders"));
    EXPECT_EQ(refusal(driver, ObjectKind::queue, "orders"), Reason::name_too_soon);
    driver.skip(9'999);
    EXPECT_EQ(refusal(driver, ObjectKind::queue, "orders"), Reason::name_too_soon);
    driver.skip(1);
    create(driver, ObjectKind::queue, "orders");
}

TEST(NameSet, OnlyNamesOfQueuesAndTopicsAreBlocked) {
    CoreDriver driver = CoreDriver::name_set();
    destroy(driver, create(driver, ObjectKind::topic, "t"));
    EXPECT_EQ(refusal(driver, ObjectKind::topic, "t"), Reason::name_too_soon);
    destroy(driver, create(driver, ObjectKind::subscription, "u/one"));
    create(driver, ObjectKind::subscription, "u/one");
    destroy(driver, create(driver, ObjectKind::dead_letter_queue, "u.one.dlq"));
    create(driver, ObjectKind::dead_letter_queue, "u.one.dlq");
}

TEST(NameSet, AnUndoneReservationBlocksNothing) {
    CoreDriver driver = CoreDriver::name_set();
    driver.done(model::ReleaseNames{reserve(driver, {{ObjectKind::queue, "orders"}}), false});
    EXPECT_THAT(core::unfinished_names(driver.rows()), IsEmpty());
    create(driver, ObjectKind::queue, "orders");
}

TEST(NameSet, ANameBlockedAnewOutlivesTheEndOfItsFirstBlock) {
    CoreDriver driver = CoreDriver::name_set();
    destroy(driver, create(driver, ObjectKind::queue, "a"));
    driver.skip(10'000);
    destroy(driver, create(driver, ObjectKind::queue, "a"));
    driver.skip(1'000);
    create(driver, ObjectKind::queue, "b");
    EXPECT_EQ(refusal(driver, ObjectKind::queue, "a"), Reason::name_too_soon);
}

TEST(NameSet, NumbersAreNeverGivenTwice) {
    CoreDriver driver = CoreDriver::name_set();
    const ObjectNo first = create(driver, ObjectKind::queue, "a");
    destroy(driver, first);
    EXPECT_GT(create(driver, ObjectKind::queue, "b"), first);
}

TEST(NameSet, AnAutomaticDeadLetterQueueIsReusedAndNotUndone) {
    CoreDriver driver = CoreDriver::name_set();
    const ObjectNo queue = create(driver, ObjectKind::dead_letter_queue, "news.reader.dlq");
    const auto numbers = reserve(driver,
                                 {{ObjectKind::subscription, "news/reader"},
                                  {ObjectKind::dead_letter_queue, "news.reader.dlq"}});
    ASSERT_THAT(numbers, SizeIs(2));
    EXPECT_EQ(numbers[1], queue);
    driver.done(model::ReleaseNames{numbers, false});
    EXPECT_FALSE(core::find_number(driver.rows(), numbers[0]).has_value());
    EXPECT_TRUE(core::find_name(driver.rows(), ObjectKind::queue, "news.reader.dlq").has_value());
}

TEST(NameSet, AutomaticDeadLetterQueuesCountForNoLimit) {
    CoreDriver driver = CoreDriver::name_set();
    for (const char* name : {"a.a.dlq", "b.b.dlq", "c.c.dlq", "d.d.dlq"}) {
        create(driver, ObjectKind::dead_letter_queue, name);
    }
    create(driver, ObjectKind::queue, "a");
}

TEST(NameSet, ListsVisibleNamesInOrderByPages) {
    CoreDriver driver = CoreDriver::name_set();
    for (const char* name : {"Zebra", "apple", "Banana"}) create(driver, ObjectKind::queue, name);
    const auto page = core::list_names(driver.rows(), ObjectKind::queue, "", 1, 1);
    EXPECT_EQ(page.total, 3U);
    ASSERT_THAT(page.items, SizeIs(1));
    EXPECT_EQ(page.items[0].name, "Banana");
    EXPECT_EQ(core::list_names(driver.rows(), ObjectKind::queue, "BRA", 0, 10).items.at(0).name,
              "Zebra");
    EXPECT_EQ(core::list_names(driver.rows(), ObjectKind::topic, "", 0, 10).total, 0U);
}

TEST(NameSet, AKeyWithoutASecretIsTakenBack) {
    CoreDriver driver = CoreDriver::name_set();
    driver.done(model::PutKey{"AKID1", "one", true});
    driver.done(model::PutKey{"AKID2", "two", false});
    driver.done(model::PutKey{"AKID2", "", false});
    EXPECT_FALSE(core::find_key(driver.rows(), "AKID2").has_value());
    EXPECT_EQ(driver.refused(model::PutKey{"AKID2", "", false}), Reason::invalid_parameter);
}

TEST(NameSet, ARootKeyThatDoesNotEndIsAlwaysLeft) {
    CoreDriver driver = CoreDriver::name_set();
    driver.done(model::PutKey{"AKID1", "one", true});
    driver.done(model::PutKey{"AKID2", "two", false});
    EXPECT_EQ(driver.refused(model::PutKey{"AKID1", "", false}), Reason::denied);
    EXPECT_EQ(driver.refused(model::PutKey{"AKID1", "weaker", false}), Reason::denied);
    driver.done(model::PutKey{"AKID3", "three", true});
    driver.done(model::PutKey{"AKID1", "weaker", false});
    EXPECT_EQ(driver.refused(model::PutKey{"AKID3", "", false}), Reason::denied);
    EXPECT_EQ(core::find_key(driver.rows(), "AKID3")->secret, "three");
}

TEST(NameSet, ThereAreAThousandKeysAtMost) {
    CoreDriver driver = CoreDriver::name_set();
    for (int number = 0; number < 1'000; ++number) {
        driver.done(model::PutKey{"AKID" + std::to_string(number), "secret", false});
    }
    EXPECT_EQ(driver.refused(model::PutKey{"AKID1000", "secret", false}), Reason::denied);
    driver.done(model::PutKey{"AKID7", "another", false});
    driver.done(model::PutKey{"AKID7", "", false});
    driver.done(model::PutKey{"AKID1000", "secret", false});
}

TEST(NameSet, KeysAreKeptAndReplaced) {
    CoreDriver driver = CoreDriver::name_set();
    driver.done(model::PutKey{"AKID1", "one", true});
    driver.done(model::PutKey{"AKID2", "two", false});
    driver.done(model::PutKey{"AKID1", "three", true});
    EXPECT_EQ(core::find_key(driver.rows(), "AKID1")->secret, "three");
    EXPECT_TRUE(core::find_key(driver.rows(), "AKID1")->root);
    EXPECT_THAT(core::list_keys(driver.rows()), SizeIs(2));
    EXPECT_FALSE(core::find_key(driver.rows(), "AKID3").has_value());
}

TEST(NameSet, CommandsOfADataSetAreRefused) {
    CoreDriver driver = CoreDriver::name_set();
    EXPECT_EQ(driver.refused(model::Tick{}), Reason::internal);
    CoreDriver data = CoreDriver::data_set();
    EXPECT_EQ(data.refused(model::PutKey{}), Reason::internal);
}

}  // namespace

}  // namespace penstock::testing
