// Looking at messages, delayed ones, dead letters one by one, redrives and replays over /v1.
#include "tests/plugins/native/fixture.h"

namespace penstock::testing {

namespace {

using NativeJobs = NativeFixture;

constexpr model::TimeMs noon = 1'767'268'800'000;  // 2026-01-01T12:00:00Z

api::PeekedPage peeked() {
    api::PeekedPage page;
    page.items.resize(1);
    page.items[0].position = 9;
    page.items[0].id = model::MessageId(42);
    page.items[0].state = "delayed";
    page.items[0].receives = 2;
    page.items[0].sent_ms = noon;
    page.items[0].due_ms = noon + 1'000;
    page.items[0].meta.tags = {"paid"};
    page.items[0].payload = "hello";
    page.next = 10;
    return page;
}

api::DeadLetterView letter() {
    api::DeadLetterView view;
    view.id = model::MessageId(5);
    view.state = "visible";
    view.reason = "status";
    view.status = 503;
    view.attempts = 4;
    view.redrives = 1;
    view.payload = "old";
    view.meta.tags = {"paid"};
    view.meta.routing_key = "a.b";
    return view;
}

api::JobView running() {
    api::JobView job;
    job.kind = "replay";
    job.state = "running";
    job.object = "news/hook";
    job.number = 77;
    job.filter.tags = {"gold"};
    job.filter.failures = {model::Failure::timeout};
    job.filter.status_min = job.filter.status_max = 503;
    job.filter.from_ms = noon;
    job.filter.key = "k";
    job.filter.text = "t";
    job.rate_per_s = 50;
    job.total = 1'000;
    job.looked_at = 250;
    job.taken = 200;
    job.open = 3;
    job.started_ms = noon;
    job.now_ms = noon + 10'000;
    return job;
}

TEST_F(NativeJobs, MessagesOfAQueueAreLookedAtByStateAndFilter) {
    broker.answer_with<api::PeekMessages>(peeked());
    const auto shown = json(
        ask("GET", "/v1/queues/jobs/messages?state=delayed&tag=a&tag=b&key=k&text=x%20y&limit=5"));
    const auto& message = shown.at("items").as_array()[0].as_object();
    EXPECT_EQ(text(message, "id"), "42");
    EXPECT_EQ(text(message, "due_at"), "2026-01-01T12:00:01.000Z");
    EXPECT_EQ(text(message, "body"), "hello");
    const auto* asked = broker.last<api::PeekMessages>();
    EXPECT_EQ(asked->queue, "jobs");
    EXPECT_EQ(asked->state, "delayed");
    EXPECT_EQ(asked->limit, 5U);
    EXPECT_EQ(asked->filter.tags, (std::vector<std::string>{"a", "b"}));
    EXPECT_EQ(asked->filter.key, "k");
    EXPECT_EQ(asked->filter.text, "x y");
    ask("GET", "/v1/queues/jobs/messages?cursor=" + text(shown, "next_cursor"));
    EXPECT_EQ(broker.last<api::PeekMessages>()->first, 10U);
}

TEST_F(NativeJobs, MessagesOfATopicAreLookedAtSinceATime) {
    broker.answer_with<api::PeekMessages>(peeked());
    EXPECT_EQ(ask("GET", "/v1/topics/news/messages?from=2026-01-01T12:00:00Z").status, 200U);
    EXPECT_EQ(broker.last<api::PeekMessages>()->topic, "news");
    EXPECT_EQ(broker.last<api::PeekMessages>()->filter.from_ms, noon);
}

TEST_F(NativeJobs, DelayedMessagesAreMovedAndTakenBack) {
    broker.answer_with<api::ChangeDelayed>({});
    EXPECT_EQ(ask("DELETE", "/v1/queues/jobs/delayed/42").status, 204U);
    EXPECT_TRUE(broker.last<api::ChangeDelayed>()->cancel);
    EXPECT_EQ(broker.last<api::ChangeDelayed>()->id.value, 42U);
    EXPECT_EQ(ask("PATCH", "/v1/queues/jobs/delayed/42", R"({"delay":60})").status, 204U);
    EXPECT_EQ(broker.last<api::ChangeDelayed>()->delay_s, 60U);
    const char* due = R"({"due_at":"2026-01-01T12:00:00Z"})";
    EXPECT_EQ(ask("PATCH", "/v1/topics/news/delayed/42", due).status, 204U);
    EXPECT_EQ(broker.last<api::ChangeDelayed>()->topic, "news");
    EXPECT_EQ(broker.last<api::ChangeDelayed>()->due_ms, noon);
    EXPECT_EQ(ask("DELETE", "/v1/topics/news/delayed/42").status, 204U);
}

TEST_F(NativeJobs, QueuesArePausedAndResumed) {
    broker.answer_with<api::SetQueue>({});
    EXPECT_EQ(ask("POST", "/v1/queues/jobs/pause").status, 200U);
    EXPECT_EQ(broker.last<api::SetQueue>()->change.paused, true);
    EXPECT_EQ(ask("POST", "/v1/queues/jobs/resume").status, 200U);
    EXPECT_EQ(broker.last<api::SetQueue>()->change.paused, false);
    EXPECT_EQ(broker.last<api::SetQueue>()->change.retention_s, std::nullopt);
}

TEST_F(NativeJobs, OneDeadLetterComesWithEveryAttempt) {
    api::DeadLetterView dead = letter();
    dead.source = "news/hook";
    broker.answer_with<api::FindDeadLetter>(dead);
    api::MessageTrack track;
    track.places.resize(2);
    track.places[0].object = "news/hook";
    track.places[1].object = "news/another";
    track.places[1].attempts.resize(1);
    track.places[0].attempts.resize(2);
    track.places[0].attempts[0].topic = "news";
    track.places[0].attempts[0].subscription = "hook";
    track.places[0].attempts[0].attempt = 1;
    track.places[0].attempts[1].attempt = 2;
    broker.answer_with<api::TrackMessage>(track);
    const auto shown = json(ask("GET", "/v1/dead-letters/news%2Fhook/messages/5"));
    EXPECT_EQ(broker.last<api::FindDeadLetter>()->queue, "news/hook");
    EXPECT_EQ(text(shown, "redrives"), "1");
    ASSERT_EQ(shown.at("history").as_array().size(), 2U);
    EXPECT_EQ(text(shown.at("history").as_array()[0].as_object(), "subscription"), "news/hook");
    // Without a track the letter is shown all the same.
    broker.refuse<api::TrackMessage>(model::Reason::message_not_found);
    const auto bare = json(ask("GET", "/v1/dead-letters/dead/messages/5"));
    EXPECT_TRUE(bare.at("history").as_array().empty());
}

TEST_F(NativeJobs, AnEditedLetterKeepsWhatIsNotChanged) {
    broker.answer_with<api::FindDeadLetter>(letter());
    broker.answer_with<api::EditDeadLetter>({model::MessageId(6)});
    const auto edited =
        ask("POST", "/v1/dead-letters/dead/messages/5/edit", R"({"body":"new","key":"c"})");
    EXPECT_EQ(edited.status, 202U);
    EXPECT_EQ(edited.body, "{\"id\":\"6\",\"edited_from\":\"5\"}\n");
    const auto* asked = broker.last<api::EditDeadLetter>();
    EXPECT_EQ(asked->id.value, 5U);
    ASSERT_EQ(asked->messages.size(), 1U);
    EXPECT_EQ(asked->messages[0].payload, "new");
    EXPECT_EQ(asked->messages[0].meta.routing_key, "c");
    EXPECT_EQ(asked->messages[0].meta.tags, std::vector<std::string>{"paid"});
}

TEST_F(NativeJobs, ARedriveTakesAFilterAndARate) {
    broker.answer_with<api::RedriveDeadLetters>({12, 77});
    const auto started = ask("POST",
                             "/v1/dead-letters/dead/redrive",
                             R"({"reason":["timeout","status"],"status":"5xx","rate":50})");
    EXPECT_EQ(started.status, 202U);
    EXPECT_EQ(started.body, "{\"messages\":12,\"preview\":false,\"job\":\"77\"}\n");
    const auto* asked = broker.last<api::RedriveDeadLetters>();
    EXPECT_EQ(asked->filter.failures,
              (std::vector<model::Failure>{model::Failure::timeout, model::Failure::status}));
    EXPECT_EQ(asked->filter.status_min, 500U);
    EXPECT_EQ(asked->filter.status_max, 599U);
    EXPECT_EQ(asked->rate_per_s, 50U);
    broker.refuse<api::RedriveDeadLetters>(model::Reason::job_running);
    EXPECT_EQ(ask("POST", "/v1/dead-letters/dead/redrive").status, 409U);
}

TEST_F(NativeJobs, DeadLettersAreListedByAFilterWithoutBodies) {
    api::DeadLetterPage page;
    page.items.push_back(letter());
    broker.answer_with<api::ListDeadLetters>(page);
    const auto listed =
        ask("GET", "/v1/dead-letters/dead?reason=status&status=400-503&bodies=false");
    EXPECT_EQ(listed.status, 200U);
    const auto* asked = broker.last<api::ListDeadLetters>();
    EXPECT_EQ(asked->filter.status_min, 400U);
    EXPECT_EQ(asked->filter.status_max, 503U);
    EXPECT_FALSE(asked->bodies);
    EXPECT_EQ(ask("GET", "/v1/dead-letters/dead?reason=handshake").status, 200U);
    EXPECT_EQ(broker.last<api::ListDeadLetters>()->filter.failures,
              std::vector<model::Failure>{model::Failure::handshake});
}

TEST_F(NativeJobs, AReplayIsStartedPreviewedAndSteered) {
    broker.answer_with<api::ReplayMessages>({12, 77});
    const char* body = R"({"from":"2026-01-01T12:00:00Z","tag":["gold"],"rate":5})";
    EXPECT_EQ(ask("POST", "/v1/subscriptions/news/hook/replay", body).status, 202U);
    const auto* asked = broker.last<api::ReplayMessages>();
    EXPECT_EQ(asked->topic, "news");
    EXPECT_EQ(asked->name, "hook");
    EXPECT_EQ(asked->filter.from_ms, noon);
    EXPECT_EQ(asked->rate_per_s, 5U);
    const char* preview = R"({"from":"2026-01-01T12:00:00Z","preview":true})";
    EXPECT_EQ(ask("POST", "/v1/subscriptions/news/hook/replay", preview).status, 200U);
    broker.answer_with<api::ChangeJob>(running());
    const char* pause = R"({"action":"pause"})";
    EXPECT_EQ(ask("PATCH", "/v1/subscriptions/news/hook/replay", pause).status, 200U);
    EXPECT_EQ(broker.last<api::ChangeJob>()->name, "news/hook");
    EXPECT_EQ(broker.last<api::ChangeJob>()->action, model::JobAction::pause);
    EXPECT_EQ(ask("PATCH", "/v1/dead-letters/dead/redrive", R"({"action":"cancel"})").status, 200U);
    EXPECT_EQ(broker.last<api::ChangeJob>()->kind, model::JobKind::redrive);
}

TEST_F(NativeJobs, AJobTellsItsRateAndTheTimeLeft) {
    broker.answer_with<api::GetJob>(running());
    const auto shown = json(ask("GET", "/v1/subscriptions/news/hook/replay"));
    EXPECT_EQ(text(shown, "job"), "77");
    EXPECT_EQ(text(shown, "taken"), "200");
    EXPECT_EQ(shown.at("per_second").to_number<double>(), 20.0);
    EXPECT_EQ(text(shown, "seconds_left"), "31");
    EXPECT_EQ(text(shown.at("filter").as_object(), "status"), "503");
    broker.refuse<api::GetJob>(model::Reason::message_not_found);
    EXPECT_EQ(ask("GET", "/v1/dead-letters/dead/redrive").status, 404U);
    broker.answer_with<api::GetJob>(running());
    EXPECT_EQ(ask("GET", "/v1/dead-letters/dead/redrive").status, 200U);
}

}  // namespace

}  // namespace penstock::testing
