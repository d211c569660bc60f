#include "sinks/process/runtime_listener.h"

#include "tests/sinks/process/runtime_client.h"
#include "tests/support/run_until.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace penstock::sinks::process {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using testing::RuntimeClient;
using ::testing::StartsWith;

const std::string lambda_next = "/2018-06-01/runtime/invocation/next";
const std::string scf_next = "/runtime/invocation/next";

class RuntimeListenerTest : public ::testing::Test, private RuntimeListener::Owner {
  protected:
    ~RuntimeListenerTest() override {
        if (listener_) listener_->stop();
        context_.restart();
        context_.poll();
    }

    void open(std::size_t window = 1, std::uint32_t user = ::geteuid()) {
        auto made = RuntimeListener::open(context_.get_executor(), *this, window, user);
        ASSERT_TRUE(made);
        listener_ = *made;
    }

    std::unique_ptr<RuntimeClient> client() {
        return std::make_unique<RuntimeClient>(context_, listener_->port());
    }

    template <class Predicate>
    bool until(Predicate holds) {
        return testing::run_until(context_, holds);
    }

    // Nothing may come of what is under way.
    void settle() {
        testing::run_until(
            context_, []() { return false; }, std::chrono::milliseconds(30));
    }

    void offer(const std::string& id) {
        RuntimeInvocation invocation;
        invocation.head.request_id = id;
        invocation.head.function_arn = "arn:x";
        invocation.head.deadline_ms = 1'700'000'001'000;
        invocation.head.memory_mib = 128;
        invocation.head.timeout_ms = 3'000;
        invocation.render = [id](RuntimeFamily family) {
            return (family == RuntimeFamily::scf ? "scf-" : "lambda-") + id;
        };
        listener_->offer(invocation, [this, id](RuntimeAnswer answer) {
            done_.emplace_back(id, std::move(answer));
        });
    }

    void open_next(RuntimeClient& client, const std::string& path) {
        const std::size_t room = listener_->room();
        client.get(path);
        ASSERT_TRUE(until([&]() { return listener_->room() > room; }));
    }

    // The client's answer number `count`.
    std::string answer(const RuntimeClient& client, std::size_t count = 1) {
        if (!until([&]() { return client.answers().size() >= count; })) return "none came";
        return client.answers()[count - 1];
    }

    void on_runtime_ready() override { ready_ += 1; }

    void on_runtime_init_error(RuntimeError error) override { init_error_ = std::move(error); }

    boost::asio::io_context context_{1};
    std::shared_ptr<RuntimeListener> listener_;
    std::vector<std::pair<std::string, RuntimeAnswer>> done_;
    unsigned ready_ = 0;
    std::optional<RuntimeError> init_error_;
};

// The undefined-behaviour sanitizer opens a pipe to look at an object's type, and takes it for a
// wrong one when it cannot: this leaves no descriptor to open it with.
#ifndef __SANITIZE_ADDRESS__
TEST_F(RuntimeListenerTest, AConnectionOfWhichTheKernelDoesNotTellWhoseItIsIsRefused) {
    open();
    const auto program = client();
    program->get(lambda_next);
    // The connection gets the last descriptor, so none is left to ask with.
    const int next_free = ::dup(0);
    ::close(next_free);
    rlimit before{};
    ::getrlimit(RLIMIT_NOFILE, &before);
    const rlimit one_more{static_cast<rlim_t>(next_free) + 1, before.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &one_more);
    const bool refused = until([&]() { return program->ended(); });
    ::setrlimit(RLIMIT_NOFILE, &before);
    EXPECT_TRUE(refused);
    EXPECT_EQ(listener_->room(), 0U);
}
#endif

TEST_F(RuntimeListenerTest, ALambdaProgramIsGivenItsEventAndAnswersIt) {
    open();
    const auto program = client();
    EXPECT_EQ(listener_->room(), 0U);
    open_next(*program, lambda_next);
    EXPECT_EQ(ready_, 1U);
    offer("r1");
    EXPECT_EQ(answer(*program),
              "HTTP/1.1 200 OK\r\n"
              "Content-Type: application/json\r\n"
              "Content-Length: 9\r\n"
              "Lambda-Runtime-Aws-Request-Id: r1\r\n"
              "Lambda-Runtime-Deadline-Ms: 1700000001000\r\n"
              "Lambda-Runtime-Invoked-Function-Arn: arn:x\r\n"
              "\r\nlambda-r1");
    program->post("/2018-06-01/runtime/invocation/r1/response", R"({"sum":3})");
    EXPECT_EQ(answer(*program, 2),
              "HTTP/1.1 202 Accepted\r\n"
              "Content-Type: application/json\r\n"
              "Content-Length: 15\r\n"
              "\r\n{\"status\":\"OK\"}");
    ASSERT_EQ(done_.size(), 1U);
    EXPECT_TRUE(done_[0].second.ok);
    EXPECT_EQ(done_[0].second.body, R"({"sum":3})");
    EXPECT_EQ(listener_->room(), 0U);
    open_next(*program, lambda_next);  // the same connection serves on
}

TEST_F(RuntimeListenerTest, AnScfProgramIsGivenTheSameEventUntilItAnswers) {
    open();
    const auto program = client();
    open_next(*program, scf_next);
    offer("r1");
    EXPECT_EQ(answer(*program),
              "HTTP/1.1 200 OK\r\n"
              "Content-Type: application/json\r\n"
              "Content-Length: 6\r\n"
              "request_id: r1\r\n"
              "memory_limit_in_mb: 128\r\n"
              "time_limit_in_ms: 3000\r\n"
              "\r\nscf-r1");
    const auto again = client();
    again->get(scf_next);
    EXPECT_THAT(answer(*again), EndsWith("\r\n\r\nscf-r1"));
    EXPECT_EQ(listener_->room(), 0U);
    again->post("/runtime/invocation/response", "done");
    EXPECT_THAT(answer(*again, 2), StartsWith("HTTP/1.1 202 "));
    ASSERT_EQ(done_.size(), 1U);
    EXPECT_EQ(done_[0].second.body, "done");
}

TEST_F(RuntimeListenerTest, TheFirstAnswerOfAnScfProgramIsFinal) {
    open();
    const auto program = client();
    open_next(*program, scf_next);
    offer("r1");
    answer(*program);
    program->post("/runtime/invocation/response", "first");
    answer(*program, 2);
    program->post("/runtime/invocation/error", "second");
    EXPECT_THAT(answer(*program, 3), StartsWith("HTTP/1.1 400 "));
    EXPECT_THAT(answer(*program, 3), HasSubstr(R"("errorType":"InvalidState")"));
    ASSERT_EQ(done_.size(), 1U);
    EXPECT_EQ(done_[0].second.body, "first");
}

TEST_F(RuntimeListenerTest, SeveralNextRequestsMayBeOpenAndAreAnsweredInAnyOrder) {
    open(2);
    const auto one = client();
    const auto two = client();
    const auto three = client();
    open_next(*one, lambda_next);
    open_next(*two, lambda_next);
    three->get(lambda_next);
    ASSERT_TRUE(until([&]() { return ready_ == 3; }));
    EXPECT_EQ(listener_->room(), 2U);  // no more than the window
    offer("a");
    offer("b");
    EXPECT_EQ(listener_->room(), 0U);
    EXPECT_THAT(answer(*one), EndsWith("lambda-a"));
    EXPECT_THAT(answer(*two), EndsWith("lambda-b"));
    two->post("/2018-06-01/runtime/invocation/b/response", "{}");
    answer(*two, 2);
    one->post("/2018-06-01/runtime/invocation/a/response", "{}");
    answer(*one, 2);
    ASSERT_EQ(done_.size(), 2U);
    EXPECT_EQ(done_[0].first, "b");
    EXPECT_EQ(done_[1].first, "a");
    EXPECT_EQ(listener_->room(), 1U);  // the third one waits still
}

TEST_F(RuntimeListenerTest, AFailureComesWithItsTypeMessageAndTrace) {
    open();
    const auto program = client();
    open_next(*program, lambda_next);
    offer("r1");
    answer(*program);
    program->post("/2018-06-01/runtime/invocation/r1/error",
                  R"({"errorType":"TypeError","errorMessage":"no such field","trace":["a","b"]})",
                  "Lambda-Runtime-Function-Error-Type: Unhandled\r\n");
    EXPECT_THAT(answer(*program, 2), StartsWith("HTTP/1.1 202 "));
    ASSERT_EQ(done_.size(), 1U);
    const RuntimeAnswer& failed = done_[0].second;
    EXPECT_FALSE(failed.ok);
    EXPECT_EQ(failed.error.line(), "TypeError: no such field");
    EXPECT_EQ(failed.error.trace, "a\nb");
}

TEST_F(RuntimeListenerTest, ReadyAndInitErrorAreHeard) {
    open();
    const auto program = client();
    program->post("/runtime/init/ready", " ");
    EXPECT_THAT(answer(*program), StartsWith("HTTP/1.1 202 "));
    EXPECT_EQ(ready_, 1U);
    program->post(
        "/2018-06-01/runtime/init/error",
        R"({"errorType":"Runtime.ImportModuleError","errorMessage":"no module 'index'"})");
    EXPECT_THAT(answer(*program, 2), StartsWith("HTTP/1.1 202 "));
    ASSERT_TRUE(init_error_);
    EXPECT_EQ(init_error_->line(), "Runtime.ImportModuleError: no module 'index'");
}

TEST_F(RuntimeListenerTest, UnknownPathsAndIdsAreRefusedInJson) {
    open();
    const auto program = client();
    program->get("/2018-06-01/runtime/invocation/last");
    EXPECT_EQ(answer(*program),
              "HTTP/1.1 404 Not Found\r\n"
              "Content-Type: application/json\r\n"
              "Content-Length: 98\r\n"
              "\r\n{\"errorMessage\":\"neither the Lambda nor the SCF runtime API has this path\","
              "\"errorType\":\"NotFound\"}");
    program->post("/2018-06-01/runtime/invocation/other/response", "{}");
    EXPECT_THAT(answer(*program, 2), StartsWith("HTTP/1.1 400 Bad Request\r\n"));
    EXPECT_THAT(answer(*program, 2), HasSubstr(R"("errorType":"InvalidRequestID")"));
    EXPECT_TRUE(done_.empty());
}

TEST_F(RuntimeListenerTest, AnAnswerBeyondSixMebibytesFailsItsInvocation) {
    open();
    const auto program = client();
    open_next(*program, lambda_next);
    offer("r1");
    answer(*program);
    program->send(
        "POST /2018-06-01/runtime/invocation/r1/response HTTP/1.1\r\nHost: h\r\n"
        "Content-Length: 6291457\r\n\r\n");
    EXPECT_THAT(answer(*program, 2), StartsWith("HTTP/1.1 413 "));
    EXPECT_TRUE(until([&]() { return program->ended(); }));
    ASSERT_EQ(done_.size(), 1U);
    EXPECT_FALSE(done_[0].second.ok);
    EXPECT_EQ(done_[0].second.error.line(),
              "Function.ResponseSizeTooLarge: the answer is larger than 6 MiB");
}

TEST_F(RuntimeListenerTest, OnlyOneLongAnswerAtATimeIsReadForAnInvocation) {
    open();
    const auto program = client();
    open_next(*program, lambda_next);
    offer("r1");
    answer(*program);
    const std::string path = "/2018-06-01/runtime/invocation/r1/response";
    const std::string head =
        "POST " + path + " HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n";
    const auto first = client();
    first->send(head);
    settle();
    const auto second = client();
    second->send(head);
    EXPECT_THAT(answer(*second), StartsWith("HTTP/1.1 413 "));
    EXPECT_TRUE(done_.empty());
    first->close();
    settle();
    program->post(path, std::string(100'000, 'x'));
    EXPECT_THAT(answer(*program, 2), StartsWith("HTTP/1.1 202 "));
    ASSERT_EQ(done_.size(), 1U);
    EXPECT_TRUE(done_[0].second.ok);
    const auto stranger = client();
    stranger->post("/2018-06-01/runtime/init/error", std::string(65'537, 'x'));
    EXPECT_TRUE(until([&]() { return stranger->ended(); }));
}

TEST_F(RuntimeListenerTest, AnAnswerOfSixMebibytesAndOneInChunksAreTaken) {
    open();
    const auto program = client();
    open_next(*program, lambda_next);
    offer("r1");
    answer(*program);
    program->post("/2018-06-01/runtime/invocation/r1/response", std::string(6291456, 'x'));
    EXPECT_THAT(answer(*program, 2), StartsWith("HTTP/1.1 202 "));
    open_next(*program, lambda_next);
    offer("r2");
    answer(*program, 3);
    program->send(
        "POST /2018-06-01/runtime/invocation/r2/response HTTP/1.1\r\nHost: h\r\n"
        "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n");
    EXPECT_THAT(answer(*program, 4), StartsWith("HTTP/1.1 202 "));
    ASSERT_EQ(done_.size(), 2U);
    EXPECT_EQ(done_[0].second.body.size(), 6291456U);
    EXPECT_EQ(done_[1].second.body, "abcde");
}

TEST_F(RuntimeListenerTest, AClientThatAsksBeforeItSendsIsToldToGoOn) {
    open();
    const auto program = client();
    open_next(*program, scf_next);
    offer("r1");
    answer(*program);
    program->send(
        "POST /runtime/invocation/response HTTP/1.1\r\nHost: h\r\n"
        "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    EXPECT_EQ(answer(*program, 2), "HTTP/1.1 100 Continue\r\n\r\n");
    program->send("ok");
    EXPECT_THAT(answer(*program, 3), StartsWith("HTTP/1.1 202 "));
}

TEST_F(RuntimeListenerTest, ANextWhoseClientWentAwayTakesNothing) {
    open();
    auto program = client();
    open_next(*program, lambda_next);
    program->close();
    EXPECT_TRUE(until([&]() { return listener_->room() == 0; }));
    const auto other = client();
    open_next(*other, lambda_next);
    offer("r1");
    EXPECT_THAT(answer(*other), EndsWith("lambda-r1"));
}

TEST_F(RuntimeListenerTest, TheAnswerMayComeOverAnotherConnection) {
    open();
    const auto program = client();
    open_next(*program, lambda_next);
    offer("r1");
    answer(*program);
    program->close();
    const auto other = client();
    other->post("/2018-06-01/runtime/invocation/r1/response", "{}", "Connection: close\r\n");
    EXPECT_THAT(answer(*other), StartsWith("HTTP/1.1 202 "));
    EXPECT_TRUE(until([&]() { return other->ended(); }));
    EXPECT_EQ(done_.size(), 1U);
}

TEST_F(RuntimeListenerTest, ARequestBehindAHeldNextWaitsForItsTurn) {
    open();
    const auto program = client();
    program->send("GET " + scf_next +
                  " HTTP/1.1\r\nHost: h\r\n\r\nPOST /runtime/init/ready "
                  "HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n");
    ASSERT_TRUE(until([&]() { return listener_->room() == 1; }));
    settle();
    EXPECT_TRUE(program->answers().empty());
    offer("r1");
    EXPECT_THAT(answer(*program), EndsWith("scf-r1"));
    EXPECT_THAT(answer(*program, 2), StartsWith("HTTP/1.1 202 "));
}

TEST_F(RuntimeListenerTest, NonsenseEndsItsConnectionOnly) {
    open();
    const auto program = client();
    open_next(*program, lambda_next);
    const auto stranger = client();
    stranger->send("\x16\x03\x01 hello\r\n\r\n");
    EXPECT_TRUE(until([&]() { return stranger->ended(); }));
    const auto flood = client();
    flood->send("GET / HTTP/1.1\r\nX: " + std::string(64 * 1024, 'x') + "\r\n\r\n");
    EXPECT_TRUE(until([&]() { return flood->ended(); }));
    offer("r1");
    EXPECT_THAT(answer(*program), EndsWith("lambda-r1"));
}

TEST_F(RuntimeListenerTest, AnotherUsersConnectionIsClosed) {
    open(1, ::geteuid() + 1);
    const auto stranger = client();
    stranger->get(lambda_next);
    EXPECT_TRUE(until([&]() { return stranger->ended(); }));
    EXPECT_EQ(ready_, 0U);
}

TEST_F(RuntimeListenerTest, ConnectionsBeyondTheLimitAreClosed) {
    open();
    std::vector<std::unique_ptr<RuntimeClient>> clients;
    for (int count = 0; count < 33; ++count) clients.push_back(client());
    const auto late = client();
    EXPECT_TRUE(until([&]() { return late->ended(); }));
    EXPECT_FALSE(clients.front()->ended());
}

}  // namespace
}  // namespace penstock::sinks::process
