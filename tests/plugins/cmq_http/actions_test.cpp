#include "broker/model/trace_context.h"
#include "tests/plugins/cmq_http/fixture.h"

#include <gtest/gtest.h>

namespace penstock::testing {
namespace {

class QueueActions : public ::testing::Test {
  protected:
    // The reply without its request id, which is checked to be a text of digits.
    std::string ask(const Fields& fields) {
        auto reply = cmq.ask(fields);
        const std::string id = reply.json.at("requestId").as_string().c_str();
        EXPECT_FALSE(id.empty());
        EXPECT_EQ(id.find_first_not_of("0123456789"), std::string::npos);
        const std::string member = R"("requestId":")" + id + "\"";
        return reply.text.replace(reply.text.find(member), member.size(), "ID");
    }

    static api::QueueView view() {
        api::QueueView queue;
        queue.number = 42;
        queue.name = "orders";
        queue.created_ms = 1'700'000'000'999;
        queue.modified_ms = 1'700'000'001'000;
        queue.active = 1;
        queue.inactive = 2;
        queue.delayed = 3;
        queue.rewindable = 4;
        queue.oldest_ms = 1'600'000'000'000;
        return queue;
    }

    static api::ReceivedMessage message() {
        api::ReceivedMessage received;
        received.id = model::MessageId(7);
        received.receipt = model::Receipt(18446744073709551615U);
        received.payload = "a \"quoted\" line\n\x01 \u20ac";
        received.enqueued_ms = 1000;
        received.next_visible_ms = 31'000;
        received.first_received_ms = 2000;
        received.receives = 3;
        return received;
    }

    Cmq cmq;
};

TEST_F(QueueActions, CreateQueueTakesAllAttributesAndAnswersTheId) {
    cmq.broker.answer_with<api::CreateQueue>(view());
    EXPECT_EQ(
        ask({{"Action", "CreateQueue"},
             {"queueName", "orders"},
             {"maxMsgHeapNum", "1000000"},
             {"pollingWaitSeconds", "30"},
             {"visibilityTimeout", "43200"},
             {"maxMsgSize", "1048576"},
             {"msgRetentionSeconds", "1296000"},
             {"rewindSeconds", "1296000"},
             {"deadLetterPolicy",
              R"({"deadLetterQueue":"dead","policy":"1","maxTimeToLive":43200})"},
             {"clientRequestId", "4294967295"}}),
        R"({"code":0,"message":"",ID,"clientRequestId":4294967295,"queueId":"queue-0000002a"})");
    const auto& change = cmq.broker.last<api::CreateQueue>()->change;
    EXPECT_EQ(change.messages_max, 1'000'000U);
    EXPECT_EQ(change.polling_wait_s, 30U);
    EXPECT_EQ(change.visibility_s, 43'200U);
    EXPECT_EQ(change.message_bytes_max, 1'048'576U);
    EXPECT_EQ(change.retention_s, 1'296'000U);
    EXPECT_EQ(change.rewind_s, 1'296'000U);
    ASSERT_TRUE(change.dead_letter.has_value());
    EXPECT_EQ(change.dead_letter->queue, "dead");
    EXPECT_EQ(change.dead_letter->kind, model::DeadLetterPolicy::Kind::time_to_live);
    EXPECT_EQ(change.dead_letter->time_to_live_s, 43'200U);
}

TEST_F(QueueActions, ATransactionalQueueIsMadeAndShown) {
    auto queue = view();
    queue.attributes.transaction = model::TransactionPolicy{60, 3};
    cmq.broker.answer_with<api::CreateQueue>(queue);
    cmq.broker.answer_with<api::GetQueue>(queue);
    ask({{"Action", "CreateQueue"},
         {"queueName", "orders"},
         {"transaction", "1"},
         {"firstQueryInterval", "60"},
         {"maxQueryCount", "3"}});
    const auto& change = cmq.broker.last<api::CreateQueue>()->change;
    EXPECT_EQ(change.transactional, true);
    EXPECT_EQ(change.first_query_s, 60U);
    EXPECT_EQ(change.queries_max, 3U);
    ask({{"Action", "CreateQueue"},
         {"queueName", "orders"},
         {"transaction", "0"},
         {"firstQueryInterval", "60"}});
    EXPECT_EQ(cmq.broker.last<api::CreateQueue>()->change.transactional, false);
    EXPECT_FALSE(cmq.broker.last<api::CreateQueue>()->change.first_query_s);
    const std::string shown = ask({{"Action", "GetQueueAttributes"}, {"queueName", "orders"}});
    EXPECT_NE(shown.find(R"("transaction":1,"firstQueryInterval":60,"maxQueryCount":3)"),
              std::string::npos)
        << shown;
}

TEST_F(QueueActions, AnOrderedQueueIsMadeAndShownAndOthersLookAsEver) {
    auto queue = view();
    cmq.broker.answer_with<api::GetQueue>(queue);
    const std::string plain = ask({{"Action", "GetQueueAttributes"}, {"queueName", "orders"}});
    EXPECT_EQ(plain.find("ordered"), std::string::npos) << plain;
    queue.attributes.ordered = true;
    cmq.broker.answer_with<api::CreateQueue>(queue);
    cmq.broker.answer_with<api::GetQueue>(queue);
    ask({{"Action", "CreateQueue"}, {"queueName", "orders"}, {"ordered", "1"}});
    EXPECT_EQ(cmq.broker.last<api::CreateQueue>()->change.ordered, true);
    const std::string shown = ask({{"Action", "GetQueueAttributes"}, {"queueName", "orders"}});
    EXPECT_NE(shown.find(R"("ordered":1)"), std::string::npos) << shown;
}

TEST_F(QueueActions, ARateOfItsOwnIsSetAndShownAndOthersLookAsEver) {
    auto queue = view();
    cmq.broker.answer_with<api::GetQueue>(queue);
    const std::string plain = ask({{"Action", "GetQueueAttributes"}, {"queueName", "orders"}});
    EXPECT_EQ(plain.find("qps"), std::string::npos) << plain;
    queue.attributes.messages_per_s = 50;
    cmq.broker.answer_with<api::CreateQueue>(queue);
    cmq.broker.answer_with<api::SetQueue>(queue);
    ask({{"Action", "CreateQueue"}, {"queueName", "orders"}, {"qps", "50"}});
    EXPECT_EQ(cmq.broker.last<api::CreateQueue>()->change.messages_per_s, 50U);
    const std::string shown =
        ask({{"Action", "SetQueueAttributes"}, {"queueName", "orders"}, {"qps", "0"}});
    EXPECT_EQ(cmq.broker.last<api::SetQueue>()->change.messages_per_s, 0U);
    EXPECT_NE(shown.find(R"("qps":50)"), std::string::npos) << shown;
}

TEST_F(QueueActions, CreateQueueLeavesAbsentAttributesToTheirDefaults) {
    cmq.broker.answer_with<api::CreateQueue>(view());
    ask({{"Action", "createqueue"}, {"queueName", "orders"}});
    const auto& change = cmq.broker.last<api::CreateQueue>()->change;
    EXPECT_FALSE(change.messages_max || change.polling_wait_s || change.visibility_s ||
                 change.message_bytes_max || change.retention_s || change.rewind_s ||
                 change.dead_letter);
}

TEST_F(QueueActions, GetQueueAttributesShowsBothSpellingsOfRewindMsgNum) {
    auto queue = view();
    queue.dead_letter_queue = "dead";
    auto& policy = queue.attributes.dead_letter.emplace();
    policy.queue = model::QueueNo(43);
    policy.max_receives = 5;
    cmq.broker.answer_with<api::GetQueue>(queue);
    EXPECT_EQ(ask({{"Action", "GetQueueAttributes"}, {"queueName", "orders"}}),
              R"({"code":0,"message":"",ID,"maxMsgHeapNum":100000000,"pollingWaitSeconds":0,)"
              R"("visibilityTimeout":30,"maxMsgSize":65536,"msgRetentionSeconds":345600,)"
              R"("rewindSeconds":0,"deadLetterPolicy":"{\"deadLetterQueue\":\"queue-0000002b\",)"
              R"(\"deadLetterQueueName\":\"dead\",\"policy\":0,\"maxReceiveCount\":5}",)"
              R"("createTime":1700000000,"lastModifyTime":1700000001,"activeMsgNum":1,)"
              R"("inactiveMsgNum":2,"delayMsgNum":3,"rewindmsgNum":4,"rewindMsgNum":4,)"
              R"("minMsgTime":1600000000,"createUin":1250000001,"queueId":"queue-0000002a"})");
}

TEST_F(QueueActions, SetQueueAttributesEchoesTheNewValues) {
    cmq.broker.answer_with<api::SetQueue>(view());
    EXPECT_EQ(ask({{"Action", "SetQueueAttributes"},
                   {"queueName", "orders"},
                   {"visibilityTimeout", "60"}}),
              R"({"code":0,"message":"",ID,"maxMsgHeapNum":100000000,"pollingWaitSeconds":0,)"
              R"("visibilityTimeout":30,"maxMsgSize":65536,"msgRetentionSeconds":345600,)"
              R"("rewindSeconds":0,"queueId":"queue-0000002a"})");
    EXPECT_EQ(cmq.broker.last<api::SetQueue>()->change.visibility_s, 60U);
    ask({{"Action", "UnbindDeadLetterQueue"}, {"queueName", "orders"}});
    EXPECT_TRUE(cmq.broker.last<api::SetQueue>()->change.unbind_dead_letter);
}

TEST_F(QueueActions, ListsShowTheTotalAndAlwaysAnArray) {
    api::NamePage page;
    cmq.broker.answer_with<api::ListQueues>(page);
    EXPECT_EQ(ask({{"Action", "ListQueue"}}),
              R"({"code":0,"message":"",ID,"totalCount":0,"queueList":[]})");
    EXPECT_EQ(cmq.broker.last<api::ListQueues>()->page.limit, 20U);
    EXPECT_FALSE(cmq.broker.last<api::ListQueues>()->automatic);
    page.total = 9;
    page.items = {{42, "orders"}, {43, "dead"}};
    cmq.broker.answer_with<api::ListDeadLetterSources>(page);
    EXPECT_EQ(ask({{"Action", "ListDeadLetterSourceQueues"},
                   {"deadLetterQueueName", "dead"},
                   {"searchWord", "o"},
                   {"offset", "2"},
                   {"limit", "2"}}),
              R"({"code":0,"message":"",ID,"totalCount":9,"queueList":[)"
              R"({"queueId":"queue-0000002a","queueName":"orders"},)"
              R"({"queueId":"queue-0000002b","queueName":"dead"}]})");
    const auto* asked = cmq.broker.last<api::ListDeadLetterSources>();
    EXPECT_EQ(asked->queue, "dead");
    EXPECT_EQ(asked->search, "o");
    EXPECT_EQ(asked->page.offset, 2U);
    EXPECT_EQ(asked->page.limit, 2U);
}

TEST_F(QueueActions, ActionsWithoutAResultAnswerTheEnvelopeOnly) {
    const std::string envelope = R"({"code":0,"message":"",ID})";
    cmq.broker.answer_with<api::DeleteQueue>({});
    cmq.broker.answer_with<api::ClearQueue>({});
    cmq.broker.answer_with<api::RewindQueue>({});
    EXPECT_EQ(ask({{"Action", "DeleteQueue"}, {"queueName", "orders"}}), envelope);
    EXPECT_EQ(ask({{"Action", "ClearQueue"}, {"queueName", "orders"}}), envelope);
    EXPECT_EQ(ask({{"Action", "RewindQueue"},
                   {"queueName", "orders"},
                   {"startConsumeTime", "1700000000"}}),
              envelope);
    EXPECT_EQ(cmq.broker.last<api::RewindQueue>()->to_ms, 1'700'000'000'000);
}

TEST_F(QueueActions, SendsAnswerIdsAsText) {
    api::SentMessages sent;
    sent.ids = {model::MessageId(9223372036854775807U)};
    cmq.broker.answer_with<api::SendMessages>(sent);
    EXPECT_EQ(ask({{"Action", "SendMessage"},
                   {"queueName", "orders"},
                   {"msgBody", "hi+there & =%\u20ac"},
                   {"delaySeconds", "3600"},
                   {"dedupId", "once"}}),
              R"({"code":0,"message":"",ID,"msgId":"9223372036854775807"})");
    const auto* asked = cmq.broker.last<api::SendMessages>();
    EXPECT_EQ(asked->messages.at(0).payload, "hi+there & =%\u20ac");
    EXPECT_EQ(asked->delay_s, 3600U);
    EXPECT_EQ(asked->dedup_key, "once");
    sent.ids = {model::MessageId(1), model::MessageId(2)};
    cmq.broker.answer_with<api::SendMessages>(sent);
    EXPECT_EQ(ask({{"Action", "BatchSendMessage"},
                   {"queueName", "orders"},
                   {"clientRequestId", "abc"},
                   {"msgBody.0", "first"},
                   {"msgBody.1", "second"}}),
              R"({"code":0,"message":"",ID,"msgList":[{"msgId":"1"},{"msgId":"2"}]})");
    EXPECT_EQ(cmq.broker.last<api::SendMessages>()->messages.at(1).payload, "second");
    EXPECT_EQ(cmq.broker.last<api::SendMessages>()->dedup_key, "")
        << "clientRequestId is never a dedup key";
}

TEST_F(QueueActions, WhatIsSentBelongsToTheTraceOfTheRequest) {
    const std::string trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    const Fields headers{{"traceparent", trace}, {"tracestate", "vendor=1"}};
    api::SentMessages sent;
    sent.ids = {model::MessageId(1)};
    cmq.broker.answer_with<api::SendMessages>(sent);
    cmq.broker.answer_with<api::PublishMessages>(sent);
    cmq.ask({{"Action", "SendMessage"}, {"queueName", "orders"}, {"msgBody", "a"}}, headers);
    const auto& one = cmq.broker.last<api::SendMessages>()->messages.at(0);
    EXPECT_EQ(model::traceparent_of(one.meta), trace);
    cmq.ask({{"Action", "BatchPublishMessage"}, {"topicName", "events"}, {"msgBody.0", "a"}},
            headers);
    const auto& published = cmq.broker.last<api::PublishMessages>()->messages.at(0);
    EXPECT_EQ(model::traceparent_of(published.meta), trace);
    cmq.ask({{"Action", "SendMessage"}, {"queueName", "orders"}, {"msgBody", "a"}});
    EXPECT_TRUE(cmq.broker.last<api::SendMessages>()->messages.at(0).meta.attributes.empty());
}

TEST_F(QueueActions, ReceivesShowEveryFieldClientsNeed) {
    api::ReceivedMessages received;
    received.messages = {message()};
    cmq.broker.answer_with<api::ReceiveMessages>(received);
    const std::string shown =
        R"("msgBody":"a \"quoted\" line\n\u0001 )"
        "\u20ac"
        R"(","msgId":"7","receiptHandle":"18446744073709551615",)"
        R"("enqueueTime":1,"nextVisibleTime":31,"firstDequeueTime":2,"dequeueCount":3})";
    EXPECT_EQ(ask({{"Action", "ReceiveMessage"}, {"queueName", "orders"}}),
              R"({"code":0,"message":"",ID,)" + shown);
    EXPECT_FALSE(cmq.broker.last<api::ReceiveMessages>()->wait_s.has_value());
    EXPECT_EQ(ask({{"Action", "BatchReceiveMessage"},
                   {"queueName", "orders"},
                   {"numOfMsg", "16"},
                   {"pollingWaitSeconds", "0"}}),
              R"({"code":0,"message":"",ID,"msgInfoList":[{)" + shown + "]}");
    EXPECT_EQ(cmq.broker.last<api::ReceiveMessages>()->messages_max, 16U);
    EXPECT_EQ(cmq.broker.last<api::ReceiveMessages>()->wait_s, 0U);
}

TEST_F(QueueActions, BodiesThatAreNoTextAreShownInBase64) {
    api::ReceivedMessages received;
    received.messages = {message()};
    received.messages.front().payload = "\xff\xfe";
    cmq.broker.answer_with<api::ReceiveMessages>(received);
    const auto reply = cmq.ask({{"Action", "ReceiveMessage"}, {"queueName", "orders"}});
    EXPECT_EQ(reply.json.at("msgBody").as_string(), "//4=");
}

TEST_F(QueueActions, ReceivesShowTheOrderingKeyOfMessagesThatHaveOne) {
    api::ReceivedMessages received;
    received.messages = {message(), message(), message()};
    received.messages[0].meta.ordering_key = "user \"7\"";
    received.messages[2].meta.ordering_key = "\xff\xfe";
    cmq.broker.answer_with<api::ReceiveMessages>(received);
    const auto one = cmq.ask({{"Action", "ReceiveMessage"}, {"queueName", "orders"}});
    EXPECT_EQ(one.json.at("orderingKey").as_string(), "user \"7\"");
    const auto batch =
        cmq.ask({{"Action", "BatchReceiveMessage"}, {"queueName", "orders"}, {"numOfMsg", "3"}});
    const auto& shown = batch.json.at("msgInfoList").as_array();
    ASSERT_EQ(shown.size(), 3U);
    EXPECT_EQ(shown[0].at("orderingKey").as_string(), "user \"7\"");
    EXPECT_FALSE(shown[1].as_object().contains("orderingKey"));
    EXPECT_EQ(shown[2].at("orderingKey").as_string(), "//4=") << "no text";
}

TEST_F(QueueActions, NothingToReceiveIsItsOwnCode) {
    cmq.broker.answer_with<api::ReceiveMessages>({});
    const std::string nothing = R"({"code":7000,"message":"(10200)no message",ID})";
    EXPECT_EQ(ask({{"Action", "ReceiveMessage"}, {"queueName", "orders"}}), nothing);
    EXPECT_EQ(ask({{"Action", "BatchReceiveMessage"}, {"queueName", "orders"}, {"numOfMsg", "1"}}),
              nothing);
}

TEST_F(QueueActions, DeletesSayWhichReceiptsAreNotValid) {
    cmq.broker.answer<api::DeleteMessages>([](const api::DeleteMessages& request) {
        api::DeletedMessages deleted;
        for (const auto receipt : request.receipts) deleted.removed.push_back(receipt.value < 10);
        return api::Outcome<api::DeletedMessages>(deleted);
    });
    const auto one = [&](const char* receipt) {
        return ask({{"Action", "DeleteMessage"}, {"queueName", "q"}, {"receiptHandle", receipt}});
    };
    EXPECT_EQ(one("9"), R"({"code":0,"message":"",ID})");
    EXPECT_EQ(one("10"), R"({"code":4430,"message":"(10260)receipt handle is invalid",ID})");
    const auto batch = [&](const char* first, const char* second) {
        return ask({{"Action", "BatchDeleteMessage"},
                    {"queueName", "q"},
                    {"receiptHandle.1", first},
                    {"receiptHandle.2", second}});
    };
    EXPECT_EQ(batch("1", "2"), R"({"code":0,"message":"",ID})");
    EXPECT_EQ(batch("11", "2"),
              R"({"code":6010,"message":"(10150)delete message partially failed",ID,"errorList":)"
              R"([{"code":4430,"message":"(10260)invalid receiptHandle","receiptHandle":"11"}]})");
    EXPECT_EQ(batch("bad", "12"),
              R"({"code":6020,"message":"(10290)batch delete message failed",ID,"errorList":)"
              R"([{"code":4430,"message":"(10260)invalid receiptHandle","receiptHandle":"bad"},)"
              R"({"code":4430,"message":"(10260)invalid receiptHandle","receiptHandle":"12"}]})");
}

TEST_F(QueueActions, RoutesNameTheTcpAddressesOfWhatExists) {
    cmq.broker.answer_with<api::GetQueue>(view());
    EXPECT_EQ(ask({{"Action", "QueryQueueRoute"}, {"queueName", "orders"}}),
              R"({"code":0,"message":"",ID,"addr":["127.0.0.1:7071"]})");
    cmq.broker.answer_with<api::GetTopic>({});
    EXPECT_EQ(ask({{"Action", "QueryTopicRoute"}, {"topicName", "events"}}),
              R"({"code":0,"message":"",ID,"addr":["127.0.0.1:7071"]})");
    cmq.broker.refuse<api::GetQueue>(model::Reason::queue_not_found);
    EXPECT_EQ(ask({{"Action", "QueryQueueRoute"}, {"queueName", "orders"}}),
              R"({"code":4440,"message":"(10100)queue is not existed, or deleted",ID})");
}

}  // namespace
}  // namespace penstock::testing
