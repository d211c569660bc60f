// What hostile and broken endpoints do, and what is made of it.
#include "sinks/http/classify.h"
#include "tests/sinks/http/http_sink_fixture.h"

#include <ostream>
#include <string>
#include <vector>

namespace penstock::sinks::http {
namespace {

using model::Failure;
using model::Verdict;
using testing::always;
using testing::Script;
using testing::ScriptedServer;
using testing::step;
using testing::Step;

struct Hostile {
    std::string name;
    Script script;
    Verdict verdict = Verdict::retry;
    Failure failure = Failure::reset;
    unsigned status = 0;
    std::uint32_t timeout_ms = 5'000;
};

void PrintTo(const Hostile& hostile, std::ostream* out) {
    *out << hostile.name;
}

// Reads the request, then does the rest, then waits for the client to go.
Script then(Script rest) {
    Script script = {step(Step::Kind::read)};
    script.insert(script.end(), rest.begin(), rest.end());
    script.push_back(step(Step::Kind::hang));
    return script;
}

Script answers(const std::string& text) {
    return then({step(Step::Kind::send, text)});
}

Script answers_and_closes(const std::string& text) {
    return then({step(Step::Kind::send, text), step(Step::Kind::close)});
}

Script answers_and_resets(const std::string& text) {
    return then(
        {step(Step::Kind::send, text), step(Step::Kind::pause, "", 30), step(Step::Kind::reset)});
}

Hostile refused(std::string name, Script script) {
    return {std::move(name), std::move(script)};
}

Hostile late(std::string name, Script script) {
    return {std::move(name), std::move(script), Verdict::retry, Failure::timeout, 0, 100};
}

Hostile taken(std::string name, Script script, unsigned status = 200) {
    return {std::move(name), std::move(script), Verdict::accepted, Failure::none, status};
}

// Accepted, but only the deadline ends it.
Hostile taken_late(std::string name, Script script) {
    return {std::move(name), std::move(script), Verdict::accepted, Failure::none, 200, 250};
}

Hostile answered(std::string name, Script script, unsigned status) {
    return {std::move(name), std::move(script), Verdict::retry, Failure::status, status};
}

std::string many_headers(unsigned count) {
    std::string text = "HTTP/1.1 200 OK\r\n";
    for (unsigned at = 0; at < count; ++at) text += "h" + std::to_string(at) + ": v\r\n";
    return text + "Content-Length: 0\r\n\r\n";
}

std::vector<Hostile> lost_connections() {
    const std::string head = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n";
    return {
        refused("ClosesAtOnce", {step(Step::Kind::close), step(Step::Kind::hang)}),
        refused("ResetsAtOnce", {step(Step::Kind::reset)}),
        refused("ResetsAfterTheRequest", then({step(Step::Kind::reset)})),
        refused("ClosesAfterTheRequest", then({step(Step::Kind::close)})),
        refused("ResetsInTheHeaders", answers_and_resets("HTTP/1.1 200 OK\r\nConte")),
        refused("ClosesInTheHeaders", answers_and_closes("HTTP/1.1 200 OK\r\nConte")),
        refused("ClosesInTheStatusLine", answers_and_closes("HTTP/1.1 2")),
        late("NeverAnswers", then({})),
        late("NeverReads", {step(Step::Kind::pause, "", 1'000)}),
        late("SlowHeaders", then({step(Step::Kind::drip, "HTTP/1.1 200 OK\r\nX: y", 40)})),
        late("StopsInTheHeaders", answers("HTTP/1.1 200 OK\r\nConte")),
        // The status says what the receiver made of the message; the rest is only its text.
        taken("ResetsAfterTheHeaders", answers_and_resets(head)),
        taken("ResetsInTheBody", answers_and_resets(head + "half")),
        taken("ClosesInTheBody", answers_and_closes(head + "half")),
        taken_late("StopsInTheBody", answers(head + "half")),
        taken_late("SlowBody",
                   then({step(Step::Kind::send, head), step(Step::Kind::drip, "x", 60)})),
        answered("ClosesInTheBodyOfARefusal",
                 answers_and_closes("HTTP/1.1 500 No\r\nContent-Length: 10\r\n\r\nhalf"),
                 500),
    };
}

std::vector<Hostile> lengths() {
    const std::string head = "HTTP/1.1 200 OK\r\n";
    const std::string chunked = head + "Transfer-Encoding: chunked\r\n\r\n";
    return {
        taken("LengthTooShort", answers(head + "Content-Length: 2\r\n\r\nlonger than two")),
        taken("LengthTooLong", answers_and_closes(head + "Content-Length: 99\r\n\r\nshort")),
        refused("NegativeLength", answers(head + "Content-Length: -1\r\n\r\n")),
        refused("LengthIsNoNumber", answers(head + "Content-Length: ten\r\n\r\n")),
        refused("LengthOverflows", answers(head + "Content-Length: 99999999999999999999\r\n\r\n")),
        refused("TwoLengths", answers(head + "Content-Length: 2\r\nContent-Length: 3\r\n\r\nok")),
        taken_late("HugeLength", answers(head + "Content-Length: 1073741824\r\n\r\nx")),
        taken("HugeBody",
              then({step(Step::Kind::send, head + "Content-Length: 1073741824\r\n\r\n"),
                    step(Step::Kind::flood, std::string(16'384, 'x'))})),
        taken("EndlessBody",
              then({step(Step::Kind::send, head + "\r\n"),
                    step(Step::Kind::flood, std::string(16'384, 'x'))})),
        taken("BodyUntilClose", answers_and_closes(head + "\r\nwhole")),
        taken("EndlessChunks",
              then({step(Step::Kind::send, chunked),
                    step(Step::Kind::flood, "400\r\n" + std::string(1024, 'x') + "\r\n")})),
        taken("ChunkSizeOverflows", answers(chunked + "fffffffffffffffff\r\nx")),
        taken("ChunkSizeIsNoNumber", answers(chunked + "zz\r\nx")),
        taken("EndlessTrailers",
              then({step(Step::Kind::send, chunked + "0\r\n"),
                    step(Step::Kind::flood, "t: " + std::string(1024, 'x') + "\r\n")})),
        taken("EndlessChunkExtension",
              then({step(Step::Kind::send, chunked + "1;"),
                    step(Step::Kind::flood, std::string(4096, 'x'))})),
        taken("NoContentWithABody", answers("HTTP/1.1 204 No Content\r\n\r\nsurprise"), 204),
        taken("NoContentWithALength",
              answers("HTTP/1.1 204 No Content\r\nContent-Length: 10\r\n\r\n"),
              204),
    };
}

std::vector<Hostile> heads() {
    const std::string empty = "Content-Length: 0\r\n\r\n";
    const std::string interim = "HTTP/1.1 100 Continue\r\n\r\n";
    return {
        refused("Garbage", answers("\x16\x03\x01 this is not HTTP\r\n\r\n")),
        refused("AnotherProtocol", answers("SSH-2.0-OpenSSH_9.2\r\n\r\n")),
        refused("EndlessGarbage", then({step(Step::Kind::flood, std::string(4096, 'x'))})),
        refused("EndlessHeaders",
                then({step(Step::Kind::send, "HTTP/1.1 200 OK\r\n"),
                      step(Step::Kind::flood, "h: " + std::string(1024, 'x') + "\r\n")})),
        refused("TenThousandHeaders", answers(many_headers(10'000))),
        taken("AHundredHeaders", answers(many_headers(100))),
        refused("NulInAHeader",
                answers("HTTP/1.1 200 OK\r\nx: a" + std::string(1, '\0') + "b\r\n" + empty)),
        refused("BareLineFeeds", answers("HTTP/1.1 200 OK\nContent-Length: 0\n\n\r\n\r\n")),
        refused("StatusZero", answers("HTTP/1.1 000 Zero\r\n" + empty)),
        answered("Status999", answers("HTTP/1.1 999 What\r\n" + empty), 999),
        refused("StatusOfTwoDigits", answers("HTTP/1.1 20 OK\r\n" + empty)),
        refused("UnknownVersion", answers("HTTP/9.9 200 OK\r\n" + empty)),
        taken("OldVersion", answers("HTTP/1.0 200 OK\r\n" + empty)),
        taken("ContinueThenTheAnswer", answers(interim + "HTTP/1.1 201 Made\r\n" + empty), 201),
        refused("EndlessContinue", then({step(Step::Kind::flood, interim)})),
        late("ContinueAndNothing", answers(interim)),
        answered("SwitchingProtocols",
                 answers("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"),
                 101),
        answered("RedirectToMetadata",
                 answers("HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\n" + empty),
                 302),
        answered("RedirectToAFile",
                 answers("HTTP/1.1 308 Moved\r\nLocation: file:///etc/passwd\r\n" + empty),
                 308),
        answered("Gone", answers("HTTP/1.1 410 Gone\r\n" + empty), 410),
        answered("NotFound", answers("HTTP/1.1 404 Not Found\r\n" + empty), 404),
        answered("ServerError", answers("HTTP/1.1 500 Oops\r\n" + empty), 500),
        taken("AnswersBeforeReading",
              {step(Step::Kind::send, "HTTP/1.1 200 OK\r\n" + empty), step(Step::Kind::hang)}),
    };
}

class HostileEndpoint : public HttpSinkFixture, public ::testing::WithParamInterface<Hostile> {};

TEST_P(HostileEndpoint, HasALiteralVerdictAndLeavesNothingOpen) {
    const Hostile& hostile = GetParam();
    ScriptedServer server(context_, {hostile.script, always(testing::ok_answer)});
    const api::Target target = target_of(server.url(), hostile.timeout_ms);
    const AttemptResult result = push(target);
    EXPECT_EQ(to_text(result.verdict), to_text(hostile.verdict));
    EXPECT_EQ(to_text(result.failure), to_text(hostile.failure));
    EXPECT_EQ(result.status, hostile.status);
    EXPECT_LE(result.excerpt.size(), excerpt_bytes_max);
    EXPECT_EQ(server.connections, 1U);
}

std::string name_of(const ::testing::TestParamInfo<Hostile>& info) {
    return info.param.name;
}

INSTANTIATE_TEST_SUITE_P(LostConnections,
                         HostileEndpoint,
                         ::testing::ValuesIn(lost_connections()),
                         name_of);
INSTANTIATE_TEST_SUITE_P(Lengths, HostileEndpoint, ::testing::ValuesIn(lengths()), name_of);
INSTANTIATE_TEST_SUITE_P(Heads, HostileEndpoint, ::testing::ValuesIn(heads()), name_of);

}  // namespace
}  // namespace penstock::sinks::http
