#include "plugins/listener/session.h"

#include "plugins/listener/chunks.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <array>
#include <type_traits>

namespace penstock::plugins {

namespace {

constexpr unsigned not_found = 404;
constexpr unsigned request_timeout = 408;
constexpr unsigned payload_too_large = 413;
constexpr unsigned bad_request = 400;
constexpr unsigned too_large_head = 431;
constexpr unsigned overloaded = 503;

constexpr std::size_t body_step_bytes = 64 * 1024;
constexpr std::size_t one_write_bytes_max = 16 * 1024;  // also one TLS record

using Errors = boost::system::error_code;
constexpr auto as_values = asio::as_tuple(asio::use_awaitable);

}  // namespace

template <class Stream>
Socket& Session<Stream>::socket() {
    if constexpr (std::is_same_v<Stream, Socket>) {
        return stream_;
    } else {
        return stream_.next_layer();
    }
}

template <class Stream>
int Session<Stream>::native_handle() {
    return socket().native_handle();
}

template <class Stream>
void Session<Stream>::cut() {
    Errors ignored;
    socket().close(ignored);
}

template <class Stream>
void Session<Stream>::expire() {
    const bool reading = phase == Phase::head || phase == Phase::body;
    deadline_us = 0;
    if (!reading || expired_) return cut();
    expired_ = true;  // the caller is told so
    Errors ignored;
    socket().cancel(ignored);
}

template <class Stream>
void Session<Stream>::release_memory() {
    input_.release();
    output_ = std::string();
}

template <class Stream>
HttpFrontEnd* Session<Stream>::front_end_for(const HttpRequest& request) const {
    const auto& all = lane_.shared().front_ends;
    const auto found = std::find_if(all.begin(), all.end(), [&](const HttpFrontEnd* front_end) {
        return front_end->wants(request);
    });
    return found == all.end() ? nullptr : *found;
}

template <class Stream>
HttpResponse Session<Stream>::refusal(const HttpRequest& request, unsigned status) const {
    HttpFrontEnd* front_end = request.path.empty() ? nullptr : front_end_for(request);
    if (front_end != nullptr) {
        if (auto worded = front_end->refuse(request, status)) return std::move(*worded);
    }
    if (status != overloaded) {
        return problem(status, why_refused(status));
    }
    HttpResponse response = problem(status, "Too many large requests are under way.");
    response.headers.emplace_back("Retry-After", "1");
    return response;
}

template <class Stream>
asio::awaitable<void> Session<Stream>::run() {
    // A cancelled handler still gives an answer, and it is still written.
    co_await asio::this_coro::throw_if_cancelled(false);
    // Plain statements: g++ 12 miscompiles a `while (co_await ...)` inside an `if (co_await ...)`.
    bool open = co_await handshake();
    const bool greeted = open;
    while (open) open = co_await serve_one();
    if (greeted) co_await finish();
    cut();
}

template <class Stream>
asio::awaitable<bool> Session<Stream>::handshake() {
    if constexpr (std::is_same_v<Stream, TlsStream>) {
        lane_.begin(*this, Phase::handshake, limits().handshake_timeout);
        const auto [failed] = co_await stream_.async_handshake(TlsStream::server, as_values);
        co_return !failed;
    }
    co_return true;
}

template <class Stream>
asio::awaitable<bool> Session<Stream>::fill() {
    const auto [failed, count] = co_await stream_.async_read_some(input_.prepare(), as_values);
    input_.commit(count);
    co_return !failed && count > 0;
}

template <class Stream>
asio::awaitable<unsigned> Session<Stream>::read_head(HttpRequest& request, Framing& framing) {
    std::size_t seen = 0;
    HeadScan scan;
    while (true) {
        scan = scan_head(input_.view(), seen);
        seen = input_.view().size();
        if (scan.malformed) co_return bad_request;
        if (std::max(scan.bytes, scan.bytes == 0 ? seen : 0) > limits().head_bytes_max) {
            co_return too_large_head;
        }
        if (scan.bytes > 0) break;
        if (seen > 0 && phase != Phase::head)
            lane_.begin(*this, Phase::head, limits().head_timeout);
        if (!co_await fill()) co_return expired_ ? request_timeout : gone;
    }
    const unsigned status =
        parse_head(input_.view().substr(0, scan.bytes), limits(), request, framing);
    input_.consume(scan.bytes);
    co_return status;
}

template <class Stream>
void Session<Stream>::count_body(std::size_t bytes) {
    body_seen_ += bytes;
    const std::int64_t most_us = std::chrono::microseconds(limits().body_rate_time_max).count();
    const auto earned_us = std::min(
        most_us,
        static_cast<std::int64_t>(body_seen_ * 1'000'000 / limits().body_bytes_per_second_min));
    lane_.extend(*this,
                 since_us + std::chrono::microseconds(limits().body_timeout).count() + earned_us);
}

template <class Stream>
bool Session<Stream>::has_room(std::size_t body_bytes, LargeBytes::Share& share) const {
    return body_bytes <= limits().large_body_bytes ||
           share.grow_to(body_bytes, limits().large_bodies_bytes_max);
}

template <class Stream>
asio::awaitable<unsigned> Session<Stream>::read_sized_body(HttpRequest& request,
                                                           std::size_t bytes) {
    std::string& body = request.body;
    // Room for it is taken: it need not grow by copies.
    if (bytes > limits().large_body_bytes) body.reserve(bytes);
    while (body.size() < bytes) {
        const std::size_t have = body.size();
        body.resize(have + std::min(bytes - have, body_step_bytes));
        const auto room = asio::buffer(body.data() + have, body.size() - have);
        const auto [failed, count] = co_await stream_.async_read_some(room, as_values);
        body.resize(have + count);
        if (failed) co_return expired_ ? request_timeout : gone;
        count_body(count);
    }
    co_return whole;
}

template <class Stream>
asio::awaitable<unsigned> Session<Stream>::read_chunked_body(HttpRequest& request,
                                                             LargeBytes::Share& share) {
    ChunkDecoder decoder(limits().body_bytes_max);
    while (true) {
        auto rest = input_.view();
        const auto state = decoder.feed(rest, request.body);
        input_.consume(input_.view().size() - rest.size());
        if (state == ChunkDecoder::State::done) co_return whole;
        if (state == ChunkDecoder::State::malformed) co_return bad_request;
        if (state == ChunkDecoder::State::too_large) co_return payload_too_large;
        if (!has_room(request.body.size(), share)) co_return overloaded;
        const std::size_t before = request.body.size();
        if (!co_await fill()) co_return expired_ ? request_timeout : gone;
        count_body(request.body.size() - before);
    }
}

template <class Stream>
asio::awaitable<unsigned> Session<Stream>::read_body(HttpRequest& request,
                                                     const Framing& framing,
                                                     LargeBytes::Share& share) {
    if (!framing.chunked) {
        if (!has_room(framing.body_bytes, share)) co_return overloaded;
        const auto here = input_.view().substr(0, framing.body_bytes);
        request.body = here;
        input_.consume(request.body.size());
        if (request.body.size() == framing.body_bytes) co_return whole;
    }
    body_seen_ = 0;
    lane_.begin(*this, Phase::body, limits().body_timeout);
    count_body(request.body.size());
    if (framing.expect_continue && input_.empty() && !framing.http_1_0) {
        output_ = "HTTP/1.1 100 Continue\r\n\r\n";
        const auto buffer = asio::buffer(output_);
        const auto [failed, count] = co_await asio::async_write(stream_, buffer, as_values);
        if (failed) co_return gone;
    }
    if (framing.chunked) co_return co_await read_chunked_body(request, share);
    co_return co_await read_sized_body(request, framing.body_bytes);
}

template <class Stream>
asio::awaitable<bool> Session<Stream>::serve_one() {
    HttpRequest request;
    Framing framing;
    LargeBytes::Share share(lane_.shared().large_bytes);  // given back with the request's answer
    lane_.begin(*this, Phase::idle, limits().idle_timeout);
    unsigned status = co_await read_head(request, framing);
    if (status == whole) status = co_await read_body(request, framing, share);
    if (status == gone) co_return false;
    HttpResponse response;
    const bool head_only = request.method == "HEAD";
    HttpFrontEnd* front_end = status == whole ? front_end_for(request) : nullptr;
    if (front_end != nullptr) {
        request.remote = remote_;
        request.secure = std::is_same_v<Stream, TlsStream>;
        request.loopback = lane_.shared().loopback;
        lane_.begin(*this, Phase::handling, std::chrono::milliseconds(0));
        response = co_await front_end->handle(std::move(request));
        share.give_back();
    } else if (status == whole) {
        response = problem(not_found, "Nothing lives at this path.");
    } else {
        unread_ = true;
        framing.keep_alive = false;
        response = refusal(request, status);
    }
    // A stream to a caller of HTTP/1.0 ends with the connection.
    const bool endless = response.stream != nullptr && framing.http_1_0;
    framing.keep_alive = framing.keep_alive && !endless && !hung_up && !lane_.stopping();
    const bool written = co_await write(response, framing, head_only);
    unread_ = unread_ && written;
    // Of a stream, all of that may have changed since.
    co_return written&& framing.keep_alive && !hung_up && !lane_.stopping();
}

template <class Stream>
asio::awaitable<bool> Session<Stream>::write(const HttpResponse& response,
                                             const Framing& framing,
                                             bool head_only) {
    lane_.begin(*this, Phase::writing, limits().write_timeout);
    ResponseFrame frame;
    frame.date = lane_.date();
    frame.keep_alive = framing.keep_alive;
    frame.http_1_0 = framing.http_1_0;
    output_.clear();
    append_head(output_, response, frame);
    if (response.stream != nullptr && !head_only) {
        co_return co_await write_stream(*response.stream, !framing.http_1_0);
    }
    const std::string_view body = head_only ? std::string_view() : std::string_view(response.body);
    if (output_.size() + body.size() <= one_write_bytes_max) {
        output_.append(body);
        const auto buffer = asio::buffer(output_);
        const auto [failed, count] = co_await asio::async_write(stream_, buffer, as_values);
        co_return !failed;
    }
    const std::array<asio::const_buffer, 2> buffers{asio::buffer(output_), asio::buffer(body)};
    const auto [failed, count] = co_await asio::async_write(stream_, buffers, as_values);
    co_return !failed;
}

// Behind the head in output_.
template <class Stream>
asio::awaitable<bool> Session<Stream>::write_stream(HttpStream& stream, bool chunked) {
    std::string head = std::move(output_);
    bool written = co_await write_piece(std::move(head));
    while (written && !hung_up && !lane_.stopping()) {
        lane_.begin(*this, Phase::handling, std::chrono::milliseconds(0));
        std::string piece = co_await stream.next();
        if (piece.empty()) break;
        if (chunked) piece = chunk(piece);
        written = co_await write_piece(std::move(piece));
    }
    if (!written || !chunked || hung_up) co_return written;
    std::string end = chunk({});
    co_return co_await write_piece(std::move(end));
}

template <class Stream>
asio::awaitable<bool> Session<Stream>::write_piece(std::string piece) {
    lane_.begin(*this, Phase::writing, limits().write_timeout);
    const auto buffer = asio::buffer(piece);
    const auto [failed, count] = co_await asio::async_write(stream_, buffer, as_values);
    co_return !failed;
}

template <class Stream>
asio::awaitable<void> Session<Stream>::finish() {
    // Closing with bytes unread would reset the connection and could destroy the answer on its way.
    lane_.begin(*this, Phase::lingering, limits().linger_timeout);
    if constexpr (std::is_same_v<Stream, TlsStream>) {
        if (!unread_) co_await stream_.async_shutdown(as_values);
    }
    Errors ignored;
    socket().shutdown(asio::socket_base::shutdown_send, ignored);
    std::size_t left = unread_ ? limits().linger_bytes_max : 0;
    while (left > 0) {
        input_.consume(input_.view().size());
        if (!co_await fill()) break;
        left -= std::min(left, input_.view().size());
    }
}

template class Session<Socket>;
template class Session<TlsStream>;

}  // namespace penstock::plugins
