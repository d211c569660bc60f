// What nghttp2 tells, and the limits it is given.
#include "sinks/client/http2_state.h"

#include <new>

namespace penstock::sinks::client {
namespace {

using State = Http2Session::State;

State& state_of(void* user_data) {
    return *static_cast<State*>(user_data);
}

int on_begin_frame(nghttp2_session*, const nghttp2_frame_hd* head, void* user_data) {
    return state_of(user_data).count_frame(head->type);
}

int on_begin_headers(nghttp2_session*, const nghttp2_frame* frame, void* user_data) {
    state_of(user_data).begin_head(frame->hd.stream_id);
    return 0;
}

int on_header(nghttp2_session*,
              const nghttp2_frame* frame,
              const std::uint8_t* name,
              std::size_t name_size,
              const std::uint8_t* value,
              std::size_t value_size,
              std::uint8_t,
              void* user_data) {
    return state_of(user_data).take_field(
        frame->hd.stream_id, http2_text(name, name_size), http2_text(value, value_size));
}

int on_frame(nghttp2_session*, const nghttp2_frame* frame, void* user_data) {
    State& state = state_of(user_data);
    const bool last = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    switch (frame->hd.type) {
        case NGHTTP2_HEADERS:
            state.end_head(frame->hd.stream_id, last);
            break;
        case NGHTTP2_DATA:
            if (Http2Stream* stream = state.open(frame->hd.stream_id); last && stream != nullptr) {
                state.answer(frame->hd.stream_id, *stream, true);
            }
            break;
        case NGHTTP2_SETTINGS:
            if ((frame->hd.flags & NGHTTP2_FLAG_ACK) == 0) state.ready = true;
            break;
        case NGHTTP2_GOAWAY:
            state.draining = true;
            break;
        default:
            break;
    }
    return 0;
}

int on_chunk(nghttp2_session*,
             std::uint8_t,
             std::int32_t id,
             const std::uint8_t* data,
             std::size_t size,
             void* user_data) {
    state_of(user_data).take_body(id, http2_text(data, size));
    return 0;
}

int on_close(nghttp2_session*, std::int32_t id, std::uint32_t code, void* user_data) {
    state_of(user_data).close(id, code);
    return 0;
}

int on_malformed(nghttp2_session*, const nghttp2_frame* frame, int code, void* user_data) {
    State& state = state_of(user_data);
    Http2Stream* stream = state.open(frame->hd.stream_id);
    (stream != nullptr ? stream->malformed : state.complaint) = nghttp2_strerror(code);
    return 0;
}

// A frame goes out.
int on_sending(nghttp2_session*, const nghttp2_frame* frame, void* user_data) {
    State& state = state_of(user_data);
    if (frame->hd.type == NGHTTP2_HEADERS) {
        const auto found = state.streams.find(frame->hd.stream_id);
        if (found != state.streams.end()) found->second.fill = state.fills;
    }
    return 0;
}

// A request that can no more be sent: GOAWAY came, or it was cancelled first.
int on_not_sent(nghttp2_session*, const nghttp2_frame* frame, int code, void* user_data) {
    if (frame->hd.type != NGHTTP2_HEADERS) return 0;
    State& state = state_of(user_data);
    const StreamId id = frame->hd.stream_id;
    if (Http2Stream* stream = state.open(id)) {
        state.tell(id, *stream, Http2Session::How::unprocessed, false, nghttp2_strerror(code));
    }
    state.streams.erase(id);
    return 0;
}

}  // namespace

nghttp2_session* make_http2_library(Http2Session::State& state) {
    nghttp2_option* option = nullptr;
    nghttp2_session_callbacks* callbacks = nullptr;
    nghttp2_session* made = nullptr;
    if (nghttp2_option_new(&option) != 0 || nghttp2_session_callbacks_new(&callbacks) != 0) {
        throw std::bad_alloc();
    }
    nghttp2_option_set_max_settings(option, http2_settings_max);
    nghttp2_option_set_max_outbound_ack(option, http2_acks_max);
    nghttp2_option_set_max_continuations(option, http2_continuations_max);
    nghttp2_option_set_max_deflate_dynamic_table_size(option, http2_table_bytes_max);
    nghttp2_option_set_max_reserved_remote_streams(option, 0);
    nghttp2_option_set_no_closed_streams(option, 1);
    nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks, on_begin_frame);
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_chunk);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
    nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(callbacks, on_malformed);
    nghttp2_session_callbacks_set_before_frame_send_callback(callbacks, on_sending);
    nghttp2_session_callbacks_set_on_frame_not_send_callback(callbacks, on_not_sent);
    const int failed = nghttp2_session_client_new2(&made, callbacks, &state, option);
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_option_del(option);
    if (failed != 0) throw std::bad_alloc();
    return made;
}

}  // namespace penstock::sinks::client
