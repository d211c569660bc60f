#include "sinks/client/answer_parser.h"
#include "tests/sinks/client/http2_session_fixture.h"

#include <string>
#include <string_view>

namespace penstock::sinks::client {
namespace {

using namespace testing::http2;

TEST_F(Http2SessionTest, ARequestGoesOutAndItsAnswerEndsIt) {
    greet();
    const StreamId id = ask();
    ASSERT_EQ(id, 1);
    ASSERT_EQ(frames_.size(), 2U);
    EXPECT_EQ(frames_[0].type, headers);
    EXPECT_EQ(frames_[1].payload, "hello");
    EXPECT_EQ(frames_[1].flags, end_stream);
    receive(frame(headers, end_headers, 1, head("503", {{"retry-after", "9"}, {"x", "y"}})) +
            frame(data, none, 1, "bu") + frame(data, end_stream, 1, "sy"));
    const auto answered = end();
    EXPECT_EQ(answered.how, How::answered);
    EXPECT_EQ(answered.stream, 1);
    EXPECT_TRUE(answered.complete);
    EXPECT_EQ(answered.answer.status, 503U);
    EXPECT_EQ(answered.answer.header("retry-after"), "9");
    EXPECT_EQ(answered.answer.headers.size(), 2U);
    EXPECT_EQ(answered.answer.body, "busy");
    EXPECT_EQ(count_sent(rst_stream, 1), 0U);
    EXPECT_FALSE(session_.over());
}

TEST_F(Http2SessionTest, FramesMayComeInPiecesOfOneByte) {
    ask();
    const std::string bytes = settings_frame() + answer(1, "201", "made");
    for (const char& byte : bytes) receive(std::string(1, byte));
    EXPECT_EQ(end().answer.body, "made");
}

TEST_F(Http2SessionTest, ARequestWithoutABodyIsOneFrame) {
    greet();
    session_.start("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n", {}, answer_max);
    receive(settings_frame());
    EXPECT_EQ(frames_.back().type, headers);
    EXPECT_EQ(frames_.back().flags, end_headers | end_stream);
}

TEST_F(Http2SessionTest, AHeadThatIsNoneEndsAtOnceAndIsNotSent) {
    greet();
    const StreamId id = session_.start("POST /hook\r\n", {}, answer_max);
    EXPECT_LT(id, 0);
    const auto turned_away = end();
    EXPECT_EQ(turned_away.stream, id);
    EXPECT_EQ(turned_away.how, How::lost);
}

TEST_F(Http2SessionTest, InterimAnswersArePassedOverAndTrailersLeftOut) {
    greet();
    ask();
    receive(frame(headers, end_headers, 1, head("103", {{"link", "x"}})) +
            frame(headers, end_headers, 1, head("200", {{"a", "1"}})) + frame(data, none, 1, "ok") +
            frame(headers, end_headers | end_stream, 1, field("b", "2")));
    const auto answered = end();
    EXPECT_EQ(answered.answer.status, 200U);
    EXPECT_EQ(answered.answer.headers.size(), 1U);
    EXPECT_TRUE(answered.complete);
}

TEST_F(Http2SessionTest, EndlessInterimAnswersEndTheirRequestOnly) {
    greet();
    ask();
    ask();
    receive(repeated(frame(headers, end_headers, 1, head("100")), interim_answers_max + 1) +
            answer(3));
    const auto all = ended();
    ASSERT_EQ(all.size(), 2U);
    EXPECT_EQ(all[0].how, How::lost);
    EXPECT_EQ(all[1].how, How::answered);
}

TEST_F(Http2SessionTest, TheServersLimitOfStreamsAndOurOwnHold) {
    EXPECT_FALSE(session_.ready());
    greet();
    EXPECT_TRUE(session_.ready());
    EXPECT_EQ(session_.room(), http2_streams_max);
    receive(settings_frame({{max_concurrent_streams, 2}}));
    ask();
    EXPECT_EQ(session_.room(), 1U);
    ask();
    EXPECT_EQ(session_.room(), 0U);
    receive(answer(1));
    EXPECT_EQ(session_.room(), 1U);
    receive(settings_frame({{max_concurrent_streams, 0}}));
    EXPECT_EQ(session_.room(), 0U);
    receive(settings_frame({{max_concurrent_streams, 1'000'000}}));
    EXPECT_EQ(session_.room(), http2_streams_max - 1);
}

TEST_F(Http2SessionTest, GoawayLeavesWhatTheServerTookAndGivesBackTheRest) {
    greet();
    for (int at = 0; at < 3; ++at) ask();
    receive(goaway_frame(3));
    const auto refused = end();
    EXPECT_EQ(refused.stream, 5);
    EXPECT_EQ(refused.how, How::unprocessed);
    EXPECT_TRUE(session_.draining());
    EXPECT_EQ(session_.room(), 0U);
    EXPECT_FALSE(session_.over());
    receive(answer(3));
    receive(answer(1));
    EXPECT_EQ(ended().size(), 2U);
    EXPECT_TRUE(session_.over());
}

TEST_F(Http2SessionTest, WhatIsStartedBehindAGoawayNeverLeft) {
    greet();
    ask();
    receive(goaway_frame(1));
    ask();
    EXPECT_EQ(end().how, How::unprocessed);
    EXPECT_EQ(count_sent(headers, 3), 0U);
}

TEST_F(Http2SessionTest, ARefusedStreamIsUnprocessedAndFewerAreBegun) {
    greet();
    for (int at = 0; at < 3; ++at) ask();
    receive(rst_frame(5, refused_stream));
    EXPECT_EQ(end().how, How::unprocessed);
    EXPECT_EQ(session_.streams_max(), 2U);
    EXPECT_EQ(session_.room(), 0U);
    receive(rst_frame(3, refused_stream) + rst_frame(1, refused_stream));
    EXPECT_EQ(session_.room(), 1U);
}

TEST_F(Http2SessionTest, AResetEndsOneRequestAndSaysWhy) {
    greet();
    for (int at = 0; at < 3; ++at) ask();
    receive(rst_frame(1, internal_error) + rst_frame(3, http_1_1_required) + answer(5));
    const auto all = ended();
    ASSERT_EQ(all.size(), 3U);
    EXPECT_EQ(all[0].how, How::lost);
    EXPECT_EQ(all[0].detail, "the server reset the request: INTERNAL_ERROR");
    EXPECT_EQ(all[1].how, How::wants_http_1);
    EXPECT_EQ(all[2].how, How::answered);
}

TEST_F(Http2SessionTest, AResetBehindTheHeadLeavesTheAnswerAsItIs) {
    greet();
    ask();
    receive(frame(headers, end_headers, 1, head("500")) + frame(data, none, 1, "half") +
            rst_frame(1, internal_error));
    const auto answered = end();
    EXPECT_EQ(answered.how, How::answered);
    EXPECT_FALSE(answered.complete);
    EXPECT_EQ(answered.answer.body, "half");
}

TEST_F(Http2SessionTest, ACancelledRequestIsResetAndItsLateAnswerHurtsNobody) {
    greet();
    ask();
    ask();
    EXPECT_EQ(session_.cancel(1).how, How::lost);
    receive(answer(1, "200", "late") + answer(3));
    EXPECT_EQ(count_sent(rst_stream, 1), 1U);
    EXPECT_EQ(end().stream, 3);
    EXPECT_FALSE(session_.over());
    EXPECT_EQ(session_.room(), http2_streams_max);
}

TEST_F(Http2SessionTest, ACancelledRequestBehindItsHeadIsAnswered) {
    greet();
    ask();
    receive(frame(headers, end_headers, 1, head("200")) + frame(data, none, 1, "ha"));
    const auto cut = session_.cancel(1);
    EXPECT_EQ(cut.how, How::answered);
    EXPECT_FALSE(cut.complete);
    EXPECT_EQ(cut.answer.body, "ha");
}

TEST_F(Http2SessionTest, AnAnswerBeforeTheWholeRequestWasReadCounts) {
    greet({{initial_window_size, 2}});
    ask();
    receive(answer(1, "413"));
    const auto early = end();
    EXPECT_EQ(early.answer.status, 413U);
    EXPECT_TRUE(early.complete);
    EXPECT_EQ(count_sent(rst_stream, 1), 1U);
}

TEST_F(Http2SessionTest, ABodyWaitsForTheServersWindow) {
    greet({{initial_window_size, 2}});
    ask();
    EXPECT_EQ(frames_.back().payload, "he");
    receive(frame(window_update, none, 1, number(3, 4)));
    EXPECT_EQ(frames_.back().payload, "llo");
    EXPECT_EQ(frames_.back().flags, end_stream);
}

TEST_F(Http2SessionTest, ABodyTooLongIsCutAndTheRestIsNotWanted) {
    greet();
    ask();
    ask();
    receive(frame(headers, end_headers, 1, head("200")) +
            frame(data, none, 1, std::string(answer_max + 1, 'x')) + answer(3));
    const auto all = ended();
    ASSERT_EQ(all.size(), 2U);
    EXPECT_EQ(all[0].answer.body.size(), answer_max);
    EXPECT_FALSE(all[0].complete);
    EXPECT_EQ(all[1].how, How::answered);
    EXPECT_EQ(count_sent(rst_stream, 1), 1U);
}

TEST_F(Http2SessionTest, AHeadTooLongEndsItsRequestOnly) {
    greet();
    ask();
    ask();
    const std::string fields = repeated(field("bomb", std::string(120, 'x')), 100);
    receive(frame(headers, none, 1, head("200") + fields) +
            frame(continuation, end_headers, 1, fields) + answer(3));
    const auto all = ended();
    ASSERT_EQ(all.size(), 2U);
    EXPECT_EQ(all[0].how, How::lost);
    EXPECT_EQ(all[0].detail, "malformed answer: the head is too long");
    EXPECT_EQ(all[1].how, How::answered);
}

// One long field in the table, then a byte for each time it is wanted again.
TEST_F(Http2SessionTest, AHeadThatUnpacksToMuchMoreEndsItsRequestOnly) {
    greet();
    ask();
    ask();
    const std::string remembered =
        "\x40\x04"
        "bomb\x7f\xa1\x1e" +
        std::string(4'000, 'x');
    receive(frame(headers, end_headers, 1, head("200") + remembered + repeated("\xbe", 10'000)) +
            answer(3));
    const auto all = ended();
    ASSERT_EQ(all.size(), 2U);
    EXPECT_EQ(all[0].how, How::lost);
    EXPECT_EQ(all[1].how, How::answered);
}

TEST_F(Http2SessionTest, ALengthThatDoesNotFitLeavesTheAnswerAsItIs) {
    greet();
    ask();
    receive(frame(headers, end_headers, 1, head("200", {{"content-length", "9"}})) +
            frame(data, end_stream, 1, "short"));
    const auto answered = end();
    EXPECT_EQ(answered.how, How::answered);
    EXPECT_EQ(answered.answer.status, 200U);
    EXPECT_FALSE(answered.complete);
    EXPECT_FALSE(session_.over());
}

TEST_F(Http2SessionTest, WhatIsLostIsToldApartFromWhatNeverLeft) {
    greet();
    ask();
    receive(frame(headers, end_headers, 1, head("200")));
    ask();
    session_.start(request_head, request_rest, answer_max);
    session_.lose("gone", false);
    const auto all = ended();
    ASSERT_EQ(all.size(), 3U);
    EXPECT_EQ(all[0].how, How::answered);
    EXPECT_EQ(all[1].how, How::lost);
    EXPECT_EQ(all[1].detail, "gone");
    EXPECT_EQ(all[2].how, How::unprocessed);
}

TEST_F(Http2SessionTest, WhatWasTakenButNotWrittenNeverLeft) {
    greet();
    std::string out;
    session_.start(request_head, request_rest, answer_max);
    session_.fill(out);
    session_.start(request_head, request_rest, answer_max);
    session_.fill(out);
    session_.lose("gone", true);
    const auto all = ended();
    ASSERT_EQ(all.size(), 2U);
    EXPECT_EQ(all[0].how, How::lost);
    EXPECT_EQ(all[1].how, How::unprocessed);
}

TEST_F(Http2SessionTest, APingIsAnsweredAndASignOfLifeAskedFor) {
    greet();
    receive(frame(ping, none, 0, "12345678"));
    EXPECT_EQ(count_sent(ping, 0), 1U);
    session_.ping();
    receive({});
    EXPECT_EQ(count_sent(ping, 0), 2U);
}

// Frames of no use are borne as long as there are answers among them.
TEST_F(Http2SessionTest, AChattyServerThatAnswersIsBorne) {
    greet();
    for (std::uint32_t at = 0; at < 3'000; ++at) {
        ask();
        receive(repeated(frame(ping, none, 0, "12345678"), 5) + answer(2 * at + 1, "200", "ok"));
        ASSERT_EQ(end().how, How::answered);
    }
    EXPECT_FALSE(session_.over());
}

TEST_F(Http2SessionTest, AnAnswerMayComeInAsManyPiecesAsItHasBytes) {
    greet();
    ask(request_rest, 8U << 20);
    receive(frame(headers, end_headers, 1, head("200")));
    receive(repeated(frame(data, none, 1, "x"), 2 * http2_idle_frames_max));
    const std::size_t large = 2 * http2_idle_bytes_max / 16'000;
    for (std::size_t at = 0; at < large; ++at) {
        receive(frame(data, none, 1, std::string(16'000, 'x')));
    }
    receive(frame(data, end_stream, 1));
    EXPECT_TRUE(end().complete);
}

TEST_F(Http2SessionTest, ARequestMayBeAskedForByteByByte) {
    greet({{initial_window_size, 2}});
    const std::string body(2 * http2_idle_frames_max, 'x');
    ask(body);
    for (std::size_t at = 0; at < body.size(); ++at) {
        receive(frame(window_update, none, 1, number(1, 4)));
    }
    EXPECT_EQ(frames_.back().flags, end_stream);
    receive(answer(1));
    EXPECT_EQ(end().how, How::answered);
}

}  // namespace
}  // namespace penstock::sinks::client
