#include "broker/base/instant.h"
#include "tests/cli/fixture.h"
#include "tests/support/tls_identity.h"

#include <boost/json.hpp>

#include <fstream>

namespace penstock::testing {

namespace {

class Cli : public CliFixture {
  protected:
    static api::SentMessages sent(std::vector<std::uint64_t> ids) {
        api::SentMessages reply;
        for (const auto id : ids) {
            reply.ids.emplace_back(id);
        }
        return reply;
    }

    static api::SubscriptionPage subscriptions(const std::vector<std::string>& topics) {
        api::SubscriptionPage page;
        page.total = topics.size();
        for (const auto& topic : topics) {
            api::SubscriptionView view;
            view.topic = topic;
            view.name = "billing";
            page.items.push_back(view);
        }
        return page;
    }
};

TEST_F(Cli, UsageErrorsExitWithTwo) {
    for (const auto& words : std::vector<std::vector<std::string>>{
             {},
             {"nothing"},
             {"queue"},
             {"queue", "nothing"},
             {"queue", "create"},
             {"queue", "create", "jobs", "--visiblity", "30s"},
             {"queue", "create", "jobs", "--visibility", "30"},
             {"queue", "create", "jobs", "--max-size", "64kb"},
             {"queue", "create", "jobs", "--dead-letter", "dead"},
             {"queue", "create", "jobs", "--max-receives", "3"},
             {"queue", "set", "jobs"},
             {"queue", "list", "-o", "xml"},
             {"queue", "send", "jobs"},
             {"queue", "send", "jobs", "x", "--split", "words"},
             {"queue", "send", "jobs", "x", "--split", "lines"},
             {"queue", "rewind", "jobs", "--to", "yesterday"},
             {"queue", "ack", "jobs"},
             {"topic", "create", "t", "--match", "words"},
             {"sub", "add", "t", "s"},
             {"sub", "add", "t", "s", "--http", "http://x", "--queue", "q"},
             {"sub", "add", "t", "s", "--http", "http://x", "--retry", "seldom"},
             {"sub", "add", "t", "s", "--http", "http://x", "--retry", ""},
             {"sub", "add", "t", "s", "--exec"},
             {"sub", "add", "t", "s", "--queue", "q", "--exec", "true"},
             {"sub", "add", "t", "s", "--lua", "/no/such/file.lua"},
             {"fn"},
             {"fn", "deploy", "t/s"},
             {"fn", "deploy", "t/s", "/no/such/file.lua"},
             {"fn", "rollback"},
             {"delivery", "list", "--status", "bad"},
             {"doctor", "extra"}}) {
        EXPECT_EQ(run(words), 2) << ::testing::PrintToString(words);
        EXPECT_NE(err, "") << ::testing::PrintToString(words);
    }
    EXPECT_TRUE(broker.requests.empty());
}

TEST_F(Cli, HelpGoesToStandardOutput) {
    EXPECT_EQ(run({"--help"}), 0);
    EXPECT_NE(out.find("penstock serve"), std::string::npos);
    EXPECT_EQ(run({"queue", "send", "--help"}), 0);
    EXPECT_NE(out.find("--split"), std::string::npos);
    EXPECT_EQ(err, "");
}

TEST_F(Cli, RefusalsHaveExitCodesByKind) {
    const std::vector<std::pair<model::Reason, int>> expected = {
        {model::Reason::queue_not_found, 3},
        {model::Reason::queue_exists, 4},
        {model::Reason::receipt_invalid, 4},
        {model::Reason::denied, 5},
        {model::Reason::unknown_outcome, 6},
        {model::Reason::name_format, 2},
        {model::Reason::body_too_large, 2},
        {model::Reason::disk_full, 1},
        {model::Reason::unavailable, 1},
        {model::Reason::internal, 1},
    };
    for (const auto& [reason, code] : expected) {
        broker.refuse<api::GetQueue>(reason, "Because.");
        EXPECT_EQ(run({"queue", "info", "jobs"}), code) << model::to_text(reason);
        EXPECT_EQ(
            err.rfind("penstock: Because. (" + std::string(model::to_text(reason)) + ")\n", 0), 0U)
            << err;
        EXPECT_EQ(out, "");
    }
    broker.secrets.clear();
    EXPECT_EQ(run({"queue", "info", "jobs"}), 5);
}

TEST_F(Cli, AnUnreachableServerSaysWhatToDo) {
    unreachable = true;
    EXPECT_EQ(run({"queue", "list"}), 1);
    EXPECT_NE(err.find("penstock serve --dev"), std::string::npos);
}

TEST_F(Cli, QueueCreateSendsWhatWasGiven) {
    broker.answer_with<api::CreateQueue>({});
    EXPECT_EQ(run({"queue",
                   "create",
                   "jobs",
                   "--visibility",
                   "2m",
                   "--retention",
                   "3d",
                   "--max-size",
                   "128KiB",
                   "--dead-letter",
                   "dead",
                   "--max-receives",
                   "5"}),
              0);
    EXPECT_EQ(out, "jobs\n");
    const auto* asked = broker.last<api::CreateQueue>();
    ASSERT_NE(asked, nullptr);
    EXPECT_EQ(asked->change.visibility_s, 120U);
    EXPECT_EQ(asked->change.retention_s, 259'200U);
    EXPECT_EQ(asked->change.message_bytes_max, 131'072U);
    EXPECT_EQ(asked->change.dead_letter->max_receives, 5U);
    EXPECT_EQ(asked->change.rewind_s, std::nullopt);
}

TEST_F(Cli, OnATerminalACreateSuggestsWhatNext) {
    terminal = true;
    broker.answer_with<api::CreateQueue>({});
    EXPECT_EQ(run({"queue", "create", "jobs"}), 0);
    EXPECT_NE(out.find("\ntry: penstock queue send jobs"), std::string::npos);
}

TEST_F(Cli, SendPrintsTheIdAndReadsStandardInputForADash) {
    broker.answer_with<api::SendMessages>(sent({42}));
    EXPECT_EQ(run({"queue", "send", "jobs", "hello", "--delay", "5s", "--dedup-key", "k"}), 0);
    EXPECT_EQ(out, "42\n");
    EXPECT_EQ(broker.last<api::SendMessages>()->messages.at(0).payload, "hello");
    EXPECT_EQ(broker.last<api::SendMessages>()->delay_s, 5U);
    EXPECT_EQ(broker.last<api::SendMessages>()->dedup_key, "k");
    EXPECT_EQ(run({"queue", "send", "jobs", "-", "-o", "json"}, "two\nlines\n"), 0);
    EXPECT_EQ(out, "{\"id\":\"42\"}\n");
    EXPECT_EQ(broker.last<api::SendMessages>()->messages.at(0).payload, "two\nlines\n");
}

TEST_F(Cli, SplitLinesSendsBatchesOfSixteen) {
    broker.answer<api::SendMessages>([](const api::SendMessages& asked) {
        api::SentMessages reply;
        for (std::size_t at = 0; at < asked.messages.size(); ++at) {
            reply.ids.emplace_back(at + 1);
        }
        return api::Outcome<api::SentMessages>(reply);
    });
    std::string input;
    for (int line = 0; line < 17; ++line) {
        input += "line " + std::to_string(line) + "\n";
    }
    EXPECT_EQ(run({"queue", "send", "jobs", "-", "--split", "lines"}, input + "\n\xFF\n"), 0);
    ASSERT_EQ(broker.requests.size(), 2U);
    EXPECT_EQ(std::get<api::SendMessages>(broker.requests[0]).messages.size(), 16U);
    const auto& second = std::get<api::SendMessages>(broker.requests[1]).messages;
    ASSERT_EQ(second.size(), 2U);
    EXPECT_EQ(second[0].payload, "line 16");
    EXPECT_EQ(second[1].payload, "\xFF");
    EXPECT_EQ(std::count(out.begin(), out.end(), '\n'), 18);
}

TEST_F(Cli, PublishCarriesTagsAndKeys) {
    broker.answer_with<api::PublishMessages>(sent({7}));
    EXPECT_EQ(run({"topic",
                   "publish",
                   "orders",
                   "x",
                   "--tag",
                   "a b",
                   "--tag",
                   "c",
                   "--key",
                   "k.l",
                   "--ordering-key",
                   "o"}),
              0);
    EXPECT_EQ(out, "7\n");
    const auto& meta = broker.last<api::PublishMessages>()->messages.at(0).meta;
    EXPECT_EQ(meta.tags, (std::vector<std::string>{"a b", "c"}));
    EXPECT_EQ(meta.routing_key, "k.l");
    EXPECT_EQ(meta.ordering_key, "o");
}

TEST_F(Cli, ReceivePrintsAndAcknowledges) {
    api::ReceivedMessages reply;
    reply.messages.resize(1);
    reply.messages[0].id = model::MessageId(9);
    reply.messages[0].receipt = model::Receipt(8);
    reply.messages[0].payload = "a\tb";
    reply.messages[0].receives = 1;
    broker.answer_with<api::ReceiveMessages>(reply);
    api::DeletedMessages deleted;
    deleted.removed = {true};
    broker.answer_with<api::DeleteMessages>(deleted);
    EXPECT_EQ(run({"queue", "receive", "jobs", "--max", "16", "--wait", "5s", "--ack"}), 0);
    EXPECT_EQ(out, "9\t8\t1\ta\\tb\n");
    EXPECT_EQ(broker.last<api::ReceiveMessages>()->wait_s, 5U);
    EXPECT_EQ(broker.last<api::DeleteMessages>()->receipts.at(0).value, 8U);
    EXPECT_EQ(run({"queue", "receive", "jobs", "-o", "ndjson"}), 0);
    EXPECT_EQ(boost::json::parse(out).at("body").as_string(), "a\tb");
}

TEST_F(Cli, AnEmptyReceiveIsFineUnlessAskedToFail) {
    broker.answer_with<api::ReceiveMessages>({});
    EXPECT_EQ(run({"queue", "receive", "jobs", "--ack"}), 0);
    EXPECT_EQ(out, "");
    EXPECT_EQ(run({"queue", "receive", "jobs", "--fail-empty"}), 6);
    EXPECT_EQ(broker.last<api::DeleteMessages>(), nullptr);
}

TEST_F(Cli, StaleReceiptsAreAConflict) {
    api::DeletedMessages deleted;
    deleted.removed = {true, false};
    broker.answer_with<api::DeleteMessages>(deleted);
    EXPECT_EQ(run({"queue", "ack", "jobs", "1", "2"}), 4);
    EXPECT_NE(err.find("1 of 2 receipts are stale"), std::string::npos);
}

TEST_F(Cli, AChangeIsHeldToTheEtagThatInfoShows) {
    api::QueueView view;
    view.name = "jobs";
    view.digest = 0x2a;
    broker.answer_with<api::GetQueue>(view);
    broker.answer_with<api::SetQueue>(view);
    broker.answer_with<api::DeleteQueue>({});
    EXPECT_EQ(run({"queue", "info", "jobs", "-o", "json"}), 0);
    EXPECT_NE(out.find("\"000000000000002a\""), std::string::npos) << out;
    const api::Expected expected = std::vector<std::uint64_t>{0x2a};
    // Without its quotes and with them.
    EXPECT_EQ(run({"queue", "set", "jobs", "--poll", "1s", "--if-match", "000000000000002a"}), 0);
    EXPECT_EQ(broker.last<api::SetQueue>()->expected, expected);
    EXPECT_EQ(run({"queue", "delete", "jobs", "--yes", "--if-match", "\"000000000000002a\""}), 0);
    EXPECT_EQ(broker.last<api::DeleteQueue>()->expected, expected);
    EXPECT_EQ(run({"queue", "set", "jobs", "--poll", "1s"}), 0);
    EXPECT_EQ(broker.last<api::SetQueue>()->expected, std::nullopt);
    EXPECT_EQ(run({"queue", "set", "jobs", "--poll", "1s", "--if-match", ""}), 2);
    broker.refuse<api::SetQueue>(model::Reason::precondition_failed);
    EXPECT_EQ(run({"queue", "set", "jobs", "--poll", "1s", "--if-match", "000000000000002b"}), 4);
    EXPECT_NE(err.find("precondition_failed"), std::string::npos) << err;
}

TEST_F(Cli, DestructiveVerbsWantYesOrAnAnswer) {
    broker.answer_with<api::DeleteQueue>({});
    EXPECT_EQ(run({"queue", "delete", "jobs"}), 2);
    EXPECT_NE(err.find("--yes"), std::string::npos);
    EXPECT_TRUE(broker.requests.empty());
    EXPECT_EQ(run({"queue", "delete", "jobs", "--yes"}), 0);
    EXPECT_EQ(broker.requests.size(), 1U);
    terminal = true;
    EXPECT_EQ(run({"queue", "delete", "jobs"}, "n\n"), 1);
    EXPECT_EQ(run({"queue", "delete", "jobs"}, ""), 1);
    EXPECT_EQ(broker.requests.size(), 1U);
    EXPECT_EQ(run({"queue", "delete", "jobs"}, "y\n"), 0);
    EXPECT_EQ(broker.requests.size(), 2U);
}

TEST_F(Cli, RewindTakesADurationAgo) {
    broker.answer_with<api::RewindQueue>({});
    EXPECT_EQ(run({"queue", "rewind", "jobs", "--to", "-1h"}), 0);
    EXPECT_EQ(broker.last<api::RewindQueue>()->to_ms, 1'700'000'000'000 - 3'600'000);
}

TEST_F(Cli, ListsFollowCursorsToTheEnd) {
    broker.answer<api::ListTopics>([](const api::ListTopics& asked) {
        api::NamePage page;
        page.total = 150;
        const std::size_t left = 150 - asked.page.offset;
        page.items.resize(std::min<std::size_t>(left, asked.page.limit));
        return api::Outcome<api::NamePage>(page);
    });
    api::TopicView view;
    view.name = "t";
    broker.answer_with<api::GetTopic>(view);
    EXPECT_EQ(run({"topic", "list"}), 0);
    EXPECT_EQ(std::count(out.begin(), out.end(), '\n'), 150);
    EXPECT_EQ(out.substr(0, out.find('\n')), "t\ttags\t0\t0\t1d");
}

TEST_F(Cli, ASubscriptionIsAddedWithItsFlags) {
    broker.answer_with<api::Subscribe>({});
    EXPECT_EQ(run({"sub",
                   "add",
                   "orders",
                   "billing",
                   "--http",
                   "http://x.example/h",
                   "--tag",
                   "paid",
                   "--retry",
                   "5s,5m",
                   "--dead-letter",
                   "none",
                   "--concurrency",
                   "4",
                   "--timeout",
                   "500ms",
                   "--rate",
                   "50/s",
                   "--client-errors",
                   "dead",
                   "--retry-status",
                   "404",
                   "--defer-max",
                   "1h",
                   "--on-exhausted",
                   "park",
                   "--order-by-key"}),
              0);
    const auto* asked = broker.last<api::Subscribe>();
    ASSERT_NE(asked, nullptr);
    EXPECT_EQ(asked->topic, "orders");
    EXPECT_EQ(asked->name, "billing");
    EXPECT_EQ(asked->spec.filter_tags, (std::vector<std::string>{"paid"}));
    EXPECT_EQ(asked->spec.retry, model::custom_retry({5000, 300'000}));
    EXPECT_EQ(asked->dead_letter, api::DeadLetterChoice::none);
    EXPECT_EQ(asked->spec.timeout_ms, 500U);
    model::PushPolicy push = model::attentive_push();
    push.rate_per_s = 50;
    push.client_errors_die = true;
    push.retried_statuses = {404};
    push.deferral_ms_max = 3'600'000;
    push.on_exhausted = model::OnExhausted::park;
    push.order_by_key = true;
    EXPECT_EQ(asked->spec.pace, push);
}

TEST_F(Cli, ASecretIsRotatedWithAnOverlap) {
    api::SubscriptionView view;
    view.spec.push.signing_keys.emplace_back();
    broker.answer_with<api::GetSubscription>(view);
    broker.answer_with<api::SetSubscription>({});
    EXPECT_EQ(run({"-o", "json", "sub", "set", "orders/billing", "--rotate-secret"}), 0);
    EXPECT_NE(out.find("whsec_"), std::string::npos);
    EXPECT_EQ(broker.last<api::SetSubscription>()->signing->overlap_ms, 86'400'000U);
    EXPECT_EQ(run({"sub", "set", "orders/billing", "--rotate-secret", "--overlap", "1h"}), 0);
    EXPECT_EQ(broker.last<api::SetSubscription>()->signing->overlap_ms, 3'600'000U);
}

TEST_F(Cli, AShortSubscriptionNameMustBeUnique) {
    broker.answer_with<api::GetSubscription>({});
    broker.answer_with<api::ListSubscriptions>(subscriptions({"orders"}));
    EXPECT_EQ(run({"sub", "info", "billing"}), 0);
    EXPECT_EQ(broker.last<api::GetSubscription>()->topic, "orders");
    broker.answer_with<api::ListSubscriptions>(subscriptions({"orders", "returns"}));
    EXPECT_EQ(run({"sub", "info", "billing"}), 4);
    EXPECT_NE(err.find("TOPIC/NAME"), std::string::npos);
    broker.answer_with<api::ListSubscriptions>(subscriptions({}));
    EXPECT_EQ(run({"sub", "info", "billing"}), 3);
    EXPECT_EQ(run({"sub", "info", "returns/billing"}), 0);
    EXPECT_EQ(broker.last<api::GetSubscription>()->topic, "returns");
}

TEST_F(Cli, PauseAndResumeSayTheState) {
    broker.answer_with<api::SetSubscription>({});
    EXPECT_EQ(run({"sub", "pause", "orders/billing"}), 0);
    EXPECT_EQ(out, "paused\n");
    EXPECT_EQ(broker.last<api::SetSubscription>()->state, model::SubscriptionState::paused);
}

TEST_F(Cli, DeadLettersAreListedShownAndRedriven) {
    api::DeadLetterPage page;
    page.items.resize(1);
    page.items[0].id = model::MessageId(5);
    page.items[0].reason = "status";
    page.items[0].status = 503;
    page.items[0].attempts = 4;
    page.items[0].state = "visible";
    broker.answer_with<api::ListDeadLetters>(page);
    EXPECT_EQ(run({"dlq", "show", "orders/billing"}), 0);
    EXPECT_EQ(broker.last<api::ListDeadLetters>()->queue, "orders/billing");
    EXPECT_EQ(out, "5\t\tstatus\t503\t4\t\t\tvisible\t\n");
    broker.answer_with<api::FindDeadLetter>(page.items[0]);
    EXPECT_EQ(run({"dlq", "show", "orders/billing", "5"}), 0);
    EXPECT_NE(out.find("last_status\t503\n"), std::string::npos);
    broker.refuse<api::FindDeadLetter>(model::Reason::message_not_found);
    EXPECT_EQ(run({"dlq", "show", "orders/billing", "6"}), 3);
    api::JobStarted started;
    started.messages = 2;
    broker.answer_with<api::RedriveDeadLetters>(started);
    EXPECT_EQ(run({"dlq", "redrive", "orders/billing", "--preview"}), 0);
    EXPECT_EQ(out, "would redrive 2\n");
    EXPECT_EQ(run({"dlq", "redrive", "orders/billing", "5", "6"}), 0);
    EXPECT_EQ(out, "redriving 2\n");
    EXPECT_EQ(broker.last<api::RedriveDeadLetters>()->messages.size(), 2U);
}

TEST_F(Cli, DeliveriesAndTracksAreShown) {
    api::DeliveryPage page;
    page.items.resize(1);
    page.items[0].topic = "orders";
    page.items[0].subscription = "billing";
    page.items[0].id = model::MessageId(5);
    page.items[0].status = "failed";
    page.items[0].attempt = 2;
    page.items[0].http_status = 503;
    broker.answer_with<api::ListDeliveries>(page);
    EXPECT_EQ(run({"delivery", "list", "--sub", "orders/billing", "--status", "failed"}), 0);
    EXPECT_EQ(broker.last<api::ListDeliveries>()->subscription, "orders/billing");
    EXPECT_EQ(out, "5\torders/billing\t2\tfailed\t503\t0\t\t\t\t\n");

    api::MessageTrack track;
    track.id = model::MessageId(5);
    track.places.resize(1);
    track.places[0].object = "orders/billing";
    track.places[0].attempts = page.items;
    broker.answer_with<api::TrackMessage>(track);
    EXPECT_EQ(run({"message", "track", "5"}), 0);
    EXPECT_NE(out.find("5\torders/billing\t2\tfailed\t503"), std::string::npos);
    EXPECT_EQ(run({"delivery", "show", "5", "--attempt", "2"}), 0);
    EXPECT_EQ(run({"delivery", "show", "5", "--attempt", "3"}), 3);
}

TEST_F(Cli, TheDoctorShowsWhenTheCertificateEnds) {
    const SystemClock today;
    const auto own = TlsIdentity::authority("test").server("DNS:localhost", 600);
    const plugins::TlsFiles files{folder.file("certificate.pem"), folder.file("key.pem")};
    std::ofstream(files.certificate) << own.certificate_pem();
    std::ofstream(files.key) << own.key_pem();
    const auto tls = plugins::ServerTls::open(files, today);
    ASSERT_TRUE(tls.has_value()) << tls.error().detail;
    plugins::NativeOptions options{clock};
    options.tls = tls->get();
    front_end = plugins::make_native_front_end(broker, options);
    api::ServerStatus status;
    status.ready = true;
    status.space = "normal";
    broker.answer_with<api::GetStatus>(status);
    broker.answer_with<api::ListQueues>({});
    broker.answer_with<api::ListSubscriptions>(subscriptions({}));
    EXPECT_EQ(run({"doctor"}), 0);
    const std::string end = format_instant((*tls)->ends_ms());
    EXPECT_NE(out.find("certificate\tok\tends at " + end), std::string::npos) << out;
    clock.now_ms = (*tls)->ends_ms() - 86'400'000;
    EXPECT_EQ(run({"doctor"}), 0);
    EXPECT_NE(out.find("certificate\tlook\tends at " + end), std::string::npos) << out;
    clock.now_ms = (*tls)->ends_ms();
    EXPECT_EQ(run({"doctor"}), 1);
    EXPECT_NE(out.find("certificate\tbad\texpired at " + end), std::string::npos) << out;
}

TEST_F(Cli, TheDoctorFindsWhatIsWrong) {
    api::ServerStatus status;
    status.ready = true;
    status.space = "normal";
    broker.answer_with<api::GetStatus>(status);
    broker.answer_with<api::ListQueues>({});
    broker.answer_with<api::ListSubscriptions>(subscriptions({}));
    EXPECT_EQ(run({"doctor"}), 0);
    EXPECT_EQ(out.find("cluster\t"), std::string::npos) << "it cannot be seen";
    api::ClusterView cluster;
    cluster.name = "prod";
    cluster.nodes = {{1, "a", "b", "", false, true, ""}, {2, "c", "d", "", false, true, ""}};
    broker.answer_with<api::GetCluster>(cluster);
    EXPECT_EQ(run({"doctor"}), 0);
    EXPECT_NE(out.find("cluster\tok\t2 nodes"), std::string::npos) << out;
    cluster.nodes[1].problem = "encryption.mode is \"off\" there, \"on\" here";
    broker.answer_with<api::GetCluster>(cluster);
    EXPECT_EQ(run({"doctor"}), 0);
    EXPECT_NE(out.find("cluster\tlook\tnode 2: encryption.mode is"), std::string::npos) << out;
    cluster.nodes[1].connected = false;
    broker.answer_with<api::GetCluster>(cluster);
    EXPECT_EQ(run({"doctor"}), 1);
    EXPECT_NE(out.find("cluster\tbad\tnode 2: not connected: "), std::string::npos) << out;
    cluster.nodes.pop_back();
    broker.answer_with<api::GetCluster>(cluster);
    status.space = "below_reserve";
    broker.answer_with<api::GetStatus>(status);
    EXPECT_EQ(run({"doctor"}), 1);
    EXPECT_NE(out.find("disk\tbad\tspace is below_reserve"), std::string::npos);
    broker.secrets.clear();
    EXPECT_EQ(run({"doctor"}), 1);
    EXPECT_NE(out.find("key\tbad"), std::string::npos);
    unreachable = true;
    EXPECT_EQ(run({"doctor"}), 1);
    EXPECT_NE(out.find("server\tbad"), std::string::npos);
}

}  // namespace

}  // namespace penstock::testing
