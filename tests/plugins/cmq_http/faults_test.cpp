#include "plugins/cmq_http/faults.h"

#include "tests/plugins/cmq_http/fixture.h"

#include <gtest/gtest.h>

namespace penstock::testing {
namespace {

using model::Reason;

struct FaultCase {
    Reason reason;
    int code;
    const char* message;
};

const std::vector<FaultCase> cases{
    {Reason::denied, 4000, "(10461)no cam authentication"},
    {Reason::unauthenticated, 4100, "(10030)authentication failed"},
    {Reason::disk_full, 6000, "(10090)send message failed"},
    {Reason::unavailable, 6000, "(10090)send message failed"},
    {Reason::overloaded, 4480, "(10460)exceed interface frequency limit, please slow down"},
    {Reason::throttled, 4420, "(10250)qps throttling"},
    {Reason::control_throttled, 4480, "(10460)exceed interface frequency limit, please slow down"},
    {Reason::storage_quota, 4410, "(10240)reach maximum retention number of message"},
    {Reason::unknown_outcome, 6000, "(10050)server internal error"},
    {Reason::internal, 6000, "(10050)server internal error"},
    {Reason::name_format, 4000, "(10020)queue name format error"},
    {Reason::name_too_soon, 6040, "(10660)same name created again too soon after delete"},
    {Reason::queue_not_found, 4440, "(10100)queue is not existed, or deleted"},
    {Reason::queue_exists, 4000, "(4460)queue is already existed,case insensitive"},
    {Reason::queue_limit, 4450, "(10220)number of queues has reached the limit"},
    {Reason::queue_full, 4410, "(10240)reach maximum retention number of message"},
    {Reason::body_empty, 4000, "(10120)message body can't be empty"},
    {Reason::body_too_large, 4400, "(10230)exceed maximum message size"},
    {Reason::batch_too_large, 4470, "(10300)total message size exceed 1MB"},
    {Reason::delay_out_of_range, 4000, "(10692)delay seconds is out of range"},
    {Reason::too_many_delayed,
     6070,
     "(10690)too many unacked(inactive) messages or delayed messages"},
    {Reason::receipt_invalid, 4430, "(10260)receipt handle is invalid"},
    {Reason::rewind_disabled, 6050, "(10670)your queue cannot be rewinded"},
    {Reason::rewind_time_invalid,
     4000,
     "(10680)invalid rewind time, you can get the vaild range of that via GetQueueAttributes"},
    {Reason::rewind_exceeds_retention,
     4000,
     "(10700)rewindSeconds cannot be greater than msgRetentionSeconds"},
    {Reason::dead_letter_not_found, 4000, "(10730)deadLetter queue not exist"},
    {Reason::dead_letter_nested, 4000, "(10740)deadLetter queue is not allowed to nest"},
    {Reason::dead_letter_in_use,
     4000,
     "(10750)it is not allowed to be deleted when the queue is dead letter queue"},
    {Reason::dead_letter_too_many_sources, 4000, "(10780)the deadLetter Queue bind too many times"},
    {Reason::topic_not_found, 4440, "(10600)topic is not existed, or deleted"},
    {Reason::topic_exists, 4460, "(10550)topic is already existed"},
    {Reason::topic_limit, 4450, "(10610)number of topics has reached the limit"},
    {Reason::topic_has_subscriptions,
     4000,
     "(10540)there exists subscriptions under this topic, please unsubscribe all of them before "
     "DeleteTopic"},
    {Reason::topic_without_subscription,
     6030,
     "(10650)topic has no subscription, please create a subscription before publishing message"},
    {Reason::nothing_matched,
     6030,
     "(10730)no bindingKey or filterTag matches the routingKey or msgTag"},
    {Reason::subscription_not_found, 4440, "(10600)subscription is not existed, or deleted"},
    {Reason::subscription_exists, 4490, "(10470)subscribtion is already existed"},
    {Reason::subscription_limit, 4500, "(10480)number of subscription has reached the limit"},
    {Reason::endpoint_invalid, 4000, "(10500)endpoint format error"},
    {Reason::message_not_found, 4490, "(10770)message id is invalid"},
};

TEST(Faults, EveryRefusalOfASendHasItsCodeAndText) {
    Cmq cmq;
    for (const FaultCase& given : cases) {
        cmq.broker.refuse<api::SendMessages>(given.reason);
        const auto reply =
            cmq.ask({{"Action", "SendMessage"}, {"queueName", "orders"}, {"msgBody", "hello"}});
        EXPECT_EQ(reply.code(), given.code) << given.message;
        EXPECT_EQ(reply.message(), given.message);
        EXPECT_EQ(reply.status, 200U);
    }
}

TEST(Faults, TroubleOfTheServerIsToldByWhatWasAsked) {
    Cmq cmq;
    cmq.broker.refuse<api::ReceiveMessages>(Reason::unavailable);
    EXPECT_EQ(cmq.ask({{"Action", "ReceiveMessage"}, {"queueName", "orders"}}).message(),
              "(10130)recieve message failed");
    cmq.broker.refuse<api::DeleteMessages>(Reason::disk_full);
    EXPECT_EQ(
        cmq.ask({{"Action", "DeleteMessage"}, {"queueName", "orders"}, {"receiptHandle", "1"}})
            .message(),
        "(10140)delete message failed");
    cmq.broker.refuse<api::CreateQueue>(Reason::disk_full);
    EXPECT_EQ(cmq.ask({{"Action", "CreateQueue"}, {"queueName", "orders"}}).message(),
              "(10090)send message failed");
    cmq.broker.refuse<api::GetQueue>(Reason::unavailable);
    EXPECT_EQ(cmq.ask({{"Action", "GetQueueAttributes"}, {"queueName", "orders"}}).message(),
              "(10160)get attrs failed");
}

TEST(Faults, NamesAreToldByTheirKindAndFiltersByWhatTheyLack) {
    using plugins::cmq::failure_of;
    using plugins::cmq::Family;
    model::Refusal refusal;
    const auto module = [&](Family family) {
        return failure_of(refusal, family, plugins::cmq::faults::internal).fault.module;
    };
    refusal.reason = Reason::name_format;
    EXPECT_EQ(module(Family::topic), 10590);
    EXPECT_EQ(module(Family::subscription), 10590);
    refusal.reason = Reason::filter_kind_mismatch;
    refusal.subject = "routingKey";
    EXPECT_EQ(module(Family::topic), 10700);
    refusal.subject = "bindingKey";
    EXPECT_EQ(module(Family::subscription), 10710);
    refusal.subject = "filterTag";
    EXPECT_EQ(module(Family::subscription), 10110);
    refusal.reason = Reason::invalid_parameter;
    refusal.subject = "maxTimeToLive";
    EXPECT_EQ(message_of(failure_of(refusal, Family::queue, plugins::cmq::faults::internal)),
              "(10350)parameter maxTimeToLive value or length is out of range");
    refusal.subject = "retention_s";
    EXPECT_EQ(message_of(failure_of(refusal, Family::queue, plugins::cmq::faults::internal)),
              "(10350)parameter msgRetentionSeconds value or length is out of range");
    refusal.subject = "time_to_live_s";
    EXPECT_EQ(module(Family::queue), 10720);
    refusal.subject = "format";
    EXPECT_EQ(module(Family::subscription), 10640);
    refusal.subject = "message_bytes_max";
    EXPECT_EQ(message_of(failure_of(refusal, Family::queue, plugins::cmq::faults::internal)),
              "(10350)parameter maxMsgSize value or length is out of range");
}

}  // namespace
}  // namespace penstock::testing
