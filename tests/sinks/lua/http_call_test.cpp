#include "sinks/lua/http_call.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace penstock::sinks::lua {
namespace {

using ::testing::HasSubstr;

const std::vector<std::string> everyone = {"*"};

HttpCallContext context_of(const std::vector<std::string>& allowed) {
    HttpCallContext context;
    context.allowed = &allowed;
    context.idempotency = "penstock-7-5-1";
    context.ordinal = 2;
    context.remaining_ms = 8'000;
    return context;
}

std::string problem(const std::string& call, const std::vector<std::string>& allowed = everyone) {
    const auto read = read_http_call(call, context_of(allowed));
    return read ? "none" : read.error().detail;
}

TEST(HttpCall, IsAWholeRequest) {
    const auto read = read_http_call(R"({"url":"http://Stock.example:81/a?b=1"})",
                                     context_of({"stock.example:81"}));
    ASSERT_TRUE(read);
    EXPECT_EQ(read->head,
              "GET /a?b=1 HTTP/1.1\r\nHost: stock.example:81\r\n"
              "Idempotency-Key: penstock-7-5-1-2\r\nContent-Length: 0\r\n\r\n");
    EXPECT_EQ(read->timeout_ms, 8'000U);
}

TEST(HttpCall, TakesItsOrdinalItsBodyAndItsTimeout) {
    const auto read =
        read_http_call(R"({"url":"http://h/","method":"PUT","body_base64":"/w==","timeout_ms":500,)"
                       R"("idempotency":9})",
                       context_of(everyone));
    ASSERT_TRUE(read);
    EXPECT_EQ(read->body, "\xff");
    EXPECT_EQ(read->timeout_ms, 500U);
    EXPECT_THAT(read->head, HasSubstr("PUT / HTTP/1.1\r\n"));
    EXPECT_THAT(read->head, HasSubstr("Idempotency-Key: penstock-7-5-1-9\r\n"));
}

TEST(HttpCall, LeavesTheScriptsOwnKeyAlone) {
    const auto read = read_http_call(R"({"url":"http://h/","headers":{"idempotency-Key":"mine"}})",
                                     context_of(everyone));
    ASSERT_TRUE(read);
    EXPECT_THAT(read->head, HasSubstr("\r\nidempotency-Key: mine\r\nContent-Length: 0\r\n"));
}

TEST(HttpCall, NeverLetsAHeaderBecomeAnotherRequest) {
    EXPECT_EQ(problem(R"({"url":"http://h/","headers":{"a":"b\r\nHost: c"}})"),
              "the header a has a line break in it");
    EXPECT_EQ(problem(R"({"url":"http://h/","headers":{"a\r\nb":"c"}})"),
              "a header's name is no token");
    EXPECT_EQ(problem(R"({"url":"http://h/","method":"GET / HTTP/1.1\r\n"})"),
              "the method is no token");
    const auto read = read_http_call(
        R"({"url":"http://h/","headers":{"Transfer-Encoding":"chunked","HOST":"x"}})",
        context_of(everyone));
    ASSERT_TRUE(read);
    EXPECT_EQ(read->head,
              "GET / HTTP/1.1\r\nHost: h\r\nIdempotency-Key: penstock-7-5-1-2\r\n"
              "Content-Length: 0\r\n\r\n");
}

TEST(HttpCall, AsksOnlyHostsOfTheList) {
    const std::string refused =
        "this function may not ask the host h: its http_allow list does "
        "not have it";
    EXPECT_EQ(problem(R"({"url":"http://h/"})", {}), refused);
    EXPECT_EQ(problem(R"({"url":"http://h/"})", {"other", "h:8080", "sub.h"}), refused);
    EXPECT_EQ(problem(R"({"url":"http://h:8080/"})", {"h:8080"}), "none");
    EXPECT_EQ(problem(R"({"url":"http://h/"})", {"H"}), "none");
    EXPECT_NE(problem(R"({"url":"file:///etc/passwd"})"), "none");
    EXPECT_NE(problem(R"({"url":"http://user@h/"})"), "none");
    EXPECT_NE(problem("{}"), "none");
    EXPECT_EQ(problem("[]"), "the call is no JSON object");
}

TEST(HttpCall, AnEndingWithoutAnAnswerIsAnError) {
    client::Exchange exchange;
    exchange.ending = client::Ending::refused;
    exchange.detail = "127.0.0.1:81: connection refused";
    EXPECT_EQ(http_result(3, exchange),
              R"({"type":"result","call":3,"ok":false,)"
              R"("error":"127.0.0.1:81: connection refused"})");
    exchange.ending = client::Ending::answered;
    EXPECT_EQ(http_result(3, exchange),
              R"({"type":"result","call":3,"ok":false,)"
              R"("error":"the answer is incomplete or longer than 1 MiB"})");
}

}  // namespace
}  // namespace penstock::sinks::lua
