#include "broker/api/audit.h"

#include "tests/support/fake_broker.h"

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

namespace penstock::api {

namespace {

class Audit : public ::testing::Test {
  protected:
    // What stood on standard error after one request was answered.
    std::string logged(Request request) {
        boost::asio::io_context context;
        AuditedBroker audited(broker, clock);
        ::testing::internal::CaptureStderr();
        Principal principal;
        principal.key_id = "AKIDone";
        bool answered = false;
        audited.call(principal, std::move(request), context.get_executor(), [&](const std::any&) {
            answered = true;
        });
        context.run();
        EXPECT_TRUE(answered);
        return ::testing::internal::GetCapturedStderr();
    }

    SystemClock clock;
    testing::FakeBroker broker;
};

TEST_F(Audit, TellsWhoDidWhatToWhichObject) {
    broker.answer_with<CreateQueue>({});
    CreateQueue request;
    request.name = "jobs";
    const std::string line = logged(request);
    EXPECT_NE(line.find("room=audit event=audit key=\"AKIDone\" action=CreateQueue "
                        "object=\"jobs\" outcome=done took_ms="),
              std::string::npos)
        << line;
}

TEST_F(Audit, TellsOfSubscriptionsByTopicAndName) {
    broker.answer_with<Unsubscribe>({});
    Unsubscribe request;
    request.topic = "orders";
    request.name = "billing";
    EXPECT_NE(logged(request).find("action=Unsubscribe object=\"orders/billing\""),
              std::string::npos);
}

TEST_F(Audit, TellsWhyAnActWasRefusedAndTrustsNoName) {
    broker.refuse<DeleteTopic>(model::Reason::topic_not_found, "no \"such\" topic");
    DeleteTopic request;
    request.name = "x\" outcome=done\ny" + std::string(1'000, 'z');
    const std::string line = logged(request);
    EXPECT_NE(line.find("object=\"x' outcome=done\\x0ay"), std::string::npos) << line;
    EXPECT_NE(line.find("outcome=refused reason=topic_not_found detail=\"no 'such' topic\""),
              std::string::npos)
        << line;
    EXPECT_LT(line.size(), 600U);
}

TEST_F(Audit, IsSilentAboutMessagesAndReads) {
    broker.answer_with<SendMessages>({});
    broker.answer_with<ReceiveMessages>({});
    broker.answer_with<PublishMessages>({});
    broker.answer_with<GetQueue>({});
    broker.answer_with<ListTopics>({});
    EXPECT_EQ(logged(SendMessages{}), "");
    EXPECT_EQ(logged(ReceiveMessages{}), "");
    EXPECT_EQ(logged(PublishMessages{}), "");
    EXPECT_EQ(logged(GetQueue{}), "");
    EXPECT_EQ(logged(ListTopics{}), "");
    EXPECT_EQ(logged(PeekMessages{}), "");
    EXPECT_EQ(logged(FindDeadLetter{}), "");
}

TEST_F(Audit, IsSilentAboutPreviewsOfWhatIsAnAct) {
    broker.answer_with<RedriveDeadLetters>({});
    broker.answer_with<ReplayMessages>({});
    RedriveDeadLetters redrive;
    ReplayMessages replay;
    EXPECT_NE(logged(redrive).find("action=RedriveDeadLetters"), std::string::npos);
    EXPECT_NE(logged(replay).find("action=ReplayMessages"), std::string::npos);
    redrive.preview = true;
    replay.preview = true;
    EXPECT_EQ(logged(redrive), "");
    EXPECT_EQ(logged(replay), "");
}

}  // namespace

}  // namespace penstock::api
