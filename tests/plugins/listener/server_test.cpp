#include "broker/base/check.h"
#include "tests/plugins/listener/fixture.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <vector>

namespace penstock::plugins {
namespace {

TEST_F(Listening, AnswersAndKeepsTheConnection) {
    start();
    auto client = connect();
    client.send("GET /a?b=c HTTP/1.1\r\nHost: a\r\n\r\n");
    const auto head = client.read_until("\r\n\r\n");
    EXPECT_EQ(status_of(head), "HTTP/1.1 200 OK");
    EXPECT_NE(head.find("\r\nDate: "), std::string::npos);
    EXPECT_NE(head.find("\r\nContent-Type: text/plain\r\nContent-Length: 13\r\n"),
              std::string::npos);
    EXPECT_EQ(head.find("Connection:"), std::string::npos);
    EXPECT_EQ(client.read_until("]"), "GET /a?b=c []");
    client.send("POST /d HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello");
    EXPECT_EQ(body_of(client.read_until("]")), "POST /d? [hello]");
    EXPECT_EQ(server->connections(), 1U);
}

TEST_F(Listening, AnswersPipelinedRequestsInOrder) {
    start();
    auto client = connect();
    std::string many;
    for (int at = 0; at < 100; ++at) {
        const std::string body(static_cast<std::size_t>(at) * 10, 'x');
        many += "POST /" + std::to_string(at) +
                " HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(body.size()) +
                "\r\n\r\n" + body;
    }
    client.send(many);
    for (int at = 0; at < 100; ++at) {
        client.read_until("\r\n\r\n");
        EXPECT_EQ(client.read_until("["), "POST /" + std::to_string(at) + "? [");
        client.read_until("]");
    }
}

TEST_F(Listening, TakesARequestByteByByte) {
    start();
    auto client = connect();
    const std::string request =
        "POST /slow HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
    for (const char byte : request) client.send(std::string(1, byte));
    EXPECT_EQ(body_of(client.read_until("]")), "POST /slow? [abcde]");
}

TEST_F(Listening, ClosesWhenAskedToAndAfterOldRequests) {
    start();
    const auto close = exchange("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    EXPECT_NE(close.find("\r\nConnection: close\r\n"), std::string::npos);
    EXPECT_EQ(body_of(close), "GET /? []");
    EXPECT_EQ(body_of(exchange("GET / HTTP/1.0\r\n\r\n")), "GET /? []");
    auto client = connect();
    client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    EXPECT_NE(client.read_until("]").find("\r\nConnection: keep-alive\r\n"), std::string::npos);
    client.send("GET /again HTTP/1.0\r\n\r\n");
    EXPECT_EQ(body_of(client.read_all()), "GET /again? []");
}

TEST_F(Listening, AnswersHeadWithoutABody) {
    start();
    const auto answer = exchange(
        "HEAD /h HTTP/1.1\r\nHost: a\r\n\r\nGET /g HTTP/1.1\r\nHost: a\r\nConnection: "
        "close\r\n\r\n");
    EXPECT_NE(answer.find("Content-Length: 11\r\n\r\nHTTP/1.1 200 OK"), std::string::npos)
        << answer;
}

TEST_F(Listening, SaysContinueBeforeABodyThatIsWaitedFor) {
    start();
    auto client = connect();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
    EXPECT_EQ(client.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
    client.send("hello");
    EXPECT_EQ(body_of(client.read_until("]")), "POST /? [hello]");
}

TEST_F(Listening, WritesResponsesLargerThanAnyBuffer) {
    start();
    const auto answer = exchange("GET /large HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    EXPECT_EQ(body_of(answer).size(), 3'000'000U + 14U);
}

TEST_F(Listening, SaysWhenNobodyWantsARequest) {
    start();
    const auto answer = exchange("GET /nobody HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    EXPECT_EQ(status_of(answer), "HTTP/1.1 404 Not Found");
    EXPECT_NE(answer.find("application/problem+json"), std::string::npos);
    EXPECT_NE(answer.find(R"("code":"route_not_found")"), std::string::npos);
}

TEST_F(Listening, LeavesOutHeadersThatWouldSplitAResponse) {
    start();
    const auto answer = exchange("GET /split HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    EXPECT_EQ(answer.find("Evil"), std::string::npos);
}

TEST_F(Listening, AFailingFrontEndEndsItsConnectionOnly) {
    start();
    EXPECT_EQ(exchange("GET /throw HTTP/1.1\r\nHost: a\r\n\r\n"), "");
    EXPECT_EQ(body_of(exchange("GET /b HTTP/1.0\r\n\r\n")), "GET /b? []");
}

TEST_F(Listening, RefusesConnectionsBeyondItsLimit) {
    HttpServerOptions options;
    options.limits.connections_max = 2;
    start(options);
    auto first = connect();
    auto second = connect();
    ASSERT_TRUE(eventually([&] { return server->connections() == 2; }));
    EXPECT_EQ(status_of(connect().read_all()), "HTTP/1.1 503 Service Unavailable");
    first.close();
    ASSERT_TRUE(eventually([&] { return server->connections() == 1; }));
    model::Metrics told;
    server->measure(told);
    const model::MetricLabels http{{"listener", "http"}};
    EXPECT_EQ(told.value("penstock_listener_connections", http), 1);
    EXPECT_EQ(told.value("penstock_listener_connections_opened", http), 2);
    EXPECT_EQ(told.value("penstock_listener_connections_refused", http), 1);
    EXPECT_EQ(body_of(exchange("GET /b HTTP/1.0\r\n\r\n")), "GET /b? []");
}

class FileLimit {
  public:
    explicit FileLimit(rlim_t files) {
        check(::getrlimit(RLIMIT_NOFILE, &usual_) == 0, "limit");
        const rlimit few{files, usual_.rlim_max};
        check(::setrlimit(RLIMIT_NOFILE, &few) == 0, "fewer files");
    }

    FileLimit(const FileLimit&) = delete;
    FileLimit& operator=(const FileLimit&) = delete;

    ~FileLimit() { ::setrlimit(RLIMIT_NOFILE, &usual_); }

    // How many more the process may open.
    static std::size_t left() {
        std::vector<int> files;
        while (true) {
            const int file = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
            if (file < 0) break;
            files.push_back(file);
        }
        for (const int file : files) ::close(file);
        return files.size();
    }

  private:
    rlimit usual_{};
};

TEST_F(Listening, ConnectionsLeaveAQuarterOfTheFiles) {
    constexpr rlim_t files = 400;
    const FileLimit limit(files);
    start();
    const auto refused = [&] {
        model::Metrics told;
        server->measure(told);
        const model::MetricLabels http{{"listener", "http"}};
        return static_cast<std::size_t>(told.value("penstock_listener_connections_refused", http));
    };
    asio::io_context context;
    std::vector<asio::ip::tcp::socket> held;
    while (refused() == 0 && held.size() < files) {
        held.emplace_back(context).connect({asio::ip::make_address("127.0.0.1"), server->port()});
        ASSERT_TRUE(eventually([&] { return server->connections() + refused() == held.size(); }));
    }
    EXPECT_EQ(refused(), 1U);
    EXPECT_GT(held.size(), 10U);
    EXPECT_GE(FileLimit::left(), files / 4 - 2);
}

TEST_F(Listening, CannotStartOnAnAddressInUseOrUnknown) {
    start();
    HttpServerOptions options;
    options.port = server->port();
    const auto taken = HttpServer::start(options, pool, clock, {&front_end});
    ASSERT_FALSE(taken.has_value());
    EXPECT_EQ(taken.error().code, Errc::unavailable);
    options.host = "not an address";
    EXPECT_FALSE(HttpServer::start(options, pool, clock, {&front_end}).has_value());
}

TEST_F(Listening, CancelsTheHandlerWhenItsCallerHangsUp) {
    start();
    auto client = connect();
    client.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n");
    ASSERT_TRUE(eventually([&] { return front_end.waiting == 1; }));
    client.close();
    EXPECT_TRUE(eventually([&] { return front_end.cancelled == 1; }));
    EXPECT_TRUE(eventually([&] { return server->connections() == 0; }));
}

TEST_F(Listening, NoticesAHangUpBehindPipelinedBytes) {
    start();
    auto client = connect();
    client.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\nGET /next HTTP/1.1\r\n");
    ASSERT_TRUE(eventually([&] { return front_end.waiting == 1; }));
    client.shut_down();
    EXPECT_TRUE(eventually([&] { return front_end.cancelled == 1; }));
    EXPECT_EQ(body_of(client.read_until("]")), "GET /wait? []") << "half closed: still answered";
}

TEST_F(Listening, StoppingAnswersWaitersClosesIdleOnesAndSaysWhenDone) {
    start();
    auto idle = connect();
    idle.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
    idle.read_until("]");
    auto waiter = connect();
    waiter.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n");
    ASSERT_TRUE(eventually([&] { return front_end.waiting == 1; }));
    std::promise<void> done;
    server->stop([&] { done.set_value(); });
    const auto answer = waiter.read_all();
    EXPECT_EQ(body_of(answer), "GET /wait? []");
    EXPECT_NE(answer.find("Connection: close"), std::string::npos);
    EXPECT_EQ(idle.read_all(), "");
    EXPECT_EQ(done.get_future().wait_for(std::chrono::seconds(5)), std::future_status::ready);
    EXPECT_THROW(connect(), boost::system::system_error);
}

}  // namespace
}  // namespace penstock::plugins
