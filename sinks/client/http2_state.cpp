#include "sinks/client/http2_state.h"

#include "sinks/client/answer_parser.h"

#include <charconv>
#include <cstring>

namespace penstock::sinks::client {
namespace {

// Frames of the server's that a piece of a request pays for: it makes room for the next ones.
constexpr std::size_t paid_by_a_piece = 4;
constexpr std::size_t field_cost_bytes = 4;  // of the separators it would have in HTTP/1.1

}  // namespace

Http2Session::State::State() : library(make_http2_library(*this)) {
    const std::array<nghttp2_settings_entry, 4> settings{
        {{NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
         {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 0},  // of the server's: it may begin none
         {NGHTTP2_SETTINGS_HEADER_TABLE_SIZE, http2_table_bytes_max},
         {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, answer_head_bytes_max}}};
    nghttp2_submit_settings(library, NGHTTP2_FLAG_NONE, settings.data(), settings.size());
    nghttp2_session_set_local_window_size(
        library, NGHTTP2_FLAG_NONE, 0, static_cast<std::int32_t>(http2_window_bytes));
}

void Http2Session::State::begin_head(StreamId id) {
    Http2Stream* stream = open(id);
    if (stream == nullptr || stream->head_done) return;
    stream->answer = {};
    stream->head_bytes = 0;
}

int Http2Session::State::take_field(StreamId id, std::string_view name, std::string_view value) {
    Http2Stream* stream = open(id);
    if (stream == nullptr || stream->head_done) return 0;  // a trailer: nobody asked for it
    stream->head_bytes += name.size() + value.size() + field_cost_bytes;
    if (stream->head_bytes > answer_head_bytes_max) {
        refuse(id, *stream, "the head is too long");
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    }
    if (name == ":status") {
        std::from_chars(value.data(), value.data() + value.size(), stream->answer.status);
    } else {
        stream->answer.headers.emplace_back(name, value);
    }
    return 0;
}

void Http2Session::State::end_head(StreamId id, bool last) {
    Http2Stream* stream = open(id);
    if (stream == nullptr) return;
    if (stream->answer.status < 100) return refuse(id, *stream, "its status is none");
    if (!stream->head_done && stream->answer.status < 200) {
        if (++stream->interims > interim_answers_max) {
            refuse(id, *stream, "too many interim answers");
        }
        return;
    }
    stream->head_done = true;
    if (last) answer(id, *stream, true);
}

void Http2Session::State::take_body(StreamId id, std::string_view bytes) {
    Http2Stream* stream = open(id);
    if (stream == nullptr) return;
    pay(1);
    idle_bytes -= std::min(idle_bytes, bytes.size());
    std::string& body = stream->answer.body;
    const std::size_t room = stream->answer_max - body.size();
    body.append(bytes.substr(0, room));
    if (bytes.size() > room) answer(id, *stream, false);
}

void Http2Session::State::close(StreamId id, std::uint32_t code) {
    Http2Stream* stream = open(id);
    if (stream == nullptr) {
        streams.erase(id);
        return;
    }
    if (stream->head_done) {
        tell(id, *stream, How::answered, false);
    } else if (!stream->malformed.empty()) {
        tell(id, *stream, How::lost, false, "malformed answer: " + stream->malformed);
    } else if (code == NGHTTP2_REFUSED_STREAM) {
        tell(id, *stream, How::unprocessed, false, "the server takes no more requests");
        streams.erase(id);
        note_refusal();
        return;
    } else {
        const How how = code == NGHTTP2_HTTP_1_1_REQUIRED ? How::wants_http_1 : How::lost;
        tell(id,
             *stream,
             how,
             false,
             std::string("the server reset the request: ") + nghttp2_http2_strerror(code));
    }
    streams.erase(id);
}

// It holds fewer than it said.
void Http2Session::State::note_refusal() {
    if (!draining) ceiling = std::clamp<std::size_t>(streams.size(), 1, ceiling);
}

ssize_t Http2Session::State::give_body(StreamId id,
                                       std::uint8_t* to,
                                       std::size_t size,
                                       std::uint32_t* flags) {
    Http2Stream* stream = open(id);
    if (stream == nullptr) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    pay(paid_by_a_piece);
    std::size_t given = 0;
    for (std::string_view& part : stream->body) {
        const std::size_t now = std::min(size - given, part.size());
        if (now > 0) std::memcpy(to + given, part.data(), now);
        part.remove_prefix(now);
        given += now;
    }
    if (stream->body[0].empty() && stream->body[1].empty()) *flags |= NGHTTP2_DATA_FLAG_EOF;
    return static_cast<ssize_t>(given);
}

}  // namespace penstock::sinks::client
