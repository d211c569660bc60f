#include "tests/plugins/listener/fixture.h"

namespace penstock::plugins {
namespace {

using std::chrono::milliseconds;

// Every time-out far away but the one under test.
HttpServerOptions patient() {
    HttpServerOptions options;
    options.limits.head_timeout = options.limits.body_timeout = milliseconds(60'000);
    options.limits.idle_timeout = options.limits.write_timeout = milliseconds(60'000);
    return options;
}

TEST_F(Listening, TellsACallerWhoseHeadNeverEnds) {
    auto options = patient();
    options.limits.head_timeout = milliseconds(50);
    start(options);
    EXPECT_EQ(status_of(exchange("GET / HTTP/1.1\r\nHo")), "HTTP/1.1 408 Request Timeout");
}

TEST_F(Listening, TellsACallerWhoseBodyNeverEnds) {
    auto options = patient();
    options.limits.body_timeout = milliseconds(50);
    start(options);
    const std::string head = "POST / HTTP/1.1\r\nHost: a\r\n";
    EXPECT_EQ(status_of(exchange(head + "Content-Length: 5\r\n\r\nhell")),
              "HTTP/1.1 408 Request Timeout");
    EXPECT_EQ(status_of(exchange(head + "Transfer-Encoding: chunked\r\n\r\n3\r\n")),
              "HTTP/1.1 408 Request Timeout");
    EXPECT_EQ(front_end.asked, 0);
}

TEST_F(Listening, GivesABodyThatKeepsComingTheTimeItsRateEarns) {
    auto options = patient();
    options.limits.body_timeout = milliseconds(1);
    options.limits.body_bytes_per_second_min = 1;
    options.limits.idle_timeout = milliseconds(400);
    start(options);
    auto client = connect();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nhello");
    EXPECT_EQ(connect().read_all(), "") << "time passes until an idle connection is closed";
    client.send("!");
    EXPECT_EQ(body_of(client.read_until("]")), "POST /? [hello!]");
}

TEST_F(Listening, GivesABodyNoMoreThanThatHoweverMuchOfItHasCome) {
    auto options = patient();
    options.limits.body_timeout = milliseconds(1);
    options.limits.body_bytes_per_second_min = 1;
    options.limits.body_rate_time_max = milliseconds(50);
    start(options);
    EXPECT_EQ(status_of(exchange("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 600\r\n\r\n" +
                                 std::string(500, 'x'))),
              "HTTP/1.1 408 Request Timeout");
}

TEST_F(Listening, ClosesIdleConnectionsWithoutAWord) {
    auto options = patient();
    options.limits.idle_timeout = milliseconds(50);
    start(options);
    EXPECT_EQ(connect().read_all(), "");
    auto client = connect();
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    client.read_until("]");
    EXPECT_EQ(client.read_all(), "");
    EXPECT_TRUE(client.closed());
}

TEST_F(Listening, CutsACallerWhoNeverReads) {
    auto options = patient();
    options.limits.write_timeout = milliseconds(50);
    start(options);
    auto client = connect();
    std::string many;
    for (int at = 0; at < 10; ++at) many += "GET /large HTTP/1.1\r\nHost: a\r\n\r\n";
    client.send(many);
    EXPECT_TRUE(eventually([&] { return server->connections() == 1; }));
    EXPECT_TRUE(eventually([&] { return server->connections() == 0; }));
}

TEST_F(Listening, StoppingCutsWhatOutlivesTheGrace) {
    auto options = patient();
    options.limits.stop_grace = milliseconds(50);
    start(options);
    auto client = connect();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhell");
    ASSERT_TRUE(eventually([&] { return server->connections() == 1; }));
    std::promise<void> done;
    server->stop([&] { done.set_value(); });
    EXPECT_EQ(done.get_future().wait_for(std::chrono::seconds(5)), std::future_status::ready);
}

}  // namespace
}  // namespace penstock::plugins
