#include "plugins/cmq_tcp/client/client.h"

#include "tests/plugins/cmq_tcp/fixture.h"
#include "tests/support/run_until.h"

namespace penstock::plugins::cmq_tcp {
namespace {

using testing::run_until;

class ClientTest : public Serving {
  protected:
    Client client(const std::string& secret = "demoSecretKey0001") {
        return {context,
                {asio::ip::make_address("127.0.0.1"), server->port()},
                {"AKIDdemo0001", secret}};
    }

    // Remembers what a completion was given.
    Client::Done keep() {
        return [this](Result<Reply> reply) {
            replies.push_back(std::move(reply));
        };
    }

    // Answers the next send with this id, on the I/O thread that asked.
    void accept(std::uint64_t id) {
        const auto asked = broker.next<api::SendMessages>();
        ASSERT_TRUE(asked.has_value());
        api::SentMessages sent;
        sent.ids = {model::MessageId(id)};
        HandBroker::answer<api::SendMessages>(*asked, sent);
    }

    bool replied(std::size_t count) {
        return run_until(context, [&] { return replies.size() >= count; });
    }

    asio::io_context context;
    std::vector<Result<Reply>> replies;
};

TEST_F(ClientTest, ManyRequestsAreUnderWayAtOnceAndEachGetsItsOwnReply) {
    start();
    Client asking = client();
    asking.pull(Pull{"q", 4, 30, 0}, keep());
    for (int at = 0; at < 3; ++at) asking.send(Send{"q", {"hi"}, 0, 0, 0}, keep());
    ASSERT_TRUE(run_until(context, [&] { return broker.waiting() == 4; }));
    for (const std::uint64_t id : {11U, 12U, 13U}) accept(id);
    ASSERT_TRUE(replied(3));
    for (std::size_t at = 0; at < 3; ++at) {
        ASSERT_TRUE(replies[at].has_value());
        EXPECT_EQ(replies[at]->ids, (std::vector<std::uint64_t>{11 + at}));
    }
    const auto pull = broker.next<api::ReceiveMessages>();
    ASSERT_TRUE(pull.has_value());
    EXPECT_EQ(std::get<api::ReceiveMessages>(pull->request).messages_max, 4U);
    HandBroker::answer<api::ReceiveMessages>(*pull, api::ReceivedMessages());
    ASSERT_TRUE(replied(4));
    EXPECT_EQ(replies[3]->result, 10200);
}

TEST_F(ClientTest, WaitingForAReplyNeedsNoCompletion) {
    start();
    Client asking = client();
    std::thread answering([&] {
        accept(11);
        accept(12);
    });
    const Send fields{"q", {"hi"}, 0, 0, 0};
    for (const std::uint64_t id : {11U, 12U}) {
        const auto reply = wait_for(context, asking, &Client::send, fields);
        ASSERT_TRUE(reply.has_value());
        EXPECT_EQ(reply->ids, (std::vector<std::uint64_t>{id}));
    }
    answering.join();
}

TEST_F(ClientTest, AWrongKeyAndAMissingServerAreTold) {
    start();
    Client wrong = client("another");
    wrong.send(Send{"q", {"hi"}, 0, 0, 0}, keep());
    ASSERT_TRUE(replied(1));
    EXPECT_EQ(replies[0].error().detail, "the key was refused: (10030)authentication failed");
    std::uint16_t free_port = 0;
    {
        asio::ip::tcp::acceptor taken(context, {asio::ip::make_address("127.0.0.1"), 0});
        free_port = taken.local_endpoint().port();
    }
    Client alone(context, {asio::ip::make_address("127.0.0.1"), free_port}, {"AKIDdemo0001", "x"});
    alone.send(Send{"q", {"hi"}, 0, 0, 0}, keep());
    ASSERT_TRUE(replied(2));
    EXPECT_EQ(replies[1].error().code, Errc::unavailable);
}

TEST_F(ClientTest, ALostConnectionEndsWhatIsUnderWayAndTheNextRequestConnectsAgain) {
    start();
    Client asking = client();
    asking.send(Send{"q", {"hi"}, 0, 0, 0}, keep());
    ASSERT_TRUE(run_until(context, [&] { return broker.waiting() == 1; }));
    asking.close();
    ASSERT_TRUE(replied(1));
    EXPECT_EQ(replies[0].error().detail, "the connection was closed");
    ASSERT_TRUE(eventually([&] { return server->connections() == 0; }));
    broker.drop();
    asking.send(Send{"q", {"hi"}, 0, 0, 0}, keep());
    ASSERT_TRUE(run_until(context, [&] { return broker.waiting() == 1; }));
    accept(11);
    ASSERT_TRUE(replied(2));
    EXPECT_TRUE(replies[1].has_value());
}

}  // namespace
}  // namespace penstock::plugins::cmq_tcp
