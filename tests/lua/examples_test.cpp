// The scripts of examples/lua with the order of examples/events.
#include "lua/budget.h"
#include "lua/cpu_watch.h"
#include "lua/dry_run.h"
#include "tests/support/manual_clock.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

namespace penstock::lua {
namespace {

std::string example(const std::string& path) {
    std::ifstream file(PENSTOCK_SOURCE_DIR "/examples/" + path, std::ios::binary);
    EXPECT_TRUE(file) << path;
    return std::string(std::istreambuf_iterator<char>(file), {});
}

class LuaExamples : public ::testing::Test {
  protected:
    LuaExamples() { EXPECT_TRUE(CpuWatch::arm(&budget_hook)); }

    std::string test(const std::string& file,
                     const std::string& role,
                     const std::string& body,
                     const std::string& kv = {}) {
        const sinks::worker::Script script{role, 1, example("lua/" + file), file};
        EXPECT_EQ(check_script(script, Limits{}, clock_).lines, std::vector<std::string>());
        sinks::worker::Event event;
        event.id = "m1";
        event.published_ms = 1'795'165'200'000;
        event.body = body;
        const auto report =
            test_script(script, sinks::worker::encode_event(event), {kv, ""}, Limits{}, clock_);
        return report ? report->json : report.error().detail;
    }

    const std::string order_ = example("events/order_created.json");
    testing::ManualClock clock_;
};

TEST_F(LuaExamples, PaidOrdersLetsBigOrdersThroughAndShortensThem) {
    EXPECT_EQ(test("paid_orders.lua", "filter", order_).substr(0, 37),
              R"({"outcome":"accepted","result":true,")");
    EXPECT_EQ(test("paid_orders.lua", "filter", R"({"order":{"currency":"EUR","total":"9.90"}})")
                  .substr(0, 38),
              R"({"outcome":"accepted","result":false,")");
    EXPECT_EQ(test("paid_orders.lua", "transform", order_),
              R"({"outcome":"accepted","result":{"country":"AT","number":10482,"pieces":2,)"
              R"("placed":"2026-11-20T09:00:00.000Z","total":"64.80"},)"
              R"("logs":[],"publishes":[],"writes":[],"http":[]})");
}

TEST_F(LuaExamples, DailyTotalsCountsInKvAndReportsEveryHundredth) {
    EXPECT_EQ(test("daily_totals.lua", "handler", order_),
              R"({"outcome":"accepted","logs":[],"publishes":[],"writes":[)"
              R"({"key":"cents:2026-11-20:AT","add":6480,"ttl_ms":3456000000},)"
              R"({"key":"orders:2026-11-20","value":"1","ttl_ms":3456000000}],"http":[]})");
    EXPECT_EQ(
        test("daily_totals.lua", "handler", order_, R"({"orders:2026-11-20":99})"),
        R"({"outcome":"accepted","logs":[{"level":"info","text":"100 orders on 2026-11-20"}],)"
        R"("publishes":[{"topic":"reports","body":"{\"day\":\"2026-11-20\",\"orders\":100}",)"
        R"("tags":["milestone"],"routing_key":"","ordering_key":"",)"
        R"("content_type":"application/json","delay_ms":0}],"writes":[)"
        R"({"key":"cents:2026-11-20:AT","add":6480,"ttl_ms":3456000000},)"
        R"({"key":"orders:2026-11-20","value":"100","ttl_ms":3456000000}],"http":[]})");
    EXPECT_EQ(test("daily_totals.lua", "handler", R"({"order":{"total":"free"}})").substr(0, 66),
              R"({"outcome":"dead","error":"total 'free' is no amount","logs":[],"p)");
}

TEST_F(LuaExamples, FanOutPublishesALineEachAndAReminder) {
    EXPECT_EQ(test("fan_out.lua", "handler", order_),
              R"({"outcome":"accepted","logs":[],"publishes":[)"
              R"({"topic":"warehouse","body":)"
              R"("{\"line\":1,\"order\":10482,\"quantity\":1,\"sku\":\"KTL-STEEL-1L\"}",)"
              R"("tags":[],"routing_key":"pick.ktl","ordering_key":"10482",)"
              R"("content_type":"application/json","delay_ms":0},)"
              R"({"topic":"warehouse","body":)"
              R"("{\"line\":2,\"order\":10482,\"quantity\":1,\"sku\":\"CUP-CLAY-4\"}",)"
              R"("tags":[],"routing_key":"pick.cup","ordering_key":"10482",)"
              R"("content_type":"application/json","delay_ms":0},)"
              R"({"queue":"reminders","body":)"
              R"("{\"mail\":\"zoe@customers.example\",\"order\":10482}",)"
              R"("tags":[],"routing_key":"","ordering_key":"",)"
              R"("content_type":"application/json","delay_ms":259200000}],"writes":[],"http":[]})");
    EXPECT_EQ(test("fan_out.lua", "handler", R"({"order":{"lines":[]}})").substr(0, 20),
              R"({"outcome":"dropped")");
}

}  // namespace
}  // namespace penstock::lua
