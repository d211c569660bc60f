// How a Connection goes through the proxy: by CONNECT to the address that was resolved and judged
// here, so that the proxy has no name to resolve anew.
#include "sinks/client/connection.h"
#include "sinks/client/ending.h"

#include <boost/asio/write.hpp>

#include <algorithm>
#include <charconv>
#include <string_view>

namespace penstock::sinks::client {
namespace {

constexpr std::size_t read_bytes = 1024;

// Of an answer's first line; 0: it is none.
unsigned status_in(std::string_view head) {
    constexpr std::string_view version = "HTTP/1.";
    constexpr std::size_t status_at = 9;
    constexpr std::size_t status_end = 12;
    unsigned status = 0;
    if (!head.starts_with(version) || head.size() < status_end) return 0;
    std::from_chars(head.data() + status_at, head.data() + status_end, status);
    return status;
}

// The proxy tried and could not.
bool is_of_target(unsigned status) {
    return status >= 502 && status <= 504;
}

}  // namespace

void Connection::seek_proxy() {
    target_ = shown({addresses_.back(), origin_.port});
    addresses_.clear();
    tunnel_ = "CONNECT " + target_ + " HTTP/1.1\r\nHost: " + target_ + "\r\n\r\n";
    phase_ = Phase::seeking_proxy;
    world_.resolver.resolve(world_.proxy->host, [weak = weak_from_this()](Resolved resolved) {
        const auto self = weak.lock();
        if (!self || self->phase_ != Phase::seeking_proxy) return;
        self->on_proxy_resolved(std::move(resolved));
    });
}

void Connection::on_proxy_resolved(Resolved resolved) {
    if (resolved.ending != Resolved::Ending::found) {
        return fail(Ending::exhausted, "the proxy is not found: " + resolved.detail);
    }
    // The operator named it: it may be anywhere.
    addresses_ = std::move(resolved.addresses);
    std::reverse(addresses_.begin(), addresses_.end());
    begin_connecting();
}

void Connection::ask_for_tunnel() {
    phase_ = Phase::tunnelling;
    const std::int64_t limit_us = std::int64_t{world_.options.connect_ms_max} * 1000;
    arm(std::min(job_->deadline_us, world_.clock.steady_us() + limit_us));
    asio::async_write(transport_->socket,
                      asio::buffer(tunnel_),
                      [self = shared_from_this()](const ErrorCode& ec, std::size_t) {
                          if (self->phase_ != Phase::tunnelling) return;
                          if (!ec) return self->read_tunnel();
                          self->fail(Ending::exhausted, "the proxy is lost: " + ec.message());
                      });
}

void Connection::read_tunnel() {
    const std::size_t left = answer_head_bytes_max - buffer_.size();
    transport_->socket.async_read_some(
        buffer_.prepare(std::min(read_bytes, left)),
        [self = shared_from_this()](const ErrorCode& ec, std::size_t bytes) {
            if (self->phase_ == Phase::tunnelling) self->on_tunnel_read(ec, bytes);
        });
}

void Connection::on_tunnel_read(const ErrorCode& ec, std::size_t bytes) {
    if (ec) return fail(Ending::exhausted, "the proxy is lost: " + ec.message());
    buffer_.commit(bytes);
    const std::string_view seen(static_cast<const char*>(buffer_.data().data()), buffer_.size());
    const std::size_t end = seen.find("\r\n\r\n");
    if (end == std::string_view::npos && seen.size() < answer_head_bytes_max) return read_tunnel();
    const unsigned status = end == std::string_view::npos ? 0 : status_in(seen);
    if (status < 200 || status >= 300) {
        const std::string answer = "the proxy answered " + std::to_string(status);
        return fail(is_of_target(status) ? Ending::refused : Ending::exhausted, answer);
    }
    // A server speaks only when it is asked.
    if (seen.size() != end + 4) return fail(Ending::exhausted, "the proxy speaks out of turn");
    buffer_.consume(buffer_.size());
    on_open();
}

}  // namespace penstock::sinks::client
