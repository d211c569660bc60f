// Http2Session::State: what a session knows of its requests, moved by nghttp2's callbacks
// (http2_callbacks.cpp). Private to Http2Session, with its owner and thread.
#pragma once

#include "sinks/client/http2_session.h"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace penstock::sinks::client {

// What either side remembers of fields.
inline constexpr std::uint32_t http2_table_bytes_max = 4'096;

inline std::string_view http2_text(const std::uint8_t* data, std::size_t size) {
    return {reinterpret_cast<const char*>(data), size};
}

// One request of a session.
struct Http2Stream {
    std::array<std::string_view, 2> body;  // what is still to be sent
    HttpAnswer answer;
    std::size_t answer_max = 0;
    std::size_t head_bytes = 0;
    unsigned interims = 0;
    std::uint64_t fill = 0;  // the one that took its head; 0: none yet
    bool head_done = false;
    bool told = false;  // how it ended is known; nghttp2 may still have to close it
    std::string malformed;
};

struct Http2Session::State {
    std::map<StreamId, Http2Stream> streams;
    std::vector<Ended> ended;
    nghttp2_session* library = nullptr;
    std::string complaint;  // the last one of the connection's own
    StreamId turned_away = 0;
    std::uint64_t fills = 0;
    std::size_t idle_frames = 0;
    std::size_t idle_bytes = 0;
    std::size_t continuations = 0;
    std::size_t ceiling = http2_streams_max;  // lower once the server refused for their number
    bool ready = false;
    bool draining = false;
    bool failed = false;

    State();

    ~State() { nghttp2_session_del(library); }

    State(const State&) = delete;
    State& operator=(const State&) = delete;

    // The stream, while how it ends is open.
    Http2Stream* open(StreamId id) {
        const auto found = streams.find(id);
        return found == streams.end() || found->second.told ? nullptr : &found->second;
    }

    void tell(StreamId id, Http2Stream& stream, How how, bool complete, std::string detail = {}) {
        stream.told = true;
        stream.body = {};
        ended.push_back({id, how, std::move(stream.answer), complete, std::move(detail)});
    }

    void reset(StreamId id) const {
        nghttp2_submit_rst_stream(library, NGHTTP2_FLAG_NONE, id, NGHTTP2_CANCEL);
    }

    // A request that is none on the wire has a number that none there has.
    StreamId turn_away(How how, std::string why) {
        turned_away -= 1;
        ended.push_back({turned_away, how, {}, false, std::move(why)});
        return turned_away;
    }

    // The answer is here, whole or as much of it as is kept.
    void answer(StreamId id, Http2Stream& stream, bool complete) {
        const bool sent = stream.body[0].empty() && stream.body[1].empty();
        idle_frames = 0;
        idle_bytes = 0;
        tell(id, stream, How::answered, complete);
        if (!complete || !sent) reset(id);
    }

    void refuse(StreamId id, Http2Stream& stream, const std::string& why) {
        tell(id, stream, How::lost, false, "malformed answer: " + why);
        reset(id);
    }

    void pay(std::size_t frames) { idle_frames -= std::min(idle_frames, frames); }

    int count_frame(std::uint8_t type) {
        continuations = type == NGHTTP2_CONTINUATION ? continuations + 1 : 0;
        idle_frames += 1;
        if (continuations > http2_continuations_max) return fail("a head in too many frames");
        if (idle_frames > http2_idle_frames_max) return fail("too many frames to no purpose");
        return 0;
    }

    int fail(const char* why) {
        complaint = why;
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    }

    void begin_head(StreamId id);
    int take_field(StreamId id, std::string_view name, std::string_view value);
    void end_head(StreamId id, bool last);
    void take_body(StreamId id, std::string_view bytes);
    void close(StreamId id, std::uint32_t code);
    void note_refusal();
    ssize_t give_body(StreamId id, std::uint8_t* to, std::size_t size, std::uint32_t* flags);
};

// nghttp2's session with our limits; what happens on it moves `state`, which outlives it.
nghttp2_session* make_http2_library(Http2Session::State& state);

}  // namespace penstock::sinks::client
