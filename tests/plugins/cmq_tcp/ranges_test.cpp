// What CMQ allows of a message and of a call is judged before the broker is asked.
#include "tests/plugins/cmq_tcp/fixture.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace penstock::plugins::cmq_tcp {
namespace {

class TcpRanges : public Serving {};

TEST_F(TcpRanges, WhatIsOutOfRangeIsRefusedAsOverHttpByTheNamesOfTheTables) {
    start();
    Caller caller = greeted();
    const auto refused = [&](Command command, auto fields) {
        caller.send(Caller::frame(2, command, std::move(fields)));
        const Reply reply = caller.reply();
        EXPECT_EQ(reply.result, 4000) << reply.error;
        return reply.error;
    };
    const auto range = [](const char* name) {
        return "(10350)parameter " + std::string(name) + " value or length is out of range";
    };
    const std::vector<std::string_view> many(17, "x");
    const std::vector<std::uint64_t> handles(17, 5);
    const std::string malformed = "(10110)request parameters error";
    const std::string batch = " parameter batch size is out of range";
    EXPECT_EQ(refused(Command::send_batch, Send{"q", many, 0, 0, 0}), "(10370)msgBody" + batch);
    EXPECT_EQ(refused(Command::publish_batch, Publish{"t", many, {}, ""}),
              "(10370)msgBody" + batch);
    EXPECT_EQ(refused(Command::remove_batch, Remove{"q", handles}),
              "(10370)receipt_handle" + batch);
    for (const std::int32_t count : {-1, 17}) {
        EXPECT_EQ(refused(Command::pull_batch, Pull{"q", count, 0, 0}), range("num_msg"));
    }
    for (const std::int32_t wait_s : {-1, 31}) {
        EXPECT_EQ(refused(Command::pull, Pull{"q", 1, wait_s, 0}), range("poll_wait_seconds"));
    }
    EXPECT_EQ(refused(Command::pull, Pull{"q", 1, 0, 43'201}), range("visible_timeout"));
    const auto publish = [&](std::vector<std::string_view> tags, std::string_view key) {
        return refused(Command::publish, Publish{"t", {"x"}, std::move(tags), key});
    };
    EXPECT_EQ(publish({"a", "b", "c", "d", "e", "f"}, ""), "(10720)too many msgTag");
    EXPECT_EQ(publish({"12345678901234567"}, ""), range("msgTags"));
    EXPECT_EQ(publish({""}, ""), range("msgTags"));
    EXPECT_EQ(publish({"\xff"}, ""), malformed);
    EXPECT_EQ(publish({}, "a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a"), "(10691)too many delimeters");
    EXPECT_EQ(publish({}, std::string(65, 'k')), range("routing_key"));
    EXPECT_EQ(publish({}, "\xff"), malformed);
    EXPECT_EQ(refused(Command::send, Send{"q", {"x"}, 0, 0, 0, std::string(65, 'k')}),
              range("ordering_key"));
    EXPECT_EQ(refused(Command::send, Send{"q", {"x"}, 0, 0, 0, "\xff"}), malformed)
        << "what shows it is JSON";
    EXPECT_EQ(broker.waiting(), 0U);
}

TEST_F(TcpRanges, WhatIsAtTheEndsOfTheRangesIsAsked) {
    start();
    Caller caller = greeted();
    const std::string key(64, 'k');
    const std::string tag = "\u20ac234567890123456";  // 16 characters
    const std::vector<std::string_view> bodies(16, "x");
    const std::vector<std::uint64_t> handles(16, 5);
    const std::vector<std::string_view> tags(5, tag);
    caller.send(Caller::frame(2, Command::send_batch, Send{"q", bodies, 0, 0, 0, key}) +
                Caller::frame(3, Command::pull_batch, Pull{"q", 16, 30, 43'200}) +
                Caller::frame(4, Command::remove_batch, Remove{"q", handles}) +
                Caller::frame(5, Command::publish, Publish{"t", {"x"}, tags, key}));
    EXPECT_TRUE(broker.next<api::SendMessages>().has_value());
    EXPECT_TRUE(broker.next<api::ReceiveMessages>().has_value());
    EXPECT_TRUE(broker.next<api::DeleteMessages>().has_value());
    EXPECT_TRUE(broker.next<api::PublishMessages>().has_value());
}

}  // namespace
}  // namespace penstock::plugins::cmq_tcp
