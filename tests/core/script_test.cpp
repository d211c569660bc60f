// Scripts of subscriptions: versions, rollback, what is kept, and what a script changes about a
// queue subscriber.
#include "tests/core/function_commands.h"

#include <gmock/gmock.h>

namespace penstock::testing {

namespace {

using model::ScriptRole;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

model::Script script(ScriptRole role, std::string code = "return 1") {
    model::Script value;
    value.role = role;
    value.code = std::move(code);
    return value;
}

std::uint32_t deploy(CoreDriver& driver, std::string code, ScriptRole role = ScriptRole::handler) {
    return driver
        .apply_as<model::Deployed>(model::DeployScript{first_reader, script(role, std::move(code))})
        .version;
}

std::uint32_t activate(CoreDriver& driver,
                       std::uint32_t version,
                       ScriptRole role = ScriptRole::handler) {
    return driver.apply_as<model::Deployed>(model::ActivateScript{first_reader, role, version})
        .version;
}

std::vector<std::uint32_t> kept(const CoreDriver& driver, ScriptRole role = ScriptRole::handler) {
    std::vector<std::uint32_t> versions;
    for (const model::Script& one : core::scripts_of(driver.rows(), first_reader)) {
        if (one.role == role) versions.push_back(one.version);
    }
    return versions;
}

std::array<std::uint32_t, 3> in_use(const CoreDriver& driver) {
    return core::subscription_info(driver.rows(), first_reader)->spec.scripts;
}

bool signalled_changed(const CoreDriver& driver) {
    const auto& changed = driver.effects().changed;
    return std::find(changed.begin(), changed.end(), first_reader) != changed.end();
}

TEST(Script, IsStoredWithVersionAndTimeWhenItsSubscriptionIsMade) {
    CoreDriver driver = CoreDriver::data_set();
    driver.done(make_topic(news));
    model::Subscribe command = make_subscription(first_reader, http_spec());
    command.scripts = {script(ScriptRole::transform, "t"), script(ScriptRole::handler, "h")};
    command.scripts[1].version = 77;
    command.scripts[1].note = "as it began";
    command.spec.scripts = {5, 6, 7};
    driver.done(command);
    EXPECT_THAT(in_use(driver), ElementsAre(1, 0, 1));
    const auto handler = core::script_of(driver.rows(), first_reader, ScriptRole::handler, 1);
    ASSERT_TRUE(handler);
    EXPECT_EQ(handler->code, "h");
    EXPECT_EQ(handler->note, "as it began");
    EXPECT_EQ(handler->version, 1U);
    EXPECT_EQ(handler->deployed_ms, CoreDriver::start_ms);
    EXPECT_FALSE(core::script_of(driver.rows(), first_reader, ScriptRole::handler, 77));
}

TEST(Script, ADeploymentIsTheNextVersionAndInUseAtOnce) {
    CoreDriver driver = with_function();
    EXPECT_EQ(deploy(driver, "one"), 1U);
    EXPECT_TRUE(signalled_changed(driver));
    driver.skip(5);
    EXPECT_EQ(deploy(driver, "two"), 2U);
    EXPECT_EQ(deploy(driver, "filter", ScriptRole::filter), 1U);
    EXPECT_THAT(in_use(driver), ElementsAre(2, 1, 0));
    EXPECT_EQ(core::script_of(driver.rows(), first_reader, ScriptRole::handler, 1)->code, "one");
    const auto info = core::subscription_info(driver.rows(), first_reader);
    EXPECT_EQ(info->modified_ms, CoreDriver::start_ms + 5);
}

TEST(Script, RollingBackGoesOneVersionAtATime) {
    CoreDriver driver = with_function();
    for (const char* code : {"one", "two", "three"}) deploy(driver, code);
    EXPECT_EQ(activate(driver, 0), 2U);
    EXPECT_TRUE(signalled_changed(driver));
    EXPECT_EQ(activate(driver, 0), 1U);
    EXPECT_THAT(in_use(driver), ElementsAre(1, 0, 0));
    EXPECT_EQ(driver.refused(model::ActivateScript{first_reader, ScriptRole::handler, 0}),
              model::Reason::script_not_found);
    EXPECT_THAT(in_use(driver), ElementsAre(1, 0, 0));
    EXPECT_EQ(activate(driver, 3), 3U);
    EXPECT_THAT(kept(driver), ElementsAre(1, 2, 3));
}

TEST(Script, ADeploymentAfterARollbackIsANewVersion) {
    CoreDriver driver = with_function();
    for (const char* code : {"one", "two", "three"}) deploy(driver, code);
    activate(driver, 1);
    EXPECT_EQ(deploy(driver, "four"), 4U);
    EXPECT_EQ(activate(driver, 0), 3U);
}

TEST(Script, AVersionThatIsNotThereAndARoleWithoutScriptsAreRefused) {
    CoreDriver driver = with_function();
    deploy(driver, "one");
    EXPECT_EQ(driver.refused(model::ActivateScript{first_reader, ScriptRole::handler, 2}),
              model::Reason::script_not_found);
    EXPECT_EQ(driver.refused(model::ActivateScript{first_reader, ScriptRole::filter, 1}),
              model::Reason::script_not_found);
    EXPECT_EQ(driver.refused(model::ActivateScript{first_reader, ScriptRole::filter, 0}),
              model::Reason::script_not_found);
    EXPECT_EQ(driver.refused(model::ActivateScript{second_reader, ScriptRole::handler, 1}),
              model::Reason::subscription_not_found);
    EXPECT_EQ(driver.refused(model::DeployScript{second_reader, script(ScriptRole::handler)}),
              model::Reason::subscription_not_found);
}

TEST(Script, TheNewestTwentyAreKept) {
    CoreDriver driver = with_function();
    for (int at = 0; at < 20; ++at) deploy(driver, "code");
    EXPECT_THAT(kept(driver), SizeIs(20));
    EXPECT_EQ(deploy(driver, "code"), 21U);
    EXPECT_THAT(kept(driver), SizeIs(20));
    EXPECT_EQ(kept(driver).front(), 2U);
    EXPECT_EQ(kept(driver).back(), 21U);
}

// Deployed while an old one is in use: that one may be wanted back at once.
TEST(Script, TheVersionInUseIsNotDroppedByTheDeploymentThatReplacesIt) {
    CoreDriver driver = with_function();
    for (int at = 0; at < 20; ++at) deploy(driver, "code");
    activate(driver, 1);
    EXPECT_EQ(deploy(driver, "code"), 21U);
    EXPECT_THAT(kept(driver), SizeIs(20));
    EXPECT_EQ(kept(driver).front(), 1U);
    EXPECT_EQ(kept(driver).at(1), 3U);
    EXPECT_EQ(activate(driver, 1), 1U);
}

TEST(Script, RolesAreCountedApart) {
    CoreDriver driver = with_function();
    for (int at = 0; at < 22; ++at) deploy(driver, "filter", ScriptRole::filter);
    deploy(driver, "handler");
    deploy(driver, "transform", ScriptRole::transform);
    EXPECT_THAT(kept(driver, ScriptRole::filter), SizeIs(20));
    EXPECT_THAT(kept(driver), ElementsAre(1));
    EXPECT_THAT(kept(driver, ScriptRole::transform), ElementsAre(1));
    EXPECT_THAT(in_use(driver), ElementsAre(1, 22, 1));
}

TEST(Script, ChangingTheSubscriptionLeavesItsScriptsAlone) {
    CoreDriver driver = with_function();
    deploy(driver, "one");
    deploy(driver, "two");
    model::SubscriptionSpec spec = http_spec();
    spec.scripts = {1, 9, 9};
    driver.done(model::SetSubscription{first_reader, spec});
    EXPECT_THAT(in_use(driver), ElementsAre(2, 0, 0));
}

TEST(Script, GoesWithItsSubscription) {
    CoreDriver driver = with_function();
    deploy(driver, "one");
    deploy(driver, "filter", ScriptRole::filter);
    driver.done(model::Unsubscribe{first_reader});
    EXPECT_THAT(core::scripts_of(driver.rows(), first_reader), IsEmpty());
}

CoreDriver with_queue_subscriber() {
    CoreDriver driver = CoreDriver::data_set();
    driver.done(make_queue(orders));
    driver.done(make_topic(news));
    driver.done(make_subscription(first_reader, queue_spec(orders)));
    return driver;
}

TEST(Script, AQueueSubscriberWithAFilterOrTransformIsNotFedInThePublishsEntry) {
    for (const ScriptRole role : {ScriptRole::filter, ScriptRole::transform}) {
        CoreDriver driver = with_queue_subscriber();
        publish(driver, news);
        EXPECT_EQ(counts(driver, orders).active, 1U);
        deploy(driver, "code", role);
        publish(driver, news, 2);
        EXPECT_EQ(counts(driver, orders).active, 1U);
        EXPECT_TRUE(driver.signalled_ready(first_reader));
        EXPECT_THAT(ready_sequences(driver, first_reader), ElementsAre(2, 3));
    }
}

// Transformed: the new body goes to the queue with the acknowledgement, the old one nowhere.
TEST(Script, ATransformedMessageComesToItsQueueOnce) {
    CoreDriver driver = with_queue_subscriber();
    deploy(driver, "code", ScriptRole::transform);
    const auto original = publish(driver, news).at(0);
    driver.done(handled(first_reader, 1, with_outputs({to_queue(orders)})), {body(33)});
    driver.done(handled(first_reader, 1, with_outputs({to_queue(orders)})), {body(33)});
    const auto received = receive(driver, orders, 16);
    ASSERT_THAT(received, SizeIs(1));
    EXPECT_NE(received[0].message, original);
    EXPECT_EQ(received[0].message,
              (model::MessageId{model::first_data_set, driver.index() - 2, 0}));
}

TEST(Script, AMessageThatItsFilterDiscardsIsSettledAndCounted) {
    CoreDriver driver = with_queue_subscriber();
    deploy(driver, "code", ScriptRole::filter);
    publish(driver, news, 2);
    settle(driver, first_reader, {1, 2}, model::Verdict::discarded);
    settle(driver, first_reader, {1}, model::Verdict::discarded);
    const auto info = core::subscription_info(driver.rows(), first_reader);
    EXPECT_EQ(info->discarded, 2U);
    EXPECT_EQ(info->dropped, 0U);
    EXPECT_EQ(info->backlog, 0U);
    EXPECT_EQ(counts(driver, orders).active, 0U);
}

TEST(DisableSubscription, TakesAnActiveOneOutOfServiceAndSaysWhy) {
    CoreDriver driver = with_function();
    publish(driver, news);
    driver.skip(7);
    driver.done(model::DisableSubscription{first_reader, "/usr/bin/handler is missing"});
    EXPECT_TRUE(signalled_changed(driver));
    const auto info = core::subscription_info(driver.rows(), first_reader);
    EXPECT_EQ(info->spec.state, model::SubscriptionState::disabled);
    EXPECT_EQ(info->spec.state_reason, "/usr/bin/handler is missing");
    EXPECT_EQ(info->modified_ms, CoreDriver::start_ms + 7);
    EXPECT_EQ(info->backlog, 1U);
    publish(driver, news);
    EXPECT_EQ(core::subscription_info(driver.rows(), first_reader)->backlog, 2U);
}

TEST(DisableSubscription, LeavesAPausedAndADisabledOneAsTheyAre) {
    CoreDriver driver = with_function();
    model::SubscriptionSpec paused = http_spec();
    paused.state = model::SubscriptionState::paused;
    driver.done(model::SetSubscription{first_reader, paused});
    driver.done(model::DisableSubscription{first_reader, "late"});
    EXPECT_FALSE(signalled_changed(driver));
    EXPECT_EQ(core::subscription_info(driver.rows(), first_reader)->spec.state,
              model::SubscriptionState::paused);
    driver.done(model::SetSubscription{first_reader, http_spec()});
    driver.done(model::DisableSubscription{first_reader, "first"});
    driver.done(model::DisableSubscription{first_reader, "second"});
    EXPECT_EQ(core::subscription_info(driver.rows(), first_reader)->spec.state_reason, "first");
    driver.done(model::DisableSubscription{second_reader, "nobody"});
}

// Its messages wait and do not overtake each other when it is resumed.
TEST(DisableSubscription, AQueueSubscriberIsNotFedWhileItIsDisabled) {
    CoreDriver driver = with_queue_subscriber();
    driver.done(model::DisableSubscription{first_reader, "why not"});
    publish(driver, news);
    driver.done(model::SetSubscription{first_reader, queue_spec(orders)});
    publish(driver, news);
    EXPECT_EQ(counts(driver, orders).active, 0U);
    EXPECT_THAT(ready_sequences(driver, first_reader), ElementsAre(1, 2));
}

}  // namespace

}  // namespace penstock::testing
