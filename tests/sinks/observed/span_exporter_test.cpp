#include "sinks/observed/span_exporter.h"

#include "sinks/observed/collector_headers.h"
#include "tests/support/fake_resolver.h"
#include "tests/support/run_until.h"
#include "tests/support/scripted_server.h"

#include <gtest/gtest.h>

namespace penstock::sinks::observed {

namespace {

class Exporting : public ::testing::Test {
  protected:
    void open(const std::string& url, std::size_t waiting_max) {
        ExporterOptions options;
        options.endpoint = url;
        open(std::move(options), waiting_max);
    }

    void open(ExporterOptions options, std::size_t waiting_max) {
        options.batch_wait_ms = 1;
        options.batch_max = 2;
        options.waiting_max = waiting_max;
        auto resolver = std::make_unique<testing::FakeResolver>(context.get_executor());
        exporter = std::move(
            *SpanExporter::make(context.get_executor(), clock, std::move(resolver), options));
    }

    void add(const std::string& name) {
        Span span;
        span.name = name;
        exporter->add(std::move(span));
    }

    double figure(const std::string& name) {
        model::Metrics metrics;
        exporter->measure(metrics);
        return metrics.value(name);
    }

    boost::asio::io_context context{1};
    SystemClock clock;
    std::unique_ptr<SpanExporter> exporter;
};

TEST_F(Exporting, SpansArePostedInBatches) {
    testing::ScriptedServer server(context, {testing::always(testing::ok_answer)});
    open(server.url("/otel/"), 100);
    for (const char* name : {"one", "two", "three"}) add(name);
    EXPECT_TRUE(
        testing::run_until(context, [&] { return figure("penstock_spans_exported") == 3; }));
    EXPECT_EQ(figure("penstock_spans_dropped"), 0);
    EXPECT_EQ(figure("penstock_spans_waiting"), 0);
    ASSERT_FALSE(server.requests.empty());
    const std::string first = server.requests.front();
    EXPECT_TRUE(first.starts_with("POST /otel/v1/traces HTTP/1.1\r\n")) << first;
    EXPECT_NE(first.find("Content-Type: application/json"), std::string::npos) << first;
    EXPECT_NE(first.find("\"one\""), std::string::npos) << first;
    EXPECT_NE(first.find("\"two\""), std::string::npos) << first;
    EXPECT_EQ(first.find("\"three\""), std::string::npos) << first;
}

TEST_F(Exporting, ATracesEndpointIsTakenAsItStandsAndIsToldTheHeaders) {
    testing::ScriptedServer server(context, {testing::always(testing::ok_answer)});
    ExporterOptions options;
    options.endpoint = "http://127.0.0.1:9";
    options.traces_endpoint = server.url("/spans?x=1");
    options.headers = " x-key = a%20b%2C ,, authorization=Bearer t ";
    open(std::move(options), 100);
    add("one");
    ASSERT_TRUE(
        testing::run_until(context, [&] { return figure("penstock_spans_exported") == 1; }));
    const std::string& request = server.requests.front();
    EXPECT_TRUE(request.starts_with("POST /spans?x=1 HTTP/1.1\r\n")) << request;
    EXPECT_NE(request.find("\r\nx-key: a b,\r\n"), std::string::npos) << request;
    EXPECT_NE(request.find("\r\nauthorization: Bearer t\r\n"), std::string::npos) << request;
}

TEST(CollectorHeaders, BadOnesAreRefusedWithoutTellingTheValue) {
    struct {
        const char* text;
        const char* reason;
    } const cases[] = {
        {"x-key", "no '='"},
        {"=secret", "no name"},
        {"x key=secret", "no name"},
        {"Host=secret", "itself"},
        {"x-key=secret%", "%-escape"},
        {"x-key=secret%0d%0ax: y", "control bytes"},
    };

    for (const auto& [text, reason] : cases) {
        const auto read = collector_headers(text);
        ASSERT_FALSE(read) << text;
        EXPECT_NE(read.error().detail.find(reason), std::string::npos) << read.error().detail;
        EXPECT_EQ(read.error().detail.find("secret"), std::string::npos) << read.error().detail;
    }
    std::string many;
    for (std::size_t at = 0; at <= collector_headers_max; ++at) many += "a=b,";
    EXPECT_FALSE(collector_headers(many));
    EXPECT_EQ(*collector_headers(""), "");
}

TEST_F(Exporting, WhatACollectorRefusesIsDroppedAndCounted) {
    testing::ScriptedServer server(
        context, {testing::always("HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n")});
    open(server.url(""), 100);
    add("one");
    EXPECT_TRUE(testing::run_until(context, [&] { return figure("penstock_spans_dropped") == 1; }));
    EXPECT_EQ(figure("penstock_spans_exported"), 0);
}

TEST_F(Exporting, WhileTooManyWaitTheYoungestAreDropped) {
    open("http://127.0.0.1:9", 3);
    for (int at = 0; at < 9; ++at) add("span");
    // Two are on their way, three wait.
    EXPECT_EQ(figure("penstock_spans_waiting"), 3);
    EXPECT_EQ(figure("penstock_spans_dropped"), 4);
    exporter->stop();
    add("late");
    EXPECT_EQ(figure("penstock_spans_dropped"), 10);
    EXPECT_EQ(figure("penstock_spans_waiting"), 0);
}

TEST_F(Exporting, AnEndpointThatIsNoUrlIsRefusedByName) {
    ExporterOptions options;
    options.endpoint = "collector:4318";
    auto resolver = std::make_unique<testing::FakeResolver>(context.get_executor());
    const auto made =
        SpanExporter::make(context.get_executor(), clock, std::move(resolver), options);
    ASSERT_FALSE(made);
    EXPECT_NE(made.error().detail.find("tracing.endpoint"), std::string::npos);
}

}  // namespace

}  // namespace penstock::sinks::observed
