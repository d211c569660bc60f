// What answers of success say beyond that: outputs, results of a batch's messages.
#include "sinks/http/answer_outputs.h"
#include "sinks/http/batch_answer.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace penstock::sinks::http {
namespace {

using model::Failure;
using model::Verdict;

client::Exchange answered(std::string body, unsigned status = 200) {
    client::Exchange exchange;
    exchange.ending = client::Ending::answered;
    exchange.complete = true;
    exchange.target = "192.0.2.1:80";
    exchange.answer.status = status;
    exchange.answer.body = std::move(body);
    return exchange;
}

AttemptResult outputs_of(const client::Exchange& exchange) {
    AttemptResult result;
    take_outputs(exchange, result);
    return result;
}

TEST(AnswerOutputs, AnAnswerPublishesInTheFormOfFunctions) {
    const AttemptResult result = outputs_of(answered(
        R"( {"ok":true,"publish":[{"queue":"bills","body":"7","delay_ms":9000},
            {"topic":"paid","json":{"sum":1.50},"tags":["eur"],"ordering_key":"k"}]})"));
    EXPECT_EQ(result.verdict, Verdict::accepted);
    ASSERT_TRUE(result.effects);
    ASSERT_EQ(result.effects->outputs.size(), 2U);
    EXPECT_EQ(result.effects->outputs[0].queue, "bills");
    EXPECT_EQ(result.effects->outputs[0].message.payload, "7");
    EXPECT_EQ(result.effects->outputs[0].delay_ms, 9'000U);
    EXPECT_EQ(result.effects->outputs[1].topic, "paid");
    EXPECT_EQ(result.effects->outputs[1].message.payload, R"({"sum":1.50})");
    EXPECT_EQ(result.effects->outputs[1].message.meta.content_type, "application/json");
    EXPECT_EQ(result.effects->outputs[1].message.meta.tags, std::vector<std::string>{"eur"});
}

TEST(AnswerOutputs, WhatIsNoObjectPublishesNothing) {
    for (const char* body : {"",
                             "  ",
                             "ok",
                             "[1]",
                             "\"{\"",
                             "<html>{}</html>",
                             "{}",
                             R"({"publish":null})",
                             R"({"publish":[]})",
                             R"({"other":[{}]})"}) {
        const AttemptResult result = outputs_of(answered(body));
        EXPECT_EQ(result.verdict, Verdict::accepted) << body;
        EXPECT_FALSE(result.effects) << body;
    }
}

TEST(AnswerOutputs, WhatIsMalformedIsAFailedAttemptWithItsReason) {
    struct Case {
        std::string body;
        std::string reason;
    };

    std::string many = R"({"publish":[)";
    for (int at = 0; at < 101; ++at) many += R"({"queue":"q","body":"x"},)";
    many.back() = ']';
    const std::vector<Case> cases = {
        {"{", "the answer is malformed: it is no JSON object"},
        {R"({"publish":7})", R"(the answer is malformed: "publish" must be a list)"},
        {R"({"publish":[{"queue":"q","body":"x"},{"queue":"q"}]})",
         R"(a "publish" is malformed: "publish" needs either "body", "body_base64" or "json")"},
        {R"({"publish":[{"queue":"q","topic":"t","body":"x"}]})",
         R"(a "publish" is malformed: "publish" needs either "topic" or "queue")"},
        {many + "}", "it published more than 100 messages for one"},
        {R"({"publish":[{"queue":"q","body":")" + std::string((1 << 20) + 1, 'x') + R"("}]})",
         "it published more than 1048576 bytes for one message"},
        {R"({"publish":[{"queue":"q","body":"x","tags":[")" + std::string(1 << 20, 'x') +
             R"("]}]})",
         "it published more than 1048576 bytes for one message"}};
    for (const Case& one : cases) {
        const AttemptResult result = outputs_of(answered(one.body));
        EXPECT_EQ(result.verdict, Verdict::retry) << one.reason;
        EXPECT_EQ(result.failure, Failure::output_refused);
        EXPECT_EQ(result.excerpt, one.reason);
        EXPECT_EQ(result.target, "192.0.2.1:80");
        EXPECT_FALSE(result.effects);
    }
}

TEST(AnswerOutputs, AnAnswerCutShortPublishesNothingAndIsNoSuccess) {
    client::Exchange cut = answered(R"({"publish":[]})");
    cut.complete = false;
    EXPECT_EQ(outputs_of(cut).verdict, Verdict::retry);
    cut.answer.body = "a long page";
    EXPECT_EQ(outputs_of(cut).verdict, Verdict::accepted);
}

// ---- batches ------------------------------------------------------------------------------------

class BatchAnswer : public ::testing::Test {
  protected:
    BatchAnswer() {
        deliveries_.resize(3);
        for (std::size_t at = 0; at < 3; ++at) {
            deliveries_[at].message = model::MessageId(71 + at);
            batch_.push_back(&deliveries_[at]);
        }
        deliveries_[2].meta.attributes = {{"ce-id", "own-3"}};
    }

    // A letter a message: a(ccepted), r(etry), d(ead).
    std::string told(const client::Exchange& exchange, AttemptResult whole = {}) {
        whole.status = static_cast<std::uint16_t>(exchange.answer.status);
        results_ = batch_results(batch_, whole, exchange);
        std::string letters;
        for (const AttemptResult& result : results_) {
            letters += result.verdict == Verdict::accepted ? 'a'
                       : result.verdict == Verdict::retry  ? 'r'
                                                           : 'd';
        }
        return letters;
    }

    std::vector<api::Delivery> deliveries_;
    Sink::Batch batch_;
    std::vector<AttemptResult> results_;
};

TEST_F(BatchAnswer, APlainSuccessAcceptsAll) {
    for (const char* body :
         {"", "ok", "{}", R"({"batchItemFailures":[]})", R"({"batchItemFailures":null})", "null"}) {
        EXPECT_EQ(told(answered(body)), "aaa") << body;
    }
}

TEST_F(BatchAnswer, MessagesAreNamedAsFailedByTheirIdOrTheirOwn) {
    EXPECT_EQ(told(answered(R"({"batchItemFailures":[{"itemIdentifier":"72"}]})")), "ara");
    EXPECT_EQ(results_[1].failure, Failure::handler);
    EXPECT_EQ(results_[1].excerpt, "the handler names it in batchItemFailures");
    EXPECT_EQ(results_[1].target, "192.0.2.1:80");
    EXPECT_EQ(told(answered(R"({"batchItemFailures":[{"itemIdentifier":"own-3"},
                                                     {"itemIdentifier":"71"}]})")),
              "rar");
    EXPECT_EQ(told(answered(R"({"batchItemFailures":[{"itemIdentifier":"73"}]})")), "aar");
}

TEST_F(BatchAnswer, NamesThatAreNoMessageMakeAllFail) {
    for (const char* body : {R"({"batchItemFailures":[{"itemIdentifier":"74"}]})",
                             R"({"batchItemFailures":[{"itemIdentifier":""}]})",
                             R"({"batchItemFailures":["72"]})",
                             R"({"batchItemFailures":[{"itemIdentifier":72}]})",
                             R"({"batchItemFailures":{"itemIdentifier":"72"}})"}) {
        EXPECT_EQ(told(answered(body)), "rrr") << body;
        EXPECT_EQ(results_[0].excerpt, unknown_in_failures);
    }
}

TEST_F(BatchAnswer, AListOfStatusesIsAStatusAMessage) {
    EXPECT_EQ(told(answered("[200, 503, 410]")), "arr");
    EXPECT_EQ(results_[1].failure, Failure::status);
    EXPECT_EQ(results_[1].status, 503U);
    EXPECT_FALSE(results_[0].of_item);
    EXPECT_TRUE(results_[2].of_item);
    EXPECT_EQ(told(answered("[204,204,204]")), "aaa");
}

TEST_F(BatchAnswer, AListThatIsNotOneStatusAMessageMakesAllFail) {
    for (const char* body : {"[]",
                             "[200,200]",
                             "[200,200,200,200]",
                             "[200,200,\"200\"]",
                             "[200,200,99]",
                             "[200,200,600]",
                             "[200,200,2e2]"}) {
        EXPECT_EQ(told(answered(body)), "rrr") << body;
        EXPECT_EQ(results_[2].excerpt,
                  "the answer is a list, but not of one status a message (3): every message is "
                  "tried again");
    }
}

TEST_F(BatchAnswer, WhatBeginsAsJsonAndCannotBeReadMakesAllFail) {
    EXPECT_EQ(told(answered(R"({"batchItemFailures":[)")), "rrr");
    client::Exchange cut = answered(R"({"batchItemFailures":[]})");
    cut.complete = false;
    EXPECT_EQ(told(cut), "rrr");
    EXPECT_EQ(results_[0].failure, Failure::handler);
}

TEST_F(BatchAnswer, AnAnswerThatIsNoSuccessIsOneForEach) {
    AttemptResult dead;
    dead.verdict = Verdict::rejected;
    dead.failure = Failure::status;
    EXPECT_EQ(told(answered(R"({"batchItemFailures":[{"itemIdentifier":"72"}]})", 503), dead),
              "ddd");
}

}  // namespace
}  // namespace penstock::sinks::http
