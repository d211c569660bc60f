#include "plugins/metrics/front_end.h"

#include "tests/plugins/metrics/open_metrics_check.h"
#include "tests/support/fake_broker.h"
#include "tests/support/manual_clock.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include <exception>

namespace penstock::testing {

namespace {

class FakeSource final : public api::MetricSource {
  public:
    void measure(std::function<void(model::Metrics)> take) override {
        ++asked;
        if (silent) return;
        model::Metrics metrics;
        metrics.gauge("penstock_ready", "Ready.", 1);
        take(std::move(metrics));
    }

    int asked = 0;
    bool silent = false;
};

class MetricsFrontEnd : public ::testing::Test {
  protected:
    MetricsFrontEnd() { broker.secrets["AKIDtest"] = "hush"; }

    static plugins::HttpRequest request(std::string method, bool loopback) {
        plugins::HttpRequest made;
        made.method = std::move(method);
        made.path = "/metrics";
        made.loopback = loopback;
        return made;
    }

    plugins::HttpResponse ask(plugins::HttpRequest made) {
        plugins::HttpResponse response;
        boost::asio::io_context context;
        boost::asio::co_spawn(context,
                              front_end->handle(std::move(made)),
                              [&](std::exception_ptr failure, plugins::HttpResponse answer) {
                                  if (failure) std::rethrow_exception(failure);
                                  response = std::move(answer);
                              });
        context.run();
        return response;
    }

    ManualClock clock;
    FakeBroker broker;
    FakeSource source;
    std::unique_ptr<plugins::HttpFrontEnd> front_end =
        plugins::make_metrics_front_end(broker, source, clock);
};

TEST_F(MetricsFrontEnd, WantsItsOwnPathOnly) {
    plugins::HttpRequest made = request("GET", true);
    EXPECT_TRUE(front_end->wants(made));
    for (const char* path : {"/", "/metrics/", "/v1/metrics"}) {
        made.path = path;
        EXPECT_FALSE(front_end->wants(made)) << path;
    }
}

TEST_F(MetricsFrontEnd, OnALoopbackListenerNoKeyIsNeeded) {
    const auto response = ask(request("GET", true));
    EXPECT_EQ(response.status, 200U);
    EXPECT_EQ(response.content_type, "application/openmetrics-text; version=1.0.0; charset=utf-8");
    EXPECT_TRUE(response.body.starts_with("# TYPE penstock_ready gauge\n")) << response.body;
    EXPECT_EQ(open_metrics_faults(response.body), std::vector<std::string>());
}

TEST_F(MetricsFrontEnd, ElsewhereAKeyIsNeeded) {
    EXPECT_EQ(ask(request("GET", false)).status, 401U);
    EXPECT_EQ(source.asked, 0);
    auto made = request("GET", false);
    made.headers.emplace_back("authorization", "Bearer AKIDtest:hush");
    EXPECT_EQ(ask(made).status, 200U);
    EXPECT_EQ(source.asked, 1);
}

TEST_F(MetricsFrontEnd, ItIsReadNotWritten) {
    const auto wrong = ask(request("POST", true));
    EXPECT_EQ(wrong.status, 405U);
    EXPECT_NE(wrong.body.find("method_not_allowed"), std::string::npos);
    EXPECT_EQ(wrong.body.find("request_id"), std::string::npos) << "it gives requests none";
    const auto head = ask(request("HEAD", true));
    EXPECT_EQ(head.status, 200U);
    EXPECT_EQ(head.body, ask(request("GET", true)).body) << "the listener leaves it out";
}

TEST_F(MetricsFrontEnd, AServerThatDoesNotAnswerIsUnavailable) {
    source.silent = true;
    EXPECT_EQ(ask(request("GET", true)).status, 503U);
}

}  // namespace

}  // namespace penstock::testing
