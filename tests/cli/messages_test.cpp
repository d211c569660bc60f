// Command lines about messages that are there: peek, delays, dead letters, redrives, replays.
#include "tests/cli/fixture.h"

namespace penstock::testing {

namespace {

class MessageCli : public CliFixture {
  protected:
    static api::JobView job(const std::string& state) {
        api::JobView view;
        view.kind = "redrive";
        view.state = state;
        view.object = "dead";
        view.number = 7;
        view.total = 10;
        view.looked_at = view.taken = state == "running" ? 5 : 10;
        view.started_ms = 1'700'000'000'000;
        view.now_ms = view.started_ms + 1'000;
        return view;
    }
};

TEST_F(MessageCli, PeekShowsMessagesAndSendsItsFilter) {
    api::PeekedPage page;
    page.items.resize(2);
    page.items[0].id = model::MessageId(5);
    page.items[0].state = "in_flight";
    page.items[0].payload = "hello\tyou";
    page.items[1].id = model::MessageId(6);
    page.items[1].state = "in_flight";
    broker.answer_with<api::PeekMessages>(page);
    EXPECT_EQ(
        run({"queue", "peek", "jobs", "--state", "in-flight", "--tag", "a b", "--limit", "1"}), 0);
    EXPECT_EQ(out, "5\tin_flight\t\t\t\thello\\tyou\n");
    const auto* asked = broker.last<api::PeekMessages>();
    EXPECT_EQ(asked->queue, "jobs");
    EXPECT_EQ(asked->state, "in_flight");
    EXPECT_EQ(asked->filter.tags, std::vector<std::string>{"a b"});
    EXPECT_EQ(run({"queue", "peek", "jobs", "--state", "in_flight"}), 0) << "as it is shown";
    EXPECT_EQ(run({"topic", "peek", "news", "--from", "-1h", "-o", "ndjson"}), 0);
    EXPECT_EQ(broker.last<api::PeekMessages>()->topic, "news");
    EXPECT_EQ(broker.last<api::PeekMessages>()->filter.from_ms, 1'700'000'000'000 - 3'600'000);
    EXPECT_EQ(out.substr(0, 10), "{\"id\":\"5\",");
}

// `sub test` of orders/billing, which asks for the tag "paid", with an attempt that ended so.
class TrialCli : public MessageCli {
  protected:
    TrialCli() {
        api::SubscriptionView subscription;
        subscription.topic = "orders";
        subscription.name = "billing";
        subscription.spec.filter_tags = {"paid", "due"};
        broker.answer_with<api::GetSubscription>(subscription);
        page.items = {subscription};
        page.total = 1;
        broker.answer_with<api::ListSubscriptions>(page);
        api::SentMessages sent;
        sent.ids = {model::MessageId(5)};
        broker.answer_with<api::PublishMessages>(sent);
    }

    void end(const std::string& status) {
        api::MessageTrack track;
        track.id = model::MessageId(5);
        track.places.resize(2);
        track.places[0].object = "orders/another";
        track.places[1].object = "orders/billing";
        track.places[1].attempts.resize(1);
        track.places[1].attempts[0].status = status;
        broker.answer_with<api::TrackMessage>(track);
    }

    api::SubscriptionPage page;
};

TEST_F(TrialCli, PublishesWhatTheSubscriptionAsksForAndTellsItsAttempt) {
    end("ok");
    EXPECT_EQ(run({"sub", "test", "orders/billing", "hello"}), 0) << err;
    EXPECT_NE(out.find("status\tok\n"), std::string::npos) << out;
    const auto* asked = broker.last<api::PublishMessages>();
    ASSERT_EQ(asked->messages.size(), 1U);
    EXPECT_EQ(asked->messages[0].payload, "hello");
    EXPECT_EQ(asked->messages[0].meta.tags, std::vector<std::string>{"paid"});
    end("failed");
    EXPECT_EQ(run({"sub", "test", "orders/billing", "--tag", "due"}), 1);
    EXPECT_EQ(broker.last<api::PublishMessages>()->messages[0].meta.tags,
              std::vector<std::string>{"due"});
}

// What goes to a queue is not tried: it has a place there, and no attempts.
TEST_F(TrialCli, OfOneWithAQueueTellsThatTheQueueHasTheMessage) {
    api::SubscriptionView& subscription = page.items[0];
    subscription.spec.sink = model::SinkKind::queue;
    subscription.spec.endpoint = "jobs";
    subscription.dead_letter_queue = "orders.billing.dlq";
    broker.answer_with<api::GetSubscription>(subscription);
    broker.answer_with<api::ListSubscriptions>(page);
    api::MessageTrack track;
    track.id = model::MessageId(5);
    track.places.resize(2);
    track.places[0].object = "orders/billing";
    track.places[0].state = "settled";
    track.places[1].object = "jobs";
    broker.answer_with<api::TrackMessage>(track);
    EXPECT_EQ(run({"sub", "test", "orders/billing", "--wait", "0s"}), 0) << err;
    EXPECT_NE(out.find("status\tok\n"), std::string::npos) << out;
    EXPECT_NE(out.find("target\tjobs\n"), std::string::npos) << out;
    track.places[1].object = "orders.billing.dlq";
    broker.answer_with<api::TrackMessage>(track);
    EXPECT_EQ(run({"sub", "test", "orders/billing", "--wait", "0s"}), 1);
    EXPECT_NE(out.find("target\torders.billing.dlq\n"), std::string::npos) << out;
    track.places[0].state = "waiting";
    broker.answer_with<api::TrackMessage>(track);
    EXPECT_EQ(run({"sub", "test", "orders/billing", "--wait", "0s"}), 6) << "it is tried again";
}

TEST_F(TrialCli, AsksFirstWhereOthersGetTheMessageToo) {
    end("ok");
    page.items.push_back(page.items[0]);
    page.total = 2;
    broker.answer_with<api::ListSubscriptions>(page);
    EXPECT_EQ(run({"sub", "test", "orders/billing"}), 2);
    EXPECT_EQ(broker.last<api::PublishMessages>(), nullptr);
    EXPECT_EQ(run({"sub", "test", "orders/billing", "--yes"}), 0) << err;
}

TEST_F(TrialCli, OfOneThatIsPausedOrDoesNotTryIsAFailure) {
    broker.refuse<api::TrackMessage>(model::Reason::message_not_found);
    EXPECT_EQ(run({"sub", "test", "orders/billing", "--wait", "0s"}), 6);
    page.items[0].spec.state = model::SubscriptionState::paused;
    broker.answer_with<api::GetSubscription>(page.items[0]);
    broker.requests.clear();
    EXPECT_EQ(run({"sub", "test", "orders/billing"}), 4);
    EXPECT_EQ(broker.last<api::PublishMessages>(), nullptr);
}

TEST_F(MessageCli, DelayedMessagesAreMovedAndTakenBack) {
    broker.answer_with<api::ChangeDelayed>({});
    EXPECT_EQ(run({"queue", "cancel", "jobs", "5", "6"}), 0);
    EXPECT_EQ(broker.requests.size(), 2U);
    EXPECT_EQ(run({"topic", "move", "news", "5", "--delay", "2m"}), 0);
    EXPECT_EQ(broker.last<api::ChangeDelayed>()->topic, "news");
    EXPECT_EQ(broker.last<api::ChangeDelayed>()->delay_s, 120U);
    EXPECT_EQ(run({"queue", "move", "jobs", "5", "--due", "2026-01-01T12:00:00Z"}), 0);
    EXPECT_EQ(broker.last<api::ChangeDelayed>()->due_ms, 1'767'268'800'000);
    EXPECT_EQ(run({"queue", "move", "jobs", "5"}), 2);
    EXPECT_EQ(run({"queue", "move", "jobs", "5", "--due", "soon"}), 2);
    broker.refuse<api::ChangeDelayed>(model::Reason::message_not_found);
    EXPECT_EQ(run({"queue", "cancel", "jobs", "5"}), 3);
}

TEST_F(MessageCli, TransactionsAreListedCommittedAndRolledBack) {
    api::PeekedPage page;
    page.items.resize(1);
    page.items[0].id = model::MessageId(5);
    page.items[0].state = "prepared";
    page.items[0].checks = 2;
    page.items[0].payload = "half";
    broker.answer_with<api::PeekMessages>(page);
    EXPECT_EQ(run({"queue", "transactions", "deals"}), 0);
    EXPECT_EQ(out, "5\t\t2\t\thalf\n");
    EXPECT_EQ(broker.last<api::PeekMessages>()->state, "prepared");
    broker.answer_with<api::ConfirmTransactions>(
        {{model::ConfirmResult::done, model::ConfirmResult::done}});
    EXPECT_EQ(run({"queue", "commit", "deals", "5", "6"}), 0);
    ASSERT_EQ(broker.last<api::ConfirmTransactions>()->items.size(), 2U);
    EXPECT_TRUE(broker.last<api::ConfirmTransactions>()->items[1].commit);
    broker.answer_with<api::ConfirmTransactions>({{model::ConfirmResult::otherwise}});
    EXPECT_EQ(run({"queue", "rollback", "deals", "5"}), 4);
    EXPECT_FALSE(broker.last<api::ConfirmTransactions>()->items[0].commit);
    EXPECT_NE(err.find("1 of 1 messages had ended the other way"), std::string::npos) << err;
    broker.answer_with<api::ConfirmTransactions>({{model::ConfirmResult::unknown}});
    EXPECT_EQ(run({"queue", "commit", "deals", "5"}), 3);
    EXPECT_EQ(run({"queue", "commit", "deals"}), 2);
}

TEST_F(MessageCli, AnOrderedQueueIsMadeAndSentToWithKeys) {
    broker.answer_with<api::CreateQueue>({});
    EXPECT_EQ(run({"queue", "create", "steps", "--ordered"}), 0);
    EXPECT_EQ(broker.last<api::CreateQueue>()->change.ordered, true);
    api::SentMessages sent;
    sent.ids.emplace_back(7);
    broker.answer_with<api::SendMessages>(sent);
    EXPECT_EQ(run({"queue", "send", "steps", "one", "--ordering-key", "a b"}), 0);
    EXPECT_EQ(broker.last<api::SendMessages>()->messages.at(0).meta.ordering_key, "a b");
    EXPECT_EQ(run({"queue", "set", "steps", "--ordered"}), 2) << "only when it is made";
}

TEST_F(MessageCli, ATransactionalQueueIsMadeSetAndSentTo) {
    broker.answer_with<api::CreateQueue>({});
    EXPECT_EQ(run({"queue", "create", "deals", "--transactional"}), 0);
    EXPECT_EQ(broker.last<api::CreateQueue>()->change.transactional, true);
    EXPECT_EQ(run({"queue", "create", "deals", "--first-query", "1m", "--queries", "3"}), 0);
    EXPECT_EQ(broker.last<api::CreateQueue>()->change.transactional, true);
    EXPECT_EQ(broker.last<api::CreateQueue>()->change.first_query_s, 60U);
    EXPECT_EQ(broker.last<api::CreateQueue>()->change.queries_max, 3U);
    EXPECT_EQ(run({"queue", "create", "jobs"}), 0);
    EXPECT_FALSE(broker.last<api::CreateQueue>()->change.transactional);
    api::SentMessages sent;
    sent.ids.emplace_back(7);
    broker.answer_with<api::SendMessages>(sent);
    EXPECT_EQ(run({"queue", "send", "deals", "half", "--transaction"}), 0);
    EXPECT_TRUE(broker.last<api::SendMessages>()->transaction);
}

TEST_F(MessageCli, QueuesAndTopicsHaveARateOfTheirOwn) {
    broker.answer_with<api::CreateQueue>({});
    EXPECT_EQ(run({"queue", "create", "jobs", "--qps", "50"}), 0);
    EXPECT_EQ(broker.last<api::CreateQueue>()->change.messages_per_s, 50U);
    broker.answer_with<api::SetQueue>({});
    EXPECT_EQ(run({"queue", "set", "jobs", "--qps", "0"}), 0);
    EXPECT_EQ(broker.last<api::SetQueue>()->change.messages_per_s, 0U);
    broker.answer_with<api::CreateTopic>({});
    EXPECT_EQ(run({"topic", "create", "news", "--qps", "7"}), 0);
    EXPECT_EQ(broker.last<api::CreateTopic>()->attributes.messages_per_s, 7U);
    broker.answer_with<api::SetTopic>({});
    EXPECT_EQ(run({"topic", "set", "news", "--qps", "8", "--retention", "2d"}), 0);
    EXPECT_EQ(broker.last<api::SetTopic>()->messages_per_s, 8U);
    EXPECT_EQ(broker.last<api::SetTopic>()->retention_s, 172'800U);
    EXPECT_EQ(run({"topic", "set", "news"}), 2) << "nothing to set";
}

TEST_F(MessageCli, QueuesArePausedAndResumed) {
    broker.answer_with<api::SetQueue>({});
    EXPECT_EQ(run({"queue", "pause", "jobs"}), 0);
    EXPECT_EQ(out, "paused\n");
    EXPECT_EQ(broker.last<api::SetQueue>()->change.paused, true);
    EXPECT_EQ(run({"queue", "resume", "jobs"}), 0);
    EXPECT_EQ(out, "active\n");
}

TEST_F(MessageCli, ARedriveTakesAFilterARateAndAPreview) {
    broker.answer_with<api::RedriveDeadLetters>({12, 7});
    EXPECT_EQ(
        run({"dlq", "redrive", "dead", "--reason", "timeout", "--status", "5xx", "--rate", "50/s"}),
        0);
    EXPECT_EQ(out, "redriving at most 12\n") << "how many the filter means is seen on the way";
    EXPECT_EQ(broker.last<api::RedriveDeadLetters>()->rate_per_s, 50U);
    EXPECT_EQ(broker.last<api::RedriveDeadLetters>()->filter.status_max, 599U);
    EXPECT_EQ(run({"dlq", "redrive", "dead", "--rate", "fast"}), 2);
    EXPECT_EQ(run({"dlq", "redrive", "dead", "--pause", "--cancel"}), 2);
    // A filter is counted letter by letter, in pages.
    api::DeadLetterPage page;
    page.items.resize(3);
    for (auto& letter : page.items) letter.state = "visible";
    page.items[2].state = "in_flight";
    broker.answer_with<api::ListDeadLetters>(page);
    EXPECT_EQ(run({"dlq", "redrive", "dead", "--reason", "timeout", "--preview"}), 0);
    EXPECT_EQ(out, "would redrive 2\n");
    EXPECT_FALSE(broker.last<api::ListDeadLetters>()->bodies);
    EXPECT_EQ(broker.last<api::ListDeadLetters>()->filter.failures.size(), 1U);
}

TEST_F(MessageCli, AJobIsShownSteeredAndWaitedFor) {
    broker.answer_with<api::GetJob>(job("running"));
    EXPECT_EQ(run({"dlq", "redrive", "dead", "--progress"}), 0);
    EXPECT_NE(out.find("state\trunning\n"), std::string::npos);
    EXPECT_NE(out.find("seconds_left"), std::string::npos);
    broker.answer_with<api::ChangeJob>(job("cancelled"));
    EXPECT_EQ(run({"dlq", "redrive", "dead", "--cancel"}), 0);
    EXPECT_EQ(broker.last<api::ChangeJob>()->action, model::JobAction::cancel);
    broker.answer_with<api::RedriveDeadLetters>({10, 7});
    std::size_t looks = 0;
    broker.answer<api::GetJob>([&](const api::GetJob&) {
        return api::Outcome<api::JobView>(job(++looks == 1 ? "running" : "done"));
    });
    EXPECT_EQ(run({"dlq", "redrive", "dead", "--wait"}), 0);
    EXPECT_EQ(looks, 2U);
    EXPECT_NE(err.find("running: 5 sent, 5 of 10 looked at, about 2 s left"), std::string::npos);
    EXPECT_NE(out.find("state\tdone\n"), std::string::npos);
    broker.refuse<api::GetJob>(model::Reason::message_not_found);
    EXPECT_EQ(run({"dlq", "redrive", "dead", "--progress"}), 3);
}

TEST_F(MessageCli, LettersAreExportedOneALine) {
    api::DeadLetterPage first;
    first.items.resize(1);
    first.items[0].id = model::MessageId(5);
    first.next = 9;
    api::DeadLetterPage last;
    last.items.resize(1);
    last.items[0].id = model::MessageId(6);
    broker.answer<api::ListDeadLetters>([&](const api::ListDeadLetters& asked) {
        return api::Outcome<api::DeadLetterPage>(asked.first == 0 ? first : last);
    });
    EXPECT_EQ(run({"dlq", "export", "dead", "--text", "gold"}), 0);
    EXPECT_EQ(std::count(out.begin(), out.end(), '\n'), 2);
    EXPECT_EQ(out.substr(0, 10), "{\"id\":\"5\",");
    EXPECT_EQ(broker.last<api::ListDeadLetters>()->filter.text, "gold");
}

TEST_F(MessageCli, AnEditedLetterPrintsItsNewId) {
    api::DeadLetterView letter;
    letter.id = model::MessageId(5);
    letter.payload = "old";
    broker.answer_with<api::FindDeadLetter>(letter);
    broker.answer_with<api::EditDeadLetter>({model::MessageId(6)});
    EXPECT_EQ(run({"dlq", "edit", "dead", "5", "-"}, "new\n"), 0);
    EXPECT_EQ(out, "6\n");
    EXPECT_EQ(broker.last<api::EditDeadLetter>()->messages.at(0).payload, "new\n");
    EXPECT_EQ(run({"dlq", "edit", "dead", "5"}), 2);
}

TEST_F(MessageCli, AReplayNeedsATimeAndPrintsHowMany) {
    broker.answer_with<api::ReplayMessages>({12, 7});
    EXPECT_EQ(run({"sub", "replay", "news/hook"}), 2);
    EXPECT_EQ(run({"sub", "replay", "news/hook", "--from", "-24h", "--tag", "gold", "--rate", "5"}),
              0);
    EXPECT_EQ(out, "replaying at most 12\n");
    const auto* asked = broker.last<api::ReplayMessages>();
    EXPECT_EQ(asked->filter.from_ms, 1'700'000'000'000 - 86'400'000);
    EXPECT_EQ(asked->filter.tags, std::vector<std::string>{"gold"});
    EXPECT_EQ(asked->rate_per_s, 5U);
    EXPECT_EQ(run({"sub", "replay", "news/hook", "--from", "-1h", "--preview"}), 0);
    EXPECT_EQ(out, "would replay at most 12\n");
    broker.answer_with<api::ChangeJob>(job("paused"));
    EXPECT_EQ(run({"sub", "replay", "news/hook", "--pause", "-o", "json"}), 0);
    EXPECT_EQ(broker.last<api::ChangeJob>()->name, "news/hook");
}

TEST_F(MessageCli, DeadLettersOfASubscriptionAreLookedForInTheQueueItNames) {
    api::SubscriptionView subscription;
    subscription.topic = "orders";
    subscription.name = "billing";
    subscription.dead_letter_queue = "morgue";
    broker.answer_with<api::GetSubscription>(subscription);
    broker.answer_with<api::ListDeadLetters>({});
    EXPECT_EQ(run({"dlq", "show", "orders/billing"}), 0) << err;
    EXPECT_EQ(broker.last<api::ListDeadLetters>()->queue, "morgue");
    subscription.dead_letter_queue.clear();
    broker.answer_with<api::GetSubscription>(subscription);
    EXPECT_EQ(run({"dlq", "show", "orders/billing"}), 3);
    EXPECT_NE(err.find("keeps no dead letters"), std::string::npos) << err;
    broker.refuse<api::GetSubscription>(model::Reason::subscription_not_found);
    EXPECT_EQ(run({"dlq", "show", "orders/billing"}), 0) << "what it left is still there";
    EXPECT_EQ(broker.last<api::ListDeadLetters>()->queue, "orders/billing");
}

}  // namespace

}  // namespace penstock::testing
