// What servers send in HTTP/2, as it comes: whole, or cut anywhere. Each request ends once, within
// its limits; nothing throws.
#include "sinks/client/answer_parser.h"
#include "sinks/client/http2_session.h"
#include "tests/fuzz/target.h"
#include "tests/support/http2_frames.h"

#include <map>

namespace penstock::fuzz {
namespace {

using namespace testing::http2;
using sinks::client::Http2Session;

constexpr std::size_t body_bytes_max = 64;
constexpr std::string_view request =
    "POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\n\r\nhello";

using Heard = std::map<sinks::client::StreamId, Http2Session::Ended>;

void take(Http2Session& session, Heard& heard) {
    for (Http2Session::Ended& ended : session.take_ended()) {
        check(ended.answer.body.size() <= body_bytes_max, "a body is cut");
        const bool answered = ended.how == Http2Session::How::answered;
        check(!answered || ended.answer.status >= 200, "a status");
        check(answered || !ended.detail.empty(), "a reason");
        const auto stream = ended.stream;
        check(heard.emplace(stream, std::move(ended)).second, "a request ends once");
    }
}

void turn(Http2Session& session, std::string_view bytes, Heard& heard) {
    session.receive(bytes);
    std::string out;
    session.fill(out);
    take(session, heard);
}

Heard hear(std::string_view bytes, std::size_t first_piece, bool& failed) {
    Http2Session session;
    Heard heard;
    for (int at = 0; at < 3; ++at) session.start(request, {}, body_bytes_max);
    turn(session, settings_frame(), heard);
    turn(session, bytes.substr(0, first_piece), heard);
    const bool over = session.over();
    if (!over) turn(session, bytes.substr(first_piece), heard);
    check(session.room() <= sinks::client::http2_streams_max, "so many at a time");
    failed = session.over();
    session.lose("gone", false);
    take(session, heard);
    check(heard.size() == 3, "every request ends");
    return heard;
}

}  // namespace

void one_input(std::string_view bytes) {
    bool whole_failed = false;
    bool pieces_failed = false;
    const Heard whole = hear(bytes, bytes.size(), whole_failed);
    const Heard pieces = hear(bytes, some_cut(bytes), pieces_failed);
    if (whole_failed || pieces_failed) return;
    for (const auto& [stream, ended] : whole) {
        const auto& other = pieces.at(stream);
        const bool complete = ended.complete && other.complete;
        check(!complete || ended.answer.status == other.answer.status, "one status");
        check(!complete || ended.answer.headers == other.answer.headers, "the same headers");
        check(!complete || ended.answer.body == other.answer.body, "one body");
    }
}

std::vector<std::string> seeds() {
    const std::string head_frame = frame(headers, end_headers, 1, head("200", {{"a", "b"}}));
    return {answer(1) + answer(3, "503", "busy") + answer(5, "204"),
            head_frame + frame(data, none, 1, "part") + frame(data, end_stream, 1, "s"),
            frame(headers, none, 1, field(":status", "200")) +
                frame(continuation, end_headers | end_stream, 1, field("a", "b")),
            frame(headers, end_headers, 3, head("103")) + answer(3, "201", "made"),
            head_frame + frame(headers, end_headers | end_stream, 1, field("t", "t")),
            head_frame + frame(data, none, 1, std::string(100, 'x')) + answer(5),
            rst_frame(3, refused_stream) + rst_frame(1, http_1_1_required) + answer(5),
            answer(1) + goaway_frame(3, enhance_your_calm) + answer(3),
            settings_frame({{max_concurrent_streams, 1}, {initial_window_size, 0}}) + answer(1),
            frame(ping, none, 0, "12345678") + frame(window_update, none, 0, number(100, 4)),
            frame(priority, none, 1, number(3, 5)) + frame(0x42, none, 0, "x"),
            frame(push_promise, end_headers, 1, number(2, 4) + head("200")),
            repeated(settings_frame(), 20),
            "HTTP/1.1 400 Bad Request\r\n\r\n"};
}

}  // namespace penstock::fuzz
