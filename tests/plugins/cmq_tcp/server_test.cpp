#include "tests/plugins/cmq_tcp/bytes.h"
#include "tests/plugins/cmq_tcp/fixture.h"

namespace penstock::plugins::cmq_tcp {
namespace {

using std::chrono::milliseconds;
using testing::bytes;

class TcpServerTest : public Serving {
  protected:
    // The broker's answer to a send.
    static void accept(const HandBroker::Asked& asked, std::uint64_t id) {
        api::SentMessages sent;
        sent.ids = {model::MessageId(id)};
        HandBroker::answer<api::SendMessages>(asked, sent);
    }

    // The broker's answer to a pull.
    static void deliver(const HandBroker::Asked& asked, std::vector<std::uint64_t> receipts) {
        api::ReceivedMessages received;
        for (const std::uint64_t receipt : receipts) {
            api::ReceivedMessage& message = received.messages.emplace_back();
            message.id = model::MessageId(receipt + 100);
            message.receipt = model::Receipt(receipt);
            message.payload = "body";
            message.enqueued_ms = 1'999;
            message.receives = 1;
        }
        HandBroker::answer<api::ReceiveMessages>(asked, received);
    }

    static std::string send_frame(std::int64_t seqno, std::string_view body = "hi") {
        return Caller::frame(seqno, Command::send, Send{"q", {body}, 0, 0, 0});
    }

    static std::string pull_frame(std::int64_t seqno) {
        return Caller::frame(seqno, Command::pull, Pull{"q", 1, 30, 60});
    }
};

TEST_F(TcpServerTest, AHeartbeatComesBackAsItWent) {
    start();
    Caller caller(server->port());
    caller.send(bytes("00 00 0b 00 00 00 08 03 10 90 08"));
    const Reply reply = caller.reply();
    EXPECT_EQ(reply.seqno, 3);
    EXPECT_EQ(reply.command, 1040);
}

TEST_F(TcpServerTest, ConnectionsAndRequestsAreFigures) {
    start();
    Caller caller = greeted();
    Caller stranger(server->port());
    stranger.send(send_frame(5));
    EXPECT_EQ(stranger.reply().result, 306);
    caller.send(bytes("00 00 0b 00 00 00 08 03 10 90 08"));
    EXPECT_EQ(caller.reply().command, 1040);
    stranger.close();
    ASSERT_TRUE(eventually([&] { return server->connections() == 1; }));
    model::Metrics metrics;
    server->measure(metrics);
    EXPECT_EQ(metrics.value("penstock_tcp_connections"), 1);
    EXPECT_EQ(metrics.value("penstock_tcp_connections_opened"), 2);
    const model::MetricLabels tcp{{"listener", "tcp"}};
    EXPECT_EQ(metrics.value("penstock_listener_connections", tcp), 1);
    EXPECT_EQ(metrics.value("penstock_listener_connections_refused", tcp), 0);
    const auto requests = [&](const char* action) {
        return metrics.value("penstock_tcp_requests", {{"action", action}});
    };
    EXPECT_EQ(requests("authenticate"), 1);
    EXPECT_EQ(requests("heartbeat"), 1);
    EXPECT_EQ(requests("send"), 1);
    EXPECT_EQ(requests("receive"), 0);
    EXPECT_EQ(requests("other"), 0);
}

TEST_F(TcpServerTest, ACommandBeforeTheGreetingIsToldSoAndNothingIsAsked) {
    start();
    Caller caller(server->port());
    caller.send(send_frame(5));
    const Reply reply = caller.reply();
    EXPECT_EQ(reply.seqno, 5);
    EXPECT_EQ(reply.result, 306);
    EXPECT_EQ(reply.error, "(10031)connection is not authenticated");
    EXPECT_EQ(caller.greet().result, 0);
    EXPECT_EQ(caller.greet().result, 307);
    EXPECT_EQ(broker.waiting(), 0U);
}

TEST_F(TcpServerTest, AWrongKeyIsToldSoAndTheConnectionEnds) {
    start();
    Caller wrong(server->port());
    EXPECT_EQ(wrong.greet("another").result, 4100);
    EXPECT_TRUE(wrong.ends());
    broker.key_gone = true;
    Caller unknown(server->port());
    EXPECT_EQ(unknown.greet().error, "(10270)secret id is not existed");
    EXPECT_TRUE(unknown.ends());
}

TEST_F(TcpServerTest, AKeyThatIsTakenAwayEndsItsConnections) {
    start();
    Caller caller = greeted();
    broker.key_gone = true;
    caller.send(send_frame(2));
    EXPECT_TRUE(caller.ends());
    EXPECT_EQ(broker.waiting(), 0U);
}

TEST_F(TcpServerTest, AFrameOfGarbageEndsTheConnectionAtOnce) {
    start();
    for (const char* garbage : {"47 45 54 20 2f",
                                "00 00 03 00 00 00",
                                "00 00 ff ff ff 7f",
                                "00 00 08 00 00 00 08 07",
                                "00 00 09 00 00 00 ff ff ff"}) {
        Caller caller = greeted();
        caller.send(bytes(garbage));
        EXPECT_TRUE(caller.ends()) << garbage;
    }
}

TEST_F(TcpServerTest, AStrangersFrameMustBeSmall) {
    TcpLimits limits;
    limits.stranger_frame_bytes_max = 1'000;
    start(limits);
    Caller caller(server->port());
    caller.send(bytes("00 00 e9 03 00 00"));
    EXPECT_TRUE(caller.ends());
    Caller known = greeted();
    const std::string body(2'000, 'x');
    known.send(send_frame(2, body));
    EXPECT_TRUE(broker.next<api::SendMessages>().has_value());
}

TEST_F(TcpServerTest, ALargeFrameIsReadWhenThereIsRoomForIt) {
    TcpLimits limits;
    limits.large_frame_bytes = 100;
    limits.large_frames_bytes_max = 1'000;
    start(limits);
    const std::string body(800, 'x');
    // With a small one before, whose answer tells that what follows it has been seen.
    const auto begin = [&](Caller& caller, std::int64_t seqno) {
        caller.send(send_frame(seqno) + send_frame(seqno + 1, body).substr(0, 400));
        const auto small = broker.next<api::SendMessages>();
        ASSERT_TRUE(small.has_value());
        accept(*small, 7);
        EXPECT_EQ(caller.reply().seqno, seqno);
    };
    Caller first = greeted();
    begin(first, 10);
    Caller second = greeted();
    begin(second, 20);
    second.send(send_frame(21, body).substr(400));
    first.send(send_frame(11, body).substr(400));
    const auto one = broker.next<api::SendMessages>();
    ASSERT_TRUE(one.has_value());
    accept(*one, 8);
    EXPECT_EQ(first.reply().seqno, 11) << "the second one waits for it";
    const auto other = broker.next<api::SendMessages>();
    ASSERT_TRUE(other.has_value());
    accept(*other, 9);
    EXPECT_EQ(second.reply().seqno, 21);
}

TEST_F(TcpServerTest, ASendIsAskedAndItsIdComesBack) {
    start();
    Caller caller = greeted();
    caller.send(Caller::frame(-9, Command::send_batch, Send{"orders", {"a", "bc"}, 5, 0, 0}));
    const auto asked = broker.next<api::SendMessages>();
    ASSERT_TRUE(asked.has_value());
    const auto& request = std::get<api::SendMessages>(asked->request);
    EXPECT_EQ(request.queue, "orders");
    ASSERT_EQ(request.messages.size(), 2U);
    EXPECT_EQ(request.messages[1].payload, "bc");
    EXPECT_EQ(request.delay_s, 5U);
    EXPECT_EQ(asked->principal.key_id, "AKIDdemo0001");
    EXPECT_TRUE(asked->principal.root);
    api::SentMessages sent;
    sent.ids = {model::MessageId(41), model::MessageId(42)};
    HandBroker::answer<api::SendMessages>(*asked, sent);
    const Reply reply = caller.reply();
    EXPECT_EQ(reply.seqno, -9);
    EXPECT_EQ(reply.command, 1022);
    EXPECT_EQ(reply.result, 0);
    EXPECT_EQ(reply.ids, (std::vector<std::uint64_t>{41, 42}));
    EXPECT_NE(reply.request_id, 0U);
}

TEST_F(TcpServerTest, FramesThatComeByteByByteOrAllAtOnceAreTheSame) {
    start();
    Caller caller = greeted();
    for (const char byte : send_frame(2)) caller.send(std::string(1, byte));
    ASSERT_TRUE(broker.next<api::SendMessages>().has_value());
    const std::string body(300'000, 'x');  // more than is read at a time
    caller.send(send_frame(3) + send_frame(4, body) + send_frame(5));
    for (const std::size_t size : {2U, 300'000U, 2U}) {
        const auto asked = broker.next<api::SendMessages>();
        ASSERT_TRUE(asked.has_value());
        const auto& messages = std::get<api::SendMessages>(asked->request).messages;
        EXPECT_EQ(messages.at(0).payload.size(), size);
    }
}

TEST_F(TcpServerTest, AnswersLeaveInTheBrokersOrder) {
    start();
    Caller caller = greeted();
    caller.send(pull_frame(2) + send_frame(3) + send_frame(4));
    const auto pull = broker.next<api::ReceiveMessages>();
    const auto first = broker.next<api::SendMessages>();
    const auto second = broker.next<api::SendMessages>();
    ASSERT_TRUE(pull && first && second);
    accept(*second, 14);
    EXPECT_EQ(caller.reply().seqno, 4);
    accept(*first, 13);
    EXPECT_EQ(caller.reply().seqno, 3);
    deliver(*pull, {77});
    const Reply reply = caller.reply();
    EXPECT_EQ(reply.seqno, 2);
    ASSERT_EQ(reply.pulled.size(), 1U);
    EXPECT_EQ(reply.pulled[0].receipt, 77U);
    EXPECT_EQ(reply.pulled[0].id, 177U);
    EXPECT_EQ(reply.pulled[0].body, "body");
    EXPECT_EQ(reply.pulled[0].enqueued_s, 1);
    EXPECT_EQ(reply.pulled[0].ordering_key, "");
}

TEST_F(TcpServerTest, AMessageWithAnOrderingKeyComesWithIt) {
    start();
    Caller caller = greeted();
    caller.send(pull_frame(2));
    const auto pull = broker.next<api::ReceiveMessages>();
    ASSERT_TRUE(pull.has_value());
    api::ReceivedMessages received;
    received.messages.emplace_back().meta.ordering_key = "k";
    HandBroker::answer<api::ReceiveMessages>(*pull, received);
    const Reply reply = caller.reply();
    ASSERT_EQ(reply.pulled.size(), 1U);
    EXPECT_EQ(reply.pulled[0].ordering_key, "k");
}

TEST_F(TcpServerTest, APullHasItsOwnWaitAndVisibility) {
    start();
    Caller caller = greeted();
    caller.send(Caller::frame(2, Command::pull_batch, Pull{"q", 16, 10, 45}));
    const auto batch = broker.next<api::ReceiveMessages>();
    ASSERT_TRUE(batch.has_value());
    const auto& request = std::get<api::ReceiveMessages>(batch->request);
    EXPECT_EQ(request.messages_max, 16U);
    EXPECT_EQ(request.wait_s, 10U);
    EXPECT_EQ(request.visibility_s, 45U);
    HandBroker::answer<api::ReceiveMessages>(*batch, api::ReceivedMessages());
    const Reply nothing = caller.reply();
    EXPECT_EQ(nothing.result, 10200);
    EXPECT_EQ(nothing.error, "(10200)no message");
    caller.send(Caller::frame(3, Command::pull, Pull{"q", 1, std::nullopt, 0}));
    const auto single = broker.next<api::ReceiveMessages>();
    ASSERT_TRUE(single.has_value());
    EXPECT_FALSE(std::get<api::ReceiveMessages>(single->request).wait_s.has_value());
}

TEST_F(TcpServerTest, DeletesTellWhichReceiptsWereWrong) {
    start();
    Caller caller = greeted();
    const auto removed = [&](Command command,
                             std::vector<std::uint64_t> receipts,
                             std::vector<bool> outcome) {
        caller.send(Caller::frame(2, command, Remove{"q", std::move(receipts)}));
        const auto asked = broker.next<api::DeleteMessages>();
        if (!asked) return Reply();
        HandBroker::answer<api::DeleteMessages>(*asked, api::DeletedMessages{std::move(outcome)});
        return caller.reply();
    };
    EXPECT_EQ(removed(Command::remove, {1}, {true}).result, 0);
    EXPECT_EQ(removed(Command::remove, {1}, {false}).result, 4430);
    EXPECT_EQ(removed(Command::remove_batch, {1, 2}, {true, true}).result, 0);
    EXPECT_EQ(removed(Command::remove_batch, {1, 2}, {false, false}).result, 6020);
    const Reply partly = removed(Command::remove_batch, {1, 2}, {true, false});
    EXPECT_EQ(partly.result, 6010);
    ASSERT_EQ(partly.failures.size(), 1U);
    EXPECT_EQ(partly.failures[0].receipt, 2U);
    EXPECT_EQ(partly.failures[0].code, 4430);
}

TEST_F(TcpServerTest, APublishCarriesTagsAndKeyAndWantsAReceiver) {
    start();
    Caller caller = greeted();
    caller.send(
        Caller::frame(2, Command::publish_batch, Publish{"t", {"a", "b"}, {"x", "y"}, "k.l", "o"}));
    const auto asked = broker.next<api::PublishMessages>();
    ASSERT_TRUE(asked.has_value());
    const auto& request = std::get<api::PublishMessages>(asked->request);
    EXPECT_EQ(request.topic, "t");
    ASSERT_EQ(request.messages.size(), 2U);
    EXPECT_EQ(request.messages[1].meta.tags, (std::vector<std::string>{"x", "y"}));
    EXPECT_EQ(request.messages[1].meta.routing_key, "k.l");
    EXPECT_EQ(request.messages[0].meta.ordering_key, "o");
    EXPECT_EQ(request.messages[1].meta.ordering_key, "o");
    EXPECT_TRUE(request.want_receiver);
    HandBroker::answer<api::PublishMessages>(
        *asked, model::Refusal{model::Reason::topic_not_found, "t", "there is none"});
    const Reply reply = caller.reply();
    EXPECT_EQ(reply.result, 4440);
    EXPECT_EQ(reply.error, "(10600)topic is not existed, or deleted");
}

TEST_F(TcpServerTest, WhatCannotBeAskedIsRefused) {
    start();
    Caller caller = greeted();
    caller.send(bytes("00 00 0c 00 00 00 08 02 10 8f 4e") + std::string(1, '\x18'));
    EXPECT_TRUE(caller.ends());  // its last field is cut off
    Caller other = greeted();
    other.send(bytes("00 00 0b 00 00 00 08 02 10 8f 4e"));
    EXPECT_EQ(other.reply().error, "(10430)action name 9999 is not existed");
    other.send(Caller::frame(3, Command::send, Send{"q", {}, 0, 0, 0}));
    EXPECT_EQ(other.reply().error, "(10390)lacked of required parameter msgBody");
    other.send(Caller::frame(4, Command::confirm, Confirm{"q", {}}));
    EXPECT_EQ(other.reply().error, "(10390)lacked of required parameter item");
    other.send(Caller::frame(5, Command::confirm, Confirm{"q", {{7, 0}}}));
    EXPECT_EQ(other.reply().error, "(10390)lacked of required parameter state");
    other.send(Caller::frame(6, Command::confirm, Confirm{"q", {{7, 1}, {8, 3}}}));
    EXPECT_EQ(other.reply().error, "(10350)parameter state value or length is out of range");
    EXPECT_EQ(broker.waiting(), 0U);
}

TEST_F(TcpServerTest, AOneWayRequestIsDoneAndNotAnswered) {
    start();
    Caller caller = greeted();
    Request request;
    request.seqno = 2;
    request.command = static_cast<std::int32_t>(Command::remove);
    request.one_way = true;
    request.fields = Remove{"q", {1}};
    std::string frame;
    append_request(frame, request);
    caller.send(frame + send_frame(3));
    const auto removed = broker.next<api::DeleteMessages>();
    const auto sent = broker.next<api::SendMessages>();
    ASSERT_TRUE(removed && sent);
    HandBroker::answer<api::DeleteMessages>(*removed, api::DeletedMessages{{true}});
    accept(*sent, 13);
    EXPECT_EQ(caller.reply().seqno, 3);
}

TEST_F(TcpServerTest, ADeadConnectionsPullsAreCancelledAndTheirMessagesGivenBack) {
    start();
    Caller caller = greeted();
    caller.send(pull_frame(2) + pull_frame(3));
    const auto first = broker.next<api::ReceiveMessages>();
    const auto second = broker.next<api::ReceiveMessages>();
    ASSERT_TRUE(first && second);
    caller.close();
    ASSERT_TRUE(eventually([&] { return broker.cancelled == 2; }));
    EXPECT_TRUE(eventually([&] { return server->connections() == 0; }));
    deliver(*first, {77});
    const auto back = broker.next<api::ChangeVisibility>();
    ASSERT_TRUE(back.has_value());
    const auto& request = std::get<api::ChangeVisibility>(back->request);
    EXPECT_EQ(request.queue, "q");
    EXPECT_EQ(request.receipt.value, 77U);
    EXPECT_EQ(request.visibility_s, 0U);
}

TEST_F(TcpServerTest, MessagesThatNeverLeftComeBackWhenTheirReaderDies) {
    TcpLimits limits;
    limits.output_bytes_max = 64 * 1024;
    start(limits);
    Caller caller = greeted();
    constexpr std::int64_t pulls = 40;
    for (std::int64_t seqno = 0; seqno < pulls; ++seqno) caller.send(pull_frame(seqno));
    std::vector<HandBroker::Asked> all;
    for (std::int64_t seqno = 0; seqno < pulls; ++seqno) {
        auto asked = broker.next<api::ReceiveMessages>();
        ASSERT_TRUE(asked.has_value());
        all.push_back(std::move(*asked));
    }
    // It reads nothing: what the kernel does not take stays here.
    for (const HandBroker::Asked& asked : all) {
        api::ReceivedMessages received;
        api::ReceivedMessage& message = received.messages.emplace_back();
        message.receipt = model::Receipt(1);
        message.payload.assign(1'000'000, 'x');
        HandBroker::answer<api::ReceiveMessages>(asked, received);
    }
    // Beyond the limit they are given back at once; one that waited comes back with the end.
    ASSERT_TRUE(eventually([&] { return broker.waiting() > 0; }));
    const std::size_t before = broker.waiting();
    EXPECT_LT(before, static_cast<std::size_t>(pulls));
    caller.close();
    EXPECT_TRUE(eventually([&] { return broker.waiting() > before; }));
}

TEST_F(TcpServerTest, APullTooManyIsRefusedAndTheOthersWaitOn) {
    TcpLimits limits;
    limits.pulls_max = 2;
    start(limits);
    Caller caller = greeted();
    caller.send(pull_frame(2) + pull_frame(3) + pull_frame(4) + send_frame(5));
    const Reply refused = caller.reply();
    EXPECT_EQ(refused.seqno, 4);
    EXPECT_EQ(refused.result, 4480);
    EXPECT_TRUE(broker.next<api::SendMessages>().has_value());
    EXPECT_EQ(broker.waiting(), 2U);
}

TEST_F(TcpServerTest, ReadingRestsWhileTooManyRequestsAreUnderWay) {
    TcpLimits limits;
    limits.requests_max = 2;
    start(limits);
    Caller caller = greeted();
    std::string frames;
    for (std::int64_t seqno = 2; seqno < 12; ++seqno) frames += send_frame(seqno);
    caller.send(frames);
    ASSERT_TRUE(eventually([&] { return broker.waiting() == 2; }));
    for (std::int64_t seqno = 2; seqno < 12; ++seqno) {
        EXPECT_LE(broker.waiting(), 2U);
        const auto asked = broker.next<api::SendMessages>();
        ASSERT_TRUE(asked.has_value());
        accept(*asked, 1);
        EXPECT_EQ(caller.reply().seqno, seqno);
    }
}

TEST_F(TcpServerTest, AStrangerIsCutInTime) {
    TcpLimits limits;
    limits.authentication_timeout = milliseconds(300);
    start(limits);
    Caller stranger(server->port());
    stranger.send(bytes("00 00 0b 00 00 00 08 03 10 90 08"));
    EXPECT_TRUE(stranger.ends());
}

TEST_F(TcpServerTest, AnIdlerIsCutInTime) {
    TcpLimits limits;
    limits.idle_timeout = milliseconds(300);
    start(limits);
    Caller idler = greeted();
    EXPECT_TRUE(idler.ends());
}

TEST_F(TcpServerTest, AHalfFrameIsCutInTime) {
    TcpLimits limits;
    limits.frame_timeout = milliseconds(200);
    limits.frame_bytes_per_second_min = limits.frame_bytes_max + 1;
    start(limits);
    Caller slow = greeted();
    slow.send(bytes("00 00 0b 00"));
    EXPECT_TRUE(slow.ends());
}

TEST_F(TcpServerTest, AStopAnswersWhatIsUnderWayAndCancelsPulls) {
    start();
    Caller caller = greeted();
    caller.send(pull_frame(2) + send_frame(3));
    const auto pull = broker.next<api::ReceiveMessages>();
    const auto sent = broker.next<api::SendMessages>();
    ASSERT_TRUE(pull && sent);
    std::atomic<bool> done{false};
    server->stop([&] { done = true; });
    ASSERT_TRUE(eventually([&] { return broker.cancelled == 1; }));
    HandBroker::answer<api::ReceiveMessages>(
        *pull, model::Refusal{model::Reason::unavailable, {}, "given up"});
    EXPECT_EQ(caller.reply().result, 6000);
    accept(*sent, 13);
    EXPECT_EQ(caller.reply().seqno, 3);
    EXPECT_TRUE(caller.ends());
    EXPECT_TRUE(eventually([&] { return done.load(); }));
}

}  // namespace
}  // namespace penstock::plugins::cmq_tcp
