// Frames that no honest server sends, and too many of those that one does.
#include "tests/sinks/client/http2_session_fixture.h"

#include <ostream>
#include <string>
#include <utility>
#include <vector>

namespace penstock::sinks::client {
namespace {

using namespace testing::http2;

struct Hostile {
    std::string name;
    std::string bytes;
};

void PrintTo(const Hostile& hostile, std::ostream* out) {
    *out << hostile.name;
}

std::string name_of(const ::testing::TestParamInfo<Hostile>& info) {
    return info.param.name;
}

class HostileHttp2 : public Http2SessionTest, public ::testing::WithParamInterface<Hostile> {};

TEST_P(HostileHttp2, EndsTheSessionAndLosesTheRequest) {
    greet();
    ask();
    receive(GetParam().bytes);
    EXPECT_TRUE(session_.over());
    session_.lose(session_.why(), false);
    const auto lost = end();
    EXPECT_EQ(lost.how, How::lost);
    EXPECT_TRUE(lost.detail.starts_with("malformed answer: ")) << lost.detail;
    EXPECT_GT(lost.detail.size(), 18U);
}

std::vector<Hostile> floods() {
    const std::size_t many = http2_idle_frames_max + 10;
    return {
        {"Settings", repeated(settings_frame(), many)},
        {"SettingsAcks", repeated(frame(settings, ack, 0), many)},
        {"Pings", repeated(frame(ping, none, 0, "12345678"), many)},
        {"PingAcks", repeated(frame(ping, ack, 0, "12345678"), many)},
        {"WindowUpdates", repeated(frame(window_update, none, 0, number(1, 4)), many)},
        {"Priorities", repeated(frame(priority, none, 1, number(0, 5)), many)},
        {"UnknownFrames",
         repeated(frame(0x42, none, 0, std::string(16'000, 'x')), http2_idle_bytes_max / 16'000)},
        {"Goaways", repeated(goaway_frame(1), many)},
        {"Continuations",
         frame(headers, none, 1, head("200")) +
             repeated(frame(continuation, none, 1, field("a", "b")), http2_continuations_max + 2)},
        {"EmptyContinuations",
         frame(headers, none, 1, head("200")) +
             repeated(frame(continuation, none, 1), http2_continuations_max + 2)},
        {"TooManySettings",
         settings_frame(std::vector<std::pair<Setting, std::uint32_t>>(http2_settings_max + 1,
                                                                       {initial_window_size, 1}))},
    };
}

class EndlessAnswer : public Http2SessionTest, public ::testing::WithParamInterface<Hostile> {};

TEST_P(EndlessAnswer, EndsTheSession) {
    greet();
    ask();
    receive(GetParam().bytes);
    EXPECT_TRUE(session_.over());
    EXPECT_EQ(ended().size(), GetParam().name == "EmptyData" ? 0U : 1U);
}

// Of a request that ended already, or has its head.
std::vector<Hostile> endless_answers() {
    const std::size_t many = http2_idle_frames_max + 10;
    const std::string head_frame = frame(headers, end_headers, 1, head("200"));
    return {
        {"EmptyData", head_frame + repeated(frame(data, none, 1), many)},
        {"Resets", repeated(rst_frame(1, cancel), many)},
        {"BodyThatNobodyWants",
         head_frame + repeated(frame(data, none, 1, std::string(16'000, 'x')),
                               http2_idle_bytes_max / 16'000 + 1)},
        {"Trailers",
         head_frame + repeated(frame(headers, end_headers | end_stream, 1, field("a", "b")), many)},
    };
}

INSTANTIATE_TEST_SUITE_P(Frames, EndlessAnswer, ::testing::ValuesIn(endless_answers()), name_of);

std::vector<Hostile> wrong_frames() {
    return {
        {"DataOfNoStream", frame(data, none, 0, "x")},
        {"HeadersOfNoStream", frame(headers, end_headers, 0, head("200"))},
        {"AnswerToNoRequest", answer(7)},
        {"DataBeforeItsHead", frame(data, none, 1, "x")},
        {"StreamOfTheServers", frame(headers, end_headers, 2, head("200"))},
        {"PushPromise",
         frame(settings, ack, 0) + frame(push_promise, end_headers, 1, number(2, 4) + head("200"))},
        {"FrameTooLong", frame(data, none, 1, std::string(16'385, 'x'))},
        {"SettingsOfOddLength", frame(settings, none, 0, "12345")},
        {"SettingsOfAStream", frame(settings, none, 1)},
        {"PingTooShort", frame(ping, none, 0, "1234")},
        {"ResetTooShort", frame(rst_stream, none, 1, "12")},
        {"WindowOfNothing", frame(window_update, none, 0, number(0, 4))},
        {"WindowOfNothingOfAStream", frame(window_update, none, 1, number(0, 4))},
        {"WindowOverflow", frame(window_update, none, 0, number(0x7FFF'FFFF, 4))},
        {"LoneContinuation", frame(continuation, end_headers, 1, head("200"))},
        {"HeadCutByAnotherFrame",
         frame(headers, none, 1, head("200")) + frame(ping, none, 0, "12345678")},
        {"HeadThatDoesNotUnpack", frame(headers, end_headers, 1, "\xff\xff\xff\xff\xff\xff")},
        {"WhatIsNotHttp2", "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"},
    };
}

INSTANTIATE_TEST_SUITE_P(Floods, HostileHttp2, ::testing::ValuesIn(floods()), name_of);
INSTANTIATE_TEST_SUITE_P(WrongFrames, HostileHttp2, ::testing::ValuesIn(wrong_frames()), name_of);

// What is wrong with one answer only.
class WrongAnswer : public Http2SessionTest, public ::testing::WithParamInterface<Hostile> {};

TEST_P(WrongAnswer, EndsItsRequestOnly) {
    greet();
    ask();
    ask();
    receive(GetParam().bytes);
    receive(answer(3));
    const auto all = ended();
    ASSERT_EQ(all.size(), 2U);
    EXPECT_EQ(all[0].stream, 1);
    EXPECT_EQ(all[0].how, How::lost);
    EXPECT_EQ(all[1].how, How::answered);
    EXPECT_FALSE(session_.over());
}

std::vector<Hostile> wrong_answers() {
    const auto headed = [](const std::string& block) {
        return frame(headers, end_headers | end_stream, 1, block);
    };
    return {
        {"NoStatus", headed(field("a", "b"))},
        {"StatusIsNoNumber", headed(head("abc"))},
        {"StatusOfTwoDigits", headed(head("20"))},
        {"StatusOne", headed(head("001"))},
        {"StatusOneWithABody",
         frame(headers, end_headers, 1, head("001")) + frame(data, end_stream, 1, "x")},
        {"TwoStatuses", headed(head("200") + field(":status", "201"))},
        {"StatusBehindAField", headed(field("a", "b") + field(":status", "200"))},
        {"SwitchingProtocols", headed(head("101"))},
        {"UpperCaseName", headed(head("200", {{"Name", "x"}}))},
        {"NulInAField", headed(head("200", {{"a", std::string("x\0y", 3)}}))},
        {"LineEndInAField", headed(head("200", {{"a", "x\r\nb: y"}}))},
        {"FieldOfTheConnection", headed(head("200", {{"connection", "close"}}))},
        {"TransferEncoding", headed(head("200", {{"transfer-encoding", "chunked"}}))},
        {"TwoLengths", headed(head("200", {{"content-length", "2"}, {"content-length", "3"}}))},
        {"InterimIsTheLast", headed(head("100"))},
    };
}

INSTANTIATE_TEST_SUITE_P(Heads, WrongAnswer, ::testing::ValuesIn(wrong_answers()), name_of);

}  // namespace
}  // namespace penstock::sinks::client
