#include "sinks/observed/otlp_json.h"

#include <gtest/gtest.h>

namespace penstock::sinks::observed {

namespace {

Span span() {
    Span one;
    one.trace_id = "0af7651916cd43dd8448eb211c80319c";
    one.span_id = "b7ad6b7169203331";
    one.parent_id = "00f067aa0ba902b7";
    one.name = "process news";
    one.began_us = 1'700'000'000'123'456;
    one.ended_us = 1'700'000'000'123'999;
    one.attributes = {{"messaging.system", "penstock"}};
    return one;
}

TEST(OtlpJson, IsWhatACollectorReads) {
    EXPECT_EQ(to_otlp_json({span()}, "shop"),
              R"({"resourceSpans":[{"resource":{"attributes":[{"key":"service.name",)"
              R"("value":{"stringValue":"shop"}}]},"scopeSpans":[{"scope":{"name":"penstock"},)"
              R"("spans":[{"traceId":"0af7651916cd43dd8448eb211c80319c",)"
              R"("spanId":"b7ad6b7169203331","parentSpanId":"00f067aa0ba902b7",)"
              R"("name":"process news","kind":5,"startTimeUnixNano":"1700000000123456000",)"
              R"("endTimeUnixNano":"1700000000123999000","attributes":[{"key":)"
              R"("messaging.system","value":{"stringValue":"penstock"}}]}]}]}]})");
}

TEST(OtlpJson, AFailedSpanHasAStatusAndNoTextBreaksIt) {
    Span one = span();
    one.failed = true;
    one.problem = "timeout\xFF\"";
    const std::string text = to_otlp_json({one}, "shop");
    EXPECT_NE(text.find(R"("status":{"code":2,"message":"timeout?\""})"), std::string::npos)
        << text;
}

}  // namespace

}  // namespace penstock::sinks::observed
