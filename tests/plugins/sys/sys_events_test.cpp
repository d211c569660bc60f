#include "plugins/sys/sys_events.h"

#include <gtest/gtest.h>

namespace penstock::plugins::sys {

namespace {

using Events = std::vector<SysEvent>;

// Figures of a quiet server, to be changed by each test.
struct Server {
    [[nodiscard]] model::Metrics figures() const {
        model::Metrics metrics;
        metrics.gauge("penstock_set_leading", "L.", leading, {{"set", "1"}});
        metrics.gauge("penstock_log_below_reserve", "R.", short_of_disk);
        metrics.counter("penstock_function_processes_crashed", "C.", crashes);
        metrics.gauge("penstock_queue_depth",
                      "D.",
                      letters,
                      {{"queue", "news.hook.dlq"}, {"state", "visible"}});
        metrics.gauge(
            "penstock_queue_depth", "D.", jobs, {{"queue", "jobs"}, {"state", "visible"}});
        metrics.gauge("penstock_subscription_oldest_age_seconds",
                      "A.",
                      age_s,
                      {{"subscription", "news/hook"}});
        metrics.gauge(
            "penstock_subscription_active", "S.", active, {{"subscription", "news/hook"}});
        return metrics;
    }

    double leading = 1;
    double short_of_disk = 0;
    std::uint64_t crashes = 3;
    double letters = 5;
    double jobs = 7;
    double age_s = 0;
    double active = 1;
};

class Looking : public ::testing::Test {
  protected:
    Looking() { (void)looked.look(server.figures()); }

    Events look() { return looked.look(server.figures()); }

    Server server;
    Looked looked;
};

TEST(FirstLook, TellsThatTheServerStartedAndNothingElse) {
    Looked looked;
    EXPECT_EQ(looked.look(Server().figures()), (Events{{"penstock.server.started", "", {}}}));
    EXPECT_EQ(looked.look(Server().figures()), Events());
}

TEST_F(Looking, DeadLettersAreToldByTheirNumberAndOtherQueuesNot) {
    server.letters = 9;
    server.jobs = 100;
    EXPECT_EQ(
        look(),
        (Events{{"penstock.dead_letters.arrived", "news.hook.dlq", {{"new", 4}, {"letters", 9}}}}));
    server.letters = 2;
    EXPECT_EQ(look(), Events());
}

TEST_F(Looking, ASubscriptionThatIsLateIsToldOnceAndWhenItIsInTimeAgain) {
    server.age_s = 299;
    EXPECT_EQ(look(), Events());
    server.age_s = 301;
    EXPECT_EQ(look(),
              (Events{{"penstock.subscription.late", "news/hook", {{"oldest_age_seconds", 301}}}}));
    server.age_s = 400;
    EXPECT_EQ(look(), Events());
    server.age_s = 1;
    const SysEvent in_time{
        "penstock.subscription.in_time", "news/hook", {{"oldest_age_seconds", 1}}};
    EXPECT_EQ(look(), Events{in_time});
}

TEST_F(Looking, StopsLeadsDisksAndCrashesAreTold) {
    server.active = 0;
    server.leading = 0;
    server.short_of_disk = 1;
    server.crashes = 5;
    EXPECT_EQ(look(),
              (Events{{"penstock.set.led_elsewhere", "1", {}},
                      {"penstock.disk.full", "", {}},
                      {"penstock.function.crashed", "", {{"new", 2}}},
                      {"penstock.subscription.stopped", "news/hook", {}}}));
    server.active = 1;
    server.leading = 1;
    server.short_of_disk = 0;
    EXPECT_EQ(look(),
              (Events{{"penstock.set.led_here", "1", {}},
                      {"penstock.disk.has_space", "", {}},
                      {"penstock.subscription.resumed", "news/hook", {}}}));
}

TEST(EventsOfEvents, AreNotTold) {
    Looked looked;
    (void)looked.look({});
    model::Metrics metrics;
    metrics.gauge("penstock_queue_depth", "D.", 3, {{"queue", "sys.hook.dlq"}});
    EXPECT_EQ(looked.look(metrics), Events());
}

TEST(EventMessage, IsACloudEventWithItsKindAsTag) {
    const auto message =
        message_of({"penstock.dead_letters.arrived", "news.hook.dlq", {{"new", 4}}}, "//shop/sys");
    EXPECT_EQ(message.payload,
              R"({"type":"penstock.dead_letters.arrived","subject":"news.hook.dlq","new":4})");
    EXPECT_EQ(message.meta.tags, std::vector<std::string>{"dead_letters"});
    EXPECT_EQ(message.meta.content_type, "application/json");
    using Attributes = std::vector<std::pair<std::string, std::string>>;
    EXPECT_EQ(message.meta.attributes,
              (Attributes{{"ce-type", "penstock.dead_letters.arrived"},
                          {"ce-source", "//shop/sys"},
                          {"ce-subject", "news.hook.dlq"}}));
}

}  // namespace

}  // namespace penstock::plugins::sys
