// Transactional messages over CMQ TCP: prepared, confirmed, and their producers asked.
#include "plugins/cmq_tcp/client/client.h"
#include "tests/plugins/cmq_tcp/fixture.h"
#include "tests/support/run_until.h"

namespace penstock::plugins::cmq_tcp {
namespace {

using model::ConfirmResult;
using testing::run_until;

class TcpTransactions : public Serving {
  protected:
    static std::string prepare_frame(std::int64_t seqno, std::int32_t first_query_s = 5) {
        return Caller::frame(seqno, Command::send, Send{"q", {"half"}, 0, 1, first_query_s});
    }

    // Answers the next send of a prepared message.
    api::SendMessages accept(std::uint64_t id) {
        const auto asked = broker.next<api::SendMessages>();
        EXPECT_TRUE(asked.has_value());
        if (!asked) return {};
        api::SentMessages sent;
        sent.ids = {model::MessageId(id)};
        HandBroker::answer<api::SendMessages>(*asked, sent);
        return std::get<api::SendMessages>(asked->request);
    }

    // Answers the poll for checks that is under way, or comes.
    void fall_due(std::vector<std::uint64_t> ids) {
        const auto asked = broker.next<api::TakeChecks>();
        ASSERT_TRUE(asked.has_value());
        EXPECT_EQ(std::get<api::TakeChecks>(asked->request).queue, "q");
        api::TakenChecks taken;
        for (const std::uint64_t id : ids) taken.items.push_back({model::MessageId(id), 1});
        HandBroker::answer<api::TakeChecks>(*asked, taken);
    }

    void refuse_checks(model::Reason reason) {
        const auto asked = broker.next<api::TakeChecks>();
        ASSERT_TRUE(asked.has_value());
        HandBroker::answer<api::TakeChecks>(*asked, model::Refusal{reason, {}, {}});
    }
};

TEST_F(TcpTransactions, ATransactionalSendPreparesAndItsIntervalIsCapped) {
    start();
    Caller caller = greeted();
    caller.send(prepare_frame(2));
    const auto request = accept(11);
    EXPECT_TRUE(request.transaction);
    EXPECT_EQ(request.first_query_s, 5U);
    EXPECT_EQ(caller.reply().ids, (std::vector<std::uint64_t>{11}));
    caller.send(prepare_frame(3, 5'000));
    EXPECT_EQ(accept(12).first_query_s, 3'600U);
    caller.send(prepare_frame(4, -1));
    EXPECT_EQ(accept(13).first_query_s, 0U);
    caller.send(Caller::frame(5, Command::send, Send{"q", {"plain"}, 0, 0, 5'000}));
    const auto plain = accept(14);
    EXPECT_FALSE(plain.transaction);
    EXPECT_EQ(plain.first_query_s, 0U);
}

TEST_F(TcpTransactions, AConfirmationIsAnsweredItemByItem) {
    start();
    Caller caller = greeted();
    const Confirm confirm{
        "q", {{1, Confirm::committed}, {2, Confirm::rolled_back}, {3, Confirm::committed}, {4, 2}}};
    caller.send(Caller::frame(2, Command::confirm, confirm));
    const auto asked = broker.next<api::ConfirmTransactions>();
    ASSERT_TRUE(asked.has_value());
    const auto& request = std::get<api::ConfirmTransactions>(asked->request);
    EXPECT_EQ(request.queue, "q");
    ASSERT_EQ(request.items.size(), 4U);
    EXPECT_TRUE(request.items[0].commit);
    EXPECT_FALSE(request.items[1].commit);
    HandBroker::answer<api::ConfirmTransactions>(
        *asked,
        api::ConfirmedTransactions{{ConfirmResult::done,
                                    ConfirmResult::done,
                                    ConfirmResult::unknown,
                                    ConfirmResult::otherwise}});
    const Reply reply = caller.reply();
    EXPECT_EQ(reply.result, 6040);
    EXPECT_EQ(reply.error, "(10760)transaction confirmation partially failed");
    EXPECT_EQ(reply.confirmed_queue, "q");
    ASSERT_EQ(reply.confirmed.size(), 4U);
    EXPECT_EQ(reply.confirmed[0].state, Confirm::committed);
    EXPECT_EQ(reply.confirmed[0].code, 0);
    EXPECT_EQ(reply.confirmed[1].state, Confirm::rolled_back);
    EXPECT_EQ(reply.confirmed[2].state, ConfirmedItem::unknown);
    EXPECT_EQ(reply.confirmed[2].code, 4490);
    EXPECT_EQ(reply.confirmed[2].text, "(10770)message id is invalid");
    EXPECT_EQ(reply.confirmed[3].state, Confirm::committed) << "what it is";
    EXPECT_EQ(reply.confirmed[3].text, "(10780)message operation is not allowed");
}

TEST_F(TcpTransactions, AConfirmationOfWhichNothingIsDoneSaysSo) {
    start();
    Caller caller = greeted();
    caller.send(Caller::frame(2, Command::confirm, Confirm{"q", {{1, Confirm::committed}}}));
    auto asked = broker.next<api::ConfirmTransactions>();
    ASSERT_TRUE(asked.has_value());
    HandBroker::answer<api::ConfirmTransactions>(
        *asked, api::ConfirmedTransactions{{ConfirmResult::unknown}});
    EXPECT_EQ(caller.reply().error, "(10750)transaction confirmation failed");
    caller.send(Caller::frame(3, Command::confirm, Confirm{"q", {{1, Confirm::committed}}}));
    asked = broker.next<api::ConfirmTransactions>();
    ASSERT_TRUE(asked.has_value());
    const model::Refusal why{model::Reason::not_transactional, {}, {}};
    HandBroker::answer<api::ConfirmTransactions>(*asked, why);
    EXPECT_EQ(caller.reply().error, "(10790)transaction message is not supported");
}

TEST_F(TcpTransactions, AProducerIsAskedWhenACheckFallsDueAndAgain) {
    start();
    Caller caller = greeted();
    caller.send(prepare_frame(2));
    accept(11);
    EXPECT_EQ(caller.reply().seqno, 2);
    fall_due({11, 12});
    for (const std::uint64_t id : {11U, 12U}) {
        const Reply asked = caller.reply();
        EXPECT_EQ(asked.command, static_cast<std::int32_t>(Command::query));
        EXPECT_EQ(asked.seqno, 0);
        ASSERT_TRUE(asked.query.has_value());
        EXPECT_EQ(asked.query->queue, "q");
        EXPECT_EQ(asked.query->id, id);
    }
    fall_due({});
    fall_due({11});
    EXPECT_EQ(caller.reply().query->id, 11U);
}

TEST_F(TcpTransactions, OnePollAQueueIsUnderWayAndItEndsWithTheConnection) {
    start();
    {
        Caller caller = greeted();
        caller.send(prepare_frame(2) + prepare_frame(3));
        accept(11);
        accept(12);
        EXPECT_EQ(caller.reply().seqno, 2);
        EXPECT_EQ(caller.reply().seqno, 3);
        ASSERT_TRUE(eventually([&] { return broker.waiting() == 1; }));
        caller.close();
    }
    EXPECT_TRUE(eventually([&] { return broker.cancelled == 1; }));
}

TEST_F(TcpTransactions, AQueueTooManyIsNotAskedFor) {
    TcpLimits limits;
    limits.produced_queues_max = 1;
    start(limits);
    Caller caller = greeted();
    caller.send(prepare_frame(2));
    accept(11);
    caller.reply();
    caller.send(Caller::frame(3, Command::send, Send{"other", {"half"}, 0, 1, 5}));
    accept(12);
    EXPECT_EQ(caller.reply().seqno, 3) << "it is prepared all the same";
    fall_due({});
    ASSERT_TRUE(eventually([&] { return broker.waiting() == 1; }));
}

TEST_F(TcpTransactions, APollThatCannotBeIsTriedAgainUnlessTheQueueIsGone) {
    TcpLimits limits;
    limits.check_pause = std::chrono::milliseconds(1);
    start(limits);
    Caller caller = greeted();
    caller.send(prepare_frame(2));
    accept(11);
    EXPECT_EQ(caller.reply().seqno, 2);
    refuse_checks(model::Reason::unavailable);
    refuse_checks(model::Reason::queue_not_found);
    // Made again, it is asked for once the caller speaks of it.
    caller.send(prepare_frame(3));
    accept(12);
    EXPECT_EQ(caller.reply().seqno, 3);
    fall_due({12});
    EXPECT_EQ(caller.reply().query->id, 12U);
}

TEST_F(TcpTransactions, TheClientsCheckerAnswersOrKeepsSilent) {
    start();
    asio::io_context context;
    Client client(context,
                  {asio::ip::make_address("127.0.0.1"), server->port()},
                  {"AKIDdemo0001", "demoSecretKey0001"});
    std::vector<std::uint64_t> queried;
    client.set_checker([&](const Query& query) -> std::optional<bool> {
        queried.push_back(query.id);
        if (query.id == 12) return std::nullopt;
        return query.id == 11;
    });
    bool sent = false;
    client.send(Send{"q", {"half"}, 0, 1, 5}, [&](const Result<Reply>& reply) {
        EXPECT_TRUE(reply.has_value());
        sent = true;
    });
    ASSERT_TRUE(run_until(context, [&] { return broker.waiting() == 1; }));
    accept(11);
    ASSERT_TRUE(run_until(context, [&] { return sent && broker.waiting() == 1; }));
    fall_due({12, 11, 13});
    // The next poll, and two confirmations nobody waits for.
    ASSERT_TRUE(run_until(context, [&] { return broker.waiting() == 3; }));
    EXPECT_EQ(queried, (std::vector<std::uint64_t>{12, 11, 13}));
    for (const bool commit : {true, false}) {
        const auto asked = broker.next<api::ConfirmTransactions>();
        ASSERT_TRUE(asked.has_value());
        const auto& request = std::get<api::ConfirmTransactions>(asked->request);
        ASSERT_EQ(request.items.size(), 1U);
        EXPECT_EQ(request.items[0].message.value, commit ? 11U : 13U);
        EXPECT_EQ(request.items[0].commit, commit);
        HandBroker::answer<api::ConfirmTransactions>(
            *asked, api::ConfirmedTransactions{{ConfirmResult::done}});
    }
    bool confirmed = false;
    client.confirm(Confirm{"q", {{12, Confirm::committed}}}, [&](const Result<Reply>& reply) {
        ASSERT_TRUE(reply.has_value());
        EXPECT_EQ(reply->confirmed.at(0).state, Confirm::committed);
        confirmed = true;
    });
    ASSERT_TRUE(run_until(context, [&] { return broker.waiting() == 2; }));
    const auto asked = broker.next<api::ConfirmTransactions>();
    ASSERT_TRUE(asked.has_value());
    HandBroker::answer<api::ConfirmTransactions>(*asked,
                                                 api::ConfirmedTransactions{{ConfirmResult::done}});
    EXPECT_TRUE(run_until(context, [&] { return confirmed; }));
}

}  // namespace
}  // namespace penstock::plugins::cmq_tcp
