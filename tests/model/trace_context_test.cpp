#include "broker/model/trace_context.h"

#include <gtest/gtest.h>

namespace penstock::model {

namespace {

const std::string sampled = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

TEST(TraceContext, IsReadAndWrittenAsTheStandardSays) {
    const auto context = parse_traceparent(sampled);
    ASSERT_TRUE(context);
    EXPECT_EQ(context->trace_id, "0af7651916cd43dd8448eb211c80319c");
    EXPECT_EQ(context->span_id, "b7ad6b7169203331");
    EXPECT_TRUE(context->sampled);
    EXPECT_EQ(format_traceparent(*context), sampled);
    std::string unsampled = sampled;
    unsampled.back() = '0';
    EXPECT_FALSE(parse_traceparent(unsampled)->sampled);
    std::string later = "cc" + sampled.substr(2) + "-what comes then";
    EXPECT_EQ(parse_traceparent(later)->span_id, "b7ad6b7169203331");
}

TEST(TraceContext, WhatIsMalformedIsNone) {
    for (const std::string& wrong :
         {std::string(),
          std::string("00-ab-cd-01"),
          sampled + "-more",
          "ff" + sampled.substr(2),
          "00-00000000000000000000000000000000-b7ad6b7169203331-01" + std::string(),
          "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01" + std::string(),
          "00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" + std::string(),
          "00 0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" + std::string()}) {
        EXPECT_FALSE(parse_traceparent(wrong)) << wrong;
    }
}

TEST(TraceContext, AStepKeepsTheTraceAndHasAnIdOfItsOwn) {
    const TraceContext before = *parse_traceparent(sampled);
    const TraceContext first = next_step(before, 1);
    EXPECT_EQ(first.trace_id, before.trace_id);
    EXPECT_TRUE(first.sampled);
    EXPECT_TRUE(parse_traceparent(format_traceparent(first)));
    EXPECT_NE(first.span_id, before.span_id);
    EXPECT_NE(first.span_id, next_step(before, 2).span_id);
    EXPECT_EQ(first.span_id, next_step(before, 1).span_id);
}

TEST(TraceContext, AMessageJoinsATraceUnlessItSaysItsOwn) {
    MessageMeta meta;
    join_trace(meta, "nonsense", "a=1");
    EXPECT_TRUE(meta.attributes.empty());
    join_trace(meta, sampled, "a=1");
    ASSERT_TRUE(trace_of(meta));
    EXPECT_EQ(trace_of(meta)->span_id, "b7ad6b7169203331");
    EXPECT_EQ(tracestate_of(meta), "a=1");
    join_trace(meta, "00-" + std::string(32, '1') + "-b7ad6b7169203331-01", "b=2");
    EXPECT_EQ(trace_of(meta)->trace_id, "0af7651916cd43dd8448eb211c80319c");
    EXPECT_EQ(meta.attributes.size(), 2U);
    MessageMeta event;
    event.attributes = {{"ce-traceparent", sampled}};
    EXPECT_EQ(trace_of(event)->span_id, "b7ad6b7169203331");
}

TEST(TraceContext, AnEventsStateGoesWithItsTrace) {
    MessageMeta event;
    event.attributes = {{"ce-traceparent", sampled}, {"ce-tracestate", "a=1"}};
    EXPECT_EQ(tracestate_of(event), "a=1");
    put_step(event, next_step(*trace_of(event), 7));
    EXPECT_EQ(tracestate_of(event), "a=1");
    event.attributes[2].second = "00-" + std::string(32, '1') + "-b7ad6b7169203331-01";
    EXPECT_EQ(tracestate_of(event), "");
}

TEST(TraceContext, AStateThatCouldBreakAHeaderIsNone) {
    MessageMeta meta;
    meta.attributes = {{"tracestate", "a=1\r\nevil: 1"}};
    EXPECT_EQ(tracestate_of(meta), "");
    meta.attributes = {{"tracestate", std::string(513, 'a')}};
    EXPECT_EQ(tracestate_of(meta), "");
}

}  // namespace

}  // namespace penstock::model
