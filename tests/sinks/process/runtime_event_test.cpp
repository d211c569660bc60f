#include "sinks/process/runtime_event.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace penstock::sinks::process {
namespace {

using model::Failure;
using model::Verdict;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

api::Target target_of() {
    api::Target target;
    target.subscription = model::SubscriptionNo{7};
    target.topic = "orders";
    target.name = "billing";
    target.spec.sink = model::SinkKind::runtime;
    target.spec.function.command = {"/srv/billing"};
    target.spec.function.memory_mib = 256;
    return target;
}

api::Delivery delivery_of(std::uint64_t id, const std::string& payload) {
    api::Delivery delivery;
    delivery.message = model::MessageId(id);
    delivery.attempt = 2;
    delivery.published_ms = 1'700'000'000'123;
    delivery.payload = payload;
    return delivery;
}

const RuntimeOptions options{1'250'000'000, false};

RuntimeAnswer answered(const std::string& body) {
    RuntimeAnswer answer;
    answer.ok = true;
    answer.body = body;
    return answer;
}

TEST(RuntimeEvent, ForScfIsTheEventOfItsCmqTopicTrigger) {
    const api::Target target = target_of();
    api::Delivery delivery = delivery_of(42, "say \"hi\"");
    delivery.meta.tags = {"paid", "eu"};
    EXPECT_EQ(runtime_event(RuntimeFamily::scf, {&target, {&delivery}, "r1"}, options),
              R"({"Records":[{"CMQ":{"type":"topic","topicOwner":1250000000,"topicName":"orders",)"
              R"("subscriptionName":"billing","publishTime":"2023-11-14T22:13:20.123Z",)"
              R"("msgId":"42","requestId":"r1","msgBody":"say \"hi\"","msgTag":"paid,eu"}}]})");
    const RuntimeOptions older{1, true};
    EXPECT_THAT(runtime_event(RuntimeFamily::scf, {&target, {&delivery}, "r1"}, older),
                HasSubstr(R"("msgTag":["paid","eu"]}}]})"));
}

TEST(RuntimeEvent, ForLambdaIsTheEventOfAnSqsTrigger) {
    const api::Target target = target_of();
    const api::Delivery delivery = delivery_of(42, "hello");
    EXPECT_EQ(runtime_event(RuntimeFamily::lambda, {&target, {&delivery}, "r1"}, options),
              R"({"Records":[{"messageId":"42","receiptHandle":"42-2","body":"hello",)"
              R"("attributes":{"ApproximateReceiveCount":"2","SentTimestamp":"1700000000123",)"
              R"("SenderId":"001250000000"},"messageAttributes":{},)"
              R"("md5OfBody":"5d41402abc4b2a76b9719d911017c592","eventSource":"aws:sqs",)"
              R"("eventSourceARN":"arn:aws:sqs:local:001250000000:orders","awsRegion":"local"}]})");
}

TEST(RuntimeEvent, ForLambdaCarriesWhatTravelsBesideTheBody) {
    const api::Target target = target_of();
    api::Delivery delivery = delivery_of(42, "\xff\x00");
    delivery.meta.tags = {"a", "b"};
    delivery.meta.routing_key = "eu.paid";
    delivery.meta.ordering_key = "customer-9";
    delivery.meta.attributes = {{"trace", "t\"1"}};
    const std::string event =
        runtime_event(RuntimeFamily::lambda, {&target, {&delivery}, "r1"}, options);
    EXPECT_THAT(event, HasSubstr(R"("body":"/w==")"));
    EXPECT_THAT(event, HasSubstr(R"("MessageGroupId":"customer-9"})"));
    EXPECT_THAT(
        event,
        HasSubstr(
            R"("messageAttributes":{"trace":{"stringValue":"t\"1","stringListValues":[],)"
            R"("binaryListValues":[],"dataType":"String"},"penstock.tags":{"stringValue":"a,b",)"));
    EXPECT_THAT(event, HasSubstr(R"("penstock.routing_key":{"stringValue":"eu.paid",)"));
    EXPECT_THAT(event, HasSubstr(R"("penstock.body_encoding":{"stringValue":"base64",)"));
}

TEST(RuntimeEvent, HasARecordForEveryMessageOfTheBatch) {
    const api::Target target = target_of();
    const api::Delivery one = delivery_of(1, "a");
    const api::Delivery two = delivery_of(2, "b");
    const std::string lambda =
        runtime_event(RuntimeFamily::lambda, {&target, {&one, &two}, "r"}, options);
    EXPECT_THAT(lambda, HasSubstr(R"("awsRegion":"local"},{"messageId":"2")"));
    const std::string scf =
        runtime_event(RuntimeFamily::scf, {&target, {&one, &two}, "r"}, options);
    EXPECT_THAT(scf, HasSubstr(R"("msgTag":""}},{"CMQ":{)"));
}

TEST(RuntimeEnvironment, HasWhatBothFamiliesPromise) {
    api::Target target = target_of();
    const auto all = runtime_environment(target, 9001, options);
    EXPECT_THAT(all, Contains("AWS_LAMBDA_RUNTIME_API=127.0.0.1:9001"));
    EXPECT_THAT(all, Contains("SCF_RUNTIME_API=127.0.0.1"));
    EXPECT_THAT(all, Contains("SCF_RUNTIME_API_PORT=9001"));
    // What aws-lambda-ric 4 insists on.
    EXPECT_THAT(all, Contains("_HANDLER=index.handler"));
    EXPECT_THAT(all, Contains("LAMBDA_TASK_ROOT=/srv/billing"));
    EXPECT_THAT(all, Contains("AWS_LAMBDA_FUNCTION_NAME=orders-billing"));
    EXPECT_THAT(all, Contains("AWS_LAMBDA_FUNCTION_VERSION=$LATEST"));
    EXPECT_THAT(all, Contains("AWS_LAMBDA_FUNCTION_MEMORY_SIZE=256"));
    EXPECT_THAT(all, Contains("AWS_LAMBDA_LOG_GROUP_NAME=/penstock/orders"));
    EXPECT_THAT(all, Contains("AWS_LAMBDA_LOG_STREAM_NAME=billing"));
    EXPECT_THAT(all, Not(Contains(StartsWith("AWS_LAMBDA_MAX_CONCURRENCY"))));
    target.spec.function.window = 8;
    EXPECT_THAT(runtime_environment(target, 9001, options),
                Contains("AWS_LAMBDA_MAX_CONCURRENCY=8"));
    EXPECT_EQ(function_arn(target, options),
              "arn:aws:lambda:local:001250000000:function:orders-billing");
}

TEST(RuntimeResults, AnAnswerAcceptsEveryMessage) {
    for (const std::string body : {"",
                                   "null",
                                   "not json",
                                   R"({"statusCode":500})",
                                   R"({"batchItemFailures":[]})",
                                   R"({"batchItemFailures":null})",
                                   R"({"dead":false})",
                                   R"(["dead"])"}) {
        const auto results = runtime_results({"1", "2"}, answered(body));
        ASSERT_EQ(results.size(), 2U) << body;
        EXPECT_EQ(results[0].verdict, Verdict::accepted) << body;
        EXPECT_EQ(results[1].verdict, Verdict::accepted) << body;
        EXPECT_EQ(results[1].failure, Failure::none) << body;
    }
}

TEST(RuntimeResults, ANamedMessageOfABatchIsTriedAgain) {
    const auto results =
        runtime_results({"1", "2"}, answered(R"({"batchItemFailures":[{"itemIdentifier":"2"}]})"));
    EXPECT_EQ(results[0].verdict, Verdict::accepted);
    EXPECT_EQ(results[1].verdict, Verdict::retry);
    EXPECT_EQ(results[1].failure, Failure::handler);
    EXPECT_EQ(results[1].excerpt, "the handler names it in batchItemFailures");
}

TEST(RuntimeResults, FailuresThatNameNoMessageFailTheWholeBatch) {
    for (const std::string list : {R"([{"itemIdentifier":"9"}])",
                                   R"([{"itemIdentifier":""}])",
                                   R"([{}])",
                                   R"(["1"])",
                                   R"("1")",
                                   R"([{"itemIdentifier":1}])"}) {
        const auto results =
            runtime_results({"1", "2"}, answered(R"({"batchItemFailures":)" + list + "}"));
        EXPECT_EQ(results[0].verdict, Verdict::retry) << list;
        EXPECT_EQ(results[1].verdict, Verdict::retry) << list;
    }
}

TEST(RuntimeResults, ADeadAnswerIsFinal) {
    const auto plain = runtime_results({"1"}, answered(R"({"dead":true})"));
    EXPECT_EQ(plain[0].verdict, Verdict::rejected);
    EXPECT_EQ(plain[0].excerpt, "the handler answered {\"dead\":true}");
    const auto told = runtime_results({"1"}, answered(R"({"dead": true, "error":"no such shop"})"));
    EXPECT_EQ(told[0].verdict, Verdict::rejected);
    EXPECT_EQ(told[0].excerpt, "no such shop");
}

TEST(RuntimeResults, AnErrorIsTriedAgainUnlessItIsPermanent) {
    RuntimeAnswer failed;
    failed.error = parse_runtime_error(
        R"({"errorMessage":"boom\nat line 3","errorType":"Error","stackTrace":["f","g"]})", "");
    const auto retried = runtime_results({"1"}, failed);
    EXPECT_EQ(retried[0].verdict, Verdict::retry);
    EXPECT_EQ(retried[0].failure, Failure::handler);
    EXPECT_EQ(retried[0].excerpt, "Error: boom");
    failed.error = parse_runtime_error(R"({"errorType":"PermanentFailure"})", "Unhandled");
    EXPECT_EQ(runtime_results({"1"}, failed)[0].verdict, Verdict::rejected);
    failed.error = parse_runtime_error("plain text", "");
    EXPECT_EQ(runtime_results({"1"}, failed)[0].excerpt, "plain text");
    failed.error = parse_runtime_error("", "");
    EXPECT_EQ(runtime_results({"1"}, failed)[0].excerpt,
              "the program reported an error without a text");
    failed.error = parse_runtime_error("", "Permanent.BadOrder");
    EXPECT_EQ(runtime_results({"1"}, failed)[0].verdict, Verdict::rejected);
}

TEST(RuntimeCall, IsReadFromMethodAndPath) {
    using Kind = RuntimeCall::Kind;
    EXPECT_EQ(parse_runtime_call("GET", "/runtime/invocation/next?x=1").kind, Kind::next);
    EXPECT_EQ(parse_runtime_call("POST", "/runtime/invocation/next").kind, Kind::unknown);
    EXPECT_EQ(parse_runtime_call("GET", "/runtime/invocation/response").kind, Kind::unknown);
    EXPECT_EQ(parse_runtime_call("POST", "/runtime/init/error").kind, Kind::unknown);
    EXPECT_EQ(parse_runtime_call("POST", "/2018-06-01/runtime/init/ready").kind, Kind::unknown);
    EXPECT_EQ(parse_runtime_call("POST", "/2018-06-01/runtime/invocation//response").kind,
              Kind::unknown);
    const RuntimeCall call = parse_runtime_call("POST", "/2018-06-01/runtime/invocation/a-1/error");
    EXPECT_EQ(call.kind, Kind::error);
    EXPECT_EQ(call.id, "a-1");
    EXPECT_EQ(parse_runtime_call("PUT", "/").kind, Kind::unknown);
}

}  // namespace
}  // namespace penstock::sinks::process
