#include "plugins/metrics/open_metrics.h"

#include "tests/plugins/metrics/open_metrics_check.h"

#include <gtest/gtest.h>

namespace penstock::testing {

namespace {

using plugins::metrics::to_open_metrics;

TEST(OpenMetrics, FamiliesComeTogetherWithTheirDescriptions) {
    model::Metrics metrics;
    metrics.counter("penstock_messages_sent", "Messages.", 12, {{"set", "1"}});
    metrics.gauge("penstock_peer_clock_skew_seconds", "Skew.", -0.25, {{"node", "2"}});
    metrics.counter("penstock_messages_sent", "Messages.", 0, {{"set", "2"}});
    metrics.info("penstock_build", "Which.", {{"version", "0.1.0"}});
    const std::string expected =
        "# TYPE penstock_messages_sent counter\n"
        "# HELP penstock_messages_sent Messages.\n"
        "penstock_messages_sent_total{set=\"1\"} 12\n"
        "penstock_messages_sent_total{set=\"2\"} 0\n"
        "# TYPE penstock_peer_clock_skew_seconds gauge\n"
        "# UNIT penstock_peer_clock_skew_seconds seconds\n"
        "# HELP penstock_peer_clock_skew_seconds Skew.\n"
        "penstock_peer_clock_skew_seconds{node=\"2\"} -0.25\n"
        "# TYPE penstock_build info\n"
        "# HELP penstock_build Which.\n"
        "penstock_build_info{version=\"0.1.0\"} 1\n"
        "# TYPE penstock_metrics_left_out counter\n"
        "# HELP penstock_metrics_left_out Figures that are not shown, because there are too "
        "many.\n"
        "penstock_metrics_left_out_total 0\n"
        "# EOF\n";
    EXPECT_EQ(to_open_metrics(metrics), expected);
    EXPECT_EQ(open_metrics_faults(expected), std::vector<std::string>());
}

TEST(OpenMetrics, AHistogramsBucketsAddUp) {
    model::Latencies latencies;
    for (const std::int64_t duration_us : {50, 100, 101, 900'000, 1'000'000, 9'000'000}) {
        latencies.add(duration_us);
    }
    model::Metrics metrics;
    metrics.histogram("penstock_log_sync_seconds", "Syncs.", latencies);
    const std::string text = to_open_metrics(metrics);
    EXPECT_EQ(open_metrics_faults(text), std::vector<std::string>());
    for (const char* line : {"\npenstock_log_sync_seconds_bucket{le=\"0.0001\"} 2\n",
                             "\npenstock_log_sync_seconds_bucket{le=\"0.00025\"} 3\n",
                             "\npenstock_log_sync_seconds_bucket{le=\"1.0\"} 5\n",
                             "\npenstock_log_sync_seconds_bucket{le=\"+Inf\"} 6\n",
                             "\npenstock_log_sync_seconds_count 6\n",
                             "\npenstock_log_sync_seconds_sum 10.900251\n"}) {
        EXPECT_NE(text.find(line), std::string::npos) << line << text;
    }
}

TEST(OpenMetrics, WhatALabelHoldsIsEscaped) {
    model::Metrics metrics;
    metrics.info("penstock_build", "A \\ and\nmore.", {{"version", "a\"b\\c\nd"}});
    const std::string text = to_open_metrics(metrics);
    EXPECT_NE(text.find("{version=\"a\\\"b\\\\c\\nd\"} 1\n"), std::string::npos) << text;
    EXPECT_EQ(open_metrics_faults(text), std::vector<std::string>());
}

TEST(OpenMetrics, WhatIsMoreThanTheLimitIsLeftOutAndCounted) {
    model::Metrics metrics;
    for (std::size_t at = 0; at < model::metric_samples_max + 3; ++at) {
        metrics.gauge("penstock_thing", "Things.", 1, {{"set", std::to_string(at)}});
    }
    EXPECT_EQ(metrics.families().front().samples.size(), model::metric_samples_max);
    EXPECT_NE(to_open_metrics(metrics).find("penstock_metrics_left_out_total 3\n"),
              std::string::npos);
}

// ---- the reader above sees what is wrong
// ---------------------------------------------------------

TEST(OpenMetrics, TheCheckFindsWhatBreaksTheRules) {
    const std::string head = "# TYPE a counter\n# HELP a A.\n";
    const std::string end = "# EOF\n";
    const std::vector<std::string> wrong{
        head + "a_total 1\n",                              // no end
        head + "a_total 1\n" + end + "a_total 2\n" + end,  // behind the end
        head + "a 1\n" + end,                              // no _total
        "# TYPE a counter\na_total 1\n" + end,             // no HELP
        "# HELP a A.\na_total 1\n" + end,                  // no TYPE
        head + "# HELP a A.\na_total 1\n" + end,           // HELP twice
        head + "# TYPE a counter\na_total 1\n" + end,      // TYPE twice
        head + "a_total 1\na_total 1\n" + end,             // a series twice
        head + "a_total{x=\"1\",x=\"2\"} 1\n" + end,       // a label twice
        head + "a_total{x=\"1} 1\n" + end,                 // a quote missing
        head + "a_total{x=\"1\",} 1\n" + end,              // a comma too many
        head + "a_total -1\n" + end,                       // below 0
        head + "a_total one\n" + end,                      // no number
        head + "a_total 1\n# TYPE b gauge\n# HELP b B.\nb 1\na_total{x=\"1\"} 1\n" + end,
        head + "a_total 1\n\n" + end,  // an empty line
        "# TYPE a_bytes gauge\n# UNIT a_bytes seconds\n# HELP a_bytes A.\na_bytes 1\n" + end,
        "# TYPE a histogram\n# HELP a A.\na_bucket{le=\"1.0\"} 1\n" + end,  // no +Inf
        "# TYPE a histogram\n# HELP a A.\na_bucket{le=\"1.0\"} 2\na_bucket{le=\"+Inf\"} 1\n" + end,
    };
    for (const std::string& text : wrong) {
        EXPECT_NE(open_metrics_faults(text), std::vector<std::string>()) << text;
    }
    EXPECT_EQ(open_metrics_faults(head + "a_total 1\n" + end), std::vector<std::string>());
}

}  // namespace

}  // namespace penstock::testing
