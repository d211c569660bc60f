#include "sinks/client/http2_session.h"

#include "sinks/client/http2_request.h"
#include "sinks/client/http2_state.h"

#include <utility>

namespace penstock::sinks::client {
namespace {

// Later streams are numbered by odd numbers below 2^31: far more than five minutes hold.
constexpr StreamId last_stream_used = 0x3FFF'FFFF;

const std::uint8_t* bytes_of(std::string_view text) {
    return reinterpret_cast<const std::uint8_t*>(text.data());
}

nghttp2_nv field(std::string_view name, std::string_view value, bool indexed) {
    // The library copies both; it never writes.
    return {const_cast<std::uint8_t*>(bytes_of(name)),
            const_cast<std::uint8_t*>(bytes_of(value)),
            name.size(),
            value.size(),
            static_cast<std::uint8_t>(indexed ? NGHTTP2_NV_FLAG_NONE : NGHTTP2_NV_FLAG_NO_INDEX)};
}

ssize_t read_body(nghttp2_session*,
                  std::int32_t id,
                  std::uint8_t* to,
                  std::size_t size,
                  std::uint32_t* flags,
                  nghttp2_data_source*,
                  void* user_data) {
    return static_cast<Http2Session::State*>(user_data)->give_body(id, to, size, flags);
}

}  // namespace

Http2Session::Http2Session() : state_(std::make_unique<State>()) {}

Http2Session::~Http2Session() = default;

StreamId Http2Session::start(std::string_view head, std::string_view body, std::size_t answer_max) {
    const auto request = read_request_head(head);
    if (!request) return state_->turn_away(How::lost, "the request's head cannot be read");
    std::vector<nghttp2_nv> fields;
    fields.reserve(request->fields.size() + 4);
    fields.push_back(field(":method", request->method, true));
    fields.push_back(field(":scheme", "https", true));
    fields.push_back(field(":authority", request->authority, true));
    fields.push_back(field(":path", request->target, true));
    for (const HeadField& one : request->fields) {
        fields.push_back(field(one.name, one.value, may_be_indexed(one.name)));
    }
    const bool has_body = !request->rest.empty() || !body.empty();
    nghttp2_data_provider provider{};
    provider.read_callback = read_body;
    const StreamId id = nghttp2_submit_request(state_->library,
                                               nullptr,
                                               fields.data(),
                                               fields.size(),
                                               has_body ? &provider : nullptr,
                                               nullptr);
    if (id < 0) return state_->turn_away(How::unprocessed, nghttp2_strerror(id));
    if (id >= last_stream_used) state_->draining = true;
    Http2Stream& stream = state_->streams[id];
    stream.body = {request->rest, body};
    stream.answer_max = answer_max;
    return id;
}

Http2Session::Ended Http2Session::cancel(StreamId id) {
    Http2Stream* stream = state_->open(id);
    if (stream == nullptr) return {};
    const How how = stream->head_done ? How::answered : How::lost;
    state_->tell(id, *stream, how, false);
    state_->reset(id);
    Ended last = std::move(state_->ended.back());
    state_->ended.pop_back();
    return last;
}

void Http2Session::receive(std::string_view bytes) {
    state_->idle_bytes += bytes.size();
    ssize_t used = nghttp2_session_mem_recv(state_->library, bytes_of(bytes), bytes.size());
    // The library passes over frames of unknown types without a word.
    if (used >= 0 && state_->idle_bytes > http2_idle_bytes_max) {
        used = state_->fail("too much to no purpose");
    }
    if (used >= 0) return;
    state_->failed = true;
    if (used != NGHTTP2_ERR_CALLBACK_FAILURE) {
        state_->complaint = nghttp2_strerror(static_cast<int>(used));
    }
    nghttp2_session_terminate_session(state_->library, NGHTTP2_ENHANCE_YOUR_CALM);
}

void Http2Session::fill(std::string& out) {
    state_->fills += 1;
    while (out.size() < http2_write_bytes) {
        const std::uint8_t* data = nullptr;
        const ssize_t size = nghttp2_session_mem_send(state_->library, &data);
        if (size < 0) state_->failed = true;
        if (size <= 0) return;
        out.append(http2_text(data, static_cast<std::size_t>(size)));
    }
}

void Http2Session::ping() {
    nghttp2_submit_ping(state_->library, NGHTTP2_FLAG_NONE, nullptr);
}

void Http2Session::lose(const std::string& why, bool unsent) {
    state_->draining = true;
    for (auto& [id, stream] : state_->streams) {
        if (stream.told) continue;
        const bool never = stream.fill == 0 || (unsent && stream.fill == state_->fills);
        const How how = stream.head_done ? How::answered : never ? How::unprocessed : How::lost;
        state_->tell(id, stream, how, false, why);
    }
    state_->streams.clear();
}

std::vector<Http2Session::Ended> Http2Session::take_ended() {
    return std::exchange(state_->ended, {});
}

bool Http2Session::ready() const {
    return state_->ready;
}

std::size_t Http2Session::room() const {
    const std::size_t most = streams_max();
    if (state_->draining || state_->streams.size() >= most) return 0;
    return most - state_->streams.size();
}

std::size_t Http2Session::streams_max() const {
    const std::size_t theirs = nghttp2_session_get_remote_settings(
        state_->library, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
    return std::min(theirs, state_->ceiling);
}

bool Http2Session::draining() const {
    return state_->draining;
}

bool Http2Session::over() const {
    return state_->failed || (nghttp2_session_want_read(state_->library) == 0 &&
                              nghttp2_session_want_write(state_->library) == 0);
}

std::string Http2Session::why() const {
    if (!state_->complaint.empty()) return "malformed answer: " + state_->complaint;
    if (state_->draining) return "connection closed without an answer";
    return "malformed answer: frames that HTTP/2 does not know so";
}

}  // namespace penstock::sinks::client
