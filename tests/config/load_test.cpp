#include "broker/config/load.h"

#include "broker/config/keys.h"
#include "broker/config/toml_file.h"

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <set>
#include <string>

namespace penstock::config {
namespace {

std::string file_with(const std::string& text) {
    const std::string path = testing::TempDir() + "config_load_test_" +
                             testing::UnitTest::GetInstance()->current_test_info()->name() +
                             ".toml";
    std::ofstream(path) << text;
    return path;
}

std::string mistakes_of(const std::string& text) {
    const std::string path = file_with(text);
    const auto loaded = load({path, {}, {}});
    if (loaded) return {};
    const std::string& detail = loaded.error().detail;
    return detail.substr(0, path.size()) == path ? detail.substr(path.size()) : detail;
}

TEST(Config, WhatTracingLeavesEmptyIsTakenFromOpenTelemetrysVariables) {
    std::map<std::string, std::string> said{{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318"},
                                            {"OTEL_SERVICE_NAME", "orders"}};
    auto loaded = load({{}, said, {}});
    ASSERT_TRUE(loaded);
    EXPECT_EQ(loaded->config.tracing.endpoint, "http://c:4318");
    EXPECT_EQ(loaded->config.tracing.service_name, "orders");
    EXPECT_EQ(loaded->origins.at("tracing.service_name"), "OTEL_SERVICE_NAME");
    const std::string file =
        file_with("[tracing]\nendpoint = \"http://own:1\"\nservice_name = \"\"\n");
    loaded = load({file, said, {}});
    ASSERT_TRUE(loaded);
    EXPECT_EQ(loaded->config.tracing.endpoint, "http://own:1");
    EXPECT_EQ(loaded->config.tracing.service_name, "orders");
}

TEST(Config, OpenTelemetrysVariablesOfTheTracesGoBeforeThoseOfAllSignals) {
    std::map<std::string, std::string> said{
        {"OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318"},
        {"OTEL_EXPORTER_OTLP_HEADERS", "x-key=all"},
        {"OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"},
        {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://t:4318/spans"},
        {"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/json"}};
    auto tracing = load({{}, said, {}})->config.tracing;
    EXPECT_EQ(tracing.endpoint, "http://c:4318");
    EXPECT_EQ(tracing.traces_endpoint, "http://t:4318/spans");
    EXPECT_EQ(tracing.headers, "x-key=all");
    said["OTEL_EXPORTER_OTLP_TRACES_HEADERS"] = "x-key=traces";
    EXPECT_EQ(load({{}, said, {}})->config.tracing.headers, "x-key=traces");
}

TEST(Config, TheKeyOfAnotherCollectorIsNotSentToOnesOwn) {
    const std::map<std::string, std::string> said{
        {"OTEL_EXPORTER_OTLP_HEADERS", "x-key=secret"},
        {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://t:4318/spans"}};
    const std::string file = file_with("[tracing]\nendpoint = \"http://own:1\"\n");
    const auto tracing = load({file, said, {}})->config.tracing;
    EXPECT_EQ(tracing.endpoint, "http://own:1");
    EXPECT_EQ(tracing.traces_endpoint, "");
    EXPECT_EQ(tracing.headers, "");
}

TEST(Config, OpenTelemetrysVariablesAreLeftAloneWhereTheyAskForSomethingElse) {
    std::map<std::string, std::string> said{{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4317"},
                                            {"OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"},
                                            {"OTEL_SERVICE_NAME", "orders"}};
    EXPECT_EQ(load({{}, said, {}})->config.tracing.endpoint, "");
    EXPECT_EQ(load({{}, said, {}})->config.tracing.service_name, "orders");
    said["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/json";
    EXPECT_EQ(load({{}, said, {}})->config.tracing.endpoint, "http://c:4317");
    said["OTEL_SDK_DISABLED"] = "True";
    EXPECT_EQ(load({{}, said, {}})->config.tracing.endpoint, "");
    EXPECT_EQ(load({{}, said, {}})->config.tracing.service_name, "");
}

TEST(Config, TheExampleFileHoldsEveryKeyWithItsDefault) {
    const std::string path = std::string(PENSTOCK_SOURCE_DIR) + "/penstock.example.toml";
    const auto settings = read_toml_file(path);
    ASSERT_TRUE(settings) << settings.error().detail;
    std::set<std::string> named;
    for (const auto& setting : settings.value()) named.insert(setting.name);
    const ServerConfig defaults;
    const auto loaded = load({path, {}, {}});
    ASSERT_TRUE(loaded) << loaded.error().detail;
    for (const auto& key : keys()) {
        EXPECT_EQ(named.count(key.name), 1U) << key.name << " is not in the example";
        EXPECT_EQ(key.show(loaded.value().config), key.show(defaults)) << key.name;
    }
    EXPECT_EQ(named.size(), keys().size());
}

TEST(Config, BrokenTextIsAMistakeWithItsLine) {
    for (const char* text :
         {"[::1]", "\n[ ]", "[[[[[[", "a = 'b", "a..b = 1", "= 1", "a = 1e", "["}) {
        const std::string mistakes = mistakes_of(text);
        EXPECT_TRUE(mistakes.starts_with(":1: ") || mistakes.starts_with(":2: "))
            << text << mistakes;
    }
}

TEST(Config, EveryLayerOverridesTheOneBefore) {
    const std::string path = file_with("listen = \"127.0.0.1:1\"\n[log]\nreserve_percent = 7\n");
    auto loaded = load({path, {}, {}});
    ASSERT_TRUE(loaded);
    EXPECT_EQ(loaded.value().config.listen, "127.0.0.1:1");
    EXPECT_EQ(loaded.value().config.log.reserve_percent, 7U);
    EXPECT_EQ(loaded.value().config.log.segment_bytes, 67'108'864U);
    const std::map<std::string, std::string> environment{{"PENSTOCK_LISTEN", "127.0.0.1:2"},
                                                         {"PENSTOCK_LOG_SEGMENT_SIZE", "8MiB"}};
    loaded = load({path, environment, {}});
    ASSERT_TRUE(loaded);
    EXPECT_EQ(loaded.value().config.listen, "127.0.0.1:2");
    EXPECT_EQ(loaded.value().config.log.segment_bytes, 8'388'608U);
    loaded = load({path, environment, {{"listen", "127.0.0.1:3"}}});
    ASSERT_TRUE(loaded);
    EXPECT_EQ(loaded.value().config.listen, "127.0.0.1:3");
    EXPECT_EQ(loaded.value().origins.at("listen"), "--listen");
}

TEST(Config, AnUnknownKeyNamesTheNearestOne) {
    EXPECT_EQ(mistakes_of("[log]\nsegmentsize = \"8MiB\"\n"),
              ":2: unknown key log.segmentsize; did you mean log.segment_size?");
    EXPECT_EQ(mistakes_of("something_else_entirely = 1\n"),
              ":1: unknown key something_else_entirely");
}

TEST(Config, AWrongValueNamesTheAllowedRange) {
    EXPECT_EQ(mistakes_of("[log]\nreserve_percent = 51\n"),
              ":2: log.reserve_percent must be a whole number from 0 to 50");
    EXPECT_EQ(mistakes_of("[log]\nsegment_size = \"1MiB\"\n"),
              ":2: log.segment_size must be a size such as \"64MiB\" from 4MiB to 1GiB");
    EXPECT_EQ(mistakes_of("request_timeout = \"10\"\n"),
              ":1: request_timeout must be a duration such as \"90s\" or \"3d\" from 1s to 1m");
    EXPECT_EQ(mistakes_of("[track]\nmode = \"some\"\n"),
              ":2: track.mode must be one of off, failures, all");
    EXPECT_EQ(mistakes_of("[push]\nallow_networks = \"10.0.0.0/33\"\n"),
              ":2: push.allow_networks must be addresses or networks such as \"127.0.0.0/8, ::1\"");
    EXPECT_EQ(mistakes_of("dev = \"true\"\n"), ":1: dev must be written as true or false");
    EXPECT_EQ(mistakes_of("io_threads = \"4\"\n"),
              ":1: io_threads must be written as a whole number");
    EXPECT_EQ(mistakes_of("io_threads = -1\n"),
              ":1: io_threads must be a whole number from 0 to 256");
}

TEST(Config, KeysThatBelongTogetherAreCheckedTogether) {
    EXPECT_EQ(mistakes_of("[tls]\ncert = \"a.pem\"\n"),
              "tls.cert and tls.key go together: set both or neither");
    EXPECT_EQ(mistakes_of("[push]\nclient_cert = \"a.pem\"\n"),
              "push.client_cert and push.client_key go together: set both or neither");
    EXPECT_EQ(mistakes_of("[encryption]\nmode = \"on\"\n"),
              "encryption.mode is on: set encryption.key_file or encryption.command");
    EXPECT_EQ(mistakes_of("[encryption]\nmode = \"on\"\ncommand = \"  \"\n"),
              "encryption.mode is on: set encryption.key_file or encryption.command");
    EXPECT_EQ(mistakes_of("[encryption]\nkey_file = \"a\"\ncommand = \"b\"\n"),
              "encryption.key_file and encryption.command: set one of the two");
    EXPECT_EQ(mistakes_of("listen = \"7070\"\n"),
              ":1: listen must be HOST:PORT such as 127.0.0.1:7070, not 7070");
    EXPECT_EQ(mistakes_of("data = \"\"\n"), ":1: data must name a folder");
    EXPECT_EQ(mistakes_of("[cmq]\nbackoff_min = \"30s\"\n"),
              "cmq.backoff_min must not be above cmq.backoff_max");
}

TEST(Config, AnAddressThatIsNoneIsToldWithWhereItWasSaid) {
    const auto by_variable = load({{}, {{"PENSTOCK_LISTEN", "7070"}}, {}});
    ASSERT_FALSE(by_variable);
    EXPECT_EQ(by_variable.error().detail.rfind("PENSTOCK_LISTEN: listen must be", 0), 0U)
        << by_variable.error().detail;
    const auto by_flag = load({{}, {{"PENSTOCK_LISTEN", "7070"}}, {{"listen", "80"}}});
    ASSERT_FALSE(by_flag);
    EXPECT_EQ(by_flag.error().detail.rfind("--listen: listen must be", 0), 0U)
        << by_flag.error().detail;
}

TEST(Config, AFileThatIsNoTomlOrMissingIsAMistakeWithItsPlace) {
    EXPECT_EQ(mistakes_of("listen = \n").substr(0, 3), ":1:");
    const auto missing = load({"no/such/file.toml", {}, {}});
    ASSERT_FALSE(missing);
    EXPECT_EQ(missing.error().detail, "no/such/file.toml: cannot be read");
}

TEST(Config, WhatIsShownReadsBackTheSame) {
    const auto first = load({{}, {{"PENSTOCK_DATA", "a \"b\" \\c"}}, {{"listen", "[::1]:0"}}});
    ASSERT_TRUE(first);
    const auto second = load({file_with(show(first.value())), {}, {}});
    ASSERT_TRUE(second) << second.error().detail;
    EXPECT_EQ(second.value().config.data, "a \"b\" \\c");
    EXPECT_EQ(second.value().config.listen, "[::1]:0");
}

TEST(Config, AddressesAreHostAndPort) {
    const auto address = parse_address("[::1]:7070");
    ASSERT_TRUE(address);
    EXPECT_EQ(address.value().host, "::1");
    EXPECT_EQ(address.value().port, 7070);
    for (const char* text : {"", ":1", "a", "a:", "a:65536", "a:1x", "[]:1"})
        EXPECT_FALSE(parse_address(text)) << text;
}

}  // namespace
}  // namespace penstock::config
