#include "sinks/client/http_client.h"
#include "tests/support/fake_resolver.h"
#include "tests/support/run_until.h"
#include "tests/support/scripted_server.h"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace penstock::sinks::client {
namespace {

using testing::always;
using testing::ok_answer;
using testing::ScriptedServer;
using testing::step;
using testing::Step;

class FetchTest : public ::testing::Test {
  protected:
    FetchTest() { open({}); }

    void open(ClientOptions options) {
        options.addresses = AddressPolicy::any;
        client_ = std::move(
            *HttpClient::make(context_.get_executor(), clock_, resolver_, std::move(options)));
    }

    Result<HttpAnswer> ask(HttpCall call) {
        std::optional<Result<HttpAnswer>> answer;
        asio::co_spawn(context_,
                       fetch(*client_, std::move(call)),
                       [&answer](std::exception_ptr failed, Result<HttpAnswer> result) {
                           EXPECT_FALSE(failed);
                           answer.emplace(std::move(result));
                       });
        EXPECT_TRUE(testing::run_until(context_, [&answer]() { return answer.has_value(); }));
        return answer ? *answer : error(Errc::closed, "no answer");
    }

    Result<HttpAnswer> get(const std::string& url, std::uint32_t timeout_ms = 5'000) {
        HttpCall call;
        call.url = url;
        call.timeout_ms = timeout_ms;
        return ask(std::move(call));
    }

    asio::io_context context_{1};
    SystemClock clock_;
    testing::FakeResolver resolver_{context_.get_executor()};
    std::unique_ptr<HttpClient> client_;
};

TEST_F(FetchTest, AnAnswerHasStatusHeadersAndBody) {
    ScriptedServer server(
        context_,
        {always("HTTP/1.1 404 Not Found\r\nContent-Type: text/x\r\nX-A: 1\r\nx-a: 2\r\n"
                "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;e=1\r\nde\r\n0\r\nT: t\r\n\r\n")});
    const Result<HttpAnswer> answer = get(server.url());
    ASSERT_TRUE(answer) << answer.error().detail;
    EXPECT_EQ(answer->status, 404U);
    EXPECT_EQ(answer->body, "abcde");
    EXPECT_EQ(answer->header("content-type"), "text/x");
    EXPECT_EQ(answer->header("x-a"), "1");
    EXPECT_EQ(answer->header("t"), "");
    EXPECT_EQ(answer->headers.size(), 4U);
}

TEST_F(FetchTest, TheRequestIsSentAsAsked) {
    ScriptedServer server(context_, {always(ok_answer)});
    HttpCall call;
    call.method = "PUT";
    call.url = server.url("/v1/x?y=z");
    call.headers = {{"Authorization", "Bearer abc"}, {"Content-Type", "application/json"}};
    call.body = "{}";
    ASSERT_TRUE(ask(call));
    ASSERT_EQ(server.requests.size(), 1U);
    EXPECT_EQ(server.requests[0],
              "PUT /v1/x?y=z HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(server.port()) +
                  "\r\nAuthorization: Bearer abc\r\nContent-Type: application/json\r\n"
                  "Content-Length: 2\r\n\r\n{}");
}

TEST_F(FetchTest, AHeaderCannotAddAnother) {
    HttpCall call;
    call.url = "http://127.0.0.1/";
    call.headers = {{"X", "a\r\nEvil: 1"}};
    const Result<HttpAnswer> answer = ask(call);
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, Errc::invalid);
}

TEST_F(FetchTest, AnAnswerWithoutALengthEndsWithTheConnection) {
    ScriptedServer server(context_,
                          {{step(Step::Kind::read),
                            step(Step::Kind::send, "HTTP/1.1 200 OK\r\n\r\nall of it"),
                            step(Step::Kind::close),
                            step(Step::Kind::hang)}});
    const Result<HttpAnswer> answer = get(server.url());
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->body, "all of it");
}

TEST_F(FetchTest, AnAnswerToHeadEndsWithItsHead) {
    const std::string head = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nEtag: 7\r\n\r\n";
    ScriptedServer server(context_, {always("HTTP/1.1 103 Early Hints\r\n\r\n" + head)});
    HttpCall call;
    call.method = "HEAD";
    call.url = server.url();
    for (int turn = 0; turn < 2; ++turn) {
        const auto answer = ask(call);
        ASSERT_TRUE(answer) << answer.error().detail;
        EXPECT_EQ(answer->header("etag"), "7");
        EXPECT_EQ(answer->body, "");
    }
    EXPECT_EQ(server.connections, 1U);
}

TEST_F(FetchTest, AnAnswerThatIsCutShortIsAnError) {
    ScriptedServer server(
        context_,
        {{step(Step::Kind::read),
          step(Step::Kind::send, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"),
          step(Step::Kind::close),
          step(Step::Kind::hang)}});
    const Result<HttpAnswer> answer = get(server.url());
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, Errc::unavailable);
}

TEST_F(FetchTest, AnAnswerLongerThanAskedForIsAnError) {
    ScriptedServer server(context_,
                          {always("HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n0123456789x")});
    HttpCall call;
    call.url = server.url();
    call.answer_bytes_max = 10;
    const Result<HttpAnswer> answer = ask(call);
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, Errc::unavailable);
    call.answer_bytes_max = 11;
    EXPECT_TRUE(ask(call));
}

TEST_F(FetchTest, AMegabyteEachWayIsCarriedWhole) {
    const std::string large(1 << 20, 'x');
    ScriptedServer server(context_,
                          {always("HTTP/1.1 200 OK\r\nContent-Length: 1048576\r\n\r\n" + large)});
    HttpCall call;
    call.method = "POST";
    call.url = server.url();
    call.body = large;
    call.answer_bytes_max = 2 << 20;
    const Result<HttpAnswer> answer = ask(call);
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->body, large);
    EXPECT_TRUE(server.requests[0].ends_with(large));
}

TEST_F(FetchTest, ErrorsSayWhatKindTheyAre) {
    ScriptedServer silent(context_, {{step(Step::Kind::hang)}});
    EXPECT_EQ(get("nonsense").error().code, Errc::invalid);
    EXPECT_EQ(get("http://nowhere.test/").error().code, Errc::unavailable);
    EXPECT_EQ(get(silent.url(), 100).error().code, Errc::timeout);
    client_->stop();
    EXPECT_EQ(get(silent.url()).error().code, Errc::closed);
}

TEST_F(FetchTest, IdleConnectionsAreClosedInTime) {
    ClientOptions options;
    options.idle_ms_max = 50;
    open(options);
    ScriptedServer server(context_, {always(ok_answer)});
    ASSERT_TRUE(get(server.url()));
    EXPECT_EQ(client_->connections(), 1U);
    EXPECT_TRUE(testing::run_until(context_, [this]() { return client_->connections() == 0; }));
    ASSERT_TRUE(get(server.url()));
    EXPECT_EQ(server.connections, 2U);
}

TEST_F(FetchTest, AConnectionIsGivenUpBeforeTheServerSaysThatItCloses) {
    for (const auto& [timeout, connections] : {std::pair("timeout=1", 2U),
                                               std::pair("max=9, timeout=0", 2U),
                                               std::pair("timeout=5", 1U),
                                               std::pair("timeout=soon", 1U),
                                               std::pair("max=9", 1U)}) {
        ScriptedServer server(context_,
                              {always("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nKeep-Alive: " +
                                      std::string(timeout) + "\r\n\r\n")});
        ASSERT_TRUE(get(server.url()));
        ASSERT_TRUE(get(server.url()));
        EXPECT_EQ(server.connections, connections) << timeout;
    }
}

TEST_F(FetchTest, OldConnectionsAreClosedThoughTheyAreBusy) {
    ClientOptions options;
    options.age_ms_max = 50;
    open(options);
    ScriptedServer server(context_, {always(ok_answer)});
    // However slow the machine is.
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (server.connections < 2 && std::chrono::steady_clock::now() < end) {
        ASSERT_TRUE(get(server.url()));
    }
    EXPECT_EQ(server.connections, 2U);
}

TEST_F(FetchTest, TheConnectionUsedLastIsUsedFirst) {
    const testing::Script slow = {step(Step::Kind::read),
                                  step(Step::Kind::pause, "", 80),
                                  step(Step::Kind::send, ok_answer),
                                  step(Step::Kind::repeat)};
    ScriptedServer server(context_, {slow, always(ok_answer)});
    int answers = 0;
    for (int call = 0; call < 2; ++call) {
        Outgoing request;
        request.head = "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n";
        client_->send(
            *parse_url(server.url()), request, [&answers](const Exchange&) { ++answers; });
    }
    ASSERT_TRUE(testing::run_until(context_, [&answers]() { return answers == 2; }));
    EXPECT_EQ(client_->connections(), 2U);
    // The slow one answered last, so it is on top.
    const auto begun = std::chrono::steady_clock::now();
    ASSERT_TRUE(get(server.url()));
    EXPECT_GE(std::chrono::steady_clock::now() - begun, std::chrono::milliseconds(80));
}

TEST_F(FetchTest, AtTheLimitTheLongestIdleConnectionMakesRoom) {
    ClientOptions options;
    options.connections_max = 2;
    open(options);
    ScriptedServer first(context_, {always(ok_answer)});
    ScriptedServer second(context_, {always(ok_answer)});
    ScriptedServer third(context_, {always(ok_answer)});
    ASSERT_TRUE(get(first.url()));
    ASSERT_TRUE(get(second.url()));
    ASSERT_TRUE(get(third.url()));
    EXPECT_EQ(client_->connections(), 2U);
    ASSERT_TRUE(get(second.url()));
    EXPECT_EQ(second.connections, 1U);
    ASSERT_TRUE(get(first.url()));
    EXPECT_EQ(first.connections, 2U);
}

TEST_F(FetchTest, ForgettingAnEndpointClosesItsIdleConnections) {
    ScriptedServer server(context_, {always(ok_answer)});
    ASSERT_TRUE(get(server.url()));
    client_->forget(*parse_url(server.url()));
    EXPECT_EQ(client_->connections(), 0U);
    ASSERT_TRUE(get(server.url()));
    EXPECT_EQ(server.connections, 2U);
}

TEST_F(FetchTest, AMissingCaFileIsAnError) {
    ClientOptions options;
    options.ca_file = "/nowhere/ca.pem";
    const auto client = HttpClient::make(context_.get_executor(), clock_, resolver_, options);
    ASSERT_FALSE(client);
    EXPECT_EQ(client.error().code, Errc::invalid);
    EXPECT_NE(client.error().detail.find("/nowhere/ca.pem"), std::string::npos);
}

}  // namespace
}  // namespace penstock::sinks::client
