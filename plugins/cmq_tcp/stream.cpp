#include "plugins/cmq_tcp/stream.h"

#include "broker/base/check.h"

#include <boost/asio/buffer.hpp>
#include <openssl/err.h>

#include <utility>

namespace penstock::plugins::cmq_tcp {

namespace {

using Errors = boost::system::error_code;

bool is_later(const Errors& failed) {
    return failed == asio::error::would_block || failed == asio::error::try_again;
}

}  // namespace

Stream::Stream(Socket socket, SSL_CTX* context)
    : socket_(std::move(socket)),
      tls_(context == nullptr ? nullptr : ::SSL_new(context), ::SSL_free) {
    check(context == nullptr || tls_, "there is memory for TLS");
}

void Stream::start() {
    Errors ignored;
    socket_.non_blocking(true, ignored);
    if (!tls_) return;
    // A write goes on from wherever its bytes are by then; an idle connection keeps no buffers.
    ::SSL_set_mode(tls_.get(),
                   SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                       SSL_MODE_RELEASE_BUFFERS);
    ::SSL_set_options(tls_.get(), SSL_OP_NO_RENEGOTIATION);
    ::SSL_set_fd(tls_.get(), socket_.native_handle());
    ::SSL_set_accept_state(tls_.get());
}

Stream::Moved Stream::outcome(int result, std::size_t bytes) const {
    if (result > 0) return {State::moved, bytes};
    switch (::SSL_get_error(tls_.get(), result)) {
        case SSL_ERROR_WANT_READ:
            return {State::wants_read, 0};
        case SSL_ERROR_WANT_WRITE:
            return {State::wants_write, 0};
        default:
            return {State::lost, 0};
    }
}

Stream::Moved Stream::read(char* to, std::size_t most) {
    if (!tls_) {
        Errors failed;
        const std::size_t count = socket_.read_some(asio::buffer(to, most), failed);
        if (is_later(failed)) return {State::wants_read, 0};
        return {failed || count == 0 ? State::lost : State::moved, count};
    }
    std::size_t sum = 0;
    while (sum < most) {
        ::ERR_clear_error();
        std::size_t count = 0;
        const int result = ::SSL_read_ex(tls_.get(), to + sum, most - sum, &count);
        // An end that was met behind bytes is met again.
        if (result <= 0) return sum > 0 ? Moved{State::moved, sum} : outcome(result, 0);
        sum += count;
    }
    return {State::moved, sum};
}

Stream::Moved Stream::write(const char* from, std::size_t bytes) {
    if (!tls_) {
        Errors failed;
        const std::size_t count = socket_.write_some(asio::buffer(from, bytes), failed);
        if (is_later(failed)) return {State::wants_write, 0};
        return {failed ? State::lost : State::moved, count};
    }
    ::ERR_clear_error();
    std::size_t count = 0;
    const int result = ::SSL_write_ex(tls_.get(), from, bytes, &count);
    return outcome(result, count);
}

bool Stream::has_more() const {
    return tls_ && ::SSL_pending(tls_.get()) > 0;
}

bool Stream::is_agreed() const {
    return !tls_ || ::SSL_is_init_finished(tls_.get()) == 1;
}

void Stream::close() {
    ::ERR_clear_error();
    if (tls_ && is_agreed()) ::SSL_shutdown(tls_.get());
    Errors ignored;
    socket_.close(ignored);
}

}  // namespace penstock::plugins::cmq_tcp
