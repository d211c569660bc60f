#include "plugins/native/problem.h"

#include <boost/json.hpp>
#include <gtest/gtest.h>

#include <map>

namespace penstock::plugins::native {

namespace {

TEST(NativeStatus, EveryReasonHasItsStatus) {
    const std::map<unsigned, std::vector<std::string>> expected = {
        {400,
         {"invalid_parameter",
          "name_format",
          "body_empty",
          "delay_out_of_range",
          "rewind_time_invalid",
          "rewind_exceeds_retention",
          "endpoint_invalid",
          "filter_kind_mismatch",
          "script_invalid"}},
        {401, {"unauthenticated"}},
        {403, {"denied", "function_not_allowed"}},
        {404,
         {"queue_not_found",
          "dead_letter_not_found",
          "topic_not_found",
          "subscription_not_found",
          "message_not_found",
          "script_not_found"}},
        {409,
         {"name_too_soon",
          "queue_exists",
          "queue_limit",
          "queue_full",
          "rewind_disabled",
          "dead_letter_nested",
          "dead_letter_in_use",
          "dead_letter_too_many_sources",
          "topic_exists",
          "topic_limit",
          "topic_has_subscriptions",
          "topic_without_subscription",
          "nothing_matched",
          "subscription_exists",
          "subscription_limit",
          "job_running",
          "not_transactional",
          "transaction_ended",
          "dead_letter_transactional",
          "storage_quota"}},
        {412, {"receipt_invalid", "precondition_failed"}},
        {413, {"body_too_large", "batch_too_large"}},
        {429, {"too_many_delayed", "throttled", "control_throttled"}},
        {500, {"none", "internal", "damaged"}},
        {503, {"overloaded", "unavailable"}},
        {504, {"unknown_outcome"}},
        {507, {"disk_full"}},
    };
    std::map<unsigned, std::vector<std::string>> found;
    const auto last = static_cast<int>(model::Reason::storage_quota);
    for (int at = 0; at <= last; ++at) {
        const auto reason = static_cast<model::Reason>(at);
        found[status_of(reason)].emplace_back(model::to_text(reason));
    }
    EXPECT_EQ(found, expected);
}

TEST(NativeStatus, AProblemIsShownWhole) {
    model::Refusal refusal;
    refusal.reason = model::Reason::unavailable;
    refusal.subject = "s";
    refusal.detail = "stopping";
    const auto response = to_response(refused(refusal), "r1");
    EXPECT_EQ(response.status, 503U);
    EXPECT_EQ(response.content_type, "application/problem+json");
    ASSERT_EQ(response.headers.size(), 1U);
    EXPECT_EQ(response.headers[0].first, "Retry-After");
    EXPECT_EQ(response.headers[0].second, "1");
    EXPECT_EQ(response.body,
              "{\"title\":\"Service Unavailable\",\"status\":503,\"code\":\"unavailable\","
              "\"detail\":\"'s': stopping\",\"subject\":\"s\",\"hint\":\"Nothing happened. "
              "Try again "
              "after the pause in Retry-After.\",\"request_id\":\"r1\"}\n");
}

TEST(NativeStatus, WhatTheBrokerSaysOfASizeNamesTheFieldAsItIsHere) {
    model::Refusal refusal;
    refusal.reason = model::Reason::invalid_parameter;
    refusal.subject = "message_bytes_max";
    refusal.detail = "allowed: 1024-1048576 bytes";
    const Problem problem = refused(refusal);
    EXPECT_EQ(problem.subject, "max_size");
    EXPECT_EQ(problem.detail, "'max_size': allowed: 1024-1048576 bytes");
    refusal.subject = "delay_s";
    EXPECT_EQ(refused(refusal).subject, "delay");
    refusal.subject = "routingKey";
    EXPECT_EQ(refused(refusal).subject, "key");
    refusal.subject = "binding_keys";
    EXPECT_EQ(refused(refusal).subject, "bind");
    refusal.reason = model::Reason::filter_kind_mismatch;
    EXPECT_EQ(refused(refusal).subject, "bind");
}

TEST(NativeStatus, WhatTheBrokerWordsForCmqIsSaidInTheWordsOfThisApi) {
    model::Refusal body{model::Reason::body_too_large, "msgBody", "at most 5 bytes"};
    EXPECT_EQ(refused(body).subject, "body");
    EXPECT_EQ(refused(body).detail, "'body': at most 5 bytes");
    model::Refusal time{model::Reason::rewind_time_invalid, "startConsumeTime", "between"};
    EXPECT_EQ(refused(time).detail, "'to': between");
    EXPECT_NE(refused(time).hint, "");
    model::Refusal longer{model::Reason::rewind_exceeds_retention,
                          "rewindSeconds",
                          "rewindSeconds cannot be greater than msgRetentionSeconds"};
    EXPECT_EQ(refused(longer).detail, "'rewind': must not be longer than `retention`");
    model::Refusal off{model::Reason::rewind_disabled, "jobs", "rewindSeconds 0"};
    EXPECT_EQ(refused(off).detail,
              "'jobs': the queue keeps nothing that was consumed: its `rewind` is 0");
    EXPECT_NE(refused(off).hint.find("penstock queue set"), std::string::npos);
}

TEST(NativeStatus, AQueueThatIsCalledAsAFieldIsKeepsItsName) {
    for (const std::string name : {"delay_s", "retention_s", "routingKey", "receiptHandle"}) {
        model::Refusal refusal{model::Reason::queue_not_found, name, "there is no such name"};
        EXPECT_EQ(refused(refusal).subject, name);
        EXPECT_EQ(refused(refusal).detail, "'" + name + "': there is no such name");
    }
}

}  // namespace

}  // namespace penstock::plugins::native
