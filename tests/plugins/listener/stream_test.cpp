// Bodies that are made while they are sent.
#include "tests/plugins/listener/fixture.h"

namespace penstock::plugins {
namespace {

TEST_F(Listening, StreamsPiecesAsChunksAndGoesOn) {
    start();
    auto client = connect();
    client.send("GET /stream HTTP/1.1\r\nHost: a\r\n\r\n");
    const auto head = client.read_until("\r\n\r\n");
    EXPECT_NE(head.find("\r\nTransfer-Encoding: chunked\r\n"), std::string::npos);
    EXPECT_EQ(head.find("Content-Length"), std::string::npos);
    EXPECT_EQ(client.read_until("\r\n0\r\n\r\n"), "3\r\none\r\n5\r\nthree\r\n0\r\n\r\n");
    client.send("GET /again HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_EQ(body_of(client.read_until("]")), "GET /again? []");
}

TEST_F(Listening, StreamsToAnOldCallerUntilTheConnectionEnds) {
    start();
    const auto answer = exchange("GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    EXPECT_EQ(answer.find("Transfer-Encoding"), std::string::npos);
    EXPECT_NE(answer.find("\r\nConnection: close\r\n"), std::string::npos);
    EXPECT_EQ(body_of(answer), "onethree");
}

TEST_F(Listening, ShowsTheHeadOfAStreamWithoutStartingIt) {
    start();
    const auto answer = exchange("HEAD /stream HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    EXPECT_NE(answer.find("\r\nTransfer-Encoding: chunked\r\n"), std::string::npos);
    EXPECT_EQ(body_of(answer), "");
}

TEST_F(Listening, EndsAStreamWhoseCallerHangsUp) {
    start();
    auto client = connect();
    client.send("GET /stream/endless HTTP/1.1\r\nHost: a\r\n\r\n");
    client.read_until("one");
    client.close();
    EXPECT_TRUE(eventually([&] { return server->connections() == 0; }));
    EXPECT_EQ(front_end.cancelled, 1);
}

TEST_F(Listening, EndsStreamsProperlyWhenItStops) {
    start();
    auto client = connect();
    client.send("GET /stream/endless HTTP/1.1\r\nHost: a\r\n\r\n");
    client.read_until("one\r\n");
    ASSERT_TRUE(eventually([&] { return front_end.waiting == 1; }));
    std::promise<void> done;
    server->stop([&] { done.set_value(); });
    EXPECT_EQ(client.read_all(), "0\r\n\r\n");
    EXPECT_EQ(done.get_future().wait_for(std::chrono::seconds(5)), std::future_status::ready);
}

TEST_F(Listening, CutsACallerThatDoesNotTakeItsStream) {
    HttpServerOptions options;
    options.limits.write_timeout = std::chrono::milliseconds(300);
    start(options);
    auto client = connect();
    client.send("GET /stream/flood HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_TRUE(eventually([&] { return front_end.asked == 1; }));
    EXPECT_TRUE(eventually([&] { return server->connections() == 0; }));
}

}  // namespace
}  // namespace penstock::plugins
