// Looking at messages, redriving by what their bodies say, editing, replaying: on a whole node.
#include "tests/node/requests.h"
#include "tests/support/stepped_node.h"

#include <gtest/gtest.h>

namespace penstock::testing {

using model::Verdict;

namespace {

// A topic `news` with the subscription `hook`, whose dispatcher takes what it is given.
struct Jobs {
    explicit Jobs(std::vector<std::string> tags = {}) {
        node.node->attach(deliveries);
        check(node.ask(api::CreateTopic{"news", {}}).has_value(), "topic");
        auto request = subscribe("news", "hook");
        request.spec.filter_tags = std::move(tags);
        const auto made = node.ask(request);
        check(made.has_value(), "subscription");
        subscription = model::SubscriptionNo{made->number};
        node.node->grant(subscription, 10'000);
    }

    void publish_tagged(const std::string& body, const std::string& tag) {
        api::PublishMessages request = publish("news", {body});
        request.messages[0].meta.tags = {tag};
        check(node.ask(request).has_value(), "publish");
        node.settle_down();
    }

    void settle(const std::vector<api::Delivery>& settled, Verdict verdict) {
        api::Dispatch::Settlement settlement;
        settlement.subscription = subscription;
        for (const api::Delivery& one : settled) {
            model::SettleItem item;
            item.sequence = one.sequence;
            item.generation = one.generation;
            item.verdict = verdict;
            if (verdict != Verdict::accepted) item.failure = model::Failure::status;
            settlement.items.push_back(item);
            model::Attempt attempt;
            attempt.sequence = one.sequence;
            attempt.message = one.message;
            attempt.verdict = item.verdict;
            attempt.failure = item.failure;
            settlement.attempts.push_back(attempt);
        }
        node.node->settle(std::move(settlement), {});
        node.settle_down();
    }

    std::vector<std::string> payloads() {
        std::vector<std::string> found;
        for (const api::Delivery& one : deliveries.taken) found.push_back(one.payload);
        return found;
    }

    api::JobView job(model::JobKind kind) { return *node.ask(api::GetJob{kind, "news/hook"}); }

    RecordedDeliveries deliveries;
    SteppedNode node;
    model::SubscriptionNo subscription;
};

using Texts = std::vector<std::string>;

}  // namespace

TEST(PeekedMessages, HaveTheirBodiesAndStayWhereTheyAre) {
    SteppedNode node;
    ASSERT_TRUE(node.ask(create_queue("jobs")));
    ASSERT_TRUE(node.ask(send("jobs", {"one", "two gold", "three"})));
    api::PeekMessages request;
    request.queue = "jobs";
    for (int time = 0; time < 2; ++time) {
        const auto page = node.ask(request);
        ASSERT_TRUE(page);
        ASSERT_EQ(page->items.size(), 3U);
        EXPECT_EQ(page->items[1].payload, "two gold");
        EXPECT_EQ(page->items[1].state, "visible");
    }
    request.filter.text = "gold";
    const auto gold = node.ask(request);
    ASSERT_EQ(gold->items.size(), 1U);
    EXPECT_EQ(gold->items[0].payload, "two gold");
    EXPECT_EQ(node.ask(api::GetQueue{"jobs"})->active, 3U);
    EXPECT_EQ(node.ask(receive("jobs"))->messages.at(0).receives, 1U);
    request.state = "retained";
    EXPECT_EQ(node.ask(request).error().reason, model::Reason::invalid_parameter);
}

TEST(PeekedMessages, OfATopicAreThoseItRetains) {
    Jobs jobs;
    jobs.publish_tagged("one", "a");
    jobs.settle(jobs.deliveries.take(), Verdict::accepted);
    api::PeekMessages request;
    request.topic = "news";
    const auto page = jobs.node.ask(request);
    ASSERT_EQ(page->items.size(), 1U);
    EXPECT_EQ(page->items[0].payload, "one");
    EXPECT_EQ(page->items[0].state, "retained");
}

TEST(DelayedMessages, AreMovedAndTakenBackByName) {
    SteppedNode node;
    ASSERT_TRUE(node.ask(create_queue("jobs")));
    auto request = send("jobs", {"one", "two"});
    request.delay_s = 60;
    const auto sent = node.ask(request);
    api::ChangeDelayed change;
    change.queue = "jobs";
    change.id = sent->ids[0];
    change.delay_s = 5;
    ASSERT_TRUE(node.ask(change));
    change.id = sent->ids[1];
    change.cancel = true;
    ASSERT_TRUE(node.ask(change));
    EXPECT_EQ(node.ask(change).error().reason, model::Reason::message_not_found);
    node.advance_ms(5'100);
    EXPECT_EQ(node.ask(receive("jobs"))->messages.at(0).payload, "one");
    // Its lease is over; what was taken back never comes.
    node.advance_ms(60'000);
    const auto left = node.ask(receive("jobs", 16));
    ASSERT_EQ(left->messages.size(), 1U);
    EXPECT_EQ(left->messages[0].payload, "one");
}

TEST(DelayedMessages, AreMovedByTheTimeOfTheLogAndNotByAClockThatWasSet) {
    for (const std::int64_t ahead_ms : {-600'000, 600'000}) {
        SteppedNode node;
        ASSERT_TRUE(node.ask(create_queue("jobs")));
        auto request = send("jobs", {"one"});
        request.delay_s = 3'600;
        const auto sent = node.ask(request);
        ASSERT_TRUE(sent);
        node.clock.set_wall_by_ms(ahead_ms);
        api::ChangeDelayed change;
        change.queue = "jobs";
        change.id = sent->ids[0];
        change.delay_s = 300;
        ASSERT_TRUE(node.ask(change));
        node.advance_ms(280'000);
        EXPECT_EQ(node.ask(receive("jobs"))->messages.size(), 0U) << ahead_ms;
        node.advance_ms(30'000);
        EXPECT_EQ(node.ask(receive("jobs"))->messages.size(), 1U) << ahead_ms;
    }
}

TEST(RedriveByText, SendsBackTheLettersWhoseBodiesHaveIt) {
    Jobs jobs;
    for (int at = 0; at < 150; ++at) {
        jobs.publish_tagged(at % 10 == 0 ? "gold " + std::to_string(at) : "tin", "a");
    }
    jobs.settle(jobs.deliveries.take(), Verdict::rejected);
    api::RedriveDeadLetters request;
    request.queue = "news/hook";
    request.filter.text = "gold";
    const auto started = jobs.node.ask(request);
    ASSERT_TRUE(started);
    EXPECT_NE(started->job, 0U);
    jobs.node.settle_down();
    EXPECT_EQ(jobs.deliveries.take().size(), 15U);
    const api::JobView job = jobs.job(model::JobKind::redrive);
    EXPECT_EQ(job.state, "done");
    EXPECT_EQ(job.looked_at, 150U);
    EXPECT_EQ(job.taken, 15U);
}

TEST(RedriveByText, KeepsItsRateAndGoesOnAfterARestart) {
    Jobs jobs;
    for (int at = 0; at < 40; ++at) jobs.publish_tagged("gold", "a");
    jobs.settle(jobs.deliveries.take(), Verdict::rejected);
    api::RedriveDeadLetters request;
    request.queue = "news/hook";
    request.filter.text = "gold";
    request.rate_per_s = 10;
    ASSERT_TRUE(jobs.node.ask(request));
    for (int tenth = 0; tenth < 10; ++tenth) jobs.node.advance_ms(100);
    EXPECT_EQ(jobs.deliveries.take().size(), 10U);
    jobs.node.restart();
    jobs.node.node->attach(jobs.deliveries);
    jobs.node.node->grant(jobs.subscription, 10'000);
    jobs.node.settle_down();
    jobs.deliveries.take();
    for (int tenth = 0; tenth < 40; ++tenth) jobs.node.advance_ms(100);
    EXPECT_EQ(jobs.job(model::JobKind::redrive).state, "done");
    EXPECT_EQ(jobs.job(model::JobKind::redrive).taken, 40U);
}

TEST(EditedLetter, IsDeliveredChangedUnderANewIdAndNamesTheOldOne) {
    Jobs jobs;
    jobs.publish_tagged("brken", "a");
    jobs.settle(jobs.deliveries.take(), Verdict::rejected);
    const auto letters = jobs.node.ask(api::ListDeadLetters{"news/hook", 0, 50});
    api::EditDeadLetter edit;
    edit.queue = "news/hook";
    edit.id = letters->items.at(0).id;
    edit.messages.resize(1);
    edit.messages[0].payload = "broken no more";
    const auto edited = jobs.node.ask(edit);
    ASSERT_TRUE(edited);
    jobs.node.settle_down();
    const auto again = jobs.deliveries.take();
    ASSERT_EQ(again.size(), 1U);
    EXPECT_EQ(again[0].payload, "broken no more");
    EXPECT_EQ(again[0].message, edited->id);
    using Attribute = std::pair<std::string, std::string>;
    EXPECT_EQ(again[0].meta.attributes,
              (std::vector<Attribute>{{"penstock-edited-from", model::to_text(edit.id)}}));
    EXPECT_TRUE(jobs.node.ask(api::ListDeadLetters{"news/hook", 0, 50})->items.empty());
    EXPECT_EQ(jobs.node.ask(edit).error().reason, model::Reason::message_not_found);
}

TEST(EditedLetter, HasATrackOfItsOwn) {
    Jobs jobs;
    jobs.publish_tagged("brken", "a");
    jobs.settle(jobs.deliveries.take(), Verdict::rejected);
    api::EditDeadLetter edit;
    edit.queue = "news/hook";
    edit.id = jobs.node.ask(api::ListDeadLetters{"news/hook", 0, 50})->items.at(0).id;
    edit.messages.resize(1);
    edit.messages[0].payload = "mended";
    const auto edited = jobs.node.ask(edit);
    ASSERT_TRUE(edited);
    jobs.node.settle_down();
    auto track = jobs.node.ask(api::TrackMessage{edited->id});
    ASSERT_TRUE(track);
    EXPECT_EQ(track->sent_to, "news/hook");
    EXPECT_EQ(track->payload_bytes, 6U);
    ASSERT_EQ(track->places.size(), 1U);
    EXPECT_EQ(track->places[0].object, "news/hook");
    EXPECT_EQ(track->places[0].state, "waiting");
    jobs.settle(jobs.deliveries.take(), Verdict::rejected);
    track = jobs.node.ask(api::TrackMessage{edited->id});
    ASSERT_TRUE(track);
    ASSERT_EQ(track->places.size(), 2U);
    EXPECT_EQ(track->places[0].state, "settled");
    ASSERT_EQ(track->places[0].attempts.size(), 1U);
    EXPECT_EQ(track->places[0].attempts[0].id, edited->id);
    EXPECT_EQ(track->places[1].state, "dead");
}

TEST(PagesOfMessages, AreCutAtEightMebibytes) {
    SteppedNode node;
    api::QueueChange large;
    large.message_bytes_max = 1'048'576;
    ASSERT_TRUE(node.ask(create_queue("large", large)));
    for (int at = 0; at < 100; ++at) {
        ASSERT_TRUE(node.ask(send("large", {std::string(200'000, 'x')})));
    }
    api::PeekMessages request;
    request.queue = "large";
    request.limit = 1'000;
    const auto page = node.ask(request);
    ASSERT_TRUE(page);
    ASSERT_EQ(page->items.size(), 41U);
    EXPECT_EQ(page->next, page->items.back().position + 1);
    request.first = page->next;
    const auto rest = node.ask(request);
    ASSERT_TRUE(rest);
    ASSERT_EQ(rest->items.size(), 41U);
    EXPECT_EQ(rest->items.front().position, page->next);
    request.first = rest->next;
    EXPECT_EQ(node.ask(request)->items.size(), 18U);
    EXPECT_EQ(node.ask(request)->next, 0U);
}

TEST(ReplayedMessages, ComeOnceMoreMarkedWithTheJob) {
    Jobs jobs;
    jobs.publish_tagged("one", "a");
    jobs.publish_tagged("two", "b");
    const auto first = jobs.deliveries.take();
    jobs.settle(first, Verdict::accepted);
    api::ReplayMessages request{"news", "hook"};
    request.preview = true;
    EXPECT_EQ(jobs.node.ask(request)->messages, 2U);
    request.preview = false;
    request.filter.tags = {"b"};
    const auto started = jobs.node.ask(request);
    ASSERT_TRUE(started);
    jobs.node.settle_down();
    const auto again = jobs.deliveries.take();
    ASSERT_EQ(again.size(), 1U);
    EXPECT_EQ(again[0].message, first[1].message);
    EXPECT_EQ(again[0].replay, started->job);
    EXPECT_EQ(first[1].replay, 0U);
    EXPECT_EQ(jobs.job(model::JobKind::replay).open, 1U);
    jobs.settle(again, Verdict::accepted);
    EXPECT_EQ(jobs.job(model::JobKind::replay).open, 0U);
}

TEST(ReplayedMessages, OfATimeBeforeTheSubscriptionPassItsOwnFilter) {
    Jobs jobs({"gold"});
    jobs.publish_tagged("one", "gold");
    jobs.publish_tagged("two", "tin");
    jobs.settle(jobs.deliveries.take(), Verdict::accepted);
    auto late = subscribe("news", "late");
    late.spec.filter_tags = {"tin"};
    const auto made = jobs.node.ask(late);
    ASSERT_TRUE(made);
    jobs.node.node->grant(model::SubscriptionNo{made->number}, 10);
    ASSERT_TRUE(jobs.node.ask(api::ReplayMessages{"news", "late"}));
    jobs.node.settle_down();
    EXPECT_EQ(jobs.payloads(), (Texts{"two"}));
}

TEST(ReplayedMessages, ByAFilterAreDoneAtOnceWhereThereAreNone) {
    Jobs jobs;
    api::ReplayMessages request{"news", "hook"};
    request.filter.tags = {"a"};
    ASSERT_TRUE(jobs.node.ask(request));
    jobs.node.settle_down();
    EXPECT_EQ(jobs.job(model::JobKind::replay).state, "done");
    // It is over: the next one may begin, and finds what came meanwhile.
    jobs.publish_tagged("one", "a");
    jobs.settle(jobs.deliveries.take(), Verdict::accepted);
    ASSERT_TRUE(jobs.node.ask(request));
    jobs.node.settle_down();
    EXPECT_EQ(jobs.payloads(), (Texts{"one"}));
    EXPECT_EQ(jobs.job(model::JobKind::replay).state, "done");
}

TEST(RedriveByText, IsDoneAtOnceWhereThereAreNoLetters) {
    Jobs jobs;
    api::RedriveDeadLetters request;
    request.queue = "news/hook";
    request.filter.text = "gold";
    ASSERT_TRUE(jobs.node.ask(request));
    jobs.node.settle_down();
    EXPECT_EQ(jobs.job(model::JobKind::redrive).state, "done");
}

TEST(RedriveByText, ThatIsCancelledSaysSo) {
    Jobs jobs;
    jobs.publish_tagged("gold", "a");
    jobs.publish_tagged("gold", "a");
    jobs.settle(jobs.deliveries.take(), Verdict::rejected);
    api::RedriveDeadLetters request;
    request.queue = "news/hook";
    request.filter.text = "gold";
    request.rate_per_s = 1;
    ASSERT_TRUE(jobs.node.ask(request));
    ASSERT_TRUE(jobs.node.ask(
        api::ChangeJob{model::JobKind::redrive, "news/hook", model::JobAction::cancel}));
    jobs.node.settle_down();
    EXPECT_EQ(jobs.job(model::JobKind::redrive).state, "cancelled");
}

TEST(ReplayedMessages, BetweenTimesThatAreTheWrongWayRoundAreRefused) {
    Jobs jobs;
    api::ReplayMessages request{"news", "hook"};
    request.filter.from_ms = 2'000;
    request.filter.before_ms = 1'000;
    const auto refused = jobs.node.ask(request);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().reason, model::Reason::invalid_parameter);
    EXPECT_EQ(refused.error().subject, "to");
}

}  // namespace penstock::testing
